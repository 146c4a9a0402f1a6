//! Which release of a project fits the cluster's versions.

use crate::cluster::Versions;
use crate::recipes::Project;

/// The release's version, without `v`. For the CNI plugin `flannel` it is flannel's, which decides the plugin's.
pub fn release(project: Project, versions: &Versions) -> String {
    match project {
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
