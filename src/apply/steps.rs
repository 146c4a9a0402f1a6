//! From a plan to steps: what depends on what, what may run at once, what must roll.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Graph, StepId};
use crate::cluster::{Cluster, Component, Role};
use crate::plan::{FileChange, FileKind, HostPlan, Plan, UnitAction, UnitChange};
use crate::render::{Content, HostState};

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Users, folders, modules, kernel settings and files of one wave.
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
    /// The host's API server says that it is ready.
    ApiReady {
        /// Host.
        host: String,
    },
    /// The cluster's own API objects are as they should be.
    Objects,
    /// All nodes are registered and have their piece of the pod network; their labels are set.
    NodesRegistered,
    /// Leases held, nodes Ready, CoreDNS available.
    Healthy,
}

/// One stream to a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Push {
    /// Host.
    pub host: String,
    /// What it is, for people.
    pub title: String,
    /// The first push also makes users and folders, loads modules and sets kernel settings.
    pub first: bool,
    /// Paths of files to write.
    pub files: Vec<String>,
    /// Paths whose mode or owner is all that changes.
    pub modes: Vec<String>,
    /// Names of images whose tars travel along.
    pub images: Vec<String>,
    /// Units whose restart key is forgotten first, because their files change.
    pub forget: Vec<String>,
}

/// Programs arrive in the order in which they are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wave {
    Etcd,
    Apiserver,
    Controllers,
    Runtime,
    Node,
    Tools,
}

const WAVES: [Wave; 6] = [Wave::Etcd, Wave::Apiserver, Wave::Controllers, Wave::Runtime, Wave::Node, Wave::Tools];

/// The steps that make the plan true.
pub fn steps(cluster: &Cluster, plan: &Plan, desired: &BTreeMap<String, HostState>) -> Graph<Action> {
    let mut builder = Builder { cluster, desired, graph: Graph::default(), pushed: BTreeMap::new() };
    for host in &plan.hosts {
        builder.pushes(host);
    }
    builder.units(plan);
    builder.graph
}

struct Builder<'a> {
    cluster: &'a Cluster,
    desired: &'a BTreeMap<String, HostState>,
    graph: Graph<Action>,
    /// The last push that a host's component needs.
    pushed: BTreeMap<(String, Wave), StepId>,
}

