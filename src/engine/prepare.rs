//! What `plan` and `up` do first: certificates, programs, facts, checks, and the difference.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use super::desire::{desire, names_only, questions};
use super::objects::object_changes;
use super::session::Session;
use super::survey::survey;
use crate::access::ApiAccess;
use crate::artifacts::{self, EnsureOptions, Programs, Store};
use crate::cluster::Role;
use crate::error::{Error, Result};
use crate::facts::HostFacts;
use crate::plan::{Desired, ObjectChange, Plan, compare};
use crate::preflight::{self, Finding};
use crate::render::Templates;
use crate::state::ArtifactRef;
use crate::trust::{self, Trust};

/// Everything up to the plan.
pub struct Prepared {
    /// Certificates.
    pub trust: Trust,
    /// Programs and images.
    pub store: Store,
    /// What hosts said.
    pub facts: BTreeMap<String, HostFacts>,
    /// What every host must hold.
    pub desired: Desired,
    /// What differs.
    pub plan: Plan,
    /// What preflight found.
    pub findings: Vec<Finding>,
}

/// What a failed preflight check means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// Nothing further is done.
    Abort,
    /// It is among the findings.
    Report,
}

/// Looks at everything and decides what differs. Certificates that lack are made, programs that lack are fetched:
/// both stay on the operator's machine.
pub fn prepare(session: &Session, rehash: bool, on_failure: OnFailure) -> Result<Prepared> {
    let (catalogue, cluster) = (&session.catalogue, &session.cluster);
    let reporter = session.reporter();
    let store = Store::open_default()?;
    let now = OffsetDateTime::now_utc();
    let trust = trust::ensure(catalogue, cluster, &session.dir, now, reporter)?;
    let templates = Templates::load(catalogue, cluster, session.folder())?;
    let expected = desire(catalogue, cluster, &BTreeMap::new(), &trust, &names_only, &templates)?;
    let facts = survey(cluster, &session.pool, &questions(catalogue, cluster, &expected, rehash))?;
    trust.same_cluster(cluster, &session.dir, &facts)?;

    let findings = preflight::check_all(catalogue, cluster, &facts);
    if on_failure == OnFailure::Abort {
        preflight::refuse(&findings)?;
    }

    let programs = programs(session, &store, facts.values().map(|f| f.arch.as_str()))?;
    let desired = desire(catalogue, cluster, &facts, &trust, &programs.find(), &templates)?;
    let hosts = cluster
        .hosts
        .iter()
        .filter_map(|host| Some(compare(desired.hosts.get(&host.name)?, facts.get(&host.name)?)))
        .collect();
    let objects = live_objects(session, &trust, &facts, &desired);
    Ok(Prepared { trust, store, desired, plan: Plan { hosts, objects }, facts, findings })
}

/// The programs of the inventory's versions for each architecture among the hosts, fetched where they lack.
pub fn programs<'a>(session: &Session, store: &Store, archs: impl Iterator<Item = &'a str>) -> Result<ByArch> {
    let lock = session.dir.join("artifacts.lock");
    let archs: BTreeSet<&str> = archs.collect();
    let options = EnsureOptions { test_images: false, update_lock: false };
    let (catalogue, cluster) = (&session.catalogue, &session.cluster);
    let ensure = |arch: &str| artifacts::ensure(catalogue, cluster, arch, &lock, store, session.reporter(), options);
    Ok(ByArch(archs.into_iter().map(|arch| Ok((arch.to_owned(), ensure(arch)?))).collect::<Result<_>>()?))
}

/// Programs of each architecture among the hosts.
pub struct ByArch(BTreeMap<String, Programs>);

impl ByArch {
    /// A program by architecture and name.
    pub fn find(&self) -> impl Fn(&str, &str) -> Result<ArtifactRef> {
        |arch, name| match self.0.get(arch) {
            Some(programs) => programs.get(name).cloned(),
            None => Err(Error::internal(format!("no programs for {arch}"))),
        }
    }
}

/// What differs in the API; `None` where no API server runs yet or it does not answer.
fn live_objects(
    session: &Session,
    trust: &Trust,
    facts: &BTreeMap<String, HostFacts>,
    desired: &Desired,
) -> Option<Vec<ObjectChange>> {
    let master = session.cluster.with_role(Role::Master).find(|host| {
        let unit = facts.get(&host.name).and_then(|f| f.units.get("kube-apiserver.service"));
        unit.is_some_and(|u| u.active == "active")
    })?;
    let mut access = ApiAccess::new(&session.pool, master, trust).ok()?;
    let mut client = access.client().ok()?;
    object_changes(&mut client, &session.cluster, &desired.objects).ok()
}
