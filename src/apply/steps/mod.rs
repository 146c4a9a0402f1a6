//! From a plan to steps: what depends on what, what may run at once, what must roll.
//!
//! What does not run starts together: it takes nothing away from anybody. What runs is changed one at a time, gated
//! on the health of the others before and on its own after, so that the first change that does not work is the last.

mod action;
mod covered;
mod graph;
mod members;
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
pub use waves::Push;

use crate::cluster::{Balancing, Cluster, Host, Role};
use crate::components::{api_front_end, api_virtual_address};
use crate::plan::{ClusterChange, Desired, Encryption, HostPlan, Plan, UnitChange};
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

    /// What does not run on a node starts as soon as it can; what runs changes on one node first, then on the others.
    /// No node waits for another one to register.
    fn nodes(&mut self, plan: &Plan, units: &Sorted<'_>, plane: &Plane<'_>) {
        let Plane { api, objects, .. } = plane;
        let mut settled: Vec<StepId> = api.iter().chain(objects).chain(&self.held(plan, plane)).copied().collect();
        for change in &plan.cluster {
            if let ClusterChange::RegisterNode { node } = change {
                let action = Action::RegisterNode { host: node.clone() };
                settled.push(self.graph.add(node_lane(node), action, api.iter().copied()));
            }
        }
        for change in &plan.cluster {
            if let ClusterChange::RestartPod { namespace, name, .. } = change {
                let action = Action::RestartPod { namespace: namespace.clone(), name: name.clone() };
                self.graph.add("api", action, settled.iter().copied());
            }
        }
        let mut tried: Vec<StepId> = Vec::new();
        for host in &plan.hosts {
            let restarts = || {
                let mine = units.nodes_restart.iter().filter(|(name, _)| *name == host.host).map(|(_, change)| *change);
                mine.filter(|change| change.rollout.ready != Ready::Balancer)
            };
            let is_runtime = |change: &&UnitChange| change.rollout.ready == Ready::Runtime;
            let mut restarted = self.balancer(host, units, plane, &settled, &tried);
            let settled: Vec<StepId> = settled.iter().chain(&restarted).copied().collect();
            let plane = &plane.behind(&restarted);
            let mut runtime = Vec::new();
            for change in restarts().filter(is_runtime) {
                runtime.push(self.restart_on_node(host, change, &settled, &tried));
            }
            restarted.extend(&runtime);
            let (mut kubelets, images) = self.node_starts(host, units, plane, runtime);
            for change in restarts().filter(|change| !is_runtime(change)) {
                let id = self.restart_on_node(host, change, &settled, &tried);
                restarted.push(id);
                kubelets.extend((change.rollout.ready == Ready::Node).then_some(id));
            }
            if tried.is_empty() {
                tried = restarted;
            }
            let is_mine = |change: &&Change<'_>| change.0 == host.host;
            let late: Vec<&UnitChange> = units.nodes_start_late.iter().filter(is_mine).map(|change| change.1).collect();
            let starts = units.nodes_start.iter().filter(is_mine).map(|change| change.1);
            let timers: Vec<&UnitChange> = starts.filter(|change| change.rollout.ready == Ready::Timer).collect();
            let mut before: Vec<StepId> = api.iter().chain(objects).copied().chain(images).collect();
            if !kubelets.is_empty() || !late.is_empty() || plan.marks(&host.host) {
                let registered = self.registered(&host.host, plane, kubelets);
                let is_made = plane.made.contains(host.host.as_str());
                let network = if is_made { plane.serving.clone() } else { vec![registered] };
                for change in late {
                    self.unit(&host.host, change, objects.iter().chain(&network).copied().chain(images));
                }
                before.push(registered);
            }
            // There is nothing to look after before.
            for change in timers {
                self.unit(&host.host, change, before.iter().copied());
            }
        }
        for node in plan.marked().filter(|node| plan.hosts.iter().all(|host| host.host != **node)) {
            self.registered(node, plane, Vec::new());
        }
    }

    /// Where what stands before the API servers for all hosts changes: the virtual address leads to them.
    fn held(&mut self, plan: &Plan, plane: &Plane<'_>) -> Option<StepId> {
        let holds = [api_front_end::ID, api_virtual_address::ID];
        let mut changes = plan.hosts.iter().flat_map(|host| &host.units);
        if self.cluster.balancing.virtual_address.is_none() || !changes.any(|change| holds.contains(&change.component))
        {
            return None;
        }
        let after = plane.api.iter().chain(&plane.controllers).chain(&plane.serving).copied();
        Some(self.graph.add("api", Action::Held, after))
    }

    /// The host's own balancer, before everything that reaches the API by it.
    fn balancer(
        &mut self,
        host: &HostPlan,
        units: &Sorted<'_>,
        plane: &Plane<'_>,
        settled: &[StepId],
        tried: &[StepId],
    ) -> Vec<StepId> {
        let is_mine = |change: &&Change<'_>| change.0 == host.host && change.1.rollout.ready == Ready::Balancer;
        let mut changed: Vec<StepId> = Vec::new();
        for (_, change) in units.nodes_start.iter().filter(is_mine) {
            changed.push(self.unit(&host.host, change, []));
        }
        for (_, change) in units.nodes_restart.iter().filter(is_mine) {
            changed.push(self.restart_on_node(host, change, settled, tried));
        }
        if changed.is_empty() {
            return changed;
        }
        changed.extend(&plane.serving);
        vec![self.graph.add(node_lane(&host.host), Action::Balanced { host: host.host.clone() }, changed)]
    }

    fn restart_on_node(
        &mut self,
        host: &HostPlan,
        change: &UnitChange,
        settled: &[StepId],
        tried: &[StepId],
    ) -> StepId {
        let canary = if change.rollout.rolling == Rolling::Canary { tried } else { &[] };
        self.restart(&host.host, change, settled.iter().chain(canary).copied())
    }

    /// Nodes wait beside each other, and beside what their hosts do; for controllers, too, which give them their pieces of
    /// the pod network: with few hands at work, those who wait would hold up what they wait for.
    fn registered(&mut self, host: &str, plane: &Plane<'_>, kubelets: Vec<StepId>) -> StepId {
        let after = kubelets.into_iter().chain(plane.api.iter().chain(&plane.controllers).copied());
        self.graph.add(format!("{host}/api"), Action::NodeRegistered { host: host.to_owned() }, after)
    }

    /// The runtime needs nobody, images need it, and pods need both: ours, so a runtime that restarts has restarted. On a
    /// node that is made here no pod starts before its network does: only that waits for images.
    /// The steps after which the node registers come back, and the one after which pods find their images.
    fn node_starts(
        &mut self,
        host: &HostPlan,
        units: &Sorted<'_>,
        plane: &Plane<'_>,
        mut runtime: Vec<StepId>,
    ) -> (Vec<StepId>, Option<StepId>) {
        let Plane { etcd, api, serving, objects, .. } = plane;
        let mine = || units.nodes_start.iter().filter(|(name, _)| *name == host.host).map(|(_, change)| *change);
        for change in mine().filter(|change| change.rollout.ready == Ready::Runtime) {
            runtime.push(self.unit(&host.host, change, []));
        }
        let images = (!host.images.is_empty()).then(|| {
            let after: Vec<StepId> = runtime.iter().copied().chain(self.pushed(&host.host, Wave::Runtime)).collect();
            let made = plane.made.contains(host.host.as_str());
            let lane = if made { format!("{}/images", host.host) } else { node_lane(&host.host) };
            let import = self.graph.add(lane, Action::Import { host: host.host.clone() }, after);
            runtime.extend((!made).then_some(import));
            import
        });
        let mut nodes = Vec::new();
        let apart = [Ready::Runtime, Ready::Timer, Ready::Balancer];
        for change in mine().filter(|change| !apart.contains(&change.rollout.ready)) {
            let after: Vec<StepId> = match change.rollout.after {
                After::Nothing => Vec::new(),
                After::Etcd => etcd.to_vec(),
                After::Api => api.to_vec(),
                After::Runtime | After::Registered => runtime.iter().chain(serving).copied().collect(),
                After::Objects => runtime.iter().chain(api).chain(objects).copied().collect(),
            };
            let id = self.unit(&host.host, change, after);
            if change.rollout.ready == Ready::Node {
                nodes.push(id);
            }
        }
        (nodes, images)
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

/// What nodes wait for.
#[derive(Clone)]
struct Plane<'a> {
    etcd: Vec<StepId>,
    /// After these the API can be used.
    api: Vec<StepId>,
    /// After these kubelets can register. An API server takes that while it still makes its own roles, for which it waits
    /// a second on its first start.
    serving: Vec<StepId>,
    /// After these controllers work.
    controllers: Vec<StepId>,
    objects: Option<StepId>,
    /// Nodes that are there with their pieces of the pod network before their kubelets run.
    made: BTreeSet<&'a str>,
}

