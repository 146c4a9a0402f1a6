//! From a plan to steps: what depends on what, what may run at once, what must roll.
//!
//! What does not run starts together: it takes nothing away from anybody. What runs is changed one at a time, gated
//! on the health of the others before and on its own after, so that the first change that does not work is the last.

use std::collections::BTreeMap;

use super::graph::{Graph, StepId};
use super::waves::{Push, WAVES, Wave, arrivals, wave_of};
use crate::cluster::{Cluster, Component, Role};
use crate::plan::{HostPlan, Plan, UnitAction, UnitChange};
use crate::state::HostState;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Users, folders, modules, kernel settings and files of one wave, or the files of a unit that is to restart.
    Push(Push),
    /// Images into containerd; their tars were pushed before.
    Import {
        /// Host.
        host: String,
    },
    /// Enable, start or restart a unit, and wait until it runs.
    Unit {
        /// Host.
        host: String,
        /// What to do.
        change: UnitChange,
    },
    /// The etcd members answer and have a leader. Before a restart: they would without this one, too.
    EtcdHealthy {
        /// Asked through this host.
        host: String,
        /// The member that is about to be restarted.
        about_to_restart: bool,
    },
    /// The host's API server says that it is ready. Before a restart: another one does.
    ApiReady {
        /// Host.
        host: String,
        /// It is about to be restarted.
        about_to_restart: bool,
    },
    /// The cluster's own API objects are as they should be.
    Objects,
    /// All nodes are registered and have their piece of the pod network; their labels are set.
    NodesRegistered,
    /// Leases held, nodes Ready, CoreDNS available.
    Healthy,
}

/// The steps that make the plan true. The etcd member that leads, where it is known, restarts last: its stop hands the
/// lead to another one, and that happens once, not at every restart.
pub fn steps(
    cluster: &Cluster,
    plan: &Plan,
    desired: &BTreeMap<String, HostState>,
    etcd_leader: Option<&str>,
) -> Graph<Action> {
    let mut builder =
        Builder { cluster, graph: Graph::default(), pushed: BTreeMap::new(), before_restart: BTreeMap::new() };
    for host in &plan.hosts {
        if let Some(state) = desired.get(&host.host) {
            builder.pushes(host, state);
        }
    }
    builder.units(plan, etcd_leader);
    builder.graph
}

struct Builder<'a> {
    cluster: &'a Cluster,
    graph: Graph<Action>,
    /// The last push that a host's component needs.
    pushed: BTreeMap<(String, Wave), StepId>,
    /// By host and unit: what arrives right before its restart.
    before_restart: BTreeMap<(String, String), Push>,
}

