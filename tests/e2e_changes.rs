//! Inventories that change while people use the cluster: each is refused before anything is touched, or done whole
//! without anybody's noticing, and then taken back.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use kbootstrap::inventory::Role;
use kbootstrap::lab::LabSpec;
use serde_json::Value;

use crate::changes_rows::{End, Row, pairs, rows};
use crate::common::cluster::Cluster;
use crate::common::load::Load;
use crate::common::workload::{self, Visitor};
use crate::e2e_ha::{api_of, balancer};
use crate::e2e_hosts as hosts;

/// The only API server of the cluster restarts in less.
const API_AWAY: Duration = Duration::from_secs(10);

#[test]
fn an_inventory_is_refused_untouched_or_done_whole() {
    let cluster = running("changes");
    try_rows(&cluster, pairs().iter().chain(rows().iter().filter(|row| row.always)), |_| ());
    the_record_may_be_lost_or_forged(&cluster);
    nothing_slips_through_while_the_api_is_away(&cluster, &pairs());
}

#[test]
#[ignore = "test-long: every field, with verify after each"]
fn every_field_is_refused_untouched_or_done_whole() {
    let cluster = running("changes-long");
    nothing_slips_through_while_the_api_is_away(&cluster, &rows());
    try_rows(&cluster, rows().iter(), |cluster| drop(cluster.run(&["verify"]).ok()));
}

/// Whoever goes on to another API server loses no request at all.
#[test]
#[ignore = "test-long: every field that restarts something, on three masters"]
fn every_rolling_field_is_unnoticed_with_three_masters() {
    let cluster = Cluster::with(LabSpec { masters: 3, ..LabSpec::new("changes-ha", 3) });
    let balancer = balancer(&cluster);
    cluster.edit(|inventory| inventory.control_plane_endpoint = Some(balancer.address().to_string()));
    workload::populate(&cluster);
    try_rows(&cluster, rows().iter().filter(|row| row.end == End::Rolls), |_| ());
}

/// Tries all of them, so that one that fails does not hide the others.
fn try_rows<'r>(cluster: &Cluster, rows: impl Iterator<Item = &'r Row>, after: impl Fn(&Cluster)) {
    let inventory = fs::read(cluster.inventory()).unwrap();
    let (mut failed, mut untouched) = (Vec::new(), None);
    for row in rows {
        let tried = catch_unwind(AssertUnwindSafe(|| {
            try_row(cluster, row, &mut untouched);
            after(cluster);
        }));
        if tried.is_err() {
            failed.push(row.field);
            untouched = None;
            fs::write(cluster.inventory(), &inventory).unwrap();
            cluster.up();
        }
    }
    assert_eq!(failed, Vec::<&str>::new(), "what each said is above");
}

/// A cluster with a workload from before.
fn running(name: &str) -> Cluster {
    let cluster = Cluster::new(name, 2);
    workload::populate(&cluster);
    cluster
}

/// What was there after a refusal is there before the next one.
fn try_row(cluster: &Cluster, row: &Row, untouched: &mut Option<BTreeMap<String, String>>) {
    let inventory = fs::read(cluster.inventory()).unwrap();
    cluster.edit(row.edit);
    let kept = untouched.take();
    match row.end {
        End::Refused(words) => {
            let before = kept.unwrap_or_else(|| everything(cluster));
            let state = cluster.state();
            let run = cluster.run(&["up", "--yes", "--state", state.to_str().unwrap()]);
            run.check([3, 4, 6, 9].contains(&run.code), &format!("{}: it should be refused", row.field));
            let run = run.says(words);
            let after = everything(cluster);
            assert_eq!(differing(&before, &after), Vec::<String>::new(), "{}\n{run}", row.field);
            *untouched = Some(after);
        }
        End::Live | End::Rolls => {
            done(cluster, row);
            fs::write(cluster.inventory(), &inventory).unwrap();
            done(cluster, row);
        }
        End::Elsewhere(_) => {}
    }
    fs::write(cluster.inventory(), inventory).unwrap();
    cluster.run(&["plan", "--exit-code"]).ok();
}

