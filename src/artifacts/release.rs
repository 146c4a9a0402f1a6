//! The table: where each project publishes what.

use crate::artifacts::requirements::Requirement;
use crate::recipes::Project;

/// Where one thing is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file; for an image its manifest in the registry.
    pub url: String,
    /// The file with its SHA-256, where the project publishes one.
    pub checksum: Option<String>,
    /// How the thing is found in the file.
    pub inside: Inside,
}

/// How a thing is found in the file that is downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inside {
    /// It is the file.
    Whole,
    /// A member of the tar.gz, by its path without a leading `./`.
    Member(String),
    /// An image: its registry's `https://host/v2/repository`.
    Registry(String),
}

/// flannel's own manifests name the release of its CNI plugin; this is the one of flannel 0.28.10.
const FLANNEL_PLUGIN: (&str, &str) = ("v1.9.1-flannel3", "v1.9.1");

/// Where the thing is published; none for what is nobody's.
pub fn place(thing: &Requirement) -> Option<Place> {
    let Requirement { name, version, arch, .. } = thing;
    let github = |project: &str, file: String| format!("https://github.com/{project}/releases/download/{file}");
    let with_checksum =
        |url: String, suffix: &str, inside| Place { checksum: Some(format!("{url}{suffix}")), url, inside };
    Some(match thing.project {
        Project::Kubernetes if thing.is_image() => image(name, version),
        Project::Kubernetes => with_checksum(
            format!("https://dl.k8s.io/release/v{version}/bin/linux/{arch}/{name}"),
            ".sha256",
            Inside::Whole,
        ),
        Project::Etcd => {
            let folder = format!("etcd-v{version}-linux-{arch}");
            Place {
                url: github("etcd-io/etcd", format!("v{version}/{folder}.tar.gz")),
                checksum: Some(github("etcd-io/etcd", format!("v{version}/SHA256SUMS"))),
                inside: Inside::Member(format!("{folder}/{name}")),
            }
        }
        // The other archive is linked to the libc of the machine that built it.
        Project::Containerd => with_checksum(
            github("containerd/containerd", format!("v{version}/containerd-static-{version}-linux-{arch}.tar.gz")),
            ".sha256sum",
            Inside::Member(format!("bin/{name}")),
        ),
        Project::Runc => Place {
            url: github("opencontainers/runc", format!("v{version}/runc.{arch}")),
            checksum: Some(github("opencontainers/runc", format!("v{version}/runc.sha256sum"))),
            inside: Inside::Whole,
        },
        Project::CniPlugins => with_checksum(
            github("containernetworking/plugins", format!("v{version}/cni-plugins-linux-{arch}-v{version}.tgz")),
            ".sha256",
            Inside::Member(name.trim_start_matches("cni-").to_owned()),
        ),
        Project::CniFlannel => {
            let (tag, file) = FLANNEL_PLUGIN;
            with_checksum(
                github("flannel-io/cni-plugin", format!("{tag}/cni-plugin-flannel-linux-{arch}-{file}.tgz")),
                ".sha256",
                Inside::Member(format!("flannel-{arch}")),
            )
        }
        // No checksum is published: the connection is what vouches for it, once; then the lock does.
        Project::Flannel => Place {
            url: github("flannel-io/flannel", format!("v{version}/flanneld-{arch}")),
            checksum: None,
            inside: Inside::Whole,
        },
        Project::Coredns => with_checksum(
            github("coredns/coredns", format!("v{version}/coredns_{version}_linux_{arch}.tgz")),
            ".sha256",
            Inside::Member("coredns".into()),
        ),
        Project::Own(_) => return None,
    })
}

/// Images of the Kubernetes project are in its registry only.
fn image(name: &str, version: &str) -> Place {
    let repository = if name == "image-pause" { "pause" } else { "e2e-test-images/agnhost" };
    let base = format!("https://registry.k8s.io/v2/{repository}");
    Place { url: format!("{base}/manifests/{version}"), checksum: None, inside: Inside::Registry(base) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::artifacts::requirements::tests::everything;

    #[test]
    fn every_thing_has_its_place() {
        let urls: BTreeSet<_> = everything().iter().map(|w| place(w).unwrap().url).collect();
        insta::assert_snapshot!(urls.into_iter().collect::<Vec<_>>().join("\n"), @r#"
        https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kube-apiserver
        https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kube-controller-manager
        https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kube-proxy
        https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kube-scheduler
        https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubectl
        https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubelet
        https://github.com/containerd/containerd/releases/download/v2.3.7/containerd-static-2.3.7-linux-amd64.tar.gz
        https://github.com/containernetworking/plugins/releases/download/v1.9.1/cni-plugins-linux-amd64-v1.9.1.tgz
        https://github.com/coredns/coredns/releases/download/v1.14.7/coredns_1.14.7_linux_amd64.tgz
        https://github.com/etcd-io/etcd/releases/download/v3.6.14/etcd-v3.6.14-linux-amd64.tar.gz
        https://github.com/flannel-io/cni-plugin/releases/download/v1.9.1-flannel3/cni-plugin-flannel-linux-amd64-v1.9.1.tgz
        https://github.com/flannel-io/flannel/releases/download/v0.28.10/flanneld-amd64
        https://github.com/opencontainers/runc/releases/download/v1.5.2/runc.amd64
        https://registry.k8s.io/v2/e2e-test-images/agnhost/manifests/2.63.0
        https://registry.k8s.io/v2/pause/manifests/3.10.1
        "#);
        let checksums: BTreeSet<_> = everything().iter().filter_map(|w| place(w)?.checksum).collect();
        insta::assert_snapshot!(checksums.into_iter().collect::<Vec<_>>().join("\n"), @r#"
        https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kube-apiserver.sha256
        https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kube-controller-manager.sha256
        https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kube-proxy.sha256
        https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kube-scheduler.sha256
        https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubectl.sha256
        https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubelet.sha256
        https://github.com/containerd/containerd/releases/download/v2.3.7/containerd-static-2.3.7-linux-amd64.tar.gz.sha256sum
        https://github.com/containernetworking/plugins/releases/download/v1.9.1/cni-plugins-linux-amd64-v1.9.1.tgz.sha256
        https://github.com/coredns/coredns/releases/download/v1.14.7/coredns_1.14.7_linux_amd64.tgz.sha256
        https://github.com/etcd-io/etcd/releases/download/v3.6.14/SHA256SUMS
        https://github.com/flannel-io/cni-plugin/releases/download/v1.9.1-flannel3/cni-plugin-flannel-linux-amd64-v1.9.1.tgz.sha256
        https://github.com/opencontainers/runc/releases/download/v1.5.2/runc.sha256sum
        "#);
    }

    #[test]
    fn members_are_named_as_in_the_archives() {
        let all = everything();
        let inside = |name: &str| format!("{:?}", place(all.iter().find(|w| w.name == name).unwrap()).unwrap().inside);
        insta::assert_snapshot!(inside("etcdctl"), @r#"Member("etcd-v3.6.14-linux-amd64/etcdctl")"#);
        insta::assert_snapshot!(inside("ctr"), @r#"Member("bin/ctr")"#);
        insta::assert_snapshot!(inside("cni-host-local"), @r#"Member("host-local")"#);
        insta::assert_snapshot!(inside("cni-flannel"), @r#"Member("flannel-amd64")"#);
    }
}
