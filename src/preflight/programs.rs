//! Programs that must be on PATH. Each finding's command brings all that the host lacks.

use std::collections::BTreeSet;

use super::finding::{HostCheck, Severity};
use super::packages;
use crate::cluster::{NetworkPlugin, ProxyMode, Role};
use crate::facts::{Module, decide, proxy_mode};

/// A program that a host must have, or should.
struct Wanted {
    check: &'static str,
    severity: Severity,
    program: &'static str,
    /// What is wrong without it.
    without: String,
    /// Another way out than to install it.
    otherwise: String,
}

pub(super) fn check(check: &mut HostCheck) {
    let mut lacking = wanted(check);
    lacking.retain(|wanted| !check.facts.programs.contains(wanted.program));
    let programs: BTreeSet<&str> = lacking.iter().map(|wanted| wanted.program).collect();
    let command = packages::install(check.facts, &programs);
    for Wanted { check: name, severity, without, otherwise, .. } in lacking {
        check.add(name, severity, without, format!("{command}{otherwise}"));
    }
}

fn wanted(check: &HostCheck) -> Vec<Wanted> {
    let node = check.host.is(Role::Node);
    let load = check.facts.modules.values().any(|module| *module == Module::Loadable);
    let wanted = |check, severity, program, without: String| Wanted {
        check,
        severity,
        program,
        without,
        otherwise: String::new(),
    };
    let tool = |program, why| wanted("tools", Severity::Fail, program, format!("there is no {program} program; {why}"));
    let mut all = vec![
        tool("tar", "files are unpacked with it"),
        tool("sha256sum", "files are verified with it"),
        tool("ip", "addresses and routes are read with it"),
        wanted(
            "tools",
            Severity::Warn,
            "ss",
            "there is no ss program, so nobody looked at which ports are taken".into(),
        ),
        wanted(
            "tools",
            Severity::Warn,
            "bash",
            "there is no bash program, so no path from here to other hosts was tried".into(),
        ),
    ];
    if check.host.is(Role::Master) && check.cluster.with_role(Role::Master).count() > 1 {
        let without = "there is no nft program, so nothing keeps others from an API server that has started and is not \
                       ready: where a balancer only tries whether its port is open, they are refused for a second or two";
        all.push(wanted("api-gate", Severity::Warn, "nft", without.into()));
    }
    if !node {
        return all;
    }
    all.push(tool("mount", "the kubelet mounts volumes with it"));
    if load {
        all.push(tool("modprobe", "kernel modules are loaded with it"));
    }
    let without =
        "there is no conntrack program; kube-proxy works without it, people who look for lost connections do not";
    all.push(wanted("conntrack", Severity::Warn, "conntrack", without.into()));
    all.extend(for_services(check));
    all
}

/// What kube-proxy and flannel run, by the proxy's mode.
fn for_services(check: &HostCheck) -> Vec<Wanted> {
    let fail = |check, program, without: &str, otherwise: String| {
        let without = without.to_owned();
        Wanted { check, severity: Severity::Fail, program, without, otherwise }
    };
    let mode = decide(check.catalogue, check.cluster, check.host, check.facts).proxy_mode;
    let mut all = Vec::new();
    if mode == ProxyMode::Ipvs && check.facts.has_module("ip_vs") {
        let auto = proxy_mode(ProxyMode::Auto, check.facts);
        let instead = if auto == ProxyMode::Nftables { "nftables or iptables" } else { "iptables" };
        all.push(fail(
            "ipvs",
            "ipset",
            "`proxy: {mode: ipvs}`, but there is no ipset program",
            format!("; or `proxy: {{mode: auto}}` in the inventory: {instead} works"),
        ));
    }
    if mode == ProxyMode::Nftables {
        all.push(fail(
            "nftables",
            "nft",
            "there is no nft program, which kube-proxy's nftables mode runs",
            "; or `proxy: {mode: iptables}`".into(),
        ));
    }
    // flanneld clears rules of iptables before it makes those of nftables, and ends where there is none.
    if mode != ProxyMode::Nftables || check.cluster.networks.plugin == NetworkPlugin::Flannel {
        let who = if mode == ProxyMode::Nftables { "flannel" } else { "kube-proxy" };
        let without = format!("there is no iptables program, which {who} runs");
        all.push(fail("iptables", "iptables", &without, String::new()));
    }
    all
}
