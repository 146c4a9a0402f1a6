//! Every change of a plan has its step. What a graph would leave undone is a defect, and never a success.

use std::collections::{BTreeMap, BTreeSet};

use super::Action;
use super::graph::Graph;
use super::waves::Push;
use crate::changes::{Joining, Joins};
use crate::plan::{ClusterChange, FileDifference, HostPlan, PackageChange, Plan, Removal, UnitChange};

/// The changes that no step makes, a line each.
pub fn uncovered(plan: &Plan, graph: &Graph<Action>) -> Vec<String> {
    let done = Done::by(graph);
    let hosts = plan.hosts.iter().flat_map(|host| on_host(host, done.hosts.get(host.host.as_str())));
    let objects = plan.objects.as_ref().is_none_or(|objects| !objects.is_empty()) && !done.objects;
    let cluster = plan.cluster.iter().filter(|change| !done.makes(change)).map(|change| format!("{change:?}"));
    hosts.chain(objects.then(|| "API objects".to_owned())).chain(cluster).collect()
}

/// What the steps do on one host.
#[derive(Default)]
struct OnHost<'a> {
    pushes: Vec<&'a Push>,
    imports: bool,
    packages: bool,
    units: Vec<&'a UnitChange>,
}

/// What the steps do.
#[derive(Default)]
struct Done<'a> {
    hosts: BTreeMap<&'a str, OnHost<'a>>,
    objects: bool,
    secrets: bool,
    /// Nodes whose labels are set, nodes that are made again.
    registered: BTreeSet<&'a str>,
    made: BTreeSet<&'a str>,
    /// Leftovers that go: from which host, and from the API.
    taken: BTreeSet<(&'a str, &'a str)>,
    deleted: BTreeSet<&'a str>,
    /// Members that are added to etcd, that get their vote, and with which etcd is known to be whole.
    added: BTreeSet<&'a str>,
    promoted: BTreeSet<&'a str>,
    agreed: BTreeSet<&'a str>,
    /// Hosts whose API servers are waited for.
    ready: BTreeSet<&'a str>,
    revoked: BTreeSet<&'a str>,
    records: Vec<&'a [String]>,
    pods: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Done<'a> {
    fn by(graph: &'a Graph<Action>) -> Self {
        let mut done = Done::default();
        for step in graph.steps() {
            match &step.action {
                Action::Push(push) => done.on(&push.host).pushes.push(push),
                Action::Import { host } => done.on(host).imports = true,
                Action::Packages { host } => done.on(host).packages = true,
                Action::Unit { host, change, with } => done.on(host).units.extend([change].into_iter().chain(with)),
                Action::Objects => done.objects = true,
                Action::Secrets => done.secrets = true,
                Action::NodeRegistered { host } => drop(done.registered.insert(host)),
                Action::RegisterNode { host } => drop(done.made.insert(host)),
                Action::TakeAway { host, name } => drop(done.taken.insert((name, host))),
                Action::Delete { name } => drop(done.deleted.insert(name)),
                Action::RestartPod { namespace, name } => drop(done.pods.insert((namespace, name))),
                Action::Revoke { host } => drop(done.revoked.insert(host)),
                Action::Record(places) => done.records.push(places),
                Action::AddMember(joining) => drop(done.added.insert(&joining.member)),
                Action::PromoteMember(joining) => drop(done.promoted.insert(&joining.member)),
                Action::MembersAgree(joining) => drop(done.agreed.insert(&joining.member)),
                Action::ApiReady { host, about_to_restart: false } => drop(done.ready.insert(host)),
                Action::Settled { .. }
                | Action::EtcdHealthy { .. }
                | Action::ApiReady { .. }
                | Action::Balanced { .. }
                | Action::Held
                | Action::PushKeys { .. }
                | Action::KeysRead
                | Action::MakeNodes
                | Action::Shown
                | Action::Healthy => {}
            }
        }
        done
    }

    fn on(&mut self, host: &'a str) -> &mut OnHost<'a> {
        self.hosts.entry(host).or_default()
    }

    fn makes(&self, change: &ClusterChange) -> bool {
        match change {
            ClusterChange::MarkNode { node, .. } => self.registered.contains(node.as_str()),
            ClusterChange::RewriteSecrets { .. } => self.secrets,
            ClusterChange::RegisterNode { node } => self.made.contains(node.as_str()),
            ClusterChange::RestartPod { namespace, name, .. } => self.pods.contains(&(namespace, name)),
            ClusterChange::AddMember(joining) => self.adds(joining),
            ClusterChange::AddMaster { name } => self.ready.contains(name.as_str()),
            ClusterChange::Remove(removal) => self.removes(removal),
            ClusterChange::Revoke(revocation) => self.revoked.contains(revocation.host.as_str()),
            ClusterChange::WriteRecord { places } => self.records.contains(&places.as_slice()),
        }
    }

    fn adds(&self, joining: &Joining) -> bool {
        let (is, name) = (joining.is, joining.member.as_str());
        (is != Joins::New || self.added.contains(name))
            && (is == Joins::Voter || self.promoted.contains(name))
            && self.agreed.contains(name)
    }

    fn removes(&self, removal: &Removal) -> bool {
        let name = removal.leftover.name.as_str();
        removal.hosts().all(|host| self.taken.contains(&(name, host)))
            && (removal.objects.is_empty() || self.deleted.contains(name))
    }
}

fn on_host(plan: &HostPlan, done: Option<&OnHost<'_>>) -> Vec<String> {
    let nothing = OnHost::default();
    let done = done.unwrap_or(&nothing);
    let prepared = done.pushes.iter().any(|push| push.first);
    let pushed = |of: fn(&Push) -> &Vec<String>, name: &String| done.pushes.iter().any(|push| of(push).contains(name));
    let mut left: Vec<String> = Vec::new();
    if !prepared {
        left.extend(plan.users.iter().map(|user| format!("user {user}")));
        left.extend(plan.dirs.keys().map(|dir| format!("folder {dir}")));
        left.extend(plan.modules.iter().map(|module| format!("kernel module {module}")));
        left.extend(plan.sysctls.iter().map(|sysctl| sysctl.name.clone()));
    }
    for file in &plan.files {
        let comes = match file.change {
            FileDifference::Mode => pushed(|push| &push.modes, &file.path),
            FileDifference::Create | FileDifference::Replace => pushed(|push| &push.files, &file.path),
        };
        left.extend((!comes).then(|| file.path.clone()));
    }
    let held = |name: &String| done.imports && pushed(|push| &push.images, name);
    left.extend(plan.images.iter().filter(|image| !held(&image.name)).map(|image| format!("image {}", image.name)));
    let installed =
        |package: &&PackageChange| done.packages && (!package.install || pushed(|push| &push.packages, &package.name));
    let packages = plan.packages.iter().filter(|package| !installed(package));
    left.extend(packages.map(|package| format!("package {}", package.name)));
    left.extend(plan.units.iter().filter(|unit| !done.units.contains(unit)).map(|unit| unit.name.clone()));
    left.into_iter().map(|what| format!("{}: {what}", plan.host)).collect()
}
