//! A cluster's whole life on three hosts: checked, planned, brought up, left alone, changed, tampered with, reset, and
//! brought up again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::common::cluster::Cluster;
use crate::common::turns::{Seen, Turns};
use crate::e2e_footprint::{added, footprint};
use crate::e2e_hosts as hosts;
use crate::e2e_paths;
use crate::e2e_put_back;
use crate::e2e_verify;

/// Ways to a host and back of an `up` that changes nothing: to the one that is etcd, master and node, and to a node. Six
/// of them are the login, up to four the script that tries the paths to the others.
const MASTERS_TURNS: usize = 28;
const NODES_TURNS: usize = 16;

#[test]
fn a_cluster_from_bare_hosts_to_bare_hosts_and_up_again() {
    let cluster = Cluster::new("e2e-life", 3);
    let before: Vec<Vec<String>> = cluster.hosts().iter().map(|host| footprint(&cluster, host)).collect();
    comes_up(&cluster);
    is_left_alone(&cluster);
    a_long_way_is_gone_seldom(&cluster);
    e2e_paths::shut_later(&cluster);
    hosts_are_as_they_should_be(&cluster);
    kubelet_setting_reaches_the_nodes(&cluster);
    tampering_is_mended(&cluster);
    labels_and_taints_reach_a_node(&cluster);
    e2e_put_back::a_setting_that_does_not_work_costs_a_restart(&cluster, &e2e_put_back::OF_THE_API_SERVER);
    renewed_cas_are_an_ordinary_change(&cluster);
    secrets_stay_secret(&cluster);
    goes_away(&cluster, &before);
    assert!(cluster.up() > 100);
    is_healthy(&cluster);
    e2e_verify::a_dropped_node_port_is_named_and_nothing_else_fails(&cluster);
    e2e_verify::a_kubelet_that_is_not_reached_is_named_and_the_others_are_looked_into(&cluster);
}

fn comes_up(cluster: &Cluster) {
    cluster.run(&["check"]).ok();
    let plan = cluster.run(&["plan", "--exit-code"]).exits(10);
    plan.check(plan.stdout.contains("enable and start etcd.service"), "the plan should name what starts");
    plan.check(plan.stdout.contains("to be issued: ca, "), "the plan should name what is to be issued");
    assert!(!cluster.state().exists(), "a plan makes nothing, no keys either");
    for host in cluster.hosts() {
        assert_eq!(cluster.try_on(&host, "test -e /var/lib/kbootstrap").0, 1, "{host}: plan has touched the host");
    }
    assert!(cluster.up() > 100);
    is_healthy(cluster);
    let verify = cluster.run(&["verify", "-o", "json"]).ok();
    let report = verify.json();
    verify.check(report["ok"] == true && report["checks"].as_array().unwrap().len() >= 10, "all checks should pass");
}

fn is_healthy(cluster: &Cluster) {
    let status = cluster.run(&["status", "-o", "json"]).ok();
    let answer = status.json();
    status.check(answer["healthy"] == true, "the cluster should be healthy");
    for host in answer["hosts"].as_array().unwrap() {
        for component in host["components"].as_array().unwrap() {
            if component["name"] == "data-plane" {
                continue; // a timer has no program
            }
            status.check(component["version"] != "", &format!("{component} should have a version"));
        }
    }
}

/// A second `up` changes nothing and restarts nothing.
fn is_left_alone(cluster: &Cluster) {
    let before = hosts::lives(cluster);
    assert_eq!(before.len(), 4 + 3 * 4, "{before:?}");
    let up = cluster.run(&["up", "--yes", "-o", "json"]).ok();
    up.check(up.json()["changes"] == 0, "nothing should change");
    let steps: Vec<&Value> = up.events.iter().filter(|e| e["event"] == "started").map(|e| &e["step"]).collect();
    assert_eq!(steps, ["the cluster is healthy"], "all that it does is to look");
    assert_eq!(hosts::restarted(&before, &hosts::lives(cluster)), Vec::<String>::new());
    cluster.run(&["plan", "--exit-code"]).ok();
}