impl Builder<'_> {
    fn pushes(&mut self, plan: &HostPlan, state: &HostState) {
        let arrivals = arrivals(plan, state);
        let mut waves: BTreeMap<Wave, Push> = arrivals.waves.into_iter().collect();
        let mut last = None;
        for wave in WAVES {
            if let Some(push) = waves.remove(&wave) {
                last = Some(self.graph.add(push_lane(&plan.host), Action::Push(push), last));
            }
            if let Some(id) = last {
                self.pushed.insert((plan.host.clone(), wave), id);
            }
        }
        let units = arrivals.before_restart.into_iter();
        self.before_restart.extend(units.map(|(unit, push)| ((plan.host.clone(), unit), push)));
    }

    fn units(&mut self, plan: &Plan, etcd_leader: Option<&str>) {
        let etcd = self.etcd(plan, etcd_leader);
        let api = self.masters(plan, &etcd);
        let differ = plan.objects.as_ref().is_none_or(|o| !o.is_empty());
        let objects = differ.then(|| self.graph.add("api", Action::Objects, api.iter().copied()));
        self.nodes(plan, &api, objects);
        if !self.graph.is_empty() {
            let everything: Vec<StepId> = (0..self.graph.steps().len()).collect();
            self.graph.add("api", Action::Healthy, everything);
        }
    }

    /// Members that do not run start together, for none is ready without a quorum; those that run restart one by one.
    fn etcd(&mut self, plan: &Plan, leader: Option<&str>) -> Vec<StepId> {
        let mut started = Vec::new();
        for (host, change) in changes(plan, Component::Etcd, UnitAction::Start) {
            started.push(self.unit(host, change, []));
        }
        let mut gates = Vec::new();
        if !started.is_empty() {
            let host = first(self.cluster, Role::Etcd);
            gates = vec![self.graph.add(host.clone(), Action::EtcdHealthy { host, about_to_restart: false }, started)];
        }
        let mut restarts = changes(plan, Component::Etcd, UnitAction::Restart);
        restarts.sort_by_key(|(host, _)| Some(host.as_str()) == leader);
        for (host, change) in restarts {
            let healthy = |about_to_restart| Action::EtcdHealthy { host: host.clone(), about_to_restart };
            let before = self.graph.add(host.clone(), healthy(true), gates);
            let restart = self.restart(host, change, [before]);
            gates = vec![self.graph.add(host.clone(), healthy(false), [restart])];
        }
        gates
    }

    /// Masters that do not run start together; those that run change one at a time. The steps after which the API can
    /// be used come back.
    fn masters(&mut self, plan: &Plan, etcd: &[StepId]) -> Vec<StepId> {
        let mut gates = Vec::new();
        for (host, change) in changes(plan, Component::KubeApiserver, UnitAction::Start) {
            let start = self.unit(host, change, etcd.iter().copied());
            gates.push(self.graph.add(host.clone(), ready(host, false), [start]));
        }
        let mut controllers = Vec::new();
        for component in [Component::KubeControllerManager, Component::KubeScheduler] {
            for (host, change) in changes(plan, component, UnitAction::Start) {
                controllers.push(self.unit(host, change, etcd.iter().chain(&gates).copied()));
            }
        }
        for (host, change) in restarts(plan, is_control_plane) {
            let after: Vec<StepId> = etcd.iter().chain(&gates).chain(&controllers).copied().collect();
            gates = match change.component {
                Component::KubeApiserver => {
                    let before = self.graph.add(host.clone(), ready(host, true), after);
                    let restart = self.restart(host, change, [before]);
                    vec![self.graph.add(host.clone(), ready(host, false), [restart])]
                }
                _ => vec![self.restart(host, change, after)],
            };
        }
        gates.extend(etcd);
        gates
    }

    /// What does not run on a node starts as soon as it can; what runs changes on one node first, then on the others.
    fn nodes(&mut self, plan: &Plan, api: &[StepId], objects: Option<StepId>) {
        let mut kubelets = Vec::new();
        for host in &plan.hosts {
            kubelets.extend(self.node_starts(host, api));
        }
        let mut tried: Vec<StepId> = Vec::new();
        for host in &plan.hosts {
            let mut restarted = Vec::new();
            for change in host.units.iter().filter(|u| is_node(u.component) && is_restart(u)) {
                let id = self.restart(&host.host, change, api.iter().chain(&objects).chain(&tried).copied());
                restarted.push(id);
                if change.component == Component::Kubelet {
                    kubelets.push(id);
                }
            }
            if tried.is_empty() {
                tried = restarted;
            }
        }
        let flanneld = changes(plan, Component::Flanneld, UnitAction::Start);
        let marked = kubelets.is_empty() && flanneld.is_empty() && objects.is_none() && plan.cluster.is_empty();
        if marked {
            return;
        }
        let after = kubelets.into_iter().chain(api.iter().copied()).chain(objects);
        let registered = self.graph.add("api", Action::NodesRegistered, after);
        // flanneld gives up where its node has no piece of the pod network yet, or where it may not look at it.
        for (host, change) in flanneld {
            self.unit(host, change, [registered]);
        }
    }

    /// The runtime needs nobody; kubelet and kube-proxy need the runtime and the API. The kubelets' steps come back.
    fn node_starts(&mut self, host: &HostPlan, api: &[StepId]) -> Vec<StepId> {
        let starts = |component| host.units.iter().filter(move |u| u.component == component && !is_restart(u));
        let mut runtime = Vec::new();
        for change in starts(Component::Containerd) {
            runtime.push(self.unit(&host.host, change, []));
        }
        if !host.images.is_empty() {
            let after: Vec<StepId> = runtime.iter().copied().chain(self.pushed(&host.host, Wave::Runtime)).collect();
            let import = Action::Import { host: host.host.clone() };
            runtime.push(self.graph.add(lane(&host.host, Component::Containerd), import, after));
        }
        let mut kubelets = Vec::new();
        for component in [Component::Kubelet, Component::KubeProxy] {
            for change in starts(component) {
                let id = self.unit(&host.host, change, runtime.iter().chain(api).copied());
                if component == Component::Kubelet {
                    kubelets.push(id);
                }
            }
        }
        kubelets
    }

    /// A running unit gets its files and is restarted.
    fn restart(&mut self, host: &str, change: &UnitChange, after: impl IntoIterator<Item = StepId>) -> StepId {
        let mut after: Vec<StepId> = after.into_iter().collect();
        if let Some(push) = self.before_restart.remove(&(host.to_owned(), change.name.clone())) {
            after.extend(self.pushed(host, wave_of(change.component)));
            // A host takes one push at a time.
            after = vec![self.graph.add(push_lane(host), Action::Push(push), after)];
        }
        self.unit(host, change, after)
    }

    fn unit(&mut self, host: &str, change: &UnitChange, after: impl IntoIterator<Item = StepId>) -> StepId {
        let after: Vec<StepId> = after.into_iter().chain(self.pushed(host, wave_of(change.component))).collect();
        let lane = lane(host, change.component);
        self.graph.add(lane, Action::Unit { host: host.to_owned(), change: change.clone() }, after)
    }

    fn pushed(&self, host: &str, wave: Wave) -> Option<StepId> {
        self.pushed.get(&(host.to_owned(), wave)).copied()
    }
}

