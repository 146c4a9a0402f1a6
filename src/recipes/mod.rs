//! How each project's programs are built with Go: from which modules, at which versions, with which flags. `modules/`
//! holds, for each project, a Go module of our own that requires the project's.

mod module;

use serde::Serialize;

pub use module::{FILES, fixed, go_mod, module_sum};

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
    /// Nobody's, and in this version: a folder, a bundle or the store has it.
    Own(&'static str),
}

/// How one module's programs are built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Folder of the recipe in this repository.
    pub name: &'static str,
    /// Version of the modules, without `v`.
    pub version: String,
    /// Modules that are required, each at `version`.
    pub modules: &'static [&'static str],
    /// `-X` settings: full variable name and value.
    pub variables: Vec<(String, String)>,
}

/// Whether C code is compiled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cgo {
    /// Go alone, always static.
    No,
    /// With C, linked statically so that the program does not depend on the hosts' libc.
    Static,
}

/// The CNI plugin `flannel` left the reference plugins after this release; its present home is no Go module.
const CNI_FLANNEL: &str = "0.9.1";

/// The recipe for a release of a project; none for what is nobody's.
pub fn recipe(project: Project, release: &str) -> Option<Recipe> {
    let version = match project {
        Project::CniFlannel => CNI_FLANNEL.to_owned(),
        _ => release.to_owned(),
    };
    let tag = format!("v{version}");
    let set = |name: &str| vec![(name.to_owned(), tag.clone())];
    let (name, modules, variables): (_, &'static [&'static str], _) = match project {
        Project::Kubernetes => ("kubernetes", &["k8s.io/kubernetes"], kubernetes_version(&version)),
        Project::Etcd => (
            "etcd",
            &["go.etcd.io/etcd/etcdctl/v3", "go.etcd.io/etcd/etcdutl/v3", "go.etcd.io/etcd/server/v3"],
            vec![("go.etcd.io/etcd/api/v3/version.GitSHA".to_owned(), "unknown".to_owned())],
        ),
        Project::Containerd => (
            "containerd",
            &["github.com/containerd/containerd/v2"],
            set("github.com/containerd/containerd/v2/version.Version"),
        ),
        // Its version is embedded from a file in the module.
        Project::Runc => ("runc", &["github.com/opencontainers/runc"], Vec::new()),
        Project::CniPlugins => ("cni-plugins", &["github.com/containernetworking/plugins"], set(CNI_VERSION)),
        Project::CniFlannel => ("cni-flannel", &["github.com/containernetworking/plugins"], set(CNI_VERSION)),
        Project::Flannel => {
            ("flannel", &["github.com/flannel-io/flannel"], set("github.com/flannel-io/flannel/pkg/version.Version"))
        }
        // Its version is a constant.
        Project::Coredns => ("coredns", &["github.com/coredns/coredns"], Vec::new()),
        Project::Own(_) => return None,
    };
    Some(Recipe { name, version, modules, variables })
}

const CNI_VERSION: &str = "github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion";

/// What `hack/lib/version.sh` sets, in both packages that hold it. The commit is not part of a module.
fn kubernetes_version(version: &str) -> Vec<(String, String)> {
    let mut parts = version.split('.');
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut all = Vec::new();
    for package in ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"] {
        for (name, value) in [
            ("gitVersion", format!("v{version}").as_str()),
            ("gitMajor", major),
            ("gitMinor", minor),
            ("gitCommit", "unknown"),
            ("gitTreeState", "clean"),
        ] {
            all.push((format!("{package}.{name}"), value.to_owned()));
        }
    }
    all
}

/// The Go package of an artifact; none for what is not built by Go.
pub fn package(artifact: &str) -> Option<String> {
    let cni = "github.com/containernetworking/plugins/plugins";
    Some(match artifact {
        "etcd" => "go.etcd.io/etcd/server/v3".into(),
        "etcdctl" | "etcdutl" => format!("go.etcd.io/etcd/{artifact}/v3"),
        "containerd" | "containerd-shim-runc-v2" | "ctr" => {
            format!("github.com/containerd/containerd/v2/cmd/{artifact}")
        }
        "runc" => "github.com/opencontainers/runc".into(),
        "cni-bridge" | "cni-loopback" => format!("{cni}/main/{}", &artifact[4..]),
        "cni-host-local" => format!("{cni}/ipam/host-local"),
        "cni-bandwidth" | "cni-firewall" | "cni-flannel" | "cni-portmap" => format!("{cni}/meta/{}", &artifact[4..]),
        "flanneld" => "github.com/flannel-io/flannel".into(),
        "image-coredns" => "github.com/coredns/coredns".into(),
        "image-agnhost" => "k8s.io/kubernetes/test/images/agnhost".into(),
        "image-pause" => return None,
        _ => format!("k8s.io/kubernetes/cmd/{artifact}"),
    })
}

