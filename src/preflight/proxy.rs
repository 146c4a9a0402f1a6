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
    // flanneld clears rules of iptables before it makes those of nftables.
    if mode != ProxyMode::Nftables || check.cluster.networks.plugin == NetworkPlugin::Flannel {
        iptables(check, mode);
    }
}

fn ipvs(check: &mut HostCheck) {
    if !check.facts.has_module("ip_vs") {
        let auto = proxy_mode(ProxyMode::Auto, check.facts);
        let instead = if auto == ProxyMode::Nftables { "nftables or iptables" } else { "iptables" };
        let release = &check.facts.kernel_release;
        check.fail(
            "ipvs",
            format!("`proxy: {{mode: ipvs}}`, but the kernel ({release}) has no module ip_vs"),
            format!("`proxy: {{mode: auto}}` in the inventory: {instead} works on this host, and ipvs is deprecated"),
        );
    }
}

/// Reached only where nftables was asked for: `auto` takes iptables where this would fail.
fn nftables(check: &mut HostCheck) {
    if let Some(version) = check.facts.nft.clone().filter(|version| *version < NFTABLES_PROGRAM) {
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
    if !check.facts.has_module("ip_tables") && !check.facts.has_module("nf_tables") {
        check.fail(
            "iptables",
            format!("the kernel has neither ip_tables nor nf_tables, and {who} needs one"),
            "install the distribution's full kernel modules package",
        );
    }
}