/// The node's services have a connection of their own, so that they come up beside the control plane's.
fn lane(host: &str, component: Component) -> String {
    if is_node(component) { format!("{host}/node") } else { host.to_owned() }
}

/// Changes of one component that start or restart it, in the inventory's order.
fn changes(plan: &Plan, component: Component, action: UnitAction) -> Vec<(&String, &UnitChange)> {
    plan.hosts
        .iter()
        .flat_map(|host| host.units.iter().map(move |unit| (&host.host, unit)))
        // A unit that only has to be enabled goes with those that start: nothing waits for it.
        .filter(|(_, unit)| unit.component == component && unit.action.unwrap_or(UnitAction::Start) == action)
        .collect()
}

/// Whether the plan restarts several etcd members.
pub fn rolls_etcd(plan: &Plan) -> bool {
    changes(plan, Component::Etcd, UnitAction::Restart).len() > 1
}

/// Restarts of some components, host by host in the inventory's order, on each in the order of its units.
fn restarts(plan: &Plan, component: fn(Component) -> bool) -> Vec<(&String, &UnitChange)> {
    let units = plan.hosts.iter().flat_map(|host| host.units.iter().map(move |unit| (&host.host, unit)));
    units.filter(|(_, unit)| component(unit.component) && is_restart(unit)).collect()
}

fn ready(host: &str, about_to_restart: bool) -> Action {
    Action::ApiReady { host: host.to_owned(), about_to_restart }
}

fn is_restart(unit: &UnitChange) -> bool {
    unit.action == Some(UnitAction::Restart)
}

fn is_control_plane(component: Component) -> bool {
    matches!(component, Component::KubeApiserver | Component::KubeControllerManager | Component::KubeScheduler)
}

fn is_node(component: Component) -> bool {
    matches!(component, Component::Containerd | Component::Kubelet | Component::KubeProxy | Component::Flanneld)
}

fn first(cluster: &Cluster, role: Role) -> String {
    cluster.with_role(role).next().map(|h| h.name.clone()).unwrap_or_default()
}

/// The lane of everything that is pushed to the host.
fn push_lane(host: &str) -> String {
    format!("{host}/push")
}
