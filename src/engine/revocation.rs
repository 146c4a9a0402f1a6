//! Hosts that were lost: what a session leaves out of the cluster, and what is still to be done about them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::held::{held, own_users};
use super::record;
use super::session::Session;
use crate::access::ApiAccess;
use crate::clients::kube;
use crate::cluster::{Cluster, Host, Revoked, Role};
use crate::components::Catalogue;
use crate::error::{Error, Result};
use crate::live::Live;
use crate::plan::{ClusterChange, Revocation};
use crate::record::{Record, Signature};
use crate::text::nearest;
use crate::trust::{self, Trust};

/// What a command asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A host's keys are to be worth nothing.
    Revoke(String),
    /// A host that was revoked is to be one of the cluster's again.
    LetIn(String),
}

/// Where it is written what a lost host takes.
const PAGE: &str = "docs/lost-hosts.md says what is to be changed, in which order";

/// Leaves the hosts out that were revoked, by the record in the cluster's folder and by what is asked for. What is to be said
/// of them comes back, and the host that is to be revoked, as it was.
///
/// # Errors
/// Refused: it is a master or a member of etcd, whose keys open more than can be shut by name.
pub(super) fn leave_out(
    catalogue: &Catalogue,
    cluster: &mut Cluster,
    kept: Option<&Record>,
    asked: Option<&Asked>,
    signature: Signature,
) -> Result<(Vec<String>, Option<Host>)> {
    let mut revoked = kept.map(|record| record.revoked.clone()).unwrap_or_default();
    let mut lost = None;
    match asked {
        Some(Asked::Revoke(name)) => {
            let host = as_it_was(cluster, kept, name).ok_or_else(|| Error::usage("the cluster has no nodes"))?;
            refuse_more_than_workers(catalogue, cluster, &host)?;
            if revoked.iter().all(|known| known.name != *name) {
                let known = cluster.host(name).is_some() || kept.is_some_and(|record| record.host(name).is_some());
                let mut with = cluster.clone();
                with.hosts = vec![host.clone()];
                revoked.push(Revoked {
                    name: name.clone(),
                    address: known.then_some(host.address),
                    users: own_users(catalogue, &with, &host),
                    since: signature.written,
                    by: signature.by,
                });
            }
            lost = Some(host);
        }
        Some(Asked::LetIn(name)) => revoked.retain(|known| known.name != *name),
        None => {}
    }
    let gone = cluster.revoke(revoked);
    let unasked = |name: &&String| asked != Some(&Asked::Revoke((*name).clone()));
    let said = gone.iter().filter(unasked).filter_map(|name| cluster.revoked(name));
    let warnings = said.map(|Revoked { name, since, by, .. }| {
        format!(
            "{name} is left out: it was revoked on {since} by {by}; take it out of the inventory, or let it in again: \
             kbootstrap node revoke --undo {name}"
        )
    });
    Ok((warnings.collect(), lost))
}

/// The host of that name: of the inventory, of the record, or a worker of which nothing else is known.
fn as_it_was(cluster: &Cluster, kept: Option<&Record>, name: &str) -> Option<Host> {
    let recorded = || kept?.all_hosts().find(|host| host.name == name).map(|host| host.host());
    let like_others = || {
        let other = cluster.with_role(Role::Node).next()?.clone();
        Some(Host { name: name.to_owned(), roles: [Role::Node].into(), ..other })
    };
    let mut host = cluster.host(name).cloned().or_else(recorded).or_else(like_others)?;
    // What it was by the last `up` counts, too: a role that was just taken out of the inventory has left its keys there.
    host.roles.extend(recorded().into_iter().flat_map(|was| was.roles));
    Some(host)
}

