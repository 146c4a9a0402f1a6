//! What kbootstrap 0.1.0 leaves in a cluster's folder and on hosts, with fresh keys. `folder.txt` and `hosts.txt` list what a
//! run of 0.1.0 itself left, for `n1` with everything and the node `n2`: names, modes, owners, SHA-256 of what holds neither
//! key nor certificate, and what units restart on. `texts.txt` has what those hashes are of.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use time::OffsetDateTime;

use crate::cluster::{Cluster, Host};
use crate::components::Catalogue;
use crate::digest::sha256;
use crate::engine::{desire, names_only};
use crate::facts::HostFacts;
use crate::plan::converged;
use crate::render::Templates;
use crate::state::{Content, File, HostState};
use crate::trust::{self, Trust};
use crate::ui::Silent;

pub const FOLDER: &str = include_str!("folder.txt");
pub const HOSTS: &str = include_str!("hosts.txt");
const TEXTS: &str = include_str!("texts.txt");

/// The inventory that the lists are of.
pub const INVENTORY: &str = "cluster: prod
kubernetes: 1.36.3
hosts:
- {name: n1, address: 10.0.0.11, roles: [etcd, master, node]}
- {name: n2, address: 10.0.0.21, roles: [node]}
";

/// Fills the cluster's folder.
pub fn folder(catalogue: &Catalogue, cluster: &Cluster, dir: &Path) -> Trust {
    let trust = trust::ensure(catalogue, cluster, dir, OffsetDateTime::now_utc(), &Silent).unwrap();
    trust.write_admin_kubeconfig(cluster, dir).unwrap();
    older(&dir.join("pki"));
    fs::create_dir(dir.join("log")).unwrap();
    for (name, mode, text) in [
        (".lock", 0o644, ""),
        ("artifacts.lock", 0o644, "{\n  \"artifacts\": []\n}\n"),
        ("log/20261121T232841.000Z-up.log", 0o600, "2026-11-21T23:29:00Z done\n"),
    ] {
        fs::write(dir.join(name), text).unwrap();
        fs::set_permissions(dir.join(name), Permissions::from_mode(mode)).unwrap();
    }
    trust
}

/// Takes out what 0.1.0 did not make, and makes what it did.
fn older(pki: &Path) {
    let record = pki.join("generated.json");
    let mut generated: Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    generated.as_object_mut().unwrap().remove("format").unwrap();
    // One of each for all nodes: the first one's, under the name that it had.
    for row in ["kube-proxy", "flannel"] {
        for end in [".pem", "-key.pem", "-csr.json"] {
            fs::rename(pki.join(format!("{row}-n1{end}")), pki.join(format!("{row}{end}"))).unwrap();
        }
        for list in ["certificates", "specs"] {
            generated[list][row] = generated[list][format!("{row}-n1")].take();
        }
    }
    let left: BTreeSet<&str> = FOLDER.lines().filter_map(|line| line.strip_prefix("pki/")?.split(' ').next()).collect();
    for entry in fs::read_dir(pki).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !left.contains(name.as_str()) {
            fs::remove_file(pki.join(&name)).unwrap();
        }
    }
    for (list, end) in [("certificates", ".pem"), ("specs", "-csr.json")] {
        let names = generated[list].as_object_mut().unwrap();
        names.retain(|name, _| left.contains(format!("{name}{end}").as_str()));
    }
    // Profiles without a look at keys.
    let config = fs::read_to_string(pki.join("ca-config.json")).unwrap();
    let wide = config.replace("\"signing\",", "\"signing\", \"key encipherment\",");
    assert_ne!(config, wide);
    generated["config"] = sha256(wide.as_bytes()).into();
    fs::write(pki.join("ca-config.json"), wide).unwrap();
    fs::write(record, serde_json::to_string_pretty(&generated).unwrap() + "\n").unwrap();
}

/// What hosts hold.
pub fn hosts(catalogue: &Catalogue, cluster: &Cluster, trust: &Trust) -> BTreeMap<String, HostState> {
    let templates = Templates::embedded(catalogue);
    let today = desire(catalogue, cluster, &BTreeMap::new(), trust, &names_only, &templates).unwrap();
    today.hosts.into_iter().map(|(name, state)| (name, undone(state, cluster))).collect()
}

/// What such hosts say when they are asked.
pub fn facts(cluster: &Cluster, hosts: &BTreeMap<String, HostState>) -> BTreeMap<String, HostFacts> {
    let says = |host: &Host| {
        let state = &hosts[&host.name];
        let mut facts = converged(state);
        let text = |path: String| match &state.files.get(&path)?.content {
            Content::Text(text) => Some((path, text.to_string())),
            _ => None,
        };
        facts.certificates = trust::authority_files(cluster, host).filter_map(text).collect();
        (host.name.clone(), facts)
    };
    cluster.hosts.iter().map(says).collect()
}

/// A host of today with what 0.1.0 left there in place of what is there now. What it left no text of are keys,
/// certificates and programs.
fn undone(mut state: HostState, cluster: &Cluster) -> HostState {
    let listed: BTreeMap<&str, (u32, &str)> = lines(&state.host).filter_map(file).collect();
    state.files.retain(|path, _| listed.contains_key(path.as_str()));
    for (path, text) in texts(&state.host) {
        let (mode, owner) = listed[path];
        let content = Content::Text(text.into());
        state.files.insert(path.to_owned(), File { content, mode, owner: owner.to_owned() });
    }
    for (path, (mode, owner)) in &listed {
        let file = state.files.get_mut(*path);
        let file = file.unwrap_or_else(|| panic!("{}: {path} is made no longer: say what 0.1.0 left", state.host));
        (file.mode, file.owner) = (*mode, (*owner).to_owned());
    }
    let units: BTreeMap<&str, BTreeSet<String>> = lines(&state.host).filter_map(unit).collect();
    state.units.retain(|unit| units.contains_key(unit.name.as_str()));
    state.units.iter_mut().for_each(|unit| unit.restart_on = units[unit.name.as_str()].clone());
    // They were made on the way to those inside.
    for parent in [&cluster.layout.cni, &cluster.layout.cni_programs] {
        state.dirs.get_mut(parent).unwrap().mode = 0o700;
    }
    if let Some(dir) = state.dirs.get_mut(&cluster.layout.etcd_pki) {
        (dir.mode, dir.owner) = (0o700, "etcd".into());
    }
    state
}

/// What is listed of a host.
fn lines(host: &str) -> impl Iterator<Item = &'static str> {
    HOSTS.lines().filter_map(move |line| line.strip_prefix(host)?.strip_prefix(' '))
}

/// `/path mode owner sha256`.
fn file(line: &'static str) -> Option<(&'static str, (u32, &'static str))> {
    let mut words = line.split(' ');
    let path = words.next().filter(|path| path.starts_with('/'))?;
    Some((path, (u32::from_str_radix(words.next()?, 8).ok()?, words.next()?)))
}

/// `name.service: /path /path`.
fn unit(line: &'static str) -> Option<(&'static str, BTreeSet<String>)> {
    let (name, on) = line.split_once(": ")?;
    Some((name, on.split(' ').map(String::from).collect()))
}

/// The texts of a host by path: each stands under a line `=== HOST [HOST] PATH`.
fn texts(host: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    TEXTS.split("=== ").filter_map(move |part| {
        let (head, text) = part.split_once('\n')?;
        let (hosts, path) = head.rsplit_once(' ')?;
        hosts.split(' ').any(|name| name == host).then_some((path, text))
    })
}
