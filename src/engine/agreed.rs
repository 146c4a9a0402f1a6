//! Whether records that lie elsewhere say the same of who was revoked as the folder does: somebody may work from another one.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::revocation::Asked;
use super::session::Session;
use crate::cluster::{Cluster, Revoked, Role};
use crate::error::{Error, Result};
use crate::live::Live;
use crate::record::Record;
use crate::text::nearest;

/// Refuses where a record that lies elsewhere, and is newer than the folder's own, does not say the same of who was revoked:
/// somebody has done it, or undone it, from another folder. Each record counts, not the newest alone: who has one master may
/// make that master's record the newest. `kept` is the folder's own.
pub(super) fn agreed(session: &Session, live: &Live, kept: Option<&Record>) -> Result<()> {
    let asked = session.asked.as_ref();
    let in_record = |name: &str| live.record.as_ref().is_some_and(|record| record.has_revoked(name));
    match asked {
        Some(Asked::Revoke(name)) if !is_known(session, live, kept, name) => {
            let known: Vec<&str> = session.cluster.with_role(Role::Node).map(|host| host.name.as_str()).collect();
            return Err(Error::usage(format!("there is no host and no node {name}"))
                .meant(nearest(name, known.iter().copied()), || format!("nodes: {}", known.join(", "))));
        }
        Some(Asked::LetIn(name)) if !in_record(name) && !was_revoked(kept, name) => {
            return Err(Error::usage(format!("{name} is not revoked: nothing was touched")));
        }
        _ => {}
    }
    // A clock that was wrong here does not make the folder's own record newer than all that is to come.
    let since = kept.and_then(Record::written_at).map(|at| at.min(OffsetDateTime::now_utc()));
    Error::all(disagreement(&session.cluster, asked, &live.records, since))
}

/// What records that were written `since` the folder's own say of who was revoked, by their places.
pub(super) fn disagreement(
    cluster: &Cluster,
    asked: Option<&Asked>,
    records: &BTreeMap<String, Record>,
    since: Option<OffsetDateTime>,
) -> Vec<Error> {
    let newer: Vec<(&String, &Record)> = records.iter().filter(|(_, record)| record.written_at() > since).collect();
    let mut errors = Vec::new();
    let mut elsewhere: BTreeMap<&str, (&Revoked, Vec<&str>)> = BTreeMap::new();
    for (place, record) in &newer {
        for known in record.revoked.iter().filter(|known| !cluster.has_revoked(&known.name)) {
            elsewhere.entry(&known.name).or_insert_with(|| (known, Vec::new())).1.push(place);
        }
    }
    for (name, (Revoked { since, by, .. }, places)) in elsewhere {
        if asked != Some(&Asked::LetIn(name.to_owned())) {
            errors.push(
                Error::refused(format!("{name} was revoked on {since} by {by}, which this folder does not know yet"))
                    .detail(format!("by the record of {}", places.join(", ")))
                    .hint(format!("`kbootstrap node revoke {name}` makes it known here")),
            );
        }
    }
    for Revoked { name, .. } in &cluster.revoked {
        let without = newer.iter().filter(|(_, record)| !record.has_revoked(name));
        let without: Vec<&str> = without.map(|(place, _)| place.as_str()).collect();
        // Where only some have it no longer, the host stays revoked, and that is written everywhere.
        let disputed = records.values().any(|record| record.has_revoked(name));
        if !without.is_empty() && !disputed && asked != Some(&Asked::Revoke(name.clone())) {
            errors.push(
                Error::refused(format!("{name} was let in again, which this folder does not know yet"))
                    .detail(format!("by the record of {}", without.join(", ")))
                    .hint(format!("`kbootstrap node revoke --undo {name}` makes it known here"))
                    .hint(format!("if nobody has let it in, `kbootstrap node revoke {name}` shuts it out again")),
            );
        }
    }
    errors
}

/// Whether anybody has ever heard of it.
fn is_known(session: &Session, live: &Live, kept: Option<&Record>, name: &str) -> bool {
    let record = live.record.as_ref();
    session.in_inventory(name)
        || live.node(name).is_some()
        || record.is_some_and(|r| r.has_revoked(name) || r.all_hosts().any(|host| host.name == name))
        || was_revoked(kept, name)
}

fn was_revoked(kept: Option<&Record>, name: &str) -> bool {
    kept.is_some_and(|record| record.has_revoked(name))
}