fn refuse_more_than_workers(catalogue: &Catalogue, cluster: &Cluster, host: &Host) -> Result<()> {
    if !host.is(Role::Master) && !host.is(Role::Etcd) {
        return Ok(());
    }
    let roles: Vec<&str> = host.roles.iter().map(|role| role.name()).collect();
    let mut with = cluster.clone();
    if with.host(&host.name).is_none() {
        with.hosts.push(host.clone());
    }
    let error = Error::refused(format!(
        "{} is {}: its keys open more than can be shut by its name; nothing was touched",
        host.name,
        roles.join(", ")
    ));
    let keys = held(catalogue, &with, host);
    let error = keys
        .iter()
        .fold(error, |error, key| error.detail(format!("{}: {}; ends by {}", key.path, key.opens, key.ended_by)));
    Err(error.hint("shut it out of the network first").hint(PAGE))
}

/// Refuses where the cluster's record and the folder's do not say the same of who was revoked: somebody has done it, or undone
/// it, from another folder.
pub(super) fn agreed(session: &Session, live: &Live) -> Result<()> {
    let (cluster, asked) = (&session.cluster, session.asked.as_ref());
    let record = live.record.as_ref();
    let in_record = |name: &str| record.is_some_and(|record| record.has_revoked(name));
    match asked {
        Some(Asked::Revoke(name)) if !is_known(session, live, name)? => {
            let known: Vec<&str> = cluster.with_role(Role::Node).map(|host| host.name.as_str()).collect();
            return Err(Error::usage(format!("there is no host and no node {name}"))
                .meant(nearest(name, known.iter().copied()), || format!("nodes: {}", known.join(", "))));
        }
        Some(Asked::LetIn(name)) if !in_record(name) && !was_revoked(session, name)? => {
            return Err(Error::usage(format!("{name} is not revoked: nothing was touched")));
        }
        _ => {}
    }
    let recorded = record.into_iter().flat_map(|record| &record.revoked);
    let elsewhere = recorded.filter(|known| !cluster.has_revoked(&known.name));
    let elsewhere = elsewhere.filter(|known| asked != Some(&Asked::LetIn(known.name.clone())));
    let unknown = elsewhere.map(|Revoked { name, since, by, .. }| {
        Error::refused(format!("{name} was revoked on {since} by {by}, which this folder does not know yet"))
            .hint(format!("`kbootstrap node revoke {name}` makes it known here"))
    });
    let undone = cluster.revoked.iter().filter(|known| record.is_some() && !in_record(&known.name));
    let undone = undone.filter(|known| asked != Some(&Asked::Revoke(known.name.clone())));
    let undone = undone.map(|Revoked { name, .. }| {
        Error::refused(format!("{name} was let in again, which this folder does not know yet"))
            .hint(format!("`kbootstrap node revoke --undo {name}` makes it known here"))
    });
    Error::all(unknown.chain(undone))
}

/// Whether anybody has ever heard of it.
fn is_known(session: &Session, live: &Live, name: &str) -> Result<bool> {
    let record = live.record.as_ref();
    Ok(session.in_inventory(name)
        || live.node(name).is_some()
        || record.is_some_and(|r| r.has_revoked(name) || r.all_hosts().any(|host| host.name == name))
        || was_revoked(session, name)?)
}

fn was_revoked(session: &Session, name: &str) -> Result<bool> {
    let kept = record::kept(&session.dir)?;
    Ok(kept.is_some_and(|record| record.has_revoked(name)))
}

/// What is still to be done about the hosts that were revoked.
pub(super) fn changes(session: &Session, trust: &Trust, live: &Live) -> Result<Vec<ClusterChange>> {
    let recorded = |name: &str| live.record.as_ref().is_some_and(|record| record.has_revoked(name));
    let mut changes = Vec::new();
    for Revoked { name, users, .. } in &session.cluster.revoked {
        let (new, node) = (!recorded(name), live.node(name).is_some());
        if !new && !node {
            continue;
        }
        let mut revocation =
            Revocation { host: name.clone(), new, users: users.clone(), node, ..Revocation::default() };
        if let Some(master) = live.api.as_ref().and_then(|api| session.cluster.host(&api.master)) {
            let mut access = ApiAccess::new(&session.pool, master, trust)?;
            let pods = access.ask(|client| kube::pods_on(client, name))?;
            let secrets: BTreeSet<String> = pods.iter().flat_map(kube::secrets_of).collect();
            revocation.secrets = secrets.into_iter().collect();
            revocation.pods = pods.iter().map(title).collect();
        }
        changes.push(ClusterChange::Revoke(Box::new(revocation)));
    }
    Ok(changes)
}

