//! Real inventories, rendered and compared with hosts as they would answer; the steps that follow.

mod joining;
mod nodes;
mod packages;
mod secrets;
mod stopped;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::graph::{Graph, StepId};
use super::{Action, steps, title, uncovered};
use crate::changes::{Joining, Joins, Leftover, What};
use crate::cluster::{self, Cluster, Known};
use crate::components::Catalogue;
use crate::components::etcd::{ClusterState, FirstStart};
use crate::facts::{HostFacts, ProcessFact, UnitFact};
use crate::plan::{
    self, ClusterChange, Desired, Encryption, HostPlan, ObjectChange, Plan, Removal, Takes, UnitAction, compare,
    content_sha256,
};
use crate::render::{Common, Inputs, Templates, host_state};
use crate::reset::Targets;
use crate::secret::Secret;
use crate::state::{
    ArtifactRef, ComponentId, Content, EncryptionKey, File, HostState, Package, PackageFile, package_artifact,
};

type States = BTreeMap<String, HostState>;
type Facts = BTreeMap<String, HostFacts>;

const ONE: &str = "  - {name: n1, address: 10.0.0.11, roles: [etcd, master, node]}\n";
const TWO: &str = "  - {name: n1, address: 10.0.0.11, roles: [etcd, master]}
  - {name: n2, address: 10.0.0.12, roles: [node]}
";
const THREE: &str = "  - {name: n1, address: 10.0.0.11, roles: [etcd, master, node]}
  - {name: n2, address: 10.0.0.12, roles: [etcd, master, node]}
  - {name: n3, address: 10.0.0.13, roles: [etcd, master, node]}
";
const QUOTA: &str = "  etcd: {flags: {quota-backend-bytes: '4294967296'}}\n";
const INFLIGHT: &str = "  kube-apiserver: {flags: {max-requests-inflight: '500'}}\n";

