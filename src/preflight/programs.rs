//! Programs that must be on PATH.

use super::finding::Look;
use super::proxy::install;
use crate::cluster::Role;
use crate::facts::Module;

pub(super) fn check(look: &mut Look) {
    let node = look.host.is(Role::Node);
    let load = look.facts.modules.values().any(|module| *module == Module::Loadable);
    let tools = [
        ("tar", "tar", "files are unpacked with it", true),
        ("sha256sum", "coreutils", "files are verified with it", true),
        ("ip", "iproute2", "addresses and routes are read with it", true),
        ("mount", "mount", "the kubelet mounts volumes with it", node),
        ("modprobe", "kmod", "kernel modules are loaded with it", node && load),
    ];
    for (program, package, why, needed) in tools {
        if needed && !look.facts.programs.contains(program) {
            let remedy = install(look, package_name(look, package));
            look.fail("tools", format!("there is no {program} program; {why}"), remedy);
        }
    }
    if !look.facts.programs.contains("ss") {
        let remedy = install(look, package_name(look, "iproute2"));
        look.warn("tools", "there is no ss program, so nobody looked at which ports are taken", remedy);
    }
    if node && !look.facts.programs.contains("conntrack") {
        let package = if debian(look) { "conntrack" } else { "conntrack-tools" };
        let remedy = install(look, package);
        look.warn(
            "conntrack",
            "there is no conntrack program; kube-proxy works without it, people who look for lost connections do not",
            remedy,
        );
    }
}

fn package_name<'p>(look: &Look, package: &'p str) -> &'p str {
    match package {
        "iproute2" if !debian(look) => "iproute",
        "mount" if !debian(look) => "util-linux",
        other => other,
    }
}

fn debian(look: &Look) -> bool {
    ["debian", "ubuntu", "deepin", "uos"].contains(&look.facts.os.id.as_str())
}
