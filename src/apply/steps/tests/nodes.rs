//! What runs on nodes.

use super::*;

#[test]
fn nodes_are_changed_on_one_first() {
    let graph = changed("  kubelet: {config: {maxPods: 50}}\n  kube-proxy: {config: {logging: {verbosity: 2}}}\n", &[]);
    insta::assert_snapshot!(timeline(&graph), @"
    n1 push kubelet
    n1 restart kubelet | n1 push kube-proxy
    n1 restart kube-proxy | n1 its node registers
    n2 push kubelet | n3 push kubelet
    n2 restart kubelet | n2 push kube-proxy | n3 restart kubelet | n3 push kube-proxy
    n2 restart kube-proxy | n2 its node registers | n3 restart kube-proxy | n3 its node registers
    the cluster is healthy
    ");
}

/// With few hands at work, who waits must not hold up what it waits for; and no node waits for another one.
#[test]
fn a_node_is_waited_for_once_controllers_work_and_no_other_node_waits_for_it() {
    let (cluster, states) = wanted(THREE, "");
    let graph = graph(&cluster, &states, &bare(&cluster), None);
    let before = before_sets(&graph);
    let units = |id: StepId, name: &str| -> Vec<&str> {
        let steps = before[id].iter().filter_map(|id| match &graph.steps()[*id].action {
            Action::Unit { host, change, .. } if change.name == name => Some(host.as_str()),
            _ => None,
        });
        steps.collect()
    };
    for (id, step) in graph.steps().iter().enumerate() {
        if let Action::NodeRegistered { host } = &step.action {
            assert_eq!(units(id, "kube-controller-manager.service"), ["n1", "n2", "n3"]);
            assert_eq!(units(id, "kubelet.service"), [host]);
        }
    }
    let network = find(
        &graph,
        |a| matches!(a, Action::Unit { host, change, .. } if host == "n2" && change.name == "flanneld.service"),
    );
    assert_eq!(units(network, "kubelet.service"), ["n2"]);
}

/// The distribution's containerd runs: ours takes its place, and only then are images imported into it.
#[test]
fn what_needs_a_runtime_comes_after_ours_runs() {
    let (cluster, states) = wanted(ONE, "");
    let mut facts = bare(&cluster);
    let debians = UnitFact {
        load: "loaded".into(),
        active: "active".into(),
        fragment: "/lib/systemd/system/containerd.service".into(),
        ..UnitFact::default()
    };
    for stopped_before in [false, true] {
        let mut unit = debians.clone();
        if stopped_before {
            // An earlier run died when its files were there.
            let process = ProcessFact { program: "/usr/bin/containerd".into(), ..ProcessFact::default() };
            (unit.fragment, unit.process) = ("/etc/systemd/system/containerd.service".into(), Some(process));
        }
        facts.get_mut("n1").unwrap().units.insert("containerd.service".into(), unit);
        let graph = graph(&cluster, &states, &facts, None);
        let runs =
            find(&graph, |action| matches!(action, Action::Unit { change, .. } if change.name == "containerd.service"));
        let import = find(&graph, |action| matches!(action, Action::Import { .. }));
        let kubelet =
            find(&graph, |action| matches!(action, Action::Unit { change, .. } if change.name == "kubelet.service"));
        let before = before_sets(&graph);
        assert!(before[import].contains(&runs) && before[kubelet].contains(&import), "{}", timeline(&graph));
    }
}

#[test]
fn only_labels() {
    let (cluster, states) = wanted(THREE, "");
    let label = ObjectChange { object: "Node n1".into(), create: false, fields: vec![".metadata.labels".into()] };
    let graph = graph(&cluster, &states, &converged(&states), Some(vec![label]));
    insta::assert_snapshot!(timeline(&graph), @"
    apply API objects
    the cluster is healthy
    ");
}

#[test]
fn labels_alone_are_set_and_nothing_else_is_done() {
    let (cluster, _) = wanted(ONE, "");
    let mark = ClusterChange::MarkNode { node: "n1".into(), fields: vec![".metadata.labels.disk".into()] };
    let plan = Plan { objects: Some(Vec::new()), cluster: vec![mark], ..Plan::default() };
    let graph = steps(&cluster, &plan, &Desired::default(), None, &[]);
    let actions: Vec<&Action> = graph.steps().iter().map(|step| &step.action).collect();
    assert_eq!(actions, [&Action::NodeRegistered { host: "n1".into() }, &Action::Healthy]);
}

#[test]
fn a_deleted_node_is_made_again_before_its_kubelet_restarts_and_its_network_comes_last() {
    let (cluster, states) = wanted(THREE, "");
    let facts = converged(&states);
    let mut hosts: Vec<HostPlan> =
        cluster.hosts.iter().map(|host| compare(&states[&host.name], &facts[&host.name])).collect();
    plan::register(&mut hosts[1], &states["n2"]);
    let change = ClusterChange::RegisterNode { node: "n2".into() };
    let plan = Plan { hosts, objects: Some(vec![]), cluster: vec![change], ..Plan::default() };
    insta::assert_snapshot!(timeline(&steps(&cluster, &plan, &desired(&states), None, &[])), @"
    n2 make its node again
    n2 restart kubelet
    n2 its node registers
    n2 start flanneld
    the cluster is healthy
    ");
}
