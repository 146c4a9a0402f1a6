//! What differs, and what it takes to change it: for those who only look, and for those who are going to.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use time::OffsetDateTime;

use super::agreed;
use super::desire::{Makings, desire_on, names_only, questions};
use super::endpoint;
use super::objects::{crashing, doubted, node_changes, object_changes, takes, unavailable};
use super::packages;
use super::paths;
use super::programs::{self, ByArch};
use super::record;
use super::removals;
use super::retired_keys;
use super::revocation;
use super::secrets_at_rest;
use super::session::Session;
use super::skip;
use super::survey::survey_those_that_answer;
use super::upgrade;
use crate::access::ApiAccess;
use crate::apply::{Job, Looked, Watch};
use crate::artifacts::Store;
use crate::changes::{self, Last, Leftover};
use crate::cluster::{Cluster, Host};
use crate::error::{Error, Kind, Result};
use crate::facts::HostFacts;
use crate::live::{self, Live};
use crate::plan::{
    self, ClusterChange, Desired, Here, HostPlan, Meaning, ObjectChange, Plan, Removal, Upgrade, compare,
};
use crate::preflight::{self, Finding};
use crate::record::Record;
use crate::render::{Common, Templates};
use crate::trust::{self, Trust};
use crate::ui::Silent;

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
    /// What no change of ours mends, a line each.
    pub warnings: Vec<String>,
    /// What the cluster said of itself.
    pub looked: Looked,
    /// What the record is to say.
    pub record: Option<Record>,
    /// What the plan means to those who use the cluster.
    pub meaning: Meaning,
    /// Hosts that were left out because somebody has named them.
    pub skipped: Vec<String>,
    /// Secrets that pods could read of the host that is asked to be revoked or let in, `NAMESPACE/NAME`: those that are found
    /// now and those that were when it was revoked.
    pub exposed: Vec<String>,
}

/// A plan that can be applied: all certificates are issued, all programs are in the store.
pub struct Prepared {
    /// What differs.
    pub found: Preview,
    /// Certificates.
    pub trust: Trust,
    /// Programs and images.
    pub store: Store,
    /// The cluster without hosts that are left out.
    pub(super) there: Cluster,
}

/// How a plan is to be made.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlanOptions<'a> {
    /// Hash every file on the hosts again, programs too.
    pub rehash: bool,
    /// Names of what should not be there and is to be taken away.
    pub remove: &'a [String],
    /// Names of hosts that are away and left out.
    pub skip: &'a [String],
}

/// Looks at everything and decides what differs. Nothing is written, here or elsewhere; what preflight found is among
/// the findings.
pub fn preview(session: &Session, how: PlanOptions<'_>) -> Result<Preview> {
    let store = Store::open_default()?;
    let now = OffsetDateTime::now_utc();
    let trust = trust::look(&session.catalogue, &session.cluster, &session.dir, now, session.reporter())?;
    let there = skip::without(&session.cluster, how.skip)?;
    let asked = ask(session, there, &trust, how.rehash)?;
    let judged = judge(session, &trust, &asked, how.remove)?;
    let lacking = packages::lacking(session, &asked.there, &asked.facts)?;
    let programs = ByArch::look(session, &store, &asked.facts, &lacking)?;
    let mut preview = decide(session, &trust, &asked, &judged, programs)?;
    let shut = paths::shut(session, &asked.facts)?;
    preview.warnings.extend(shut.iter().map(|finding| format!("{finding} ({})", finding.remedy)));
    Ok(preview)
}

/// Looks at everything and decides what differs. When the cluster can take it, the hosts have nothing in use that would
/// be replaced, no preflight check fails, and `agree` does not object to what it means, missing certificates are issued
/// and missing programs fetched.
pub fn prepare(session: &Session, how: PlanOptions<'_>, agree: &dyn Fn(&Preview) -> Result<()>) -> Result<Prepared> {
    let store = Store::open_default()?;
    let (catalogue, cluster, dir, now) =
        (&session.catalogue, &session.cluster, &session.dir, OffsetDateTime::now_utc());
    let ensure = || {
        upgrade::take_over(session)?;
        trust::ensure(catalogue, cluster, dir, now, session.reporter())
    };
    // Where certificates are wrong or are to come from a person, nothing is issued, and the requests are written out.
    let looked = trust::look(catalogue, cluster, dir, now, &Silent).or_else(|_| ensure())?;
    let there = skip::without(cluster, how.skip)?;
    let mut asked = ask(session, there, &looked, how.rehash)?;
    let judged = judge(session, &looked, &asked, how.remove)?;
    preflight::refuse(&asked.findings)?;
    let joining = joining(session, &asked.facts, &judged.live);
    asked.findings.extend(paths::check(session, &asked.facts, &joining)?);
    preflight::refuse(&asked.findings)?;
    let lacking = packages::lacking(session, &asked.there, &asked.facts)?;
    let programs = ByArch::look(session, &store, &asked.facts, &lacking)?;
    let mut found = decide(session, &looked, &asked, &judged, programs)?;
    agree(&found)?;
    let trust = ensure()?;
    let locked = record::lock(session)?;
    let programs = ByArch::ensure(session, &store, &asked.facts, &lacking)?;
    // A lost lock file is written again from what the store has: the record holds a copy of it.
    if found.plan.here != Here::default() || record::lock(session)? != locked {
        found = decide(session, &trust, &asked, &judged, programs)?;
    }
    Ok(Prepared { found, trust, store, there: asked.there })
}

