//! What should not be there is named and stays, until somebody names it: then it goes, and nothing else with it.

use std::fs;

use kbootstrap::inventory::NetworkPlugin;
use serde_json::Value;

use crate::common::cluster::Cluster;

/// Of what makes a master one, below `/`: a program that was started there, and keys.
const MASTER: &str = "etc/kubernetes/pki/ca.key etc/kubernetes/pki/ca-signing.crt etc/kubernetes/pki/sa.key \
                      etc/kubernetes/pki/sa.pub etc/kubernetes/encryption.yaml etc/kubernetes/scheduler.conf \
                      etc/systemd/system/kube-scheduler.service usr/local/bin/kube-scheduler \
                      var/lib/kbootstrap/units/kube-scheduler.service";

/// On a cluster of two hosts that runs; the second leaves it.
pub fn what_should_not_be_there_is_named_and_goes_only_by_its_name(cluster: &Cluster) {
    a_plugin_an_old_master_and_a_node_without_a_host(cluster);
    a_host_that_has_left(cluster);
}

fn a_plugin_an_old_master_and_a_node_without_a_host(cluster: &Cluster) {
    let inventory = fs::read(cluster.inventory()).unwrap();
    // As it is where somebody stopped a master's services and took its role away.
    let keys = cluster.on("n1", &format!("tar -C / -cz {MASTER} | base64 -w0"));
    cluster.on("n2", &format!("echo {} | base64 -d | tar -C / -xz && systemctl daemon-reload", keys.trim()));
    create(cluster, r#"{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "ghost"}}"#);
    cluster.edit(|inventory| inventory.networks.plugin = Some(NetworkPlugin::None));

    let expected = ["flanneld", "ghost", "kube-apiserver", "kube-scheduler"];
    assert_eq!(names(&cluster.plan()), expected);
    let run = cluster.run(&["up", "--yes"]).ok();
    run.check(warned(&run.events, "flanneld is still on n1, n2"), "up should warn");
    assert_eq!(names(&cluster.plan()), expected);
    let plan = cluster.run(&["plan", "--exit-code"]).ok();
    plan.check(plan.stdout.contains("kbootstrap up --remove flanneld"), "it should say what takes it away");
    for host in ["n1", "n2"] {
        cluster.on(host, "systemctl is-active flanneld && ip link show flannel.1");
    }
    let status = cluster.run(&["status", "-o", "json"]).ok().json();
    assert_eq!(names(&status), expected);
    let nodes = status["checks"].as_array().unwrap().iter().find(|check| check["name"] == "nodes").unwrap();
    assert_eq!(nodes["word"], "2 of 3 Ready", "{nodes}");

    cluster.run(&["up", "--yes", "--remove", "flannel"]).exits(2).says("what can be removed: ");
    let asked = cluster.run(&["up", "--remove", "flanneld"]).exits(2).says("something would be taken away");
    asked.check(asked.stdout.contains("pods lose their network between hosts"), "it should say what it costs");
    cluster.on("n1", "systemctl is-active flanneld");

    let all = expected.map(|name| ["--remove", name]).concat();
    let plan = cluster.run(&[&["plan", "-o", "json"], &all[..]].concat()).ok().json();
    assert_eq!(
        plan["cluster"].as_array().unwrap().len(),
        expected.len() + 1,
        "and the record of what was left: {plan}"
    );
    cluster.run(&[&["up", "--yes"], &all[..]].concat()).ok();
    for host in ["n1", "n2"] {
        let left = "ls -d /etc/systemd/system/flanneld.service /usr/local/bin/flanneld /opt/cni/bin/flannel \
                    /etc/kubernetes/flannel.conf /etc/kubernetes/pki/flannel.* /etc/kube-flannel /run/flannel \
                    /etc/cni/net.d/10-flannel.conflist /var/lib/kbootstrap/units/flanneld.service 2>/dev/null; \
                    ip link show flannel.1 2>/dev/null; nft list tables | grep flannel; iptables-save | grep FLANNEL-; \
                    systemctl cat flanneld 2>/dev/null; true";
        assert_eq!(cluster.on(host, left), "", "{host}");
        cluster.on(
            host,
            "systemctl is-active kubelet kube-proxy containerd && ls /opt/cni/bin/bridge /etc/kubernetes/pki/ca.crt",
        );
    }
    let left: String = MASTER.split_whitespace().map(|file| format!(" /{file}")).collect();
    assert_eq!(cluster.try_on("n2", &format!("ls -d{left} 2>/dev/null")).1, "");
    cluster.on("n1", &format!("ls -d{left} && systemctl is-active kube-scheduler"));
    let nodes = cluster.kubectl(&["get", "nodes", "-o", "name"]);
    assert_eq!(nodes.split_whitespace().collect::<Vec<_>>(), ["node/n1", "node/n2"]);
    assert!(!cluster.kubectl(&["get", "clusterroles", "-o", "name"]).contains("kbootstrap:flannel"));
    cluster.run(&["plan", "--exit-code"]).ok();
    assert_eq!(names(&cluster.run(&["status", "-o", "json"]).json()), [""; 0]);

    fs::write(cluster.inventory(), inventory).unwrap();
    cluster.up();
    cluster.run(&["plan", "--exit-code"]).ok();
}

fn a_host_that_has_left(cluster: &Cluster) {
    cluster.kubectl(&["drain", "n2", "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--grace-period=1"]);
    cluster.on("n2", "systemctl disable --now kubelet kube-proxy flanneld containerd");
    cluster.edit(|inventory| drop(inventory.hosts.pop()));
    cluster.run(&["up", "--yes"]).ok();
    // The record knows it, whatever was written since.
    assert_eq!(names(&cluster.plan()), ["n2"]);
    cluster.run(&["up", "--yes", "--remove", "n2"]).ok();
    assert_eq!(cluster.try_on("n2", "ls -d /var/lib/kbootstrap /etc/kubernetes 2>/dev/null").1, "");
    assert_eq!(cluster.kubectl(&["get", "nodes", "-o", "name"]).trim(), "node/n1");
    cluster.run(&["plan", "--exit-code"]).ok();
    assert_eq!(names(&cluster.plan()), [""; 0]);
}

fn create(cluster: &Cluster, object: &str) {
    let file = cluster.state().join("object.json");
    fs::write(&file, object).unwrap();
    cluster.kubectl(&["create", "-f", file.to_str().unwrap()]);
    fs::remove_file(file).unwrap();
}

/// Names of what should not be there, in a plan or a status; sorted.
fn names(value: &Value) -> Vec<String> {
    let leftovers = value["leftovers"].as_array().unwrap().iter();
    let mut names: Vec<String> = leftovers.map(|leftover| leftover["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn warned(events: &[Value], words: &str) -> bool {
    events.iter().any(|event| event.to_string().contains(words))
}
