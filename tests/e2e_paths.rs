//! Ways between hosts that are shut, found by trying them before anything is changed.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::common::cluster::Cluster;
use crate::common::run::Run;

/// On hosts where nothing runs yet: `n1` is the master, `n2` a node.
pub fn shut(cluster: &Cluster) {
    nothing_is_left_when_the_operator_is_killed(cluster);
    node_behind_a_firewall(cluster);
    master_that_refuses(cluster);
    no_route(cluster);
    assert_eq!(paths(&cluster.run(&["check", "-o", "json"]).ok()), Vec::<String>::new());
    for host in ["n1", "n2"] {
        let left =
            "systemctl list-units --all --plain --no-legend 'kbootstrap-try*'; ls -d /run/kbootstrap-try* 2>/dev/null";
        assert_eq!(cluster.try_on(host, left).1, "", "left on {host}");
    }
}

/// On a cluster of three that runs: whoever shuts its ports later is named, and nobody else.
pub fn shut_later(cluster: &Cluster) {
    cluster.on("n2", INPUT);
    let status = cluster.run(&["status", "-o", "json"]).exits(7).says("n2 has `iptables -P INPUT DROP`");
    let shut = |run: &Run<'_>| -> Vec<String> {
        let checks = run.json()["checks"].as_array().unwrap().clone();
        let paths = checks.into_iter().filter(|check| check["name"] == "paths");
        paths.map(|check| check["detail"].as_str().unwrap().to_owned()).collect()
    };
    let said = shut(&status);
    status.check(!said.is_empty() && said.iter().all(|line| line.starts_with("n2: no answer")), "n2 is shut off");
    status.check(said[0].contains("TCP 10250 (kubelet) from n1"), "the kubelet's port is named");
    let up = cluster.run(&["up", "--yes"]).exits(7).says("n2: paths: no answer").says("iptables -P INPUT DROP");
    up.check(!up.stderr.contains("n1: paths") && !up.stderr.contains("n3: paths"), "the others are well");
    let plan = cluster.run(&["plan", "--exit-code"]).ok();
    let warned = |event: &Value| event["text"].as_str().is_some_and(|text| text.starts_with("n2: paths: no answer"));
    plan.check(plan.events.iter().any(warned), "the plan warns of it");
    cluster.on("n2", "iptables -F && iptables -P INPUT ACCEPT");
    assert_eq!(shut(&cluster.run(&["status", "-o", "json"]).ok()), Vec::<String>::new());
}

/// What such a firewall has: the operator gets in, and so does what the host has asked for.
const INPUT: &str = "iptables -A INPUT -i lo -j ACCEPT
    iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
    iptables -A INPUT -p tcp --dport 22 -j ACCEPT
    iptables -P INPUT DROP";

fn node_behind_a_firewall(cluster: &Cluster) {
    cluster.on("n2", INPUT);
    cluster.on("n2", "iptables -P FORWARD DROP");
    let began = Instant::now();
    let check = cluster.run(&["check", "-o", "json"]).exits(6);
    let took = began.elapsed();
    check.check(took < Duration::from_secs(15), "it should take seconds");
    assert_eq!(
        paths(&check),
        [
            "n2 paths: no answer within 4 s at N2: TCP 10250 (kubelet), UDP 8472 (flannel's VXLAN) from n1",
            "n2 forward: packets of pods are dropped on their way through: iptables FORWARD has `iptables -P FORWARD DROP`",
        ]
        .map(|line| line.replace("N2", &cluster.address("n2")))
    );
    let up = cluster.run(&["up", "--yes"]).exits(6).says("n2 has `iptables -P INPUT DROP`").says("iptables -I FORWARD");
    up.check(untouched(cluster), "a host was touched");
    cluster.on("n2", "iptables -F && iptables -P INPUT ACCEPT && iptables -P FORWARD ACCEPT");
}

fn master_that_refuses(cluster: &Cluster) {
    cluster.on("n1", "iptables -I INPUT -p tcp --dport 6443 -j REJECT --reject-with tcp-reset");
    let check = cluster.run(&["check", "-o", "json"]).exits(6);
    let refused = format!("n1 paths: refused at {}, though something listens there", cluster.address("n1"));
    assert_eq!(paths(&check), [format!("{refused}: TCP 6443 (kube-apiserver) from n2")]);
    cluster.on("n1", "iptables -F");
}

fn no_route(cluster: &Cluster) {
    let master = cluster.address("n1");
    cluster.on("n2", &format!("ip route add unreachable {master}/32"));
    let check = cluster.run(&["check", "-o", "json"]).exits(6);
    let found = paths(&check);
    check.check(
        found.iter().any(|f| f.starts_with(&format!("n1 paths: no way to {master} (No route to host)"))),
        "no route",
    );
    let up = cluster
        .run(&["up", "--yes"])
        .exits(6)
        .says(&format!("hint: look for the route there: `ip route get {master}`"));
    up.check(untouched(cluster), "a host was touched");
    cluster.on("n2", &format!("ip route del unreachable {master}/32"));
}

/// The host ends what listens by itself, and meanwhile it is in nobody's way.
fn nothing_is_left_when_the_operator_is_killed(cluster: &Cluster) {
    cluster.on("n2", INPUT);
    let check = cluster.start(&["check"]);
    let listening = "until unit=$(systemctl list-units --plain --no-legend 'kbootstrap-try*-tcp.service' | grep .); do sleep 0.05; done
        systemctl show -P RuntimeMaxUSec \"${unit%% *}\"";
    assert_eq!(cluster.on("n2", listening).trim(), "20s");
    assert_eq!(check.signal(Signal::KILL).code, -9);
    cluster.on("n2", "iptables -F && iptables -P INPUT ACCEPT");
    let again = cluster.run(&["check", "-o", "json"]).ok();
    again.check(again.json().as_array().unwrap().iter().all(|f| f["severity"] != "fail"), "what listens is in the way");
    let gone = "for i in $(seq 600); do systemctl list-units --plain --no-legend 'kbootstrap-try*' | grep -q . || exit 0; sleep 0.1; done; exit 1";
    cluster.on("n2", gone);
}

fn untouched(cluster: &Cluster) -> bool {
    ["n1", "n2"].iter().all(|host| cluster.try_on(host, "test -e /var/lib/kbootstrap").0 == 1)
}

/// `host check: finding` of what was found on the way between hosts.
fn paths(check: &Run<'_>) -> Vec<String> {
    let findings: Value = check.json();
    let of = |f: &Value| {
        format!("{} {}: {}", f["host"].as_str().unwrap(), f["check"].as_str().unwrap(), f["finding"].as_str().unwrap())
    };
    let ways =
        findings.as_array().unwrap().iter().filter(|f| ["paths", "forward"].contains(&f["check"].as_str().unwrap()));
    ways.map(of).collect()
}
