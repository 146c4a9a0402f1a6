//! The record of the last `up`: what it should say now, and where it does not.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::session::Session;
use crate::artifacts::Lock;
use crate::changes::{self, Known, What};
use crate::cluster::{Cluster, Revoked, Role};
use crate::components::ComponentSpec;
use crate::error::{Error, Result};
use crate::files;
use crate::plan::{ClusterChange, Plan};
use crate::record::{self, KEY, Record, RecordedHost, RecordedInventory, Signature};
use crate::state::ComponentId;

/// The one in the cluster's folder; it knows of a run that did not get to its end.
pub(super) fn kept(dir: &Path) -> Result<Option<Record>> {
    let path = dir.join(KEY);
    match files::bounded::bytes(&path) {
        Ok(bytes) => record::parse(&String::from_utf8_lossy(&bytes), &path.display().to_string()).map(Some),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io(format!("read {}", path.display()), &e)),
    }
}

/// Keeps it in the cluster's folder, before anything is changed by it.
pub(super) fn keep(session: &Session, record: &Record) -> Result<()> {
    files::write_own(&session.dir.join(KEY), record.text().as_bytes())
}

/// What the record should say, and the change that makes it so where it does not everywhere, as far as masters are
/// `there`. `kept` is the folder's own, `revoked` is what it says of hosts that were lost, `removed` are hosts that are forgotten, and components that are
/// taken away.
pub(super) fn due(
    session: &Session,
    there: &Cluster,
    kept: Option<&Record>,
    revoked: Vec<Revoked>,
    known: &Known<'_>,
    removed: &[&str],
) -> Result<(Record, Option<ClusterChange>)> {
    let live = known.live;
    let gone = live.strays.iter().filter(|stray| stray.is_left() && !removed.contains(&&*stray.host.name));
    let gone = gone.map(|stray| stray.host.clone()).collect();
    let signature = signature(OffsetDateTime::now_utc())?;
    let mut now =
        Record { gone, revoked, ..Record::new(&session.cluster, inventory(session)?, lock(session)?, signature) };
    for host in &mut now.hosts {
        host.left = left(known, kept.and_then(|kept| kept.host(&host.name)), &host.name);
        host.left.retain(|component| !removed.contains(&component.as_str()));
    }
    let masters = session.cluster.with_role(Role::Master).map(|host| host.name.clone());
    let (record, places) = match &live.record {
        Some(last) if last.says_the_same(&now) => (last.clone(), live.record_missing.clone()),
        _ => (now, masters.chain([String::new()]).collect()),
    };
    let places: Vec<String> =
        places.into_iter().filter(|place| place.is_empty() || there.host(place).is_some()).collect();
    let change = (!places.is_empty()).then_some(ClusterChange::WriteRecord { places });
    Ok((record, change))
}

/// Components that the host has, or had by the folder's own record (`before`), and does not run any more. That record counts
/// until they are taken away, for the host may say that there is nothing; one that has nothing of ours is a new one. Nor does
/// its word make it a former master or member of etcd: by that, whoever has it could keep it from being revoked.
fn left(known: &Known<'_>, before: Option<&RecordedHost>, name: &str) -> BTreeSet<String> {
    let facts = known.facts.get(name);
    let found = facts.map(|_| changes::switched_off(known, name)).unwrap_or_default();
    let of_nodes = |id: &ComponentId| {
        known.catalogue.components.iter().any(|spec| spec.id == *id && spec.role.is_none_or(|role| role == Role::Node))
    };
    let mut left: BTreeSet<String> = found.into_iter().filter(of_nodes).map(|id| id.0.to_owned()).collect();
    let (Some(before), Some(host)) = (before, known.cluster.host(name)) else { return left };
    if facts.is_none_or(|facts| facts.known) {
        let had = |spec: &&ComponentSpec| {
            let of_role =
                spec.unit.is_some() && spec.role.is_some_and(|role| before.roles.contains(&role) && !host.is(role));
            (of_role || before.left.contains(spec.id.0)) && !(spec.runs_on)(known.cluster, host)
        };
        left.extend(known.catalogue.components.iter().filter(had).map(|spec| spec.id.0.to_owned()));
    }
    left
}

/// What it says while the plan is carried out: hosts that are taken back are known until that is done.
pub(super) fn before(record: &Record, plan: &Plan) -> Record {
    let mut record = record.clone();
    record.gone.extend(plan.removals().filter_map(|removal| match &removal.leftover.what {
        What::Host { host, .. } => Some((**host).clone()),
        _ => None,
    }));
    record
}