/// Hosts of which no path is known to be open: those that are new, and those that become something else.
fn joining(session: &Session, facts: &BTreeMap<String, HostFacts>, live: &Live) -> BTreeSet<String> {
    let known = changes::Known { catalogue: &session.catalogue, cluster: &session.cluster, facts, live };
    let new = facts.iter().filter(|(_, facts)| !facts.known).map(|(name, _)| name.clone());
    let members = changes::joining(&known).into_iter().map(|joining| joining.member);
    new.chain(members).chain(changes::new_masters(&known)).collect()
}

/// What hosts were asked and said.
struct Asked {
    /// The cluster without hosts that are left out.
    there: Cluster,
    templates: Templates,
    objects: Vec<Value>,
    facts: BTreeMap<String, HostFacts>,
    findings: Vec<Finding>,
}

/// What the cluster said, and what is there that should not be.
struct Judged {
    live: Live,
    /// The folder's own record.
    kept: Option<Record>,
    removals: Vec<Removal>,
    leftovers: Vec<Leftover>,
}

/// What a check found.
pub struct Checked {
    /// How many hosts answered.
    pub hosts: usize,
    /// What preflight found on them.
    pub findings: Vec<Finding>,
    /// Hosts that did not answer; or what a cluster that runs has against the inventory.
    pub trouble: Result<()>,
}

/// What preflight finds, with every path between the hosts tried, and what a cluster that runs has against the inventory.
/// Where a host does not answer, the others are looked at all the same, each by itself. Nothing is written.
pub fn check(session: &Session) -> Result<Checked> {
    let now = OffsetDateTime::now_utc();
    let trust = trust::look(&session.catalogue, &session.cluster, &session.dir, now, &Silent)?;
    let (asked, silent) = ask_those_that_answer(session, session.cluster.clone(), &trust, false)?;
    let hosts = asked.facts.len();
    if silent.is_err() {
        return Ok(Checked { hosts, findings: asked.findings, trouble: silent });
    }
    let judged = judge(session, &trust, &asked, &[]);
    let mut findings = asked.findings;
    if let Ok(Judged { live, .. }) = &judged {
        findings.extend(endpoint::look(session, &asked.there.hosts, &trust, live)?);
    }
    let trouble = judged.map(drop);
    findings.extend(paths::check(session, &asked.facts, &asked.facts.keys().cloned().collect())?);
    Ok(Checked { hosts, findings, trouble })
}

/// Asks the hosts that are `there`, all of which must answer.
fn ask(session: &Session, there: Cluster, trust: &Trust, rehash: bool) -> Result<Asked> {
    let (asked, silent) = ask_those_that_answer(session, there, trust, rehash)?;
    let some = !asked.facts.is_empty();
    silent.map(|()| asked).map_err(|error| match error.kind {
        Kind::Connect if some => error.hint_last("a host that is away for longer can be left out: `--skip HOST`"),
        _ => error,
    })
}

/// Asks the hosts; those that do not answer are in the second result.
fn ask_those_that_answer(
    session: &Session,
    there: Cluster,
    trust: &Trust,
    rehash: bool,
) -> Result<(Asked, Result<()>)> {
    let (catalogue, cluster) = (&session.catalogue, &session.cluster);
    let templates = session.templates()?;
    let makings = Makings { catalogue, cluster, common: Common::of(cluster), trust, templates: &templates };
    let expected = desire_on(&there.hosts, &makings, &BTreeMap::new(), &names_only)?;
    let questions = questions(catalogue, cluster, &expected, rehash);
    let (facts, silent) = survey_those_that_answer(&there, &session.pool, &questions);
    for (host, took) in session.pool.slow_logins() {
        session.reporter().warn(&format!(
            "{host}: a login shell takes {} s to start, and every script waits for it: look for what its start-up files (.bashrc, /etc/profile.d) wait for",
            took.as_secs()
        ));
    }
    let mut findings = preflight::check_all(catalogue, cluster, &facts);
    findings.extend(preflight::unexpected_architectures(cluster, &facts, &programs::expected(session)?));
    Ok((Asked { there, templates, objects: expected.objects, facts, findings }, silent))
}

