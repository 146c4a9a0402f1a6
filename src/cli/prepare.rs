//! What `plan` and `up` do first: certificates, programs, facts, checks, and the difference.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::artifacts::{self, EnsureOptions, Programs, Store};
use crate::error::{Error, Result};
use crate::facts::HostFacts;
use crate::operate::{ApiAccess, Desired, Session, desire, object_changes, questions, survey};
use crate::plan::{Plan, compare};
use crate::preflight::{self, Finding, Severity};
use crate::render::Templates;
use crate::trust::{self, Trust};

/// Everything up to the plan.
pub(super) struct Prepared {
    pub(super) trust: Trust,
    pub(super) store: Store,
    pub(super) facts: BTreeMap<String, HostFacts>,
    pub(super) desired: Desired,
    pub(super) plan: Plan,
    pub(super) findings: Vec<Finding>,
}

/// Looks at everything and decides what differs. Certificates that lack are made, programs that lack are fetched:
/// both stay on the operator's machine.
pub(super) fn prepare(session: &Session, rehash: bool) -> Result<Prepared> {
    let cluster = &session.cluster;
    let reporter = session.reporter();
    let store = Store::open_default()?;
    let now = OffsetDateTime::now_utc();
    let trust = trust::ensure(cluster, &session.dir, now, reporter)?;
    let programs = programs(session, &store)?;
    let templates = Templates::for_cluster(cluster, &session.inventory)?;
    let expected = desire(cluster, &BTreeMap::new(), &trust, &programs, &templates)?;
    let facts = survey(cluster, &session.pool, &questions(cluster, &expected, rehash))?;

    let findings = preflight::check_cluster(cluster, &facts);
    refuse(&findings)?;

    let desired = desire(cluster, &facts, &trust, &programs, &templates)?;
    let hosts = cluster
        .hosts
        .iter()
        .filter_map(|host| Some(compare(desired.hosts.get(&host.name)?, facts.get(&host.name)?)))
        .collect();
    let objects = live_objects(session, &trust, &facts, &desired);
    Ok(Prepared { trust, store, desired, plan: Plan { hosts, objects }, facts, findings })
}

/// The programs of the inventory's versions, fetched where they lack.
pub(super) fn programs(session: &Session, store: &Store) -> Result<Programs> {
    let lock = session.dir.join("artifacts.lock");
    artifacts::ensure(&session.cluster, "amd64", &lock, store, session.reporter(), EnsureOptions { test_images: false })
}

/// Preflight failures that are not waived, all of them.
pub(super) fn refuse(findings: &[Finding]) -> Result<()> {
    Error::all(findings.iter().filter(|f| f.severity == Severity::Fail && !f.waived).map(|f| {
        Error::remote(format!("{}: preflight check {}: {}", f.host, f.check, f.finding))
            .hint(f.remedy.clone())
            .hint(format!("to go on all the same, put `{}` under `waive:` in the inventory", f.check))
    }))
}

/// What differs in the API; `None` where no API server runs yet or it does not answer.
fn live_objects(
    session: &Session,
    trust: &Trust,
    facts: &BTreeMap<String, HostFacts>,
    desired: &Desired,
) -> Option<Vec<crate::plan::ObjectChange>> {
    let master = session.cluster.with_role(crate::cluster::Role::Master).find(|host| {
        let unit = facts.get(&host.name).and_then(|f| f.units.get("kube-apiserver.service"));
        unit.is_some_and(|u| u.active == "active")
    })?;
    let mut access = ApiAccess::new(&session.pool, master, trust).ok()?;
    let mut client = access.client().ok()?;
    object_changes(&mut client, &session.cluster, &desired.objects).ok()
}
