//! A host's desired state, put together.

use std::collections::BTreeMap;

use super::context::Context;
use super::service::{self, private};
use super::services::{ADMIN, SERVICES};
use super::{Inputs, encryption, programs};
use crate::cluster::{Component, Role};
use crate::error::{Error, Result};
use crate::facts;
use crate::state::{Content, Dir, File, HostState};

/// Where kernel settings are kept for the next boot.
const SYSCTL_FILE: &str = "/etc/sysctl.d/90-kubernetes.conf";
/// Where kernel modules are named for the next boot.
const MODULES_FILE: &str = "/etc/modules-load.d/kubernetes.conf";

/// Everything that the host must hold. All mistakes in the inventory's flags, configuration and templates are
/// reported at once.
pub fn host_state(inputs: &Inputs<'_>) -> Result<HostState> {
    let (cluster, host) = (inputs.cluster, inputs.host);
    let decisions = facts::decide(cluster, host, inputs.facts);
    let mut state = HostState {
        host: host.name.clone(),
        files: inputs.pki_files.clone(),
        dirs: dirs(inputs),
        sysctls: decisions.sysctls.clone(),
        modules: decisions.modules.clone(),
        ..HostState::default()
    };
    if host.is(Role::Etcd) {
        state.users.insert("etcd".into());
    }
    add_kernel_files(&mut state);

    let context = Context::new(cluster, host, inputs.facts, decisions)?;
    let mut errors: Vec<Error> = Vec::new();
    for service in SERVICES.iter().filter(|service| service.runs_on(cluster, host)) {
        errors.extend(service::add(&mut state, inputs, &context, service).err());
    }
    if host.is(Role::Master) {
        errors.extend(add_master_files(&mut state, inputs, &context).err());
    }
    errors.extend(programs::add(&mut state, inputs).err());
    Error::all(errors)?;
    Ok(state)
}

fn add_master_files(state: &mut HostState, inputs: &Inputs<'_>, context: &Context<'_>) -> Result<()> {
    let folder = &inputs.cluster.layout.kubernetes;
    let admin = service::kubeconfig(inputs, context, Component::KubeApiserver, &ADMIN)?;
    state.files.insert(format!("{folder}/{}", ADMIN.file), admin);
    let encryption = encryption::configuration(inputs.encryption_keys, inputs.cluster.encrypt_secrets);
    let file = File { content: Content::Secret(encryption), mode: 0o600, owner: "root".into() };
    state.files.insert(format!("{folder}/encryption.yaml"), file);
    Ok(())
}

fn add_kernel_files(state: &mut HostState) {
    if !state.sysctls.is_empty() {
        let lines: String = state.sysctls.iter().map(|(name, value)| format!("{name} = {value}\n")).collect();
        state.files.insert(SYSCTL_FILE.into(), public(lines));
    }
    if !state.modules.is_empty() {
        let lines: String = state.modules.iter().map(|name| format!("{name}\n")).collect();
        state.files.insert(MODULES_FILE.into(), public(lines));
    }
}

fn public(text: String) -> File {
    File { mode: 0o644, ..private(text) }
}

/// Directories of ours; those of the system (`/usr/local/bin`, `/etc/systemd/system`) stay as they are.
fn dirs(inputs: &Inputs<'_>) -> BTreeMap<String, Dir> {
    let (layout, host) = (&inputs.cluster.layout, inputs.host);
    let mut dirs = BTreeMap::new();
    let mut add = |path: &str, mode, owner: &str| dirs.insert(path.to_owned(), Dir { mode, owner: owner.into() });
    add(&layout.records, 0o700, "root");
    if host.is(Role::Etcd) {
        add(&layout.etcd, 0o755, "root");
        add(&layout.etcd_pki, 0o700, "etcd");
        add(&layout.etcd_data, 0o700, "etcd");
    }
    if host.is(Role::Master) || host.is(Role::Node) {
        add(&layout.kubernetes, 0o755, "root");
        add(&layout.pki, 0o755, "root");
        // Looked for by kubelet and kube-controller-manager, which would make it in /usr/libexec.
        add(&format!("{}/volume-plugins", layout.kubernetes), 0o755, "root");
    }
    if host.is(Role::Master) {
        add(&layout.logs, 0o700, "root");
    }
    if host.is(Role::Node) {
        add(&layout.kubelet, 0o750, "root");
        add(&layout.cni_bin, 0o755, "root");
        add(&layout.cni_conf, 0o755, "root");
        add("/etc/containerd", 0o755, "root");
        add("/etc/containerd/certs.d", 0o755, "root");
        add("/etc/kube-flannel", 0o755, "root");
    }
    dirs
}
