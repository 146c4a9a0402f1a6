//! A cluster that kbootstrap 0.1.0 made, taken on by this version while people use it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::common::cluster::Cluster;
use crate::common::load::Load;
use crate::common::release_0_1_0;
use crate::common::workload::{self, Visitor};
use crate::e2e_ha::api_of;
use crate::e2e_hosts as hosts;

/// The only API server of the cluster restarts in less.
const API_AWAY: Duration = Duration::from_secs(10);

#[test]
#[ignore = "builds kbootstrap 0.1.0: make test-long"]
fn a_cluster_of_0_1_0_is_taken_on_and_nobody_notices() {
    let older = release_0_1_0::program();
    let cluster = Cluster::new("takeover", 2);
    cluster.run_as(&older, &["up"]).ok();
    cluster.run_as(&older, &["verify"]).ok();
    let images = cluster.on("n1", "ctr -n k8s.io images ls -q");
    workload::start(&cluster, images.lines().find(|image| image.contains("/agnhost:")).expect("verify brings agnhost"));
    let before = files(&cluster.state());
    let restarts = the_plan_says_why(&cluster);
    assert_eq!(files(&cluster.state()), before, "plan writes nothing");

    let (lives, pods) = (hosts::lives(&cluster), workload::lives(&cluster));
    let (visitor, load) = (Visitor::start(&cluster), Load::start(&[api_of(&cluster, &["n1"])]));
    let run = cluster.run(&["up", "--yes"]).ok();
    let (answered, failed) = visitor.end();
    let seen = load.end();
    assert!(failed.is_empty() && answered > 0, "the Service failed: {failed:#?}\n{run}");
    let long: Vec<String> = seen.outages.iter().filter(|o| o.to - o.from > API_AWAY).map(|o| o.to_string()).collect();
    assert_eq!(long, Vec::<String>::new());
    assert_eq!(hosts::restarted(&lives, &hosts::lives(&cluster)), restarts, "what the plan said, and nothing else");
    assert_eq!(pods, workload::lives(&cluster), "pods are not what they were");
    workload::goes_on(&cluster);
    let figures = format!(
        "figure: {answered} requests to the Service answered, none failed; to the API {} answered, {} lost; away {:?}",
        seen.answered + seen.switching,
        seen.lost.len(),
        seen.outages.iter().map(|o| o.to - o.from).max().unwrap_or_default(),
    );
    // For the table of test-long.
    writeln!(std::io::stderr(), "{figures}").unwrap();

    cluster.run(&["plan", "--exit-code"]).ok();
    cluster.run(&["verify"]).ok();
    no_node_has_the_shared_keys(&cluster);
    the_folder_was_kept(&cluster, &before);
    the_older_program_refuses(&cluster, &older);
    the_way_back_is_there(&cluster, &older);
}

/// The plan's reasons; the units that it restarts come back, as `host unit`.
fn the_plan_says_why(cluster: &Cluster) -> Vec<String> {
    let meaning = &cluster.plan()["meaning"];
    let upgrade = &meaning["upgrade"];
    assert_eq!((&upgrade["from"], &upgrade["to"]), (&Value::Null, &env!("CARGO_PKG_VERSION").into()), "{meaning:#}");
    assert_eq!(upgrade["keeps_folder"], true);
    let hosts: Vec<&Value> = upgrade["changes"].as_array().unwrap().iter().map(|change| &change["hosts"]).collect();
    let (master, both, cluster_itself) = (json!(["n1"]), json!(["n1", "n2"]), json!([]));
    let expected = [&master, &both, &master, &both, &both, &both, &master, &master, &cluster_itself];
    assert_eq!(hosts, expected, "{upgrade:#}");
    assert_eq!(meaning["fields"], json!([]));
    let shown = cluster.run(&["plan", "--summary"]).ok();
    shown.check(shown.stdout.starts_with("A kbootstrap that left no record was here last"), "it should say who it was");
    let restarts = meaning["restarts"].as_array().unwrap().iter().flat_map(|restart| {
        let on = restart["hosts"].as_array().unwrap().iter();
        on.map(|host| format!("{} {}.service", host.as_str().unwrap(), restart["component"].as_str().unwrap()))
    });
    let mut restarts: Vec<String> = restarts.collect();
    restarts.sort();
    restarts
}

/// Each has its own, and what all of them shared is nowhere but in the folder as it was.
fn no_node_has_the_shared_keys(cluster: &Cluster) {
    for stem in ["flannel", "kube-proxy"] {
        assert!(!cluster.state().join(format!("pki/{stem}-key.pem")).exists(), "{stem}");
        for host in ["n1", "n2"] {
            let ask = format!("openssl x509 -in /etc/kubernetes/pki/{stem}.crt -noout -subject");
            let subject = cluster.on(host, &ask);
            assert!(subject.trim_end().ends_with(&format!("CN = {stem}:{host}")), "{host}: {subject}");
        }
    }
}

fn the_folder_was_kept(cluster: &Cluster, before: &BTreeMap<PathBuf, Vec<u8>>) {
    cluster.up();
    let clusters = fs::read_dir(cluster.state().parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let kept: Vec<PathBuf> = clusters.filter(|path| *path != cluster.state()).collect();
    assert_eq!(kept.len(), 1, "once: {kept:?}");
    assert!(files(&kept[0]) == *before, "byte for byte");
}

fn the_older_program_refuses(cluster: &Cluster, older: &Path) {
    let lives = hosts::lives(cluster);
    for command in ["plan", "up"] {
        cluster.run_as(older, &[command]).exits(3).says("unknown field `format`");
    }
    assert_eq!(hosts::restarted(&lives, &hosts::lives(cluster)), Vec::<String>::new());
    cluster.run(&["plan", "--exit-code"]).ok();
}

/// With the kept folder, 0.1.0 goes on; and then this version does.
fn the_way_back_is_there(cluster: &Cluster, older: &Path) {
    let clusters = fs::read_dir(cluster.state().parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let kept = clusters.into_iter().find(|path| *path != cluster.state()).unwrap();
    let newer = cluster.state().with_extension("newer");
    fs::rename(cluster.state(), &newer).unwrap();
    fs::rename(kept, cluster.state()).unwrap();
    cluster.run_as(older, &["up"]).ok();
    cluster.run_as(older, &["verify"]).ok();
    workload::goes_on(cluster);
    assert!(cluster.up() > 0);
    cluster.run(&["plan", "--exit-code"]).ok();
}

/// Every file below.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match path.is_dir() {
                true => folders.push(path),
                false => drop(all.insert(path.strip_prefix(dir).unwrap().to_owned(), fs::read(&path).unwrap())),
            }
        }
    }
    all
}