impl Plane<'_> {
    /// The same for a host that reaches the API only after these.
    fn behind(&self, steps: &[StepId]) -> Self {
        let mut plane = self.clone();
        plane.serving.extend(steps);
        plane
    }
}

/// What comes of the masters; see [`Plane`].
struct Masters {
    api: Vec<StepId>,
    serving: Vec<StepId>,
    controllers: Vec<StepId>,
}

/// A host and a change of one of its units.
type Change<'a> = (&'a str, &'a UnitChange);

/// All changes of units by what is done with them, each exactly once; in the inventory's order, and on a host in the
/// order of its units. A unit that only has to be enabled is among those that start: nothing waits for it.
#[derive(Default)]
struct Sorted<'a> {
    /// Members that join those that there are.
    members_join: Vec<Change<'a>>,
    members_start: Vec<Change<'a>>,
    members_restart: Vec<Change<'a>>,
    /// Hosts that become masters of a cluster that runs.
    masters_join: BTreeSet<&'a str>,
    masters_start: Vec<Change<'a>>,
    masters_restart: Vec<Change<'a>>,
    /// By host and unit of a member that restarts: what systemd restarts with it.
    with: BTreeMap<(&'a str, &'a str), &'a UnitChange>,
    nodes_start: Vec<Change<'a>>,
    nodes_start_late: Vec<Change<'a>>,
    nodes_restart: Vec<Change<'a>>,
}