/// Hosts may be far away: what is asked of one is asked over one connection, as much as can be at a time.
fn a_long_way_is_gone_seldom(cluster: &Cluster) {
    let turns = Turns::to(cluster, Duration::from_millis(20));
    let config = cluster.inventory().with_file_name("relayed");
    fs::write(&config, turns.ssh_config(cluster)).unwrap();
    let up = cluster.run(&["up", "--yes", "-o", "json", "--ssh-config", "relayed"]).ok();
    up.check(up.json()["changes"] == 0, "nothing should change");
    for host in cluster.hosts() {
        let Seen { connections, turns } = turns.of(&host);
        let most = if host == "n1" { MASTERS_TURNS } else { NODES_TURNS };
        up.check(connections == 1, &format!("{host} should be connected to once, not {connections} times"));
        up.check((2..=most).contains(&turns), &format!("{host}: {turns} ways there and back, at most {most}"));
    }
}

fn hosts_are_as_they_should_be(cluster: &Cluster) {
    let kubeconfig = cluster.state().join("admin.kubeconfig");
    assert_eq!(fs::metadata(kubeconfig).unwrap().permissions().mode() & 0o777, 0o600);
    let nodes = cluster.get(&["nodes"]);
    let names: Vec<&str> =
        nodes["items"].as_array().unwrap().iter().map(|n| n["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["n1", "n2", "n3"]);
    hosts::check_modes(cluster, "n1");
    hosts::check_flags(cluster, "n1");
    hosts::check_kubelet(cluster, "n2");
    hosts::check_ports(cluster, "n1", &[2379, 2380, 6443, 10250]);
    hosts::check_ports(cluster, "n2", &[10250]);
    hosts::check_strangers(cluster);
    for host in cluster.hosts() {
        hosts::check_certificates(cluster, &host);
    }
    servers_show_certificates_that_verify(cluster);
}

/// API server, etcd, which wants a client's certificate, and kubelet, as `certinfo` sees them.
fn servers_show_certificates_that_verify(cluster: &Cluster) {
    let at = |host: &str, port: u16| format!("{}:{port}", cluster.address(host));
    let servers = [at("n1", 6443), at("n1", 2379), at("n2", 10250)];
    let pki = cluster.state().join("pki");
    let mut certinfo = Command::new(env!("CARGO_BIN_EXE_kbootstrap"));
    certinfo.arg("certinfo").args(&servers).args(["--warn-days", "30", "-o", "json"]);
    certinfo.arg("--ca").arg(pki.join("ca.pem")).arg("--ca").arg(pki.join("etcd-ca.pem"));
    let output = certinfo.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    for server in servers {
        let entry = shown.as_array().unwrap().iter().find(|entry| entry["place"] == *server);
        assert_eq!(entry.map(|entry| &entry["chain"]["verified"]), Some(&json!(true)), "{server}: {shown:#}");
    }
}

/// A changed kubelet setting is one file and one restart on each node, and nothing else but the record of it.
fn kubelet_setting_reaches_the_nodes(cluster: &Cluster) {
    cluster.edit(|inventory| {
        let kubelet = inventory.components.entry("kubelet".into()).or_default();
        kubelet.config.insert("maxPods".into(), json!(77));
    });
    let plan = cluster.plan();
    let change = json!({ "files": ["/var/lib/kubelet/config.yaml"], "units": ["restart kubelet.service"] });
    assert_eq!(changes(&plan), json!({ "n1": change, "n2": change, "n3": change }), "{plan}");
    let before = hosts::lives(cluster);
    assert_eq!(cluster.up(), 7);
    let restarted = hosts::restarted(&before, &hosts::lives(cluster));
    assert_eq!(restarted, ["n1 kubelet.service", "n2 kubelet.service", "n3 kubelet.service"]);
    assert_eq!(cluster.get(&["node", "n2"])["status"]["capacity"]["pods"], "77");
}

/// Whatever was done to a host by hand is found, and mended without touching anything else.
fn tampering_is_mended(cluster: &Cluster) {
    cluster.on("n1", "printf '# by hand\\n' >> /etc/systemd/system/kube-scheduler.service");
    cluster.on("n2", "chmod 644 /etc/kubernetes/kubelet.conf; rm /etc/kubernetes/pki/kubelet.crt");
    cluster.on("n2", "printf x >> /etc/kubernetes/pki/kubelet.key");
    cluster.on("n3", "printf x >> /usr/local/bin/ctr; systemctl disable --quiet --now kube-proxy");
    cluster.on("n3", "rm /etc/cni/net.d/10-flannel.conflist");
    let plan = cluster.plan();
    let expected = json!({
        "n1": {
            "files": ["/etc/systemd/system/kube-scheduler.service"],
            "units": ["restart kube-scheduler.service"],
        },
        "n2": {
            "files": [
                "/etc/kubernetes/kubelet.conf",
                "/etc/kubernetes/pki/kubelet.crt",
                "/etc/kubernetes/pki/kubelet.key",
            ],
            "units": [],
        },
        "n3": { "files": ["/usr/local/bin/ctr"], "units": ["start kube-proxy.service", "restart flanneld.service"] },
    });
    assert_eq!(changes(&plan), expected, "{plan}");
    no_secret_in(cluster, "the plan as JSON", &plan.to_string());
    no_secret_in(cluster, "the plan", &cluster.run(&["plan"]).ok().stdout);
    let before = hosts::lives(cluster);
    assert_eq!(cluster.up(), 8);
    let restarted = hosts::restarted(&before, &hosts::lives(cluster));
    assert_eq!(restarted, ["n1 kube-scheduler.service", "n3 flanneld.service", "n3 kube-proxy.service"]);
    hosts::check_modes(cluster, "n1");
    assert_eq!(cluster.on("n2", "stat -c %a /etc/kubernetes/kubelet.conf").trim(), "600");
    assert_eq!(cluster.up(), 0);
}

/// On a node that has registered long ago.
fn labels_and_taints_reach_a_node(cluster: &Cluster) {
    cluster.edit(|inventory| {
        inventory.hosts[2].labels.insert("disk".into(), "ssd".into());
        inventory.hosts[2].taints.push("dedicated=db:NoSchedule".into());
    });
    let plan = cluster.plan();
    assert_eq!(plan["cluster"][0]["change"], "mark-node", "{plan}");
    assert_eq!((&plan["cluster"][0]["node"], &plan["objects"]), (&json!("n3"), &json!([])), "{plan}");
    assert!(cluster.up() > 0);
    let node = cluster.get(&["node", "n3"]);
    assert_eq!(node["metadata"]["labels"]["disk"], "ssd");
    let taint = json!({ "key": "dedicated", "value": "db", "effect": "NoSchedule" });
    assert_eq!(node["spec"]["taints"], json!([taint]));
    assert_eq!(cluster.up(), 0);

    // What somebody else has put there stays when ours go.
    cluster.edit(|inventory| {
        inventory.hosts[2].labels.clear();
        inventory.hosts[2].taints.clear();
    });
    cluster.kubectl(&["label", "node", "n3", "rack=7"]);
    assert!(cluster.up() > 0);
    let node = cluster.get(&["node", "n3"]);
    let labels = &node["metadata"]["labels"];
    assert_eq!((&labels["disk"], &labels["rack"]), (&Value::Null, &json!("7")));
    assert_eq!(node["spec"].get("taints"), None);
    assert_eq!(cluster.up(), 0);
}

/// CAs whose certificates were renewed by hand, with the same keys and names, are the same CAs.
fn renewed_cas_are_an_ordinary_change(cluster: &Cluster) {
    let pki = cluster.state().join("pki");
    for name in ["ca", "etcd-ca"] {
        let (certificate, key) = (format!("{name}.pem"), format!("{name}-key.pem"));
        let mut gencert = Command::new(env!("CARGO_BIN_EXE_kbootstrap"));
        gencert.args(["gencert", "-renewca", "-ca", &certificate, "-ca-key", &key, "--out", "renewed"]);
        let output = gencert.current_dir(&pki).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        fs::rename(pki.join("renewed.pem"), pki.join(&certificate)).unwrap();
    }
    let plan = cluster.plan();
    let node = json!({ "files": ["/etc/kubernetes/pki/ca.crt"], "units": ["restart flanneld.service"] });
    let expected = json!({
        "n1": {
            "files": [
                "/etc/etcd/pki/ca.crt",
                "/etc/kubernetes/pki/ca-signing.crt",
                "/etc/kubernetes/pki/ca.crt",
                "/etc/kubernetes/pki/etcd-ca.crt",
            ],
            "units": [
                "restart etcd.service",
                "restart kube-apiserver.service",
                "restart kube-controller-manager.service",
                "restart flanneld.service",
            ],
        },
        "n2": node,
        "n3": node,
    });
    assert_eq!(changes(&plan), expected, "{plan}");
    assert_eq!(cluster.up(), 12);
    is_healthy(cluster);
    servers_show_certificates_that_verify(cluster);
    assert_eq!(cluster.up(), 0);
}

/// `reset` leaves what it says that it leaves, and nothing else.
fn goes_away(cluster: &Cluster, before: &[Vec<String>]) {
    let reset = cluster.run(&["reset", "--yes"]).ok();
    reset.check(reset.stdout.contains("left as it is:"), "reset should say what it leaves");
    reset.check(reset.stdout.contains("/var/log/kubernetes"), "reset should say that it leaves logs");
    for (host, before) in cluster.hosts().iter().zip(before) {
        let mut left = added(before, &footprint(cluster, host));
        left.retain(|line| !line.starts_with("files: /var/log/kubernetes"));
        reset.check(left.is_empty(), &format!("{host}: reset has left\n{}", left.join("\n")));
    }
    cluster.run(&["status"]).exits(7);
}

/// Names of the files and units that a plan changes, by host; hosts without changes are left out.
fn changes(plan: &Value) -> Value {
    let mut all = serde_json::Map::new();
    for host in plan["hosts"].as_array().unwrap() {
        let array = |key: &str| host[key].as_array().unwrap().iter();
        let files: Vec<&Value> = array("files").map(|file| &file["path"]).collect();
        let units: Vec<String> = array("units")
            .map(|unit| format!("{} {}", unit["action"].as_str().unwrap_or("enable"), unit["name"].as_str().unwrap()))
            .collect();
        if !files.is_empty() || !units.is_empty() {
            all.insert(host["host"].as_str().unwrap().into(), json!({ "files": files, "units": units }));
        }
    }
    Value::Object(all)
}

/// Neither logs nor the hosts' journals hold a byte of any key.
fn secrets_stay_secret(cluster: &Cluster) {
    for entry in fs::read_dir(cluster.state().join("log")).unwrap() {
        let path = entry.unwrap().path();
        no_secret_in(cluster, &path.display().to_string(), &fs::read_to_string(&path).unwrap());
    }
    for host in cluster.hosts() {
        no_secret_in(cluster, &format!("journal of {host}"), &cluster.on(&host, "journalctl --no-pager -q -o cat"));
    }
}

pub fn no_secret_in(cluster: &Cluster, what: &str, text: &str) {
    let mut secrets = 0;
    for entry in fs::read_dir(cluster.state().join("pki")).unwrap() {
        let path = entry.unwrap().path();
        if fs::metadata(&path).unwrap().permissions().mode() & 0o077 != 0 {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        // The second line of a PEM key, which no certificate shares; the encryption key as configuration has it.
        let secret = match std::str::from_utf8(&bytes) {
            Ok(pem) => pem.lines().nth(1).unwrap().to_owned(),
            Err(_) => STANDARD.encode(&bytes),
        };
        assert!(secret.len() >= 40, "{}: no secret in it?", path.display());
        assert!(!text.contains(&secret), "{what} holds the secret of {}", path.display());
        secrets += 1;
    }
    assert!(secrets > 10, "{secrets} secrets");
}
