//! What differs, and what it takes to change it: for those who only look, and for those who are going to.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::desire::{desire, names_only, questions};
use super::objects::{node_changes, object_changes};
use super::programs::ByArch;
use super::record;
use super::session::Session;
use super::survey::survey;
use crate::access::ApiAccess;
use crate::apply::Job;
use crate::artifacts::Store;
use crate::changes;
use crate::cluster::Role;
use crate::components::kube_apiserver;
use crate::error::Result;
use crate::facts::HostFacts;
use crate::live;
use crate::plan::{ClusterChange, Desired, Here, Meaning, ObjectChange, Plan, compare};
use crate::preflight::{self, Finding};
use crate::record::Record;
use crate::render::Templates;
use crate::trust::{self, Trust};

/// Everything up to the plan.
pub struct Preview {
    /// What hosts said.
    pub facts: BTreeMap<String, HostFacts>,
    /// What every host must hold.
    pub desired: Desired,
    /// What differs.
    pub plan: Plan,
    /// What preflight found.
    pub findings: Vec<Finding>,
    /// What the record is to say.
    pub record: Option<Record>,
    /// What the plan means to those who use the cluster.
    pub meaning: Meaning,
}

/// A plan that can be applied: all certificates are issued, all programs are in the store.
pub struct Prepared {
    /// What differs.
    pub found: Preview,
    /// Certificates.
    pub trust: Trust,
    /// Programs and images.
    pub store: Store,
}

/// Looks at everything and decides what differs. Nothing is written, here or elsewhere; what preflight found is among
/// the findings.
pub fn preview(session: &Session, rehash: bool) -> Result<Preview> {
    let store = Store::open_default()?;
    let trust =
        trust::look(&session.catalogue, &session.cluster, &session.dir, OffsetDateTime::now_utc(), session.reporter())?;
    decide(session, &trust, rehash, |facts, _| ByArch::look(session, &store, facts))
}

/// Looks at everything and decides what differs. Missing certificates are issued, and, when no preflight check fails,
/// missing programs are fetched.
pub fn prepare(session: &Session, rehash: bool) -> Result<Prepared> {
    let store = Store::open_default()?;
    let trust = trust::ensure(
        &session.catalogue,
        &session.cluster,
        &session.dir,
        OffsetDateTime::now_utc(),
        session.reporter(),
    )?;
    let found = decide(session, &trust, rehash, |facts, findings| {
        preflight::refuse(findings)?;
        ByArch::ensure(session, &store, facts)
    })?;
    Ok(Prepared { found, trust, store })
}

fn decide(
    session: &Session,
    trust: &Trust,
    rehash: bool,
    programs: impl FnOnce(&BTreeMap<String, HostFacts>, &[Finding]) -> Result<ByArch>,
) -> Result<Preview> {
    let (catalogue, cluster) = (&session.catalogue, &session.cluster);
    let templates = Templates::load(catalogue, cluster, session.folder())?;
    let expected = desire(catalogue, cluster, &BTreeMap::new(), trust, &names_only, &templates)?;
    let kept = record::kept(session)?;
    let facts = survey(cluster, &session.pool, &questions(catalogue, cluster, &expected, rehash))?;
    trust.same_cluster(cluster, &session.dir, &facts)?;
    let now = live::ask(catalogue, cluster, &session.pool, trust, &facts, kept)?;
    changes::refuse(&changes::Known { catalogue, cluster, facts: &facts, live: &now })?;
    let differences = now.record.iter().flat_map(|last| changes::differences(last, cluster)).collect();
    let findings = preflight::check_all(catalogue, cluster, &facts);
    let programs = programs(&facts, &findings)?;
    let desired = desire(catalogue, cluster, &facts, trust, &programs.find(), &templates)?;
    let differs = |name: &String| Some(compare(desired.hosts.get(name)?, facts.get(name)?));
    let hosts = cluster.hosts.iter().filter_map(|host| differs(&host.name)).collect();
    let (objects, marks) = in_api(session, trust, &facts, &desired).map_or((None, Vec::new()), |(o, m)| (Some(o), m));
    let (record, change) = record::due(session, &now, record::signature(OffsetDateTime::now_utc())?)?;
    let here = Here { issue: trust.to_issue().to_vec(), fetch: programs.to_fetch };
    let plan = Plan { hosts, objects, cluster: marks.into_iter().chain(change).collect(), here };
    let meaning = Meaning::of(catalogue, cluster, &plan, differences);
    Ok(Preview { desired, plan, facts, findings, record: Some(record), meaning })
}

/// What differs in the API and among the nodes; `None` where no API server runs yet or it does not answer.
fn in_api(
    session: &Session,
    trust: &Trust,
    facts: &BTreeMap<String, HostFacts>,
    desired: &Desired,
) -> Option<(Vec<ObjectChange>, Vec<ClusterChange>)> {
    let master = session.cluster.with_role(Role::Master).find(|host| {
        let unit = facts.get(&host.name).and_then(|f| f.units.get(kube_apiserver::UNIT));
        unit.is_some_and(|u| u.active == "active")
    })?;
    let mut access = ApiAccess::new(&session.pool, master, trust).ok()?;
    let mut client = access.client().ok()?;
    let objects = object_changes(&mut client, &desired.objects).ok()?;
    Some((objects, node_changes(&mut client, &session.cluster).ok()?))
}

impl Prepared {
    /// Makes the plan true; where nothing differs, waits until the cluster is healthy.
    pub fn apply(&self, session: &Session) -> Result<()> {
        let Preview { facts, desired, plan, record, .. } = &self.found;
        if let Some(record) = record.as_ref().filter(|_| !plan.is_empty()) {
            record::keep(session, record)?;
        }
        let job = Job {
            cluster: &session.cluster,
            desired,
            facts,
            plan,
            pool: &session.pool,
            store: &self.store,
            trust: &self.trust,
            record: record.as_ref(),
            reporter: session.reporter(),
            interrupt: &session.interrupt,
        };
        if plan.is_empty() { job.wait() } else { job.run() }
    }
}
