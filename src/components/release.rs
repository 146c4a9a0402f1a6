//! Whose release a program or image comes from.

use serde::Serialize;

use crate::cluster::Versions;

/// Whose release a thing comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Project {
    /// kube-apiserver, kubelet and so on; the pause and agnhost images.
    Kubernetes,
    /// etcd, etcdctl, etcdutl.
    Etcd,
    /// containerd, its shim, ctr.
    Containerd,
    /// runc.
    Runc,
    /// The reference CNI plugins.
    CniPlugins,
    /// The CNI plugin `flannel`, which is not one of the reference plugins.
    CniFlannel,
    /// flanneld.
    Flannel,
    /// The CoreDNS image.
    Coredns,
    /// Nobody's: a folder, a bundle or the store has it, in this version.
    Own(&'static str),
}

impl Project {
    /// The release's version, without `v`. For the CNI plugin `flannel` it is flannel's, which decides the plugin's.
    pub fn version(self, versions: &Versions) -> String {
        match self {
            Project::Kubernetes => versions.kubernetes.to_string(),
            Project::Etcd => versions.etcd.to_string(),
            Project::Containerd => versions.containerd.to_string(),
            Project::Runc => versions.runc.to_string(),
            Project::CniPlugins => versions.cni_plugins.to_string(),
            Project::CniFlannel | Project::Flannel => versions.flannel.to_string(),
            Project::Coredns => versions.coredns.to_string(),
            Project::Own(version) => version.to_owned(),
        }
    }
}
