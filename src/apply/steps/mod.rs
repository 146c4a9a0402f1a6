//! From a plan to steps: what depends on what, what may run at once, what must roll.
//!
//! What does not run starts together: it takes nothing away from anybody. What runs is changed one at a time, gated
//! on the health of the others before and on its own after, so that the first change that does not work is the last.

mod action;
mod covered;
mod graph;
mod members;
mod nodes;
mod sorted;
#[cfg(test)]
mod tests;
mod travel;
mod waves;

use std::collections::{BTreeMap, BTreeSet};

pub use action::Action;
pub(super) use action::title;
pub use covered::uncovered;
use graph::StepId;
pub(super) use graph::{Graph, Outcome, collect, host_of};
use nodes::Plane;
use sorted::{Change, Sorted};
pub use waves::Push;

use crate::cluster::{Balancing, Cluster, Host, Role};
use crate::plan::{ClusterChange, Desired, Encryption, Plan, UnitChange};
use crate::state::{After, ComponentId, Ready, Rolling, Rollout, Wave};
use crate::trust::Served;

/// The steps that make the plan true. The etcd member that leads, where it is known, restarts last: its stop hands the
/// lead to another one, and that happens once, not at every restart. `served` are the certificates among what comes that
/// servers show.
pub fn steps(
    cluster: &Cluster,
    plan: &Plan,
    desired: &Desired,
    etcd_leader: Option<&str>,
    served: &[Served<'_>],
) -> Graph<Action> {
    let mut builder = Builder {
        cluster,
        graph: Graph::default(),
        pushed: BTreeMap::new(),
        packages_pushed: BTreeMap::new(),
        installed: BTreeMap::new(),
        before_restart: BTreeMap::new(),
    };
    let keys = builder.keys(&desired.encryption);
    let tools = builder.pushes(plan, desired, keys);
    builder.packages(plan, desired);
    builder.units(plan, desired, etcd_leader);
    builder.tools(tools);
    for revocation in plan.revocations() {
        builder.last(Action::Revoke { host: revocation.host.clone() });
    }
    if !served.is_empty() {
        builder.last(Action::Shown);
    }
    let record = plan.cluster.iter().find_map(|change| match change {
        ClusterChange::WriteRecord { places } => Some(places.clone()),
        _ => None,
    });
    let rewrites = plan.cluster.iter().any(|change| matches!(change, ClusterChange::RewriteSecrets { .. }));
    if rewrites || (!desired.encryption.unread.is_empty() && (!builder.graph.is_empty() || record.is_some())) {
        builder.last(Action::Secrets);
    }
    if !builder.graph.is_empty() || record.is_some() || plan.removals().next().is_some() {
        builder.last(Action::Healthy);
    }
    builder.removals(plan);
    if let Some(places) = record {
        // By what the record says, hosts that are to be taken back are found again.
        builder.last(Action::Record(places));
    }
    builder.graph
}

struct Builder<'a> {
    cluster: &'a Cluster,
    graph: Graph<Action>,
    /// The last push that a host's component needs.
    pushed: BTreeMap<(String, Wave), StepId>,
    /// The push that carries a host's packages.
    packages_pushed: BTreeMap<String, StepId>,
    /// By host and component: the step that installs its packages.
    installed: BTreeMap<(String, ComponentId), StepId>,
    /// By host and unit: what arrives right before its restart.
    before_restart: BTreeMap<(String, String), Push>,
}

