//! Keys of encryption, and what is taken away.

use super::*;

const KEYS: [&str; 2] = ["n1", "n3"];

/// The steps where these masters get another configuration of encryption.
fn reencrypt(first: Option<Secret>, rewrite: bool) -> String {
    let (cluster, states) = wanted(THREE, "");
    let mut facts = converged(&states);
    for host in KEYS {
        facts.get_mut(host).unwrap().files.get_mut(&cluster.layout.encryption()).unwrap().sha256.clear();
    }
    let hosts = cluster.hosts.iter().map(|host| compare(&states[&host.name], &facts[&host.name])).collect();
    let change = rewrite.then_some(ClusterChange::RewriteSecrets { count: 3, encrypt: true });
    let plan = Plan { hosts, objects: Some(vec![]), cluster: change.into_iter().collect(), ..Plan::default() };
    let mut desired = desired(&states);
    desired.encryption = Encryption { first, unread: KEYS.map(str::to_owned).to_vec(), ..Encryption::default() };
    timeline(&steps(&cluster, &plan, &desired, None, &[]))
}

#[test]
fn secrets_are_written_again_once_every_api_server_has_read_how() {
    insta::assert_snapshot!(reencrypt(None, true), @"
    n1 push configuration | n3 push configuration
    Secrets in etcd are as asked
    the cluster is healthy
    ");
    assert_eq!(reencrypt(None, false), reencrypt(None, true), "others may be written meanwhile");
}

#[test]
fn a_new_key_is_known_to_every_api_server_before_one_writes_with_it() {
    insta::assert_snapshot!(reencrypt(Some(Secret::new(*b"keys")), true), @"
    n1 push keys of encryption | n2 push keys of encryption | n3 push keys of encryption
    every kube-apiserver knows the new key
    n1 push configuration | n3 push configuration
    Secrets in etcd are as asked
    the cluster is healthy
    ");
}

#[test]
fn secrets_alone_are_written_again_and_nothing_else_is_done() {
    let (cluster, states) = wanted(ONE, "");
    let change = ClusterChange::RewriteSecrets { count: 1, encrypt: false };
    let plan = Plan { objects: Some(Vec::new()), cluster: vec![change], ..Plan::default() };
    let graph = steps(&cluster, &plan, &desired(&states), None, &[]);
    let actions: Vec<&Action> = graph.steps().iter().map(|step| &step.action).collect();
    assert_eq!(actions, [&Action::Secrets, &Action::Healthy]);
}

#[test]
fn what_is_named_goes_once_the_cluster_is_healthy_from_hosts_and_then_from_the_api() {
    let removal = |name: &str, hosts: &[&str], objects: usize| {
        let takes = Takes { hosts: hosts.iter().map(|h| (*h).to_owned()).collect(), targets: Targets::default() };
        let leftover = Leftover {
            name: name.into(),
            what: What::Node,
            said: String::new(),
            remedy: String::new(),
            cost: String::new(),
            removable: true,
        };
        ClusterChange::Remove(Box::new(Removal { leftover, takes: vec![takes], objects: vec![Value::Null; objects] }))
    };
    let (cluster, states) = wanted(THREE, "");
    let record = ClusterChange::WriteRecord { places: vec!["n1".into()] };
    let changes =
        vec![removal("flanneld", &["n1", "n2"], 1), removal("n9", &[], 1), removal("old", &["n2"], 0), record];
    let plan = Plan { objects: Some(vec![]), cluster: changes, ..Plan::default() };
    insta::assert_snapshot!(timeline(&steps(&cluster, &plan, &desired(&states), None, &[])), @"
    the cluster is healthy
    n1 take away flanneld | n2 take away flanneld
    delete what the API has of flanneld | n2 take away old
    delete what the API has of n9
    write down what was done
    ");
}
