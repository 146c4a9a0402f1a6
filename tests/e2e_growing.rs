//! A cluster that grows while people use it: from one master to three, from three members of etcd to five. A run that is killed
//! half-way is gone on with, and nobody notices anything.

use std::io::Write;

use kbootstrap::inventory::{Host, Role};
use kbootstrap::lab::LabSpec;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::balancer::Balancer;
use crate::common::cluster::Cluster;
use crate::common::load::{Load, Seen, Service};
use crate::common::run::{At, Run};
use crate::common::workload::{self, Visitor};
use crate::e2e_ha::{api_of, balancer};
use crate::e2e_hosts as hosts;

const ALL: [Role; 3] = [Role::Etcd, Role::Master, Role::Node];

#[test]
#[ignore = "make test-long: on a machine with other work it has not come to its end yet"]
fn one_master_becomes_three_unnoticed_also_when_it_is_interrupted() {
    let cluster = Cluster::new("growing", 3);
    let balancer = balancer(&cluster);
    let n3 = without_last(&cluster, 1).remove(0);
    cluster.edit(|inventory| {
        inventory.control_plane_endpoint = Some(balancer.address().to_string());
    });
    workload::populate(&cluster);
    let (before, pods) = (hosts::lives(&cluster), workload::lives(&cluster));

    // A node that is there already, and a host that is new.
    cluster.edit(|inventory| {
        inventory.hosts[1].roles = ALL.to_vec();
        inventory.hosts.push(Host { roles: ALL.to_vec(), ..n3 });
    });
    let plan = cluster.plan();
    let joins = |member: &str, is: &str| {
        let peer_url = format!("https://{}:2380", cluster.address(member));
        json!({"change": "add-member", "member": member, "peerUrl": peer_url, "is": is})
    };
    let masters = ["n2", "n3"].map(|name| json!({"change": "add-master", "name": name}));
    let expected = [&[joins("n2", "new"), joins("n3", "new")][..], &masters].concat();
    assert_eq!(growth(&plan), expected, "{plan:#}");
    let words = cluster.run(&["plan"]).ok();
    words
        .check(words.stdout.contains("as a learner, start it, promote it when it has caught up"), "each step is named");

    let (visitor, load) = (Visitor::through(&cluster, &["n1", "n2"]), Load::start(&[api(&cluster, &balancer)]));
    killed(&cluster, "done", "n2", "add to etcd as a learner");
    let left = growth(&cluster.plan());
    let begun = ["added", "learner"].map(|is| joins("n2", is)).contains(&left[0]);
    assert!(begun && left[1] == joins("n3", "new"), "{left:#?}");
    killed(&cluster, "started", "n3", "give a vote in etcd");
    let run = cluster.run(&["up", "--yes", "-o", "json"]).ok();
    let (answered, failed) = visitor.end();
    nothing_was_lost(&run, &load.end());
    run.check(failed.is_empty() && answered > 100, &format!("the Service failed, or was not asked: {failed:#?}"));

    members_are(&cluster, &["n1", "n2", "n3"]);
    let restarted = hosts::restarted(&before, &hosts::lives(&cluster));
    let known = |unit: &&str| restarted.iter().any(|restarted| restarted == unit);
    let restarted: Vec<&str> =
        ["n1 etcd.service", "n1 containerd.service", "n2 containerd.service", "n1 kube-apiserver.service"]
            .into_iter()
            .filter(known)
            .collect();
    assert_eq!(restarted, ["n1 kube-apiserver.service"], "etcd has nothing to do with it");
    // The new node has one more.
    let lives = workload::lives(&cluster);
    assert!(pods.iter().all(|pod| lives.contains(pod)), "pods are not what they were: {pods:?}, {lives:?}");
    cluster.up_finds_nothing("after it has grown");
    cluster.run(&["verify"]).ok();
    let status = cluster.run(&["status", "-o", "json"]).ok();
    status.check(status.json()["healthy"] == true, "the cluster should be healthy");
    workload::goes_on(&cluster);
    whoever_has_started_first_is_nothing_special(&cluster);
}

/// What each member was first started with differs, and each is found by the others after all were stopped.
fn whoever_has_started_first_is_nothing_special(cluster: &Cluster) {
    for host in ["n1", "n2", "n3"] {
        cluster.on(host, "systemctl stop etcd");
    }
    cluster.up();
    members_are(cluster, &["n1", "n2", "n3"]);
    // Controllers that gave up meanwhile may be about to be started by systemd.
    cluster.up();
    cluster.up_finds_nothing("after all members were stopped");
}