/// Who is at work, and when.
pub(super) fn signature(now: OffsetDateTime) -> Result<Signature> {
    let written = now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339);
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("USER").or_else(|| variable("LOGNAME")).unwrap_or_else(|| "somebody".into());
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let written = written.map_err(|e| Error::internal(e.to_string()))?;
    Ok(Signature { written, by: format!("{user}@{machine}") })
}

/// The inventory as it lies there, with the templates that it names.
fn inventory(session: &Session) -> Result<RecordedInventory> {
    let read = |path: &Path| files::bounded::text(path).map_err(|e| Error::io(format!("read {}", path.display()), &e));
    let settings = session.cluster.hosts.iter().flat_map(|host| host.components.values());
    let mut templates = BTreeMap::new();
    for path in settings.flat_map(|settings| settings.templates.values()) {
        let folder = std::path::absolute(session.folder()).unwrap_or_default();
        let name = path.strip_prefix(&folder).unwrap_or(path).display().to_string();
        templates.insert(name, read(path)?);
    }
    let name = session.inventory.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(RecordedInventory::new(&name, &read(&session.inventory)?, templates))
}

/// What the hosts' programs are; the images of `verify` come and go.
pub(super) fn lock(session: &Session) -> Result<String> {
    let mut lock = Lock::read(&session.artifacts_lock())?;
    let tests = &session.catalogue.test_images;
    lock.artifacts.retain(|locked| tests.iter().all(|image| image.artifact != locked.name));
    Ok(String::from_utf8_lossy(&lock.bytes()?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::example;
    use crate::components::Catalogue;
    use crate::facts::{HostFacts, UnitFact};
    use crate::live::Live;

    #[test]
    fn what_a_master_had_is_remembered_until_it_is_taken_away() {
        let (catalogue, cluster) = (Catalogue::standard(), example::cluster("1.36.3"));
        let signature = Signature { written: "2026-01-01T00:00:00Z".into(), by: "ann@desk".into() };
        let inventory = RecordedInventory::new("c.yaml", "", BTreeMap::new());
        let before = Record::new(&cluster, inventory, String::new(), signature).hosts[0].clone();
        let mut demoted = cluster.clone();
        demoted.hosts[0].roles = [Role::Node].into();
        let live = Live::default();
        let said = |before: &RecordedHost, facts: Option<bool>| {
            let facts = facts.map(|known| ("m1".to_owned(), HostFacts { known, ..HostFacts::default_host() }));
            let facts = facts.into_iter().collect();
            left(&Known { catalogue: &catalogue, cluster: &demoted, facts: &facts, live: &live }, Some(before), "m1")
        };
        // It says that there is nothing of a master.
        let all = said(&before, Some(true));
        for component in ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
            assert!(all.contains(component), "{all:?}");
        }
        assert!(!all.contains("kubelet"), "it runs that: {all:?}");
        let after = RecordedHost { roles: [Role::Node].into(), left: all.clone(), ..before.clone() };
        assert_eq!(said(&after, Some(true)), all, "also an `up` later");
        assert_eq!(said(&after, None), all, "and while it is away");
        assert!(said(&after, Some(false)).is_empty(), "it was installed again");
    }

    #[test]
    fn a_worker_that_says_that_it_was_a_master_is_recorded_as_none() {
        let (catalogue, cluster) = (Catalogue::standard(), example::cluster("1.36.3"));
        let signature = Signature { written: "2026-01-01T00:00:00Z".into(), by: "ann@desk".into() };
        let inventory = RecordedInventory::new("c.yaml", "", BTreeMap::new());
        let before = Record::new(&cluster, inventory, String::new(), signature).hosts[1].clone();
        let mut facts = HostFacts { known: true, ..HostFacts::default_host() };
        for unit in ["kube-apiserver.service", "etcd.service"] {
            facts.units.insert(unit.into(), UnitFact { restart_key: "deadbeef".into(), ..UnitFact::default() });
        }
        let facts = BTreeMap::from([("n1".to_owned(), facts)]);
        let known = Known { catalogue: &catalogue, cluster: &cluster, facts: &facts, live: &Live::default() };
        assert_eq!(changes::switched_off(&known, "n1").len(), 2, "it is named");
        assert_eq!(left(&known, Some(&before), "n1"), BTreeSet::new());
    }
}