impl Builder<'_> {
    /// Where a key is new, every API server must know it before the first of them writes with it.
    fn keys(&mut self, encryption: &Encryption) -> Option<StepId> {
        encryption.first.as_ref()?;
        let masters = self.cluster.with_role(Role::Master);
        let pushed: Vec<StepId> = masters
            .map(|host| self.graph.add(push_lane(&host.name), Action::PushKeys { host: host.name.clone() }, []))
            .collect();
        Some(self.graph.add("api", Action::KeysRead, pushed))
    }

    /// After everything else.
    fn last(&mut self, action: Action) {
        let everything: Vec<StepId> = (0..self.graph.steps().len()).collect();
        self.graph.add("api", action, everything);
    }

    /// Each from its hosts, all hosts at once, then from the API.
    fn removals(&mut self, plan: &Plan) {
        let healthy: Vec<StepId> = (0..self.graph.steps().len()).collect();
        for removal in plan.removals() {
            let name = removal.leftover.name.clone();
            let mut taken = healthy.clone();
            for host in removal.hosts() {
                let action = Action::TakeAway { host: host.to_owned(), name: name.clone() };
                taken.push(self.graph.add(host, action, healthy.iter().copied()));
            }
            if !removal.objects.is_empty() {
                self.graph.add("api", Action::Delete { name }, taken);
            }
        }
    }

    fn units(&mut self, plan: &Plan, desired: &Desired, etcd_leader: Option<&str>) {
        let units = Sorted::new(plan);
        let joined = self.join(plan, &units);
        let etcd = self.etcd(&units, joined, etcd_leader);
        let made: BTreeSet<&str> = desired.nodes.iter().filter_map(|node| node["metadata"]["name"].as_str()).collect();
        let Masters { api, serving, controllers } = self.masters(&units, &etcd, !made.is_empty());
        let differ = plan.objects.as_ref().is_none_or(|o| !o.is_empty());
        let objects = differ.then(|| self.graph.add("api", Action::Objects, api.iter().copied()));
        self.nodes(plan, &units, &Plane { etcd, api, serving, controllers, objects, made });
    }

    /// Members that do not run start together, for none is ready without a quorum; those that run restart one by one. Where
    /// an API server asks its own member only, both restart in one go: it is away while its member is. All of it behind
    /// members that have `joined`.
    fn etcd(&mut self, units: &Sorted<'_>, joined: Vec<StepId>, leader: Option<&str>) -> Vec<StepId> {
        let mut started = Vec::new();
        for (host, change) in &units.members_start {
            started.push(self.unit(host, change, joined.iter().copied()));
        }
        let mut gates = joined;
        if !started.is_empty() {
            let host = first(self.cluster, Role::Etcd);
            gates = vec![self.graph.add(host.clone(), Action::EtcdHealthy { host, about_to_restart: false }, started)];
        }
        let mut served = Vec::new();
        for (host, change) in units.servers_first() {
            let start = self.unit(host, change, gates.iter().copied());
            served.push(self.graph.add(host, ready(host, false), [start]));
        }
        gates.extend(served);
        let mut restarts = units.members_restart.clone();
        restarts.sort_by_key(|(host, _)| Some(*host) == leader);
        for (host, change) in restarts {
            let with = units.with.get(&(host, &*change.name)).copied();
            let spared = Action::EtcdHealthy { host: host.to_owned(), about_to_restart: true };
            let mut before = vec![self.graph.add(host, spared, gates)];
            if let Some(with) = with {
                before = vec![self.graph.add(host, ready(host, true), before)];
                before = self.before_restart(host, with, before);
            }
            let before = self.before_restart(host, change, before);
            let restart = self.unit_with(host, change, with, before);
            gates = vec![self.graph.add(host, settled(host, change, with), [restart])];
            if let Some(with) = with {
                gates = vec![self.graph.add(host, settled(host, with, None), gates)];
            }
        }
        gates
    }

    /// Masters that do not run start together; those that run change one at a time. Nodes that are made here are there
    /// before controllers look.
    fn masters(&mut self, units: &Sorted<'_>, etcd: &[StepId], make_nodes: bool) -> Masters {
        let first: Vec<Change<'_>> = units.servers_first().collect();
        let starts = units.masters_start.iter().filter(|change| !first.contains(change));
        let (servers, controllers): (Vec<Change<'_>>, Vec<Change<'_>>) =
            starts.partition(|(_, change)| change.rollout.ready == Ready::Api);
        let mut gates = Vec::new();
        let mut serving = Vec::new();
        for (host, change) in servers {
            // To a cluster that runs they come one after the other: the first that does not come up is the last.
            let tools = self.pushed(host, Wave::Tools);
            let before = gates.iter().copied().chain(tools).filter(|_| units.masters_join.contains(host));
            let after: Vec<StepId> = etcd.iter().copied().chain(before).collect();
            let start = self.unit(host, change, after);
            serving.push(start);
            gates.push(self.graph.add(host, ready(host, false), [start]));
        }
        if self.is_balanced() {
            serving.clone_from(&gates);
        }
        if make_nodes {
            serving = vec![self.graph.add("api", Action::MakeNodes, serving)];
            gates.extend(&serving);
        }
        let mut started = Vec::new();
        for (host, change) in controllers {
            started.push(self.unit(host, change, etcd.iter().chain(&gates).copied()));
        }
        for (host, change) in &units.masters_restart {
            let after: Vec<StepId> = etcd.iter().chain(&gates).chain(&started).copied().collect();
            gates = match change.rollout.ready {
                Ready::Api => {
                    let before = self.graph.add(*host, ready(host, true), after);
                    let restart = self.restart(host, change, [before]);
                    vec![self.graph.add(*host, settled(host, change, None), [restart])]
                }
                _ => vec![self.restart(host, change, after)],
            };
        }
        // While others restart, who asks for the API may be sent to one of those.
        if units.masters_restart.iter().any(|(_, change)| change.rollout.ready == Ready::Api) {
            serving.clone_from(&gates);
        }
        gates.extend(etcd);
        serving.extend(etcd);
        Masters { api: gates, serving, controllers: started }
    }

    /// Whether something stands before the API servers, which asks them whether they are ready.
    fn is_balanced(&self) -> bool {
        let host = &self.cluster.endpoint.host;
        let is_own = |master: &Host| master.address.to_string() == *host || master.ssh.address == *host;
        self.cluster.balancing != Balancing::default() || !self.cluster.with_role(Role::Master).any(is_own)
    }

    /// A running unit gets its files and is restarted.
    fn restart(&mut self, host: &str, change: &UnitChange, after: impl IntoIterator<Item = StepId>) -> StepId {
        let after = self.before_restart(host, change, after.into_iter().collect());
        self.unit(host, change, after)
    }

    /// What a running unit is restarted with arrives.
    fn before_restart(&mut self, host: &str, change: &UnitChange, mut after: Vec<StepId>) -> Vec<StepId> {
        let Some(push) = self.before_restart.remove(&(host.to_owned(), change.name.clone())) else { return after };
        after.extend(self.pushed(host, change.rollout.wave));
        // A host takes one push at a time.
        vec![self.graph.add(push_lane(host), Action::Push(push), after)]
    }

    fn unit(&mut self, host: &str, change: &UnitChange, after: impl IntoIterator<Item = StepId>) -> StepId {
        self.unit_with(host, change, None, after)
    }

    /// A unit, and what systemd restarts with it.
    fn unit_with(
        &mut self,
        host: &str,
        change: &UnitChange,
        with: Option<&UnitChange>,
        after: impl IntoIterator<Item = StepId>,
    ) -> StepId {
        let waves = [change].into_iter().chain(with).map(|change| change.rollout.wave);
        let pushed: Vec<StepId> = waves.filter_map(|wave| self.pushed(host, wave)).collect();
        let action = Action::Unit { host: host.to_owned(), change: change.clone(), with: with.cloned() };
        let changes = [change].into_iter().chain(with);
        let installed = changes.filter_map(|change| self.installed.get(&(host.to_owned(), change.component)));
        let installed: Vec<StepId> = installed.copied().collect();
        self.graph.add(lane(host, change), action, after.into_iter().chain(pushed).chain(installed))
    }

    fn pushed(&self, host: &str, wave: Wave) -> Option<StepId> {
        self.pushed.get(&(host.to_owned(), wave)).copied()
    }
}

