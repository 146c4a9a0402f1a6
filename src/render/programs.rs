//! Programs and images by role.

use super::Inputs;
use super::context::Images;
use crate::cluster::{Cluster, Host, NetworkPlugin, Role};
use crate::error::{Error, Result};
use crate::state::{Content, File, HostState, Image};

const ETCD: [&str; 3] = ["etcd", "etcdctl", "etcdutl"];
const MASTER: [&str; 4] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"];
const NODE: [&str; 6] = ["containerd", "containerd-shim-runc-v2", "ctr", "runc", "kubelet", "kube-proxy"];
const CNI: [&str; 6] = ["bridge", "host-local", "loopback", "portmap", "bandwidth", "firewall"];

/// A program on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The artifact's name.
    pub artifact: String,
    /// Where it lies.
    pub path: String,
}

/// The programs that the host needs.
pub fn programs(cluster: &Cluster, host: &Host) -> Vec<Program> {
    let layout = &cluster.layout;
    let flannel = cluster.networks.plugin == NetworkPlugin::Flannel;
    let mut names = Vec::new();
    let mut plugins = Vec::new();
    if host.is(Role::Etcd) {
        names.extend(ETCD);
    }
    if host.is(Role::Master) {
        names.extend(MASTER);
    }
    if host.is(Role::Node) {
        names.extend(NODE);
        plugins.extend(CNI);
        if flannel {
            names.push("flanneld");
            plugins.push("flannel");
        }
    }
    let own = names.iter().map(|name| Program { artifact: name.to_string(), path: format!("{}/{name}", layout.bin) });
    let cni = plugins
        .iter()
        .map(|name| Program { artifact: format!("cni-{name}"), path: format!("{}/{name}", layout.cni_bin) });
    own.chain(cni).collect()
}

/// Adds programs and images; all that cannot be had are reported.
pub(super) fn add(state: &mut HostState, inputs: &Inputs<'_>) -> Result<()> {
    let mut errors = Vec::new();
    for program in programs(inputs.cluster, inputs.host) {
        match (inputs.programs)(&program.artifact) {
            Ok(artifact) => {
                let file = File { content: Content::Artifact(artifact), mode: 0o755, owner: "root".into() };
                state.files.insert(program.path, file);
            }
            Err(error) => errors.push(error),
        }
    }
    if inputs.host.is(Role::Node) {
        let names = Images::new(inputs.cluster);
        for (artifact, name) in [("image-pause", names.pause), ("image-coredns", names.coredns)] {
            match (inputs.programs)(artifact) {
                Ok(artifact) => state.images.push(Image { name, artifact }),
                Err(error) => errors.push(error),
            }
        }
    }
    Error::all(errors)
}
