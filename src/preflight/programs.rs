//! Programs that must be on PATH.

use super::finding::HostCheck;
use super::proxy::install;
use crate::cluster::Role;
use crate::facts::Module;

pub(super) fn check(check: &mut HostCheck) {
    let node = check.host.is(Role::Node);
    let load = check.facts.modules.values().any(|module| *module == Module::Loadable);
    let tools = [
        ("tar", "tar", "files are unpacked with it", true),
        ("sha256sum", "coreutils", "files are verified with it", true),
        ("ip", "iproute2", "addresses and routes are read with it", true),
        ("mount", "mount", "the kubelet mounts volumes with it", node),
        ("modprobe", "kmod", "kernel modules are loaded with it", node && load),
    ];
    for (program, package, why, needed) in tools {
        if needed && !check.facts.programs.contains(program) {
            let remedy = install(check, package_name(check, package));
            check.fail("tools", format!("there is no {program} program; {why}"), remedy);
        }
    }
    if !check.facts.programs.contains("ss") {
        let remedy = install(check, package_name(check, "iproute2"));
        check.warn("tools", "there is no ss program, so nobody looked at which ports are taken", remedy);
    }
    if node && !check.facts.programs.contains("conntrack") {
        let package = if debian(check) { "conntrack" } else { "conntrack-tools" };
        let remedy = install(check, package);
        check.warn(
            "conntrack",
            "there is no conntrack program; kube-proxy works without it, people who look for lost connections do not",
            remedy,
        );
    }
}

fn package_name<'p>(check: &HostCheck, package: &'p str) -> &'p str {
    match package {
        "iproute2" if !debian(check) => "iproute",
        "mount" if !debian(check) => "util-linux",
        other => other,
    }
}

fn debian(check: &HostCheck) -> bool {
    ["debian", "ubuntu", "deepin", "uos"].contains(&check.facts.os.id.as_str())
}