/// What comes of the masters; see [`Plane`].
struct Masters {
    api: Vec<StepId>,
    serving: Vec<StepId>,
    controllers: Vec<StepId>,
}

/// The node's services have a connection of their own, so that they come up beside the control plane's. What nobody waits
/// for while it starts, controllers beside each other and what nodes get last, has one more: each start takes a
/// moment in which nothing computes.
fn lane(host: &str, change: &UnitChange) -> String {
    let Rollout { after, rolling, ready, .. } = change.rollout;
    let starts = !change.runs();
    match rolling {
        Rolling::ControlPlane if starts && ready == Ready::Runs => format!("{host}/{}", change.name),
        Rolling::Quorum | Rolling::ControlPlane => host.to_owned(),
        Rolling::Canary | Rolling::Together if starts && (after == After::Registered || ready == Ready::Timer) => {
            format!("{host}/{}", change.name)
        }
        Rolling::Canary | Rolling::Together => node_lane(host),
    }
}

fn node_lane(host: &str) -> String {
    format!("{host}/node")
}

/// Whether the plan restarts several etcd members.
pub fn rolls_etcd(plan: &Plan) -> bool {
    Sorted::new(plan).members_restart.len() > 1
}

fn ready(host: &str, about_to_restart: bool) -> Action {
    Action::ApiReady { host: host.to_owned(), about_to_restart }
}

fn settled(host: &str, change: &UnitChange, with: Option<&UnitChange>) -> Action {
    Action::Settled { host: host.to_owned(), change: change.clone(), with: with.cloned() }
}

fn first(cluster: &Cluster, role: Role) -> String {
    cluster.with_role(role).next().map(|h| h.name.clone()).unwrap_or_default()
}

/// The lane of everything that is pushed to the host.
fn push_lane(host: &str) -> String {
    format!("{host}/push")
}