/// `up` makes the change, or takes it back, under load.
fn done(cluster: &Cluster, row: &Row) {
    let (lives, pods) = (hosts::lives(cluster), workload::lives(cluster));
    let masters = cluster.with_role(Role::Master);
    let masters: Vec<&str> = masters.iter().map(String::as_str).collect();
    let (visitor, load) = (Visitor::start(cluster), Load::start(&[api_of(cluster, &masters)]));
    let run = cluster.run(&["up", "--yes", "-o", "json"]).ok();
    let (answered, failed) = visitor.end();
    let seen = load.end();
    assert!(failed.is_empty() && answered > 0, "{}: the Service failed: {failed:#?}\n{run}", row.field);
    let restarted = hosts::restarted(&lives, &hosts::lives(cluster));
    match row.end {
        End::Rolls => assert!(!restarted.is_empty(), "{}: nothing restarted", row.field),
        _ => assert_eq!(restarted, Vec::<String>::new(), "{}", row.field),
    }
    // The only API server is away while it restarts.
    if row.end != End::Rolls || masters.len() > 1 {
        assert_eq!(seen.lost, Vec::<String>::new(), "{}: requests to the API were lost\n{run}", row.field);
    }
    let long: Vec<String> = seen.outages.iter().filter(|o| o.to - o.from > API_AWAY).map(|o| o.to_string()).collect();
    assert_eq!(long, Vec::<String>::new(), "{}", row.field);
    assert_eq!(pods, workload::lives(cluster), "{}: pods are not what they were", row.field);
    workload::goes_on(cluster);
    cluster.run(&["plan", "--exit-code"]).ok();
}

/// With the API server stopped there is less to ask; what must not happen must not happen then either.
fn nothing_slips_through_while_the_api_is_away(cluster: &Cluster, rows: &[Row]) {
    cluster.on("n1", "systemctl stop kube-apiserver");
    let inventory = fs::read(cluster.inventory()).unwrap();
    let lives = hosts::lives(cluster);
    for row in rows {
        let End::Refused(_) = row.end else { continue };
        cluster.edit(row.edit);
        let state = cluster.state();
        let run = cluster.run(&["up", "--yes", "--state", state.to_str().unwrap()]);
        run.check([3, 4, 6, 9].contains(&run.code), &format!("{}: it should be refused", row.field));
        fs::write(cluster.inventory(), &inventory).unwrap();
    }
    let mut restarted = hosts::restarted(&lives, &hosts::lives(cluster));
    // They end by themselves when they cannot renew their lease.
    restarted.retain(|unit| !unit.contains("kube-controller-manager") && !unit.contains("kube-scheduler"));
    assert_eq!(restarted, Vec::<String>::new());
    cluster.up();
    // Controllers that gave up meanwhile may be about to be started by systemd when the API is back.
    cluster.up();
    cluster.run(&["plan", "--exit-code"]).ok();
    workload::goes_on(cluster);
}

/// The facts say the same where the record is gone, and more where it lies.
fn the_record_may_be_lost_or_forged(cluster: &Cluster) {
    let file = "/var/lib/kbootstrap/record.json";
    let kept = cluster.state().join("record.json");
    let lose_map = || cluster.kubectl(&["-n", "kube-system", "delete", "configmap", "kbootstrap"]);
    let losses: [&dyn Fn(); 3] = [&|| drop(lose_map()), &|| drop(cluster.on("n1", &format!("rm {file}"))), &|| {
        lose_map();
        cluster.on("n1", &format!("rm {file}"));
        fs::remove_file(&kept).unwrap();
    }];
    for lose in losses {
        lose();
        let inventory = fs::read(cluster.inventory()).unwrap();
        cluster.edit(|inventory| inventory.networks.services = Some("10.97.0.0/16".into()));
        cluster.run(&["up", "--yes"]).exits(9).says("Services have addresses of 10.96.0.0/16");
        fs::write(cluster.inventory(), inventory).unwrap();
        assert_eq!(cluster.up(), 1, "the record is written again");
        cluster.run(&["plan", "--exit-code"]).ok();
    }
    a_node_has_no_word_in_it(cluster, &kept);
    forge(cluster, &kept);
    assert_eq!(cluster.up(), 1);
    cluster.run(&["plan", "--exit-code"]).ok();
    // Nobody but cluster administrators writes it.
    for who in ["system:serviceaccount:kube-system:default", "system:node:n1", "system:kube-scheduler"] {
        let groups = if who.contains(":node:") { "system:nodes" } else { "system:authenticated" };
        let ask =
            ["auth", "can-i", "update", "configmap/kbootstrap", "-n", "kube-system", "--as", who, "--as-group", groups];
        assert!(cluster.try_kubectl(&ask).starts_with("no"), "{who} may write the record");
    }
}

