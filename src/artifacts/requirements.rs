//! Which programs and images a cluster needs: a pure function of its versions and roles.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::cluster::{NetworkPlugin, Role, Versions};
use crate::error::{Error, Result};
use crate::recipes::Project;

/// Architectures that all projects release for, as Go names them.
pub const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];

/// A program or image that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Requirement {
    /// Artifact name: `kubelet`, `cni-bridge`, `image-pause`.
    pub name: String,
    /// Its own version without `v`. For `cni-flannel` it is flannel's, which decides the plugin's.
    pub version: String,
    /// `amd64` or `arm64`.
    pub arch: String,
    /// Whose release it is part of.
    pub project: Project,
    /// The release's version, which differs from `version` for the pause and agnhost images.
    pub release: String,
}

impl Requirement {
    /// Whether it is an OCI tar and not a program.
    pub fn is_image(&self) -> bool {
        self.name.starts_with("image-")
    }
    /// `kubelet 1.36.3 (amd64)`, for messages.
    pub fn title(&self) -> String {
        format!("{} {} ({})", self.name, self.version, self.arch)
    }
}

const MASTER: &[&str] = &["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"];
const NODE: &[&str] = &["kubelet", "kube-proxy", "kubectl"];
const ETCD: &[&str] = &["etcd", "etcdctl", "etcdutl"];
const CONTAINERD: &[&str] = &["containerd", "containerd-shim-runc-v2", "ctr"];
const CNI: &[&str] = &["cni-bandwidth", "cni-bridge", "cni-firewall", "cni-host-local", "cni-loopback", "cni-portmap"];

/// Everything that hosts with these roles need, each once, in the order of names within a project.
pub fn requirements(
    versions: &Versions,
    plugin: NetworkPlugin,
    arch: &str,
    roles: &BTreeSet<Role>,
    with_test_images: bool,
) -> Vec<Requirement> {
    let kubernetes = versions.kubernetes.to_string();
    let mut all = BTreeSet::new();
    let mut add = |names: &[&str], project: Project, version: &str, release: &str| {
        all.extend(names.iter().map(|name| Requirement {
            name: (*name).to_owned(),
            version: version.to_owned(),
            arch: arch.to_owned(),
            project,
            release: release.to_owned(),
        }));
    };
    if roles.contains(&Role::Etcd) {
        let etcd = versions.etcd.to_string();
        add(ETCD, Project::Etcd, &etcd, &etcd);
    }
    if roles.contains(&Role::Master) {
        add(MASTER, Project::Kubernetes, &kubernetes, &kubernetes);
    }
    if roles.contains(&Role::Node) {
        add(NODE, Project::Kubernetes, &kubernetes, &kubernetes);
        let (containerd, runc) = (versions.containerd.to_string(), versions.runc.to_string());
        add(CONTAINERD, Project::Containerd, &containerd, &containerd);
        add(&["runc"], Project::Runc, &runc, &runc);
        let plugins = versions.cni_plugins.to_string();
        add(CNI, Project::CniPlugins, &plugins, &plugins);
        if plugin == NetworkPlugin::Flannel {
            let flannel = versions.flannel.to_string();
            add(&["flanneld"], Project::Flannel, &flannel, &flannel);
            add(&["cni-flannel"], Project::CniFlannel, &flannel, &flannel);
        }
        let coredns = versions.coredns.to_string();
        add(&["image-coredns"], Project::Coredns, &coredns, &coredns);
        add(&["image-pause"], Project::Kubernetes, &versions.pause, &kubernetes);
        if with_test_images {
            add(&["image-agnhost"], Project::Kubernetes, agnhost_version(versions.kubernetes.minor), &kubernetes);
        }
    }
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by(|a, b| (a.project, &a.name).cmp(&(b.project, &b.name)));
    all
}

/// The tag of the agnhost image that each minor's own tests use (`test/images/agnhost/VERSION`).
fn agnhost_version(minor: u64) -> &'static str {
    match minor {
        ..=34 => "2.56",
        35 => "2.59",
        _ => "2.63.0",
    }
}

/// Refuses an architecture that we do not know releases for.
pub(super) fn check_arch(arch: &str) -> Result<()> {
    if ARCHITECTURES.contains(&arch) {
        return Ok(());
    }
    Err(Error::input(format!("unknown architecture {arch:?}")).hint(format!("known: {}", ARCHITECTURES.join(", "))))
}

#[cfg(test)]
pub(super) mod tests {
    use semver::Version;

    use super::*;

    pub(in crate::artifacts) fn versions() -> Versions {
        crate::cluster::versions::fitting(&Version::new(1, 36, 3))
    }

    pub(in crate::artifacts) fn everything() -> Vec<Requirement> {
        requirements(&versions(), NetworkPlugin::Flannel, "amd64", &[Role::Etcd, Role::Master, Role::Node].into(), true)
    }

    fn names(wanted: &[Requirement]) -> String {
        wanted.iter().map(|w| w.name.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_program_is_wanted_once() {
        insta::assert_snapshot!(names(&everything()), @"image-agnhost image-pause kube-apiserver kube-controller-manager kube-proxy kube-scheduler kubectl kubelet etcd etcdctl etcdutl containerd containerd-shim-runc-v2 ctr runc cni-bandwidth cni-bridge cni-firewall cni-host-local cni-loopback cni-portmap cni-flannel flanneld image-coredns");
    }

    #[test]
    fn only_what_the_roles_and_the_plugin_need() {
        let of = |roles: &[Role], plugin| {
            names(&requirements(&versions(), plugin, "amd64", &roles.iter().copied().collect(), false))
        };
        insta::assert_snapshot!(of(&[Role::Etcd], NetworkPlugin::Flannel), @"etcd etcdctl etcdutl");
        insta::assert_snapshot!(of(&[Role::Master], NetworkPlugin::Flannel), @"kube-apiserver kube-controller-manager kube-scheduler kubectl");
        insta::assert_snapshot!(of(&[Role::Node], NetworkPlugin::None), @"image-pause kube-proxy kubectl kubelet containerd containerd-shim-runc-v2 ctr runc cni-bandwidth cni-bridge cni-firewall cni-host-local cni-loopback cni-portmap image-coredns");
    }

    #[test]
    fn images_of_kubernetes_have_versions_of_their_own() {
        let all = everything();
        let find = |name: &str| all.iter().find(|w| w.name == name).unwrap();
        assert_eq!((find("image-pause").version.as_str(), find("image-pause").release.as_str()), ("3.10.1", "1.36.3"));
        assert_eq!(find("image-agnhost").version, "2.63.0");
        assert!(check_arch("riscv64").is_err());
    }
}
