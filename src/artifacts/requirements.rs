//! Which programs and images a cluster needs: a pure function of its components and versions.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::cluster::Versions;
use crate::components::{Catalogue, ComponentSpec, ImageSpec, release};
use crate::error::{Error, Result};
use crate::recipes::Project;
use crate::state::ArtifactRef;

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
    /// An image's full name, `registry/repository:tag`; none for a program.
    pub image: Option<String>,
}

impl Requirement {
    /// Whether it is an OCI tar and not a program.
    pub fn is_image(&self) -> bool {
        self.image.is_some()
    }
    /// What is known of it before its bytes are.
    pub(super) fn unpinned(&self) -> ArtifactRef {
        let (name, version) = (self.name.clone(), self.version.clone());
        ArtifactRef { name, version, sha256: String::new(), size: 0 }
    }
    /// `kubelet 1.36.3 (amd64)`, for messages.
    pub fn title(&self) -> String {
        format!("{} {} ({})", self.name, self.version, self.arch)
    }
}

/// Everything that these components need, each once, in the order of names within a project.
pub fn requirements<'a>(
    components: impl Iterator<Item = &'a ComponentSpec>,
    further: &[ImageSpec],
    versions: &Versions,
    arch: &str,
) -> Vec<Requirement> {
    let one = |name: &str, project: Project, version: String, image: Option<String>| {
        let release = release(project, versions);
        Requirement { name: name.to_owned(), version, arch: arch.to_owned(), project, release, image }
    };
    let image = |image: &ImageSpec| {
        let version = image.version(versions);
        one(image.artifact, image.project, version.clone(), Some(image.reference(&version)))
    };
    let mut all: BTreeSet<_> = further.iter().map(image).collect();
    for spec in components {
        all.extend(spec.programs.iter().map(|p| one(p.artifact, p.project, release(p.project, versions), None)));
        all.extend(spec.images.iter().map(image));
    }
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by(|a, b| (a.project, &a.name).cmp(&(b.project, &b.name)));
    all
}

/// Everything that the catalogue's components need, whichever hosts run them.
pub fn everything(catalogue: &Catalogue, versions: &Versions, arch: &str, test_images: bool) -> Vec<Requirement> {
    let further = if test_images { &catalogue.test_images[..] } else { &[] };
    requirements(catalogue.components.iter(), further, versions, arch)
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
    use crate::cluster::{NetworkPlugin, Role, example};

    pub(in crate::artifacts) fn versions() -> Versions {
        crate::cluster::versions::fitting(&Version::new(1, 36, 3))
    }

    pub(in crate::artifacts) fn everything() -> Vec<Requirement> {
        super::everything(&Catalogue::standard(), &versions(), "amd64", true)
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
            let mut cluster = example::cluster("1.36.3");
            cluster.networks.plugin = plugin;
            cluster.hosts = vec![example::host("a", 1, roles)];
            names(&requirements(Catalogue::standard().in_use(&cluster), &[], &versions(), "amd64"))
        };
        insta::assert_snapshot!(of(&[Role::Etcd], NetworkPlugin::Flannel), @"etcd etcdctl etcdutl");
        insta::assert_snapshot!(of(&[Role::Master], NetworkPlugin::Flannel), @"kube-apiserver kube-controller-manager kube-scheduler kubectl");
        insta::assert_snapshot!(of(&[Role::Node], NetworkPlugin::None), @"image-pause kube-proxy kubelet containerd containerd-shim-runc-v2 ctr runc cni-bandwidth cni-bridge cni-firewall cni-host-local cni-loopback cni-portmap image-coredns");
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