#[test]
#[ignore = "test-long: five hosts"]
fn three_members_become_five_unnoticed() {
    let spec = LabSpec { masters: 3, ..LabSpec::new("growing-five", 5) };
    let cluster = Cluster::with(spec);
    let balancer = balancer(&cluster);
    let more = without_last(&cluster, 2);
    cluster.edit(|inventory| inventory.control_plane_endpoint = Some(balancer.address().to_string()));
    workload::populate(&cluster);
    let before = hosts::lives(&cluster);
    cluster.edit(|inventory| {
        let member = |host| Host { roles: vec![Role::Etcd], ..host };
        inventory.hosts.extend(more.into_iter().map(member));
    });
    let masters = ["n1", "n2", "n3"];
    let (visitor, load) = (Visitor::through(&cluster, &masters), Load::start(&[api_of(&cluster, &masters)]));
    let run = cluster.run(&["up", "--yes", "-o", "json"]).ok();
    let (answered, failed) = visitor.end();
    nothing_was_lost(&run, &load.end());
    run.check(failed.is_empty() && answered > 100, &format!("the Service failed, or was not asked: {failed:#?}"));
    members_are(&cluster, &["n1", "n2", "n3", "n4", "n5"]);
    let restarted = hosts::restarted(&before, &hosts::lives(&cluster));
    let members = restarted.iter().filter(|unit| before.contains_key(*unit) && unit.ends_with(" etcd.service"));
    assert_eq!(members.count(), 0, "{restarted:#?}");
    cluster.up_finds_nothing("after it has grown");
    cluster.run(&["verify"]).ok();

    // Of five members two may be away; while one is, none joins.
    cluster.on("n5", "systemctl stop etcd");
    cluster.on("n4", "systemctl stop etcd");
    workload::goes_on(&cluster);
    cluster.up();
    members_are(&cluster, &["n1", "n2", "n3", "n4", "n5"]);
}

/// Takes the last hosts out of the inventory; they come back.
fn without_last(cluster: &Cluster, count: usize) -> Vec<Host> {
    let mut taken = Vec::new();
    cluster.edit(|inventory| taken = inventory.hosts.split_off(inventory.hosts.len() - count));
    taken
}

/// The first API server, and what stands before all of them.
fn api(cluster: &Cluster, balancer: &Balancer) -> Service {
    let mut service = api_of(cluster, &["n1"]);
    service.servers.push(("balancer".into(), balancer.address()));
    service
}

/// Runs `up` until a step has come so far, and kills it.
fn killed(cluster: &Cluster, event: &str, host: &str, step: &str) {
    cluster.start(&["up", "--yes"]).until(At { event, host, step }).signal(Signal::KILL).exits(-9);
}

/// What of a plan makes the cluster grow.
fn growth(plan: &Value) -> Vec<Value> {
    let changes = plan["cluster"].as_array().unwrap().iter();
    changes.filter(|change| change["change"].as_str().unwrap().starts_with("add-")).cloned().collect()
}

/// Whoever goes on to another API server gets all its answers.
fn nothing_was_lost(run: &Run<'_>, seen: &Seen) {
    run.check(seen.switching > 200, &format!("the client should have been busy: {seen:?}"));
    run.check(seen.lost.is_empty(), &format!("requests that nobody answered: {:#?}", seen.lost));
    let _ = writeln!(std::io::stderr(), "figure: {} requests while it grew, none lost", seen.switching);
}

/// Each member says that these are all, and that each has a vote.
fn members_are(cluster: &Cluster, members: &[&str]) {
    let pki = "/etc/etcd/pki";
    for host in members {
        let script = format!(
            "etcdctl --endpoints=https://127.0.0.1:2379 --cacert={pki}/ca.crt --cert={pki}/healthcheck-client.crt \
             --key={pki}/healthcheck-client.key member list -w json"
        );
        let list: Value = serde_json::from_str(&cluster.on(host, &script)).unwrap();
        let mut names: Vec<&str> =
            list["members"].as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, members, "{host}: {list:#}");
        assert!(list["members"].as_array().unwrap().iter().all(|m| m["isLearner"] != true), "{host}: {list:#}");
    }
}
