//! What kube-proxy's mode and flannel need.

use super::finding::Look;
use crate::cluster::{NetworkPlugin, ProxyMode, Role};
use crate::facts::decide;

pub(super) fn check(look: &mut Look) {
    if !look.host.is(Role::Node) {
        return;
    }
    let mode = decide(look.catalogue, look.cluster, look.host, look.facts).proxy_mode;
    if mode == ProxyMode::Ipvs {
        ipvs(look);
    }
    if mode == ProxyMode::Nftables {
        nftables(look);
    }
    // flanneld masquerades by iptables, whatever kube-proxy does; so does the ipvs mode.
    if mode != ProxyMode::Nftables || look.cluster.networks.plugin == NetworkPlugin::Flannel {
        iptables(look, mode);
    }
}

fn ipvs(look: &mut Look) {
    let instead = if look.facts.kernel >= crate::facts::NFTABLES_KERNEL { "nftables or iptables" } else { "iptables" };
    if !look.facts.has_module("ip_vs") {
        let release = &look.facts.kernel_release;
        look.fail(
            "ipvs",
            format!("`proxy: {{mode: ipvs}}`, but the kernel ({release}) has no module ip_vs"),
            format!("`proxy: {{mode: auto}}` in the inventory: {instead} works on this host, and ipvs is deprecated"),
        );
    } else if !look.facts.programs.contains("ipset") {
        look.fail(
            "ipvs",
            "`proxy: {mode: ipvs}`, but there is no ipset program",
            format!("{}; or `proxy: {{mode: auto}}` in the inventory: {instead} works", install(look, "ipset")),
        );
    }
}

/// Reached only where nftables was asked for: `auto` takes iptables where this would fail.
fn nftables(look: &mut Look) {
    if !look.facts.programs.contains("nft") {
        let remedy = format!("{}; or `proxy: {{mode: iptables}}`", install(look, "nftables"));
        look.fail("nftables", "there is no nft program, which kube-proxy's nftables mode runs", remedy);
    }
    if !look.facts.has_module("nf_tables") {
        look.fail(
            "nftables",
            "the kernel has no nf_tables",
            "`proxy: {mode: iptables}` in the inventory, or a kernel with CONFIG_NF_TABLES",
        );
    }
}

fn iptables(look: &mut Look, mode: ProxyMode) {
    let who = if mode == ProxyMode::Nftables { "flannel" } else { "kube-proxy" };
    if !look.facts.programs.contains("iptables") {
        let remedy = install(look, "iptables");
        look.fail("iptables", format!("there is no iptables program, which {who} runs"), remedy);
    }
    if !look.facts.has_module("ip_tables") && !look.facts.has_module("nf_tables") {
        look.fail(
            "iptables",
            format!("the kernel has neither ip_tables nor nf_tables, and {who} needs one"),
            "install the distribution's full kernel modules package",
        );
    }
}

/// How the host's distribution installs a package of that name.
pub(super) fn install(look: &Look, package: &str) -> String {
    match look.facts.os.id.as_str() {
        "debian" | "ubuntu" | "deepin" | "uos" => format!("`apt-get install {package}`"),
        "opensuse-leap" | "sles" => format!("`zypper install {package}`"),
        "arch" => format!("`pacman -S {package}`"),
        _ => format!("`dnf install {package}`"),
    }
}
