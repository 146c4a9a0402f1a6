//! What kbootstrap 0.1.0 leaves in a cluster's folder and on hosts, with fresh keys: today's, and every difference undone.
//! `folder.txt` and `hosts.txt` list what a run of 0.1.0 itself left, for `n1` with everything and the node `n2`: names,
//! modes, owners, SHA-256 of what holds neither key nor certificate, and what units restart on.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use time::OffsetDateTime;

use crate::cluster::{Cluster, Host};
use crate::components::{Catalogue, data_plane};
use crate::engine::{desire, names_only};
use crate::facts::HostFacts;
use crate::plan::converged;
use crate::render::Templates;
use crate::state::{Content, HostState};
use crate::trust::{self, Trust};
use crate::ui::Silent;

pub const FOLDER: &str = include_str!("folder.txt");
pub const HOSTS: &str = include_str!("hosts.txt");

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
    let generated = dir.join("pki/generated.json");
    let mut value: Value = serde_json::from_slice(&fs::read(&generated).unwrap()).unwrap();
    value.as_object_mut().unwrap().remove("format").unwrap();
    fs::write(generated, serde_json::to_string_pretty(&value).unwrap() + "\n").unwrap();
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

/// One file of the CA, both for verifying and for signing. Nothing looks after the kernel's side of a node, and nothing
/// goes at boot.
fn undone(mut state: HostState, cluster: &Cluster) -> HostState {
    state.units.retain(|unit| unit.component != data_plane::ID);
    state.files.retain(|path, _| !path.contains("data-plane") && *path != cluster.layout.tmpfiles);
    let (both, signing) = (format!("{}/ca.crt", cluster.layout.pki), format!("{}/ca-signing.crt", cluster.layout.pki));
    if state.files.remove(&signing).is_none() {
        return state;
    }
    let unit = format!("{}/kube-controller-manager.service", cluster.layout.units);
    let Content::Text(text) = &mut state.files.get_mut(&unit).unwrap().content else { panic!("{unit} is text") };
    *text = text.replace(&signing, &both).into();
    for unit in &mut state.units {
        if unit.restart_on.remove(&signing) {
            unit.restart_on.insert(both.clone());
        }
    }
    state
}