/// What lies on a node is not read: root there could send the operator anywhere, or take back a revocation.
fn a_node_has_no_word_in_it(cluster: &Cluster, kept: &std::path::Path) {
    let mut record: Value = serde_json::from_slice(&fs::read(kept).unwrap()).unwrap();
    record["written"] = "2999-01-01T00:00:00Z".into();
    record["settings"]["networks.pods"] = "10.250.0.0/16".into();
    let mut stranger = record["hosts"][0].clone();
    (stranger["name"], stranger["address"]) = ("stranger".into(), "10.99.99.99".into());
    record["hosts"].as_array_mut().unwrap().push(stranger);
    let planted = cluster.file("n2", "/var/lib/kbootstrap/record.json");
    fs::write(&planted, record.to_string()).unwrap();
    let plan = cluster.run(&["plan", "--exit-code"]).ok();
    plan.check(!format!("{plan}").contains("stranger"), "nobody else is asked");
    fs::remove_file(planted).unwrap();
}

/// A record of the future with other networks, and a host that never was.
fn forge(cluster: &Cluster, kept: &std::path::Path) {
    let mut record: Value = serde_json::from_slice(&fs::read(kept).unwrap()).unwrap();
    record["written"] = "2999-01-01T00:00:00Z".into();
    record["settings"]["networks.services"] = "10.97.0.0/16".into();
    record["settings"]["networks.pods"] = "10.250.0.0/16".into();
    fs::write(kept, record.to_string()).unwrap();
    cluster.run(&["plan", "--exit-code"]).exits(10);
}

/// What a refusal must not change: files, units, objects.
fn everything(cluster: &Cluster) -> BTreeMap<String, String> {
    let mut all = hosts::lives(cluster);
    for host in cluster.hosts() {
        let script = "find /etc /usr/local /opt /var/lib/kbootstrap /var/lib/kube* -xdev -type f -not -path '*/pods/*' \
                      -not -path '/var/lib/kubelet/[dp]*' -printf '%p %s %T@ %m\\n' 2>/dev/null | sort";
        for line in cluster.on(&host, script).lines() {
            let (path, rest) = line.split_once(' ').unwrap();
            all.insert(format!("{host}:{path}"), rest.to_owned());
        }
    }
    let kinds = "configmaps,secrets,services,serviceaccounts,deployments,daemonsets,clusterroles,clusterrolebindings,roles,rolebindings";
    for object in cluster.get(&["-A", kinds])["items"].as_array().unwrap() {
        let meta = &object["metadata"];
        let version = match object["kind"].as_str() {
            // Their status changes by itself.
            Some("Deployment" | "DaemonSet") => &meta["generation"],
            _ => &meta["resourceVersion"],
        };
        all.insert(format!("{} {}/{}", object["kind"], meta["namespace"], meta["name"]), version.to_string());
    }
    all.retain(|name, _| !name.contains("\"load\""));
    all
}

fn differing(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let keys = before.keys().chain(after.keys());
    let differs = |key: &&String| before.get(*key) != after.get(*key);
    keys.filter(differs).map(|key| format!("{key}: {:?} → {:?}", before.get(key), after.get(key))).collect()
}
