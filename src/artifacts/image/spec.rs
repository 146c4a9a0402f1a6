//! Which images there are: their names, and what is in those that are made here.

use crate::state::ArtifactRef;

/// What is in an image of one program, and how it is started.
pub struct ImageSpec {
    /// Full name with tag.
    pub reference: String,
    /// Architecture.
    pub arch: String,
    /// Path of the program inside, which is the entry point.
    pub program: &'static str,
    /// Arguments when the pod gives none.
    pub cmd: &'static [&'static str],
    /// `uid:gid`; empty: root.
    pub user: &'static str,
    /// May bind ports below 1024 without being root (file capability CAP_NET_BIND_SERVICE).
    pub low_ports: bool,
    /// Further directories with their mode.
    pub dirs: &'static [(&'static str, u32)],
    /// Further names of the program.
    pub links: &'static [&'static str],
}

/// The full name of an image artifact, `registry/repository:tag`; none for programs.
pub fn image_name(artifact: &ArtifactRef) -> Option<String> {
    reference(&artifact.name, &artifact.version)
}

/// See [`image_name`].
pub fn reference(name: &str, version: &str) -> Option<String> {
    match name {
        "image-pause" => Some(format!("registry.k8s.io/pause:{version}")),
        "image-coredns" => Some(format!("registry.k8s.io/coredns/coredns:v{version}")),
        "image-agnhost" => Some(format!("registry.k8s.io/e2e-test-images/agnhost:{version}")),
        _ => None,
    }
}

/// What the image of that artifact name looks like: entry points and users are those of the projects' own images.
pub fn spec(name: &str, version: &str, arch: &str) -> Option<ImageSpec> {
    let base = ImageSpec {
        reference: reference(name, version)?,
        arch: arch.to_owned(),
        program: "pause",
        cmd: &[],
        user: "65535:65535",
        low_ports: false,
        dirs: &[],
        links: &[],
    };
    Some(match name {
        "image-coredns" => ImageSpec { program: "coredns", user: "65532:65532", low_ports: true, ..base },
        "image-agnhost" => ImageSpec {
            program: "agnhost",
            cmd: &["pause"],
            user: "",
            dirs: &[("tmp", 0o1777), ("uploads", 0o755)],
            links: &["agnhost-2"],
            ..base
        },
        _ => base,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_pods_use() {
        assert_eq!(reference("image-pause", "3.10.1").unwrap(), "registry.k8s.io/pause:3.10.1");
        assert_eq!(reference("image-agnhost", "2.63.0").unwrap(), "registry.k8s.io/e2e-test-images/agnhost:2.63.0");
        assert_eq!(reference("kubelet", "1.36.3"), None);
    }
}