/// Asks the cluster who it is. One that cannot take the inventory is refused, and so are hosts that have other secrets
/// in use than the folder has.
fn judge(session: &Session, trust: &Trust, asked: &Asked, remove: &[String]) -> Result<Judged> {
    let (catalogue, cluster, facts) = (&session.catalogue, &session.cluster, &asked.facts);
    trust.in_use(cluster, &session.dir, facts)?;
    let kept = session.record()?;
    let live = live::ask(catalogue, cluster, &session.pool, trust, facts, kept.as_ref(), &asked.objects)?;
    let known = changes::Known { catalogue, cluster, facts, live: &live };
    agreed::agreed(session, &live, kept.as_ref())?;
    changes::refuse(&known)?;
    skip::refuse(&known, &asked.there)?;
    endpoint::prove(session, &asked.there.hosts, trust, &live, known.has_run())?;
    let (removals, leftovers) = changes::to_remove(changes::leftovers(&known), remove)?;
    let removals = removals::of(&known, removals, &asked.templates)?;
    Ok(Judged { live, kept, removals, leftovers })
}

fn decide(session: &Session, trust: &Trust, asked: &Asked, judged: &Judged, programs: ByArch) -> Result<Preview> {
    let Asked { there, templates, facts, findings, .. } = asked;
    let Judged { live, kept, removals, leftovers } = judged;
    let (catalogue, cluster) = (&session.catalogue, &session.cluster);
    let known = changes::Known { catalogue, cluster, facts, live };
    let common = Common::of(cluster).with_first_starts(changes::first_starts(&known));
    let makings = Makings { catalogue, cluster, common, trust, templates };
    let mut desired = desire_on(&there.hosts, &makings, facts, &programs.find())?;
    programs.packages.add_to(&mut desired);
    let differs = |name: &String| Some(compare(desired.hosts.get(name)?, facts.get(name)?));
    let mut hosts: Vec<HostPlan> = cluster.hosts.iter().filter_map(|host| differs(&host.name)).collect();
    let mut warnings = trust.warnings();
    warnings.extend(live.api.iter().flat_map(|api| api.warnings.iter().cloned()));
    warnings.extend(live.warnings.iter().cloned());
    warnings.extend(changes::doubts(&known));
    let (objects, mut changes) = in_api(session, trust, facts, &desired, live)?.map_or((None, Vec::new()), |api| {
        warnings.extend(api.doubted);
        (Some(api.objects), api.cluster)
    });
    register_again(&mut hosts, &desired, &changes);
    let at_rest = secrets_at_rest::look(there, trust, facts, live)?;
    desired.encryption = at_rest.encryption;
    desired.nodes = plan::first_nodes(cluster, facts);
    warnings.extend(at_rest.retired.iter().map(|name| retired_keys::warning(name)));
    let revocations = revocation::changes(session, trust, live)?;
    let revoked = revocation::with_secrets(&cluster.revoked, live, &revocations);
    let exposed = revocation::exposed(session.asked.as_ref(), live, kept.as_ref(), &revoked);
    changes.extend(revocations);
    changes.extend(growth(&known));
    let removed: Vec<&str> = removals.iter().map(|removal| removal.leftover.name.as_str()).collect();
    let (record, write) = record::due(session, there, kept.as_ref(), revoked, &known, &removed)?;
    changes.extend(
        at_rest
            .change
            .into_iter()
            .chain(removals.iter().cloned().map(Box::new).map(ClusterChange::Remove))
            .chain(write),
    );
    let here = Here { issue: trust.to_issue().to_vec(), fetch: programs.to_fetch };
    let plan = Plan { hosts, objects, cluster: changes, here, leftovers: leftovers.clone() };
    skip::refuse_plan(cluster, there, &plan)?;
    // Where all was taken back the folder still has a record of what was.
    let last = live.record.iter().filter(|_| known.has_run());
    let differences = last.flat_map(|last| changes::differences(last, cluster)).collect();
    let upgrade = Upgrade::of(&plan, Last::of(live, facts).as_ref(), upgrade::is_older(&session.dir)?);
    let meaning = Meaning { upgrade, ..Meaning::of(catalogue, there, &plan, differences) };
    let (facts, findings, looked) = (facts.clone(), findings.clone(), looked(live));
    let skipped: Vec<String> = cluster.away(there).map(|host| host.name.clone()).collect();
    warnings.extend(skipped.iter().map(|host| {
        format!(
            "{host} is left out: nothing is looked at or changed there (run the same without --skip when it is back)"
        )
    }));
    Ok(Preview { desired, plan, facts, findings, warnings, looked, record: Some(record), meaning, skipped, exposed })
}

