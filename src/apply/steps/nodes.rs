//! What is done on nodes: what does not run starts as soon as it can, what runs changes on one node first.

use std::collections::BTreeSet;

use super::graph::StepId;
use super::sorted::{Change, Sorted};
use super::{Action, Builder, node_lane};
use crate::components::{api_front_end, api_virtual_address};
use crate::plan::{ClusterChange, HostPlan, Plan, UnitChange};
use crate::state::{After, Ready, Rolling, Wave};

/// What nodes wait for.
#[derive(Clone)]
pub(super) struct Plane<'a> {
    pub(super) etcd: Vec<StepId>,
    /// After these the API can be used.
    pub(super) api: Vec<StepId>,
    /// After these kubelets can register. An API server takes that while it still makes its own roles, for which it waits
    /// a second on its first start.
    pub(super) serving: Vec<StepId>,
    /// After these controllers work.
    pub(super) controllers: Vec<StepId>,
    pub(super) objects: Option<StepId>,
    /// Nodes that are there with their pieces of the pod network before their kubelets run.
    pub(super) made: BTreeSet<&'a str>,
}

impl Plane<'_> {
    /// The same for a host that reaches the API only after these.
    fn behind(&self, steps: &[StepId]) -> Self {
        let mut plane = self.clone();
        plane.serving.extend(steps);
        plane
    }
}

impl Builder<'_> {
    /// What does not run on a node starts as soon as it can; what runs changes on one node first, then on the others.
    /// No node waits for another one to register.
    pub(super) fn nodes(&mut self, plan: &Plan, units: &Sorted<'_>, plane: &Plane<'_>) {
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
}
