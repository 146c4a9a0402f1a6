//! What is in the images that are made here.

use crate::artifacts::requirements::Requirement;

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

/// What the image looks like: entry points and users are those of the projects' own images. None for programs.
pub fn spec(thing: &Requirement) -> Option<ImageSpec> {
    let base = ImageSpec {
        reference: thing.image.clone()?,
        arch: thing.arch.clone(),
        program: "pause",
        cmd: &[],
        user: "65535:65535",
        low_ports: false,
        dirs: &[],
        links: &[],
    };
    Some(match thing.name.as_str() {
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
