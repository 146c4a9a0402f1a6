//! Settings that end a service: what ran before runs again, on the only master too.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::cluster::Cluster;
use crate::common::steady::figure;

/// A component, one of its settings, and a value with which it ends.
pub type Row = (&'static str, &'static str, &'static str);
pub const OF_THE_API_SERVER: Row = ("kube-apiserver", "max-requests-inflight", "many");
const OF_OTHERS: [Row; 2] = [("etcd", "heartbeat-interval", "soon"), ("kubelet", "topologyManagerPolicy", "any")];

/// On a cluster with one master.
pub fn a_setting_that_does_not_work_costs_a_restart(cluster: &Cluster, (component, setting, value): &Row) {
    let keys = format!("cat /var/lib/kbootstrap/units/{component}.service");
    let before = cluster.on("n1", &keys);
    set(cluster, component, setting, Some(json!(value)));
    let said = format!("n1: {component}.service does not run with what is new; what ran before is put back, and runs");
    let run = cluster.run(&["up", "--yes"]).exits(6).says(&said);
    run.check(run.stderr.contains("journalctl"), "its own words should be there");
    figure(&format!("{component} with a setting that does not work: `up` ends after {} s", run.took.as_secs()));
    assert_eq!(cluster.on("n1", &keys), before, "{component}: it is known to run with what ran before");
    let kept = cluster.on("n1", "ls /var/lib/kbootstrap/before");
    assert_eq!(kept, "", "{component}: nothing is left of it");
    set(cluster, component, setting, None);
    // The only master's controllers end when the API is away for so long, and are started again by systemd.
    cluster.becomes_healthy(Duration::from_secs(60));
    let plan = cluster.plan();
    let differs = |host: &&Value| host["files"] != json!([]) || host["units"] != json!([]);
    assert_eq!(plan["hosts"].as_array().unwrap().iter().find(differs), None, "{component}: all is as it was");
    cluster.up();
}

#[test]
#[ignore = "waits for what does not come: make test-long"]
fn an_api_server_that_is_never_ready_gets_back_what_it_ran_with() {
    let cluster = Cluster::new("never-ready", 1);
    cluster.up();
    OF_OTHERS.iter().for_each(|row| a_setting_that_does_not_work_costs_a_restart(&cluster, row));
    let keys = "cat /var/lib/kbootstrap/units/kube-apiserver.service";
    let before = cluster.on("n1", keys);
    set(&cluster, "kube-apiserver", "etcd-readycheck-timeout", Some(json!("1ns")));
    let run = cluster
        .run(&["up", "--yes"])
        .exits(7)
        .says("n1: kube-apiserver is not ready after 90s with what is new; what ran before is put back, and is ready");
    run.check(run.stderr.contains("failing: etcd-readiness"), "what was seen should be there");
    assert_eq!(cluster.on("n1", keys), before, "it is known to run with what ran before");
    assert_eq!(cluster.on("n1", "ls /var/lib/kbootstrap/before"), "", "nothing is left of it");
    set(&cluster, "kube-apiserver", "etcd-readycheck-timeout", None);
    cluster.up();
    // A restart that is for good leaves nothing either.
    set(&cluster, "kube-apiserver", "max-requests-inflight", Some(json!(500)));
    cluster.run(&["up", "--yes"]).exits(0);
    assert_eq!(cluster.on("n1", "ls /var/lib/kbootstrap/before"), "");
}

/// Sets a flag of a component, or a value of its configuration where it has one; none takes it back.
fn set(cluster: &Cluster, component: &str, name: &str, value: Option<Value>) {
    cluster.edit(|inventory| {
        let settings = inventory.components.entry(component.into()).or_default();
        let (flags, config) = (&mut settings.flags, &mut settings.config);
        match (component, value) {
            ("kubelet", Some(value)) => drop(config.insert(name.to_owned(), value)),
            ("kubelet", None) => drop(config.remove(name)),
            (_, Some(value)) => drop(flags.insert(name.to_owned(), value)),
            (_, None) => drop(flags.remove(name)),
        }
    });
}
