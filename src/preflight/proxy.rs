//! What kube-proxy's mode and flannel need.

use super::finding::HostCheck;
use crate::cluster::{NetworkPlugin, ProxyMode, Role};
use crate::facts::{NFTABLES_PROGRAM, decide, proxy_mode};

pub(super) fn check(check: &mut HostCheck) {
    if !check.host.is(Role::Node) {
        return;
    }
    let mode = decide(check.catalogue, check.cluster, check.host, check.facts).proxy_mode;
    if mode == ProxyMode::Ipvs {
        ipvs(check);
    }
    if mode == ProxyMode::Nftables {
        nftables(check);
    }
    // flanneld masquerades by iptables, whatever kube-proxy does; so does the ipvs mode.
    if mode != ProxyMode::Nftables || check.cluster.networks.plugin == NetworkPlugin::Flannel {
        iptables(check, mode);
    }
}

fn ipvs(check: &mut HostCheck) {
    let auto = proxy_mode(ProxyMode::Auto, check.facts);
    let instead = if auto == ProxyMode::Nftables { "nftables or iptables" } else { "iptables" };
    if !check.facts.has_module("ip_vs") {
        let release = &check.facts.kernel_release;
        check.fail(
            "ipvs",
            format!("`proxy: {{mode: ipvs}}`, but the kernel ({release}) has no module ip_vs"),
            format!("`proxy: {{mode: auto}}` in the inventory: {instead} works on this host, and ipvs is deprecated"),
        );
    } else if !check.facts.programs.contains("ipset") {
        check.fail(
            "ipvs",
            "`proxy: {mode: ipvs}`, but there is no ipset program",
            format!("{}; or `proxy: {{mode: auto}}` in the inventory: {instead} works", install(check, "ipset")),
        );
    }
}

/// Reached only where nftables was asked for: `auto` takes iptables where this would fail.
fn nftables(check: &mut HostCheck) {
    if !check.facts.programs.contains("nft") {
        let remedy = format!("{}; or `proxy: {{mode: iptables}}`", install(check, "nftables"));
        check.fail("nftables", "there is no nft program, which kube-proxy's nftables mode runs", remedy);
    } else if let Some(version) = check.facts.nft.clone().filter(|version| *version < NFTABLES_PROGRAM) {
        check.fail(
            "nftables",
            format!("nft is {version}; kube-proxy's nftables mode and flannel need {NFTABLES_PROGRAM} or newer"),
            "a newer distribution, or `proxy: {mode: auto}` in the inventory, which takes iptables on this host",
        );
    }
    if !check.facts.has_module("nf_tables") {
        check.fail(
            "nftables",
            "the kernel has no nf_tables",
            "`proxy: {mode: iptables}` in the inventory, or a kernel with CONFIG_NF_TABLES",
        );
    }
}

fn iptables(check: &mut HostCheck, mode: ProxyMode) {
    let who = if mode == ProxyMode::Nftables { "flannel" } else { "kube-proxy" };
    if !check.facts.programs.contains("iptables") {
        let remedy = install(check, "iptables");
        check.fail("iptables", format!("there is no iptables program, which {who} runs"), remedy);
    }
    if !check.facts.has_module("ip_tables") && !check.facts.has_module("nf_tables") {
        check.fail(
            "iptables",
            format!("the kernel has neither ip_tables nor nf_tables, and {who} needs one"),
            "install the distribution's full kernel modules package",
        );
    }
}

/// How the host's distribution installs a package of that name.
pub(super) fn install(check: &HostCheck, package: &str) -> String {
    match check.facts.os.id.as_str() {
        "debian" | "ubuntu" | "deepin" | "uos" => format!("`apt-get install {package}`"),
        "opensuse-leap" | "sles" => format!("`zypper install {package}`"),
        "arch" => format!("`pacman -S {package}`"),
        _ => format!("`dnf install {package}`"),
    }
}
