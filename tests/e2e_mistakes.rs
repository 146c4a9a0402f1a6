//! What a person sees when something is wrong with a host or with what was asked for.

use kbootstrap::cluster::Role;
use serde_json::{Value, json};

use crate::common::cluster::Cluster;
use crate::common::run::Run;
use crate::e2e_footprint::{added, footprint};
use crate::e2e_paths;

#[test]
fn what_is_wrong_is_said_before_anything_is_touched() {
    let cluster = Cluster::new("e2e-wrong", 2);
    let before = footprint(&cluster, "n1");
    unreachable_host(&cluster);
    cloned_hosts(&cluster);
    port_that_is_taken(&cluster);
    e2e_paths::shut(&cluster);
    assert_eq!(added(&before, &footprint(&cluster, "n1")), Vec::<String>::new());
    unit_that_cannot_start(&cluster);
}

fn unreachable_host(cluster: &Cluster) {
    let good = cluster.address("n2");
    let nobody = good.rsplit_once('.').unwrap().0.to_owned() + ".99";
    cluster.edit(|inventory| {
        inventory.hosts[1].address = nobody.clone();
        inventory.ssh.connect_timeout = Some(2);
    });
    for command in ["check", "up"] {
        let run = cluster.run(&[command]).exits(5).says("error: n2: ").says(&nobody).says("hint: ");
        run.check(!run.stderr.contains("error: n1"), "nothing is wrong with n1");
    }
    cluster.edit(|inventory| {
        inventory.hosts[1].address = good;
        inventory.ssh.connect_timeout = None;
    });
    cluster.run(&["check"]).ok();
}

fn cloned_hosts(cluster: &Cluster) {
    let own = cluster.on("n2", "cat /etc/machine-id");
    let other = cluster.on("n1", "cat /etc/machine-id");
    cluster.on("n2", &format!("echo {} > /etc/machine-id", other.trim()));
    let check = cluster.run(&["check", "-o", "json"]).exits(6);
    // A master is not doubted for what a node says.
    assert_eq!(failing(&check), ["n2 machine-id"]);
    let up = cluster.run(&["up", "--yes"]).exits(6).says("error: n2: machine-id: ").says("that of n1");
    up.says("systemd-machine-id-setup");
    cluster.on("n2", &format!("echo {} > /etc/machine-id", own.trim()));
    cluster.run(&["check"]).ok();
}

fn port_that_is_taken(cluster: &Cluster) {
    cluster.on(
        "n1",
        "systemd-run --quiet --unit=squatter socat TCP-LISTEN:2379,fork,reuseaddr OPEN:/dev/null
        until ss -Hltn | grep -q :2379; do sleep 0.05; done",
    );
    let check = cluster.run(&["check", "-o", "json"]).exits(6);
    assert_eq!(failing(&check), ["n1 port-2379"]);
    let plan = cluster.run(&["plan"]).exits(6).says("error: n1: port-2379: ");
    plan.check(plan.stdout.contains("enable and start etcd.service"), "it should show the plan all the same");
    let up = cluster.run(&["up", "--yes"]).exits(6);
    up.says("error: n1: port-2379: ").says("is taken by socat").says("hint: stop it").says("waive: [port-2379]");
    assert_eq!(cluster.try_on("n1", "test -e /var/lib/kbootstrap").0, 1, "the host was touched");
    cluster.on("n1", "systemctl stop squatter");
}

/// Which host, which unit, its last words, and what to do; and when the cause is mended, it goes on from there.
fn unit_that_cannot_start(cluster: &Cluster) {
    let flag = |name: &str, value: Value| {
        cluster.edit(|inventory| {
            inventory.hosts.truncate(1);
            inventory.hosts[0].roles = vec![Role::Etcd, Role::Master];
            let apiserver = inventory.components.entry("kube-apiserver".into()).or_default();
            apiserver.flags = [(name.to_owned(), value)].into();
        });
    };
    flag("no-such-flag", json!(1));
    let up = does_not_run(cluster.run(&["up", "--yes"]));
    let up = up.says("unknown flag: --no-such-flag").says("hint: a flag in the inventory is not known to this version");
    // etcd, which comes before it, runs; nothing that comes after it was started.
    up.check(cluster.try_on("n1", "systemctl is-active etcd").0 == 0, "etcd should run");
    up.check(cluster.try_on("n1", "systemctl is-active kube-scheduler").0 != 0, "the scheduler should not run");

    flag("etcd-servers-overrides", json!("nonsense"));
    does_not_run(cluster.run(&["up", "--yes"])).says("--etcd-servers-overrides invalid");

    flag("v", json!(1));
    assert!(cluster.up() > 0);
    assert_eq!(cluster.up(), 0);
    let status = cluster.run(&["status", "-o", "json"]).ok();
    status.check(status.json()["healthy"] == true, "masters without a node should be healthy");
}

fn does_not_run(run: Run<'_>) -> Run<'_> {
    let run = run.exits(6).says("error: n1: kube-apiserver.service does not run");
    run.says("hint: look at it on n1: journalctl -u kube-apiserver.service -e").says("run `kbootstrap up` again")
}

/// `host check` of each finding that stops.
fn failing(check: &Run<'_>) -> Vec<String> {
    let findings = check.json();
    let stops = findings.as_array().unwrap().iter().filter(|f| f["severity"] == "fail");
    stops.map(|f| format!("{} {}", f["host"].as_str().unwrap(), f["check"].as_str().unwrap())).collect()
}