/// Whether C is needed, and the build tags.
pub fn cgo(artifact: &str, arch: &str) -> (Cgo, &'static str) {
    match (artifact, arch) {
        // Without the tag no pod starts: "config provided but seccomp not supported".
        ("runc", _) => (Cgo::Static, "seccomp,urfave_cli_no_docs,netgo,osusergo"),
        // The UDP backend is C, and exists on amd64 only (flannel's Makefile).
        ("flanneld", "amd64") => (Cgo::Static, "netgo,osusergo"),
        _ => (Cgo::No, ""),
    }
}

/// The arguments of `go build`, all but the output.
pub fn arguments(recipe: &Recipe, artifact: &str, package: &str, arch: &str) -> Vec<String> {
    let (cgo, tags) = cgo(artifact, arch);
    let mut ldflags = vec!["-s -w".to_owned()];
    ldflags.extend(recipe.variables.iter().map(|(name, value)| format!("-X {name}={value}")));
    if cgo == Cgo::Static {
        ldflags.push("-linkmode external -extldflags -static".into());
    }
    let mut arguments: Vec<String> =
        ["build", "-trimpath", "-buildvcs=false", "-mod=readonly"].map(String::from).into();
    if !tags.is_empty() {
        arguments.push(format!("-tags={tags}"));
    }
    arguments.push(format!("-ldflags={}", ldflags.join(" ")));
    arguments.push(package.to_owned());
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(project: Project, release: &str, name: &str, arch: &str) -> String {
        arguments(&recipe(project, release).unwrap(), name, &package(name).unwrap(), arch).join(" ")
    }

    #[test]
    fn versions_and_tags_are_built_in() {
        insta::assert_snapshot!(command(Project::Containerd, "2.3.7", "containerd", "amd64"), @"build -trimpath -buildvcs=false -mod=readonly -ldflags=-s -w -X github.com/containerd/containerd/v2/version.Version=v2.3.7 github.com/containerd/containerd/v2/cmd/containerd");
        insta::assert_snapshot!(command(Project::Runc, "1.5.2", "runc", "amd64"), @"build -trimpath -buildvcs=false -mod=readonly -tags=seccomp,urfave_cli_no_docs,netgo,osusergo -ldflags=-s -w -linkmode external -extldflags -static github.com/opencontainers/runc");
        insta::assert_snapshot!(command(Project::Flannel, "0.28.10", "flanneld", "arm64"), @"build -trimpath -buildvcs=false -mod=readonly -ldflags=-s -w -X github.com/flannel-io/flannel/pkg/version.Version=v0.28.10 github.com/flannel-io/flannel");
        insta::assert_snapshot!(command(Project::Kubernetes, "1.36.3", "kubelet", "amd64"), @"build -trimpath -buildvcs=false -mod=readonly -ldflags=-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3 -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36 -X k8s.io/component-base/version.gitCommit=unknown -X k8s.io/component-base/version.gitTreeState=clean -X k8s.io/client-go/pkg/version.gitVersion=v1.36.3 -X k8s.io/client-go/pkg/version.gitMajor=1 -X k8s.io/client-go/pkg/version.gitMinor=36 -X k8s.io/client-go/pkg/version.gitCommit=unknown -X k8s.io/client-go/pkg/version.gitTreeState=clean k8s.io/kubernetes/cmd/kubelet");
    }

    #[test]
    fn programs_are_packages_of_their_modules() {
        let host_local = package("cni-host-local").unwrap();
        assert_eq!(host_local, "github.com/containernetworking/plugins/plugins/ipam/host-local");
        assert_eq!(package("kube-proxy").unwrap(), "k8s.io/kubernetes/cmd/kube-proxy");
    }
}
