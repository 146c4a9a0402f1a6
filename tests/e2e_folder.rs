//! One file of the cluster's folder alone is missing, empty, from another cluster or from before: each is refused with
//! nothing touched, or put right, and the cluster stays what it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::cluster::Cluster;
use crate::e2e_hosts as hosts;

/// What was done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    Missing,
    Empty,
    /// The file of another cluster.
    Foreign,
    /// As it was before all keys and certificates were made again.
    Old,
}

#[test]
#[ignore = "every file in four ways takes minutes: make test-long"]
fn a_damaged_file_of_the_folder_costs_nothing() {
    let cluster = Cluster::new("e2e-folder", 1);
    assert!(cluster.up() > 50);
    let foreign = another_folder(&cluster);
    let old = kept(&cluster.state());
    made_again(&cluster);
    cluster.kubectl(&["create", "secret", "generic", "from-before", "--from-literal=a=b"]);
    let token = cluster.kubectl(&["create", "token", "default", "--duration=24h"]);
    let whole = kept(&cluster.state());
    let mut wrong = Vec::new();
    for path in whole.keys() {
        for damage in [Damage::Missing, Damage::Empty, Damage::Foreign, Damage::Old] {
            let said = tried(&cluster, &whole, path, damage, &[&foreign, &old]);
            wrong.extend(said.into_iter().map(|said| format!("{damage:?} {}: {said}", path.display())));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(cluster.takes_token(&token), "tokens from before are valid");
}

/// Damages one file, and runs `up`. What is wrong with what came of it.
fn tried(
    cluster: &Cluster,
    whole: &BTreeMap<PathBuf, Vec<u8>>,
    path: &Path,
    damage: Damage,
    [foreign, old]: &[&BTreeMap<PathBuf, Vec<u8>>; 2],
) -> Option<String> {
    let bytes = match damage {
        Damage::Missing => None,
        Damage::Empty => Some(Vec::new()),
        Damage::Foreign => Some(foreign.get(path)?.clone()),
        Damage::Old => Some(old.get(path).filter(|bytes| **bytes != whole[path])?.clone()),
    };
    let at = cluster.state().join(path);
    match bytes {
        // Written in place: modes stay.
        Some(bytes) => fs::write(&at, bytes).unwrap(),
        None => fs::remove_file(&at).unwrap(),
    }
    let keys = on_host(cluster);
    let run = cluster.run(&["up", "--yes"]);
    let mut said = match run.code {
        0 => after_success(cluster, path, &keys),
        3 | 4 | 9 => after_refusal(cluster, path, &keys),
        code => Some(format!("exit code {code}")),
    };
    if said.is_some() {
        said = said.map(|said| format!("{said}\n{run}"));
    }
    restore(&cluster.state(), whole);
    let healed = cluster.run(&["up", "--yes"]);
    if healed.code != 0 {
        return Some(format!("{}; afterwards, with the whole folder: {healed}", said.unwrap_or_default()));
    }
    said
}

/// The keys that a cluster cannot change in passing are what they were.
fn after_success(cluster: &Cluster, path: &Path, before: &BTreeMap<String, String>) -> Option<String> {
    let lasting = |path: &&String| {
        ["/ca.crt", "/etcd/ca.crt", "/sa.key", "/sa.pub", "encryption"].iter().any(|end| path.contains(end))
    };
    let after = on_host(cluster);
    let changed: Vec<&String> =
        before.keys().filter(lasting).filter(|path| before.get(*path) != after.get(*path)).collect();
    if !changed.is_empty() {
        return Some(format!("{changed:?} on the host are others"));
    }
    let plan = cluster.run(&["plan", "--exit-code"]);
    if plan.code != 0 {
        return Some(format!("the next plan is not empty: {plan}"));
    }
    (cluster.kubectl(&["get", "secret", "from-before", "-o", "jsonpath={.data.a}"]) != "Yg==")
        .then(|| format!("{}: a Secret is lost", path.display()))
}

fn after_refusal(cluster: &Cluster, path: &Path, before: &BTreeMap<String, String>) -> Option<String> {
    let after = on_host(cluster);
    (*before != after).then(|| format!("{}: it was refused, and the host has changed", path.display()))
}

/// What keys and certificates the host has, and which processes run.
fn on_host(cluster: &Cluster) -> BTreeMap<String, String> {
    let mut all = hosts::lives(cluster);
    for line in cluster
        .on("n1", "find /etc/kubernetes /etc/etcd /etc/kube-flannel -type f -exec sha256sum {} + 2>/dev/null || true")
        .lines()
    {
        let (hash, path) = line.split_once("  ").unwrap();
        all.insert(path.to_owned(), hash.to_owned());
    }
    all
}

/// Every leaf is issued again with a new key; CAs, service-account and encryption keys stay.
fn made_again(cluster: &Cluster) {
    let pki = cluster.state().join("pki");
    for entry in fs::read_dir(&pki).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let stays = name.contains("ca") && !name.contains("client")
            || name.starts_with("sa.")
            || name.starts_with("encryption");
        if name.ends_with(".pem") && !stays {
            fs::remove_file(&path).unwrap();
        }
    }
    assert!(cluster.up() > 0);
    cluster.run(&["plan", "--exit-code"]).ok();
}

/// The folder of a cluster that never ran, of the same name and hosts.
fn another_folder(cluster: &Cluster) -> BTreeMap<PathBuf, Vec<u8>> {
    let own = cluster.inventory().with_file_name("foreign");
    let loaded = kbootstrap::inventory::parse("x.yaml", &fs::read(cluster.inventory()).unwrap()).unwrap();
    let resolved = kbootstrap::cluster::resolve(&loaded, &kbootstrap::cluster::Known::default()).unwrap();
    let catalogue = kbootstrap::components::Catalogue::standard();
    let now = time::OffsetDateTime::now_utc();
    let trust = kbootstrap::trust::ensure(&catalogue, &resolved, &own, now, &kbootstrap::ui::Silent).unwrap();
    trust.write_admin_kubeconfig(&resolved, &own).unwrap();
    kept(&own)
}

/// All files but logs, by their path in the folder.
fn kept(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_owned();
            match path.is_dir() {
                true if name.ends_with("log") => {}
                true => folders.push(path),
                false => drop(files.insert(name, fs::read(&path).unwrap())),
            }
        }
    }
    files
}

fn restore(folder: &Path, whole: &BTreeMap<PathBuf, Vec<u8>>) {
    for path in kept(folder).keys().filter(|path| !whole.contains_key(*path)) {
        fs::remove_file(folder.join(path)).unwrap();
    }
    for (path, bytes) in whole {
        fs::write(folder.join(path), bytes).unwrap();
    }
}