impl Builder<'_> {
    fn pushes(&mut self, plan: &HostPlan) {
        let Some(state) = self.desired.get(&plan.host) else { return };
        let mut first = true;
        let mut last = None;
        for wave in WAVES {
            let push = push(plan, state, wave, first);
            if let Some(push) = push {
                let id = self.graph.add(format!("{}/push", plan.host), Action::Push(push), last);
                last = Some(id);
                first = false;
            }
            if let Some(id) = last {
                self.pushed.insert((plan.host.clone(), wave), id);
            }
        }
    }

    fn units(&mut self, plan: &Plan) {
        let etcd = self.etcd(plan);
        let api = self.masters(plan, &etcd);
        let objects = plan
            .objects
            .as_ref()
            .is_none_or(|o| !o.is_empty())
            .then(|| self.graph.add("api", Action::Objects, api.iter().copied()));
        self.nodes(plan, &api, objects);
        if !self.graph.is_empty() {
            let everything: Vec<StepId> = (0..self.graph.steps().len()).collect();
            self.graph.add("api", Action::Healthy, everything);
        }
    }

    /// Members that do not run start together, for none is ready without a quorum; those that run restart one by one.
    fn etcd(&mut self, plan: &Plan) -> Vec<StepId> {
        let mut started = Vec::new();
        for (host, change) in changes(plan, Component::Etcd, UnitAction::Start) {
            started.push(self.unit(host, change, []));
        }
        let mut gates: Vec<StepId> = match started.is_empty() {
            true => Vec::new(),
            false => {
                let host = first(self.cluster, Role::Etcd);
                vec![self.graph.add(host.clone(), Action::EtcdHealthy { host, about_to_restart: false }, started)]
            }
        };
        for (host, change) in changes(plan, Component::Etcd, UnitAction::Restart) {
            let before = self.graph.add(
                host.clone(),
                Action::EtcdHealthy { host: host.clone(), about_to_restart: true },
                gates.clone(),
            );
            let restart = self.unit(host, change, [before]);
            let healthy = Action::EtcdHealthy { host: host.clone(), about_to_restart: false };
            gates = vec![self.graph.add(host.clone(), healthy, [restart])];
        }
        gates
    }

    /// Masters that do not run start together; those that run change one at a time, each gated on /readyz.
    /// The steps after which the API can be used are returned.
    fn masters(&mut self, plan: &Plan, etcd: &[StepId]) -> Vec<StepId> {
        let mut gates: Vec<StepId> = Vec::new();
        for (host, change) in changes(plan, Component::KubeApiserver, UnitAction::Start) {
            let start = self.unit(host, change, etcd.iter().copied());
            gates.push(self.graph.add(host.clone(), Action::ApiReady { host: host.clone() }, [start]));
        }
        let mut controllers = Vec::new();
        for component in [Component::KubeControllerManager, Component::KubeScheduler] {
            for (host, change) in changes(plan, component, UnitAction::Start) {
                let after: Vec<StepId> = etcd.iter().copied().chain(gates.iter().copied()).collect();
                controllers.push(self.unit(host, change, after));
            }
        }
        for host in self.cluster.with_role(Role::Master).map(|h| h.name.clone()) {
            let restarts: Vec<&UnitChange> = plan
                .hosts
                .iter()
                .filter(|p| p.host == host)
                .flat_map(|p| &p.units)
                .filter(|u| u.action == Some(UnitAction::Restart) && is_control_plane(u.component))
                .collect();
            for change in restarts {
                let after: Vec<StepId> = etcd
                    .iter()
                    .chain(&gates)
                    .chain(&controllers)
                    .copied()
                    .collect::<BTreeSet<_>>()
                    .into_iter()
                    .collect();
                let restart = self.unit(&host, change, after);
                gates = match change.component {
                    Component::KubeApiserver => {
                        vec![self.graph.add(host.clone(), Action::ApiReady { host: host.clone() }, [restart])]
                    }
                    _ => vec![restart],
                };
            }
        }
        gates.extend(etcd);
        gates
    }

    fn nodes(&mut self, plan: &Plan, api: &[StepId], objects: Option<StepId>) {
        let mut kubelets = Vec::new();
        for host in &plan.hosts {
            let mut runtime = Vec::new();
            for change in host.units.iter().filter(|u| u.component == Component::Containerd) {
                runtime.push(self.unit(&host.host, change, []));
            }
            if !host.images.is_empty() {
                let after: Vec<StepId> =
                    runtime.iter().copied().chain(self.pushed(&host.host, Wave::Runtime)).collect();
                let lane = lane(&host.host, Component::Containerd);
                runtime.push(self.graph.add(lane, Action::Import { host: host.host.clone() }, after));
            }
            let ready: Vec<StepId> = runtime.iter().chain(api).copied().collect();
            // flanneld waits by itself for its node's piece of the pod network, but must be allowed to look at it.
            for (component, more) in
                [(Component::Kubelet, None), (Component::KubeProxy, None), (Component::Flanneld, objects)]
            {
                for change in host.units.iter().filter(|u| u.component == component) {
                    let id = self.unit(&host.host, change, ready.iter().copied().chain(more));
                    if component == Component::Kubelet {
                        kubelets.push(id);
                    }
                }
            }
        }
        let nothing_new = kubelets.is_empty() && plan.objects.as_ref().is_some_and(Vec::is_empty);
        if !nothing_new && !self.graph.is_empty() {
            let after: Vec<StepId> = kubelets.iter().chain(api).copied().collect();
            self.graph.add("api", Action::NodesRegistered, after);
        }
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
    match component {
        Component::Containerd | Component::Kubelet | Component::KubeProxy | Component::Flanneld => {
            format!("{host}/node")
        }
        _ => host.to_owned(),
    }
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

fn is_control_plane(component: Component) -> bool {
    matches!(component, Component::KubeApiserver | Component::KubeControllerManager | Component::KubeScheduler)
}

fn first(cluster: &Cluster, role: Role) -> String {
    cluster.with_role(role).next().map(|h| h.name.clone()).unwrap_or_default()
}

fn wave_of(component: Component) -> Wave {
    match component {
        Component::Etcd => Wave::Etcd,
        Component::KubeApiserver => Wave::Apiserver,
        Component::KubeControllerManager | Component::KubeScheduler => Wave::Controllers,
        Component::Containerd => Wave::Runtime,
        Component::Kubelet | Component::KubeProxy | Component::Flanneld | Component::Coredns => Wave::Node,
    }
}

/// The wave that a file travels in: everything small goes first, programs when their unit needs them.
fn wave_of_file(file: &FileChange, state: &HostState) -> Wave {
    if file.kind != FileKind::Program {
        return Wave::Etcd;
    }
    let name = match state.files.get(&file.path).map(|f| &f.content) {
        Some(Content::Artifact(artifact)) => artifact.name.as_str(),
        _ => "",
    };
    match name {
        "etcd" => Wave::Etcd,
        "kube-apiserver" => Wave::Apiserver,
        "kube-controller-manager" | "kube-scheduler" => Wave::Controllers,
        "containerd" | "containerd-shim-runc-v2" | "runc" | "ctr" => Wave::Runtime,
        "kubelet" | "kube-proxy" | "flanneld" => Wave::Node,
        cni if cni.starts_with("cni-") => Wave::Runtime,
        _ => Wave::Tools,
    }
}

fn push(plan: &HostPlan, state: &HostState, wave: Wave, first: bool) -> Option<Push> {
    use crate::plan::FileDifference::Mode;
    let mine = |f: &&FileChange| wave_of_file(f, state) == wave;
    let files: Vec<String> =
        plan.files.iter().filter(|f| f.change != Mode).filter(mine).map(|f| f.path.clone()).collect();
    let modes: Vec<String> =
        plan.files.iter().filter(|f| f.change == Mode).filter(mine).map(|f| f.path.clone()).collect();
    let images: Vec<String> =
        if wave == Wave::Runtime { plan.images.iter().map(|i| i.name.clone()).collect() } else { Vec::new() };
    let prepares =
        first && !(plan.users.is_empty() && plan.dirs.is_empty() && plan.modules.is_empty() && plan.sysctls.is_empty());
    if files.is_empty() && modes.is_empty() && images.is_empty() && !prepares {
        return None;
    }
    let forget = if first {
        plan.units.iter().filter(|u| u.action.is_some()).map(|u| u.name.clone()).collect()
    } else {
        Vec::new()
    };
    let title = match wave {
        Wave::Etcd => "push configuration",
        Wave::Apiserver | Wave::Controllers => "push control plane",
        Wave::Runtime => "push container runtime",
        Wave::Node => "push node programs",
        Wave::Tools => "push tools",
    };
    Some(Push { host: plan.host.clone(), title: title.into(), first, files, modes, images, forget })
}