#[test]
fn the_first_start_of_one_host() {
    let (cluster, states) = wanted(ONE, "");
    insta::assert_snapshot!(timeline(&graph(&cluster, &states, &bare(&cluster), None)), @"
    n1 push configuration
    n1 push control plane | n1 start etcd
    n1 push control plane | n1 etcd is healthy
    n1 push container runtime | n1 start kube-apiserver
    n1 push node programs | n1 kube-apiserver is ready | n1 start containerd
    n1 start kube-controller-manager | n1 start kube-scheduler | apply API objects | n1 import images
    n1 start kubelet
    n1 start kube-proxy | n1 its node registers
    n1 start flanneld | n1 start kbootstrap-data-plane.timer | n1 push tools
    the cluster is healthy
    ");
}

/// Programs of nodes travel behind those of the API server; kubelets and the pod network wait for no controller. A balancer
/// leads to servers that are ready.
#[test]
fn the_first_start_of_a_new_cluster_with_a_node() {
    let (cluster, states) = wanted(TWO, "");
    let facts = bare(&cluster);
    let hosts = cluster.hosts.iter().map(|host| compare(&states[&host.name], &facts[&host.name])).collect();
    let nodes = vec![serde_json::json!({ "metadata": { "name": "n2" } })];
    let plan = Plan { hosts, ..Plan::default() };
    let graph = steps(&cluster, &plan, &Desired { nodes, ..desired(&states) }, None, &[]);
    insta::assert_snapshot!(timeline(&graph), @"
    n1 push configuration | n2 push configuration
    n1 push control plane | n1 start etcd
    n1 push control plane | n2 push container runtime | n1 etcd is healthy
    n2 push node programs | n1 start kube-apiserver | n2 start containerd
    n1 kube-apiserver is ready | n2 import images
    make nodes
    n1 start kube-controller-manager | n1 start kube-scheduler | apply API objects | n2 start kubelet
    n2 start kube-proxy | n2 its node registers | n2 start flanneld
    n2 start kbootstrap-data-plane.timer | n1 push tools
    the cluster is healthy
    ");
}

#[test]
fn the_first_start_of_three_masters() {
    let (cluster, states) = wanted(THREE, "");
    let graph = graph(&cluster, &states, &bare(&cluster), None);
    insta::assert_snapshot!(timeline(&without_pushes(&graph)), @"
    n1 start etcd | n2 start etcd | n3 start etcd | n1 start containerd | n2 start containerd | n3 start containerd
    n1 etcd is healthy | n1 import images | n2 import images | n3 import images
    n1 start kube-apiserver | n2 start kube-apiserver | n3 start kube-apiserver
    n1 kube-apiserver is ready | n2 kube-apiserver is ready | n3 kube-apiserver is ready
    n1 start kube-controller-manager | n1 start kube-scheduler | n2 start kube-controller-manager | n2 start kube-scheduler | n3 start kube-controller-manager | n3 start kube-scheduler | apply API objects | n1 start kubelet | n2 start kubelet | n3 start kubelet
    n1 start kube-proxy | n1 its node registers | n2 start kube-proxy | n2 its node registers | n3 start kube-proxy | n3 its node registers
    n1 start flanneld | n1 start kbootstrap-data-plane.timer | n2 start flanneld | n2 start kbootstrap-data-plane.timer | n3 start flanneld | n3 start kbootstrap-data-plane.timer
    the cluster is healthy
    ");
}

#[test]
fn changed_flags_roll_through_one_at_a_time_the_leader_last_and_arrive_right_before() {
    let graph = changed(&[QUOTA, INFLIGHT].concat(), &[]);
    insta::assert_snapshot!(timeline(&graph), @"
    n2 etcd can spare this member
    n2 another kube-apiserver is ready
    n2 push kube-apiserver
    n2 push etcd
    n2 restart etcd and kube-apiserver
    n2 etcd is healthy
    n2 kube-apiserver is ready
    n3 etcd can spare this member
    n3 another kube-apiserver is ready
    n3 push kube-apiserver
    n3 push etcd
    n3 restart etcd and kube-apiserver
    n3 etcd is healthy
    n3 kube-apiserver is ready
    n1 etcd can spare this member
    n1 another kube-apiserver is ready
    n1 push kube-apiserver
    n1 push etcd
    n1 restart etcd and kube-apiserver
    n1 etcd is healthy
    n1 kube-apiserver is ready
    the cluster is healthy
    ");
    assert_rolls(&graph);
}

/// Where members have hosts of their own, API servers know all of them, and go on while one restarts.
#[test]
fn members_on_hosts_of_their_own_restart_without_api_servers() {
    let hosts = "  - {name: e1, address: 10.0.0.11, roles: [etcd]}
  - {name: e2, address: 10.0.0.12, roles: [etcd]}
  - {name: e3, address: 10.0.0.13, roles: [etcd]}
  - {name: n1, address: 10.0.0.21, roles: [master]}
  - {name: n2, address: 10.0.0.22, roles: [master]}
";
    let (_, before) = wanted(hosts, "");
    let (cluster, states) = wanted(hosts, &[QUOTA, INFLIGHT].concat());
    let graph = graph(&cluster, &states, &converged(&before), Some(vec![]));
    insta::assert_snapshot!(timeline(&graph), @"
    e1 etcd can spare this member
    e1 push etcd
    e1 restart etcd
    e1 etcd is healthy
    e2 etcd can spare this member
    e2 push etcd
    e2 restart etcd
    e2 etcd is healthy
    e3 etcd can spare this member
    e3 push etcd
    e3 restart etcd
    e3 etcd is healthy
    n1 another kube-apiserver is ready
    n1 push kube-apiserver
    n1 restart kube-apiserver
    n1 kube-apiserver is ready
    n2 another kube-apiserver is ready
    n2 push kube-apiserver
    n2 restart kube-apiserver
    n2 kube-apiserver is ready
    the cluster is healthy
    ");
    assert_rolls(&graph);
}

#[test]
fn a_run_that_died_before_its_restarts_is_gone_on_with() {
    let (cluster, states) = wanted(THREE, QUOTA);
    let mut facts = converged(&states);
    facts.get_mut("n2").unwrap().units.get_mut("etcd.service").unwrap().restart_key.clear();
    let graph = graph(&cluster, &states, &facts, Some(vec![]));
    insta::assert_snapshot!(timeline(&graph), @"
    n2 etcd can spare this member
    n2 another kube-apiserver is ready
    n2 restart etcd and kube-apiserver
    n2 etcd is healthy
    n2 kube-apiserver is ready
    the cluster is healthy
    ");
}

#[test]
fn another_version_rolls_with_its_programs() {
    let (_, before) = wanted(THREE, "");
    let text = format!("cluster: c\ncontrolPlaneEndpoint: 10.0.0.10\nkubernetes: 1.35.4\nhosts:\n{THREE}");
    let (cluster, states) = rendered(&text);
    let graph = graph(&cluster, &states, &converged(&before), Some(vec![]));
    assert_rolls(&graph);
    // While n1 restarts, n2 still has what it runs.
    let push = find(
        &graph,
        |action| matches!(action, Action::Push(push) if push.host == "n2" && push.title == "push kube-apiserver"),
    );
    let ready = find(
        &graph,
        |action| matches!(action, Action::Settled { host, change, .. } if host == "n1" && change.name == "kube-apiserver.service"),
    );
    assert!(before_sets(&graph)[push].contains(&ready));
    match &graph.steps()[push].action {
        Action::Push(push) => {
            let program = "/usr/local/bin/kube-apiserver".to_owned();
            assert!(push.files.contains(&program), "{push:?}");
            assert_eq!(push.forget, ["kube-apiserver.service"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_that_one_unit_starts_with_arrives_at_once_and_else_before_the_first_restart() {
    let (cluster, states) = wanted(THREE, "");
    let mut facts = converged(&states);
    let ca = format!("{}/ca.crt", cluster.layout.pki);
    for facts in facts.values_mut() {
        facts.files.get_mut(&ca).unwrap().sha256 = "another".into();
    }
    stop(&mut facts, "n1", "flanneld.service");
    let graph = graph(&cluster, &states, &facts, Some(vec![]));
    let pushes: Vec<(&str, &str)> = graph
        .steps()
        .iter()
        .filter_map(|step| match &step.action {
            Action::Push(push) if push.files.contains(&ca) => Some((push.host.as_str(), push.title.as_str())),
            _ => None,
        })
        .collect();
    let before_restart = "push kube-controller-manager";
    assert_eq!(pushes, [("n1", "push configuration"), ("n2", before_restart), ("n3", before_restart)]);
}

#[test]
fn nothing() {
    let (cluster, states) = wanted(THREE, "");
    assert!(graph(&cluster, &states, &converged(&states), Some(vec![])).is_empty());
}

fn wanted(hosts: &str, components: &str) -> (Cluster, States) {
    let components = if components.is_empty() { String::new() } else { format!("components:\n{components}") };
    rendered(&format!("cluster: c\ncontrolPlaneEndpoint: 10.0.0.10\n{components}hosts:\n{hosts}"))
}

fn rendered(inventory: &str) -> (Cluster, States) {
    rendered_with(inventory, |_| BTreeMap::new())
}

/// With members of etcd that are started with something else than the list of all.
fn rendered_with(inventory: &str, starts: impl Fn(&Cluster) -> BTreeMap<String, FirstStart>) -> (Cluster, States) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kbootstrap.yaml");
    std::fs::write(&file, inventory).unwrap();
    let loaded = crate::inventory::load(&file).unwrap();
    let cluster = cluster::resolve(&loaded, &Known::default()).unwrap();
    let catalogue = Catalogue::standard();
    let artifact = |name: &str| {
        let version = match name {
            "etcd" | "containerd" | "flanneld" => String::new(),
            _ => cluster.versions.kubernetes.to_string(),
        };
        let sha256 = content_sha256(&Content::Text(format!("{name} {version}").into()));
        Ok(ArtifactRef { name: name.into(), version, sha256, size: 2 << 20 })
    };
    let pki = BTreeMap::from([(
        format!("{}/ca.crt", cluster.layout.pki),
        File { content: Content::Text("ca".into()), mode: 0o644, owner: "root".into() },
    )]);
    let common = Common::of(&cluster).with_first_starts(starts(&cluster));
    let state = |host| {
        host_state(&Inputs {
            catalogue: &catalogue,
            cluster: &cluster,
            common: &common,
            host,
            facts: &HostFacts::default_host(),
            programs: &artifact,
            pki_files: &pki,
            encryption_keys: &[EncryptionKey { name: "key1".into(), secret: Secret::new([7; 32]) }],
            templates: &Templates::embedded(&catalogue),
        })
    };
    let states = cluster.hosts.iter().map(|host| (host.name.clone(), state(host).unwrap())).collect();
    (cluster, states)
}

fn bare(cluster: &Cluster) -> Facts {
    cluster.hosts.iter().map(|host| (host.name.clone(), HostFacts::default_host())).collect()
}

/// Hosts that hold and run exactly this.
fn converged(states: &States) -> Facts {
    states.iter().map(|(host, state)| (host.clone(), plan::converged(state))).collect()
}

fn stop(facts: &mut Facts, host: &str, unit: &str) {
    let unit = facts.get_mut(host).unwrap().units.get_mut(unit).unwrap();
    (unit.active, unit.sub) = ("inactive".into(), "dead".into());
}

fn graph(cluster: &Cluster, states: &States, facts: &Facts, objects: Option<Vec<ObjectChange>>) -> Graph<Action> {
    let hosts = cluster.hosts.iter().map(|host| compare(&states[&host.name], &facts[&host.name])).collect();
    steps(cluster, &Plan { hosts, objects, ..Plan::default() }, &desired(states), Some("n1"), &[])
}

/// Three masters get these components, while these units of theirs do not run.
fn changed(components: &str, stopped: &[(&str, &str)]) -> Graph<Action> {
    let (_, before) = wanted(THREE, "");
    let (cluster, states) = wanted(THREE, components);
    let mut facts = converged(&before);
    for (host, unit) in stopped {
        stop(&mut facts, host, unit);
    }
    graph(&cluster, &states, &facts, Some(vec![]))
}

fn desired(states: &States) -> Desired {
    Desired { hosts: states.clone(), ..Desired::default() }
}

fn find(graph: &Graph<Action>, wanted: impl Fn(&Action) -> bool) -> StepId {
    graph.steps().iter().position(|step| wanted(&step.action)).expect("there is such a step")
}

/// The same graph without pushes, for snapshots in which they would only be noise.
fn without_pushes(graph: &Graph<Action>) -> Graph<Action> {
    let before = before_sets(graph);
    let mut kept: BTreeMap<StepId, StepId> = BTreeMap::new();
    let mut rest = Graph::default();
    for (id, step) in graph.steps().iter().enumerate() {
        if !matches!(step.action, Action::Push(_)) {
            let after: Vec<StepId> = before[id].iter().filter_map(|id| kept.get(id).copied()).collect();
            kept.insert(id, rest.add(step.lane.clone(), step.action.clone(), after));
        }
    }
    rest
}

/// All steps that are certainly over when a step begins: those that it depends on, those before it in its lane, and so on.
fn before_sets(graph: &Graph<Action>) -> Vec<BTreeSet<StepId>> {
    let mut sets: Vec<BTreeSet<StepId>> = Vec::new();
    let mut last: BTreeMap<&str, StepId> = BTreeMap::new();
    for (id, step) in graph.steps().iter().enumerate() {
        let direct = step.after.iter().copied().chain(last.insert(&step.lane, id));
        let set = direct.flat_map(|before| sets[before].iter().copied().chain([before]).collect::<Vec<_>>()).collect();
        sets.push(set);
    }
    sets
}

/// A line for each moment, when every step takes as long as every other.
fn timeline(graph: &Graph<Action>) -> String {
    let mut moments: Vec<Vec<String>> = Vec::new();
    let mut when: Vec<usize> = Vec::new();
    let mut busy_until: BTreeMap<&str, usize> = BTreeMap::new();
    for step in graph.steps() {
        let lane = busy_until.entry(&step.lane).or_default();
        let before = step.after.iter().chain(&step.behind);
        let moment = before.map(|id| when[*id] + 1).max().unwrap_or_default().max(*lane);
        *lane = moment + 1;
        when.push(moment);
        let (host, title) = title(&step.action);
        moments.resize(moments.len().max(moment + 1), Vec::new());
        moments[moment].push(format!("{host} {title}").trim_start().to_owned());
    }
    moments.iter().map(|steps| steps.join(" | ") + "\n").collect()
}

/// No two restarts of etcd or of a master can overlap in any run, and between two of one component its health was asked.
fn assert_rolls(graph: &Graph<Action>) {
    let before = before_sets(graph);
    let rolling = |name: &&str| name.starts_with("etcd") || name.starts_with("kube-apiserver");
    let restarts: Vec<(StepId, &str, Vec<&str>)> = graph
        .steps()
        .iter()
        .enumerate()
        .filter_map(|(id, step)| match &step.action {
            Action::Unit { host, change, with } if change.action == Some(UnitAction::Restart) => {
                let names = [change].into_iter().chain(with).map(|change| change.name.as_str()).filter(rolling);
                Some((id, host.as_str(), names.collect()))
            }
            _ => None,
        })
        .filter(|(_, _, names): &(_, _, Vec<&str>)| !names.is_empty())
        .collect();
    for pair in restarts.windows(2) {
        let ((first, host, names), (second, next, _)) = (&pair[0], &pair[1]);
        assert!(before[*second].contains(first), "{names:?} on {host} and {next} may restart together");
        for name in names {
            let gate = graph.steps().iter().enumerate().any(|(id, step)| {
                let asked = match &step.action {
                    Action::Settled { host: at, change, .. } => change.name == *name && at == host,
                    _ => false,
                };
                asked && before[id].contains(first) && before[*second].contains(&id)
            });
            assert!(gate, "nobody asks whether {name} on {host} is healthy before {next} restarts");
        }
    }
}