/// Members of etcd and masters that join those that there are.
fn growth(known: &changes::Known<'_>) -> impl Iterator<Item = ClusterChange> {
    let masters = changes::new_masters(known).into_iter().map(|name| ClusterChange::AddMaster { name });
    changes::joining(known).into_iter().map(ClusterChange::AddMember).chain(masters)
}

/// What the cluster said of itself.
fn looked(live: &Live) -> Looked {
    let well = live.members.iter().filter(|(_, members)| members.healthy).map(|(host, _)| host.clone());
    let api = live.api.as_ref().map(|api| (api.master.clone(), api.answers.clone()));
    Looked { members: well.collect(), api }
}

/// What differs in the API: objects of ours, and nodes and pods.
struct InApi {
    objects: Vec<ObjectChange>,
    cluster: Vec<ClusterChange>,
    /// What is not believed of nodes, in words.
    doubted: Vec<String>,
}

/// What differs in the API and among the nodes; `None` where no API server runs yet or it does not answer.
///
/// # Errors
/// Refused: an object cannot become what it should be.
fn in_api(
    session: &Session,
    trust: &Trust,
    facts: &BTreeMap<String, HostFacts>,
    desired: &Desired,
    live: &Live,
) -> Result<Option<InApi>> {
    let Some((api, held)) = live.api.as_ref().and_then(|api| Some((api, api.held.as_ref()?))) else {
        return Ok(None);
    };
    let changes = object_changes(held, &desired.objects)?;
    let short = unavailable(held, &desired.addons);
    let mut pods = Vec::new();
    let more = !changes.is_empty() || !short.is_empty();
    if let Some(master) = session.cluster.host(&api.master).filter(|_| more) {
        let asked = ApiAccess::new(&session.pool, master, trust).and_then(|mut access| {
            let mut client = access.client()?;
            takes(&mut client, &changes)?;
            crashing(&mut client, &short)
        });
        match asked {
            Err(error) if matches!(error.kind, Kind::Refused | Kind::Interrupted) => return Err(error),
            Err(_) => return Ok(None),
            Ok(crashing) => pods = crashing,
        }
    }
    let runs_kubelet = |host: &Host| match (desired.hosts.get(&host.name), facts.get(&host.name)) {
        (Some(state), Some(facts)) => plan::runs_kubelet(state, facts),
        _ => false,
    };
    let changes: Vec<ObjectChange> = changes.into_iter().map(|(_, change)| change).collect();
    let believed = plan::are_believed(&desired.objects, Some(&changes));
    let mut cluster = node_changes(&api.node_objects, &session.cluster, believed, runs_kubelet);
    cluster.extend(pods);
    let doubted = doubted(&api.node_objects, &session.cluster, believed);
    Ok(Some(InApi { objects: changes, cluster, doubted }))
}

/// Hosts whose nodes are gone are made nodes again.
fn register_again(hosts: &mut [HostPlan], desired: &Desired, changes: &[ClusterChange]) {
    let gone = |host: &str| changes.iter().any(|c| matches!(c, ClusterChange::RegisterNode { node } if node == host));
    for plan in hosts.iter_mut().filter(|plan| gone(&plan.host)) {
        if let Some(state) = desired.hosts.get(&plan.host) {
            plan::register(plan, state);
        }
    }
}

impl Prepared {
    /// Makes the plan true; where nothing differs, waits until the cluster is healthy. Either way no path between hosts
    /// that ran before is shut in the end.
    pub fn apply(&self, session: &Session) -> Result<()> {
        let Preview { facts, desired, plan, record, looked, .. } = &self.found;
        if let Some(record) = record.as_ref().filter(|_| !plan.is_empty()) {
            record::keep(session, &record::before(record, plan))?;
        }
        let job = Job {
            cluster: &session.cluster,
            there: &self.there,
            desired,
            facts,
            plan,
            pool: &session.pool,
            store: &self.store,
            trust: &self.trust,
            record: record.as_ref(),
            reporter: session.reporter(),
            interrupt: &session.interrupt,
            watch: &Watch::default(),
            looked: Some(looked).filter(|_| plan.is_empty()),
            step: None,
        };
        if plan.is_empty() {
            // One after the other: each host is connected to once.
            let (healthy, open) = (job.wait(), paths::open(session, facts));
            return Error::all(healthy.err().into_iter().chain(open.err()));
        }
        job.run()?;
        record.as_ref().map_or(Ok(()), |record| record::keep(session, record))?;
        let again = plan.cluster.iter().any(|change| matches!(change, ClusterChange::RegisterNode { .. }));
        if again { paths::open_in_time(session, facts) } else { paths::open(session, facts) }
    }
}
