//! Members and masters that join those that there are.

use super::*;

/// `n1` runs alone, and the others join it.
fn growing(is: [Joins; 2]) -> (Cluster, Plan, States) {
    let (_, before) = wanted(ONE, "");
    let inventory = format!("cluster: c\ncontrolPlaneEndpoint: 10.0.0.10\nhosts:\n{THREE}");
    let (cluster, states) = rendered_with(&inventory, |cluster| {
        BTreeMap::from([("n1".into(), FirstStart::of(cluster.hosts[..1].iter(), ClusterState::New))])
    });
    let mut facts = bare(&cluster);
    facts.extend(converged(&before));
    let hosts = cluster.hosts.iter().map(|host| compare(&states[&host.name], &facts[&host.name])).collect();
    let joining = |(name, is): (&str, Joins)| Joining {
        member: name.into(),
        peer_url: format!("https://{name}:2380"),
        is,
        by: vec!["n1".into()],
    };
    let members = ["n2", "n3"].into_iter().zip(is).map(joining).map(ClusterChange::AddMember);
    let masters = ["n2", "n3"].map(|name| ClusterChange::AddMaster { name: name.into() });
    let plan = Plan { hosts, objects: Some(vec![]), cluster: members.chain(masters).collect(), ..Plan::default() };
    (cluster, plan, states)
}

#[test]
fn members_join_one_by_one_then_masters_and_then_what_runs_restarts() {
    let (cluster, plan, states) = growing([Joins::New, Joins::New]);
    let graph = steps(&cluster, &plan, &desired(&states), None, &[]);
    assert_eq!(uncovered(&plan, &graph), [""; 0]);
    insta::assert_snapshot!(timeline(&without_pushes(&graph)), @"
    n2 add to etcd as a learner | n2 start containerd | n3 start containerd
    n2 start etcd | n2 import images | n3 import images
    n2 give a vote in etcd
    n2 etcd is whole with it
    n3 add to etcd as a learner
    n3 start etcd
    n3 give a vote in etcd
    n3 etcd is whole with it
    n2 start kube-apiserver
    n2 kube-apiserver is ready
    n3 start kube-apiserver
    n3 kube-apiserver is ready
    n2 start kube-controller-manager | n2 start kube-scheduler | n3 start kube-controller-manager | n3 start kube-scheduler
    n1 another kube-apiserver is ready
    n1 restart kube-apiserver
    n1 kube-apiserver is ready
    n1 restart kube-controller-manager
    n1 restart kube-scheduler
    n1 restart kubelet | n2 start kubelet | n3 start kubelet
    n1 restart kube-proxy | n1 its node registers | n2 start kube-proxy | n2 its node registers | n3 start kube-proxy | n3 its node registers
    n1 restart flanneld | n2 start flanneld | n2 start kbootstrap-data-plane.timer | n3 start flanneld | n3 start kbootstrap-data-plane.timer
    the cluster is healthy
    ");
    // Both have what they need before the first of them counts.
    let added = find(&graph, |action| matches!(action, Action::AddMember(joining) if joining.member == "n2"));
    let before = before_sets(&graph);
    let pushed = |host: &str| {
        let is = |id: &StepId| matches!(&graph.steps()[*id].action, Action::Push(push) if push.host == host);
        before[added].iter().any(is)
    };
    assert!(pushed("n2") && pushed("n3"), "{}", timeline(&graph));
    let config =
        find(&graph, |action| matches!(action, Action::Push(push) if push.host == "n1" && push.keep.is_some()));
    let whole = find(&graph, |action| matches!(action, Action::MembersAgree(joining) if joining.member == "n3"));
    assert!(before[config].contains(&whole), "what n1 restarts with names members that are there");
}

#[test]
fn what_was_begun_with_members_is_gone_on_with() {
    let (cluster, plan, states) = growing([Joins::Learner, Joins::Added]);
    let graph = steps(&cluster, &plan, &desired(&states), None, &[]);
    assert_eq!(uncovered(&plan, &graph), [""; 0]);
    let of_etcd: Vec<String> = graph
        .steps()
        .iter()
        .map(|step| title(&step.action))
        .filter(|(_, step)| step.contains("etcd"))
        .map(|(host, step)| format!("{host} {step}"))
        .collect();
    assert_eq!(
        of_etcd,
        [
            "n2 start etcd",
            "n2 give a vote in etcd",
            "n2 etcd is whole with it",
            "n3 start etcd",
            "n3 give a vote in etcd",
            "n3 etcd is whole with it"
        ]
    );
    // A member that is to join and does not is a defect.
    let mut less = Graph::default();
    for step in graph.steps().iter().filter(|step| !matches!(step.action, Action::PromoteMember(_))) {
        less.add(step.lane.clone(), step.action.clone(), []);
    }
    assert_eq!(uncovered(&plan, &less).len(), 2);
}