impl<'a> Sorted<'a> {
    fn new(plan: &'a Plan) -> Self {
        let joins = |host: &str| plan.joining().any(|joining| joining.member == host);
        let mut sorted = Sorted { masters_join: plan.new_masters().collect(), ..Sorted::default() };
        let units = plan.hosts.iter().flat_map(|host| host.units.iter().map(move |unit| (host.host.as_str(), unit)));
        for (host, unit) in units {
            let restarts = unit.runs();
            let is_of = |member: &Change<'_>| member.0 == host && unit.part_of == Some(&*member.1.name);
            let member = sorted.members_restart.iter().find(|member| is_of(member)).map(|(_, member)| &*member.name);
            if let Some(member) = member.filter(|member| restarts && !sorted.with.contains_key(&(host, *member))) {
                sorted.with.insert((host, member), unit);
                continue;
            }
            let list = match (unit.rollout.rolling, restarts, unit.rollout.after) {
                (Rolling::Quorum, false, _) if joins(host) => &mut sorted.members_join,
                (Rolling::Quorum, false, _) => &mut sorted.members_start,
                (Rolling::Quorum, true, _) => &mut sorted.members_restart,
                (Rolling::ControlPlane, false, _) => &mut sorted.masters_start,
                (Rolling::ControlPlane, true, _) => &mut sorted.masters_restart,
                (Rolling::Canary | Rolling::Together, false, After::Registered) => &mut sorted.nodes_start_late,
                (Rolling::Canary | Rolling::Together, false, _) => &mut sorted.nodes_start,
                (Rolling::Canary | Rolling::Together, true, _) => &mut sorted.nodes_restart,
            };
            list.push((host, unit));
        }
        sorted
    }

    /// API servers that do not run and ask one member only, which stays as it is while others restart: those take their
    /// API servers with them, and these are there then.
    fn servers_first(&self) -> impl Iterator<Item = Change<'a>> {
        let restarts = |host: &str| self.members_restart.iter().any(|(member, _)| *member == host);
        let is_first = move |(host, change): &Change<'a>| {
            let asks_one = change.rollout.ready == Ready::Api && change.part_of.is_some();
            asks_one && !self.members_restart.is_empty() && !restarts(host)
        };
        self.masters_start.iter().copied().filter(is_first)
    }
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