/// `NAMESPACE/NAME`
fn title(pod: &Value) -> String {
    let text = |pointer| pod.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    format!("{}/{}", text("/metadata/namespace"), text("/metadata/name"))
}

/// Takes the keys out of the folder that were made for a host which is let in again: it gets new ones. Their names come back.
pub fn forget_keys(session: &Session, name: &str) -> Result<Vec<String>> {
    trust::discard(&session.catalogue, &session.cluster, &session.dir, name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::example;
    use crate::error::Kind;

    fn signature() -> Signature {
        Signature { written: "2026-01-01T00:00:00Z".into(), by: "ann@desk".into() }
    }

    #[test]
    fn a_worker_is_left_out_with_its_users_and_a_master_is_not() {
        let catalogue = Catalogue::standard();
        let ask = |asked: Asked| {
            let mut cluster = example::cluster("1.36.3");
            leave_out(&catalogue, &mut cluster, None, Some(&asked), signature()).map(|left| (cluster, left))
        };
        let (cluster, (warnings, lost)) = ask(Asked::Revoke("n1".into())).unwrap();
        assert_eq!((warnings.len(), lost.unwrap().name), (0, "n1".to_owned()));
        assert_eq!(cluster.revoked[0].users, ["system:node:n1", "kube-proxy:n1", "flannel:n1"]);
        assert_eq!(cluster.revoked[0].address, Some([10, 0, 0, 21].into()));
        let error = ask(Asked::Revoke("m1".into())).unwrap_err();
        assert_eq!(error.kind, Kind::Refused);
        assert!(error.details.iter().any(|line| line.contains("/etc/kubernetes/pki/ca.key")), "{:#?}", error.details);
        // Its keys are still there when its role was only taken out of the inventory.
        let inventory = crate::record::RecordedInventory::new("c.yaml", "", Default::default());
        let record = Record::new(&example::cluster("1.36.3"), inventory, String::new(), signature());
        let mut edited = example::cluster("1.36.3");
        edited.hosts.push(example::host("m2", 12, &[Role::Etcd, Role::Master]));
        edited.hosts[0].roles = [Role::Node].into();
        let asked = Asked::Revoke("m1".into());
        let error = leave_out(&catalogue, &mut edited, Some(&record), Some(&asked), signature()).unwrap_err();
        assert_eq!(error.kind, Kind::Refused);
        let (cluster, _) = ask(Asked::Revoke("n9".into())).unwrap();
        assert_eq!((cluster.hosts.len(), cluster.revoked[0].address), (2, None), "it may only be a node");
    }

    #[test]
    fn the_inventory_still_has_it_and_it_is_said() {
        let (catalogue, mut cluster) = (Catalogue::standard(), example::cluster("1.36.3"));
        let inventory = crate::record::RecordedInventory::new("c.yaml", "", Default::default());
        let mut revoked = cluster.clone();
        leave_out(&catalogue, &mut revoked, None, Some(&Asked::Revoke("n1".into())), signature()).unwrap();
        let record = Record::new(&revoked, inventory, String::new(), signature());
        let (warnings, _) = leave_out(&catalogue, &mut cluster, Some(&record), None, signature()).unwrap();
        assert_eq!(cluster.hosts.len(), 1);
        insta::assert_snapshot!(warnings.join("\n"), @"n1 is left out: it was revoked on 2026-01-01T00:00:00Z by ann@desk; take it out of the inventory, or let it in again: kbootstrap node revoke --undo n1");
        let mut again = example::cluster("1.36.3");
        let asked = Asked::LetIn("n1".into());
        leave_out(&catalogue, &mut again, Some(&record), Some(&asked), signature()).unwrap();
        assert_eq!((again.hosts.len(), again.revoked.len()), (2, 0));
    }
}
