//! What a host's facts decide about its configuration. Pure: facts in, named values out.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Cgroup, HostFacts, Module};
use crate::cluster::{Cluster, Host, NetworkPlugin, ProxyMode, Role};

/// Bit of `CAP_SYS_RESOURCE` in a capability set (linux/capability.h).
pub const CAP_SYS_RESOURCE: u32 = 24;

/// First kernel on which kube-proxy's nftables mode works (kubernetes pkg/proxy/nftables/supported.go).
pub const NFTABLES_KERNEL: (u32, u32) = (5, 13);

/// Kernel settings that the kubelet insists on (kubernetes pkg/kubelet/cm, `setupKernelTunables`).
/// With `protectKernelDefaults` it refuses to start when one differs, without it, when it cannot set one.
pub const KUBELET_SYSCTLS: [(&str, &str); 6] = [
    ("kernel.keys.root_maxbytes", "25000000"),
    ("kernel.keys.root_maxkeys", "1000000"),
    ("kernel.panic", "10"),
    ("kernel.panic_on_oops", "1"),
    ("vm.overcommit_memory", "1"),
    ("vm.panic_on_oom", "0"),
];

/// Kernel settings that pod networking needs; the bridge ones exist once `br_netfilter` is there.
pub const NETWORK_SYSCTLS: [(&str, &str); 3] = [
    ("net.bridge.bridge-nf-call-ip6tables", "1"),
    ("net.bridge.bridge-nf-call-iptables", "1"),
    ("net.ipv4.ip_forward", "1"),
];

/// Limits that are raised to at least this and never lowered: kubelets and their pods watch many files.
pub const MINIMUM_SYSCTLS: [(&str, u64); 2] =
    [("fs.inotify.max_user_instances", 8192), ("fs.inotify.max_user_watches", 524_288)];

/// The kernel's limit of tracked connections, which kube-proxy sets by itself where it can.
pub const CONNTRACK_MAX: &str = "net.netfilter.nf_conntrack_max";

/// What to render on a host because of what it is and what it lacks. What concerns kubelet, kube-proxy and containerd
/// means something on nodes only; a host without that role is not asked about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decisions {
    /// Root has no `CAP_SYS_RESOURCE`, so `oom_score_adj` cannot be lowered: containerd needs
    /// `restrict_oom_score_adj = true`, or runc starts no pod.
    pub restrict_oom_score_adj: bool,
    /// kube-proxy can set `nf_conntrack_max`; where not, it needs `conntrack: {maxPerCore: 0, min: 0}`, or it exits.
    pub conntrack_managed: bool,
    /// The value of the kubelet's `failCgroupV1`: false on cgroup v1, where a kubelet from 1.35 on refuses to start.
    pub fail_cgroup_v1: bool,
    /// kube-proxy's mode on this host; never `Auto`.
    pub proxy_mode: ProxyMode,
    /// The kubelet's `protectKernelDefaults`: every setting of [`KUBELET_SYSCTLS`] is right or will be set by us.
    pub protect_kernel_defaults: bool,
    /// Kernel settings to manage here: what this host needs, less what it does not have or cannot change.
    pub sysctls: BTreeMap<String, String>,
    /// Kernel modules to have here: what this host needs, less what its kernel does not have.
    pub modules: BTreeSet<String>,
    /// The kubelet's `resolvConf`: resolved's own file where it runs, because its stub on 127.0.0.53 cannot be
    /// reached from a pod and makes CoreDNS ask itself.
    pub resolv_conf: &'static str,
}

/// Decides what the facts of `host` mean for its configuration.
pub fn decide(cluster: &Cluster, host: &Host, facts: &HostFacts) -> Decisions {
    Decisions {
        restrict_oom_score_adj: facts.capabilities & (1 << CAP_SYS_RESOURCE) == 0,
        conntrack_managed: facts.manageable(CONNTRACK_MAX),
        fail_cgroup_v1: facts.cgroup == Cgroup::V2,
        proxy_mode: proxy_mode(cluster.proxy_mode, facts),
        protect_kernel_defaults: KUBELET_SYSCTLS.iter().all(|(name, want)| facts.sysctl_is_or_can_be(name, want)),
        sysctls: if host.is(Role::Node) { sysctls(facts) } else { BTreeMap::new() },
        modules: wanted_modules(cluster, host).into_iter().filter(|name| facts.has_module(name)).collect(),
        resolv_conf: if facts.systemd_resolved { "/run/systemd/resolve/resolv.conf" } else { "/etc/resolv.conf" },
    }
}

/// Kernel modules that the host needs for its roles, whether its kernel has them or not.
pub fn wanted_modules(cluster: &Cluster, host: &Host) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    if host.is(Role::Node) {
        modules.extend(["overlay", "br_netfilter", "nf_conntrack"]);
        if cluster.networks.plugin == NetworkPlugin::Flannel {
            modules.insert("vxlan");
        }
        if cluster.proxy_mode == ProxyMode::Ipvs {
            modules.extend(["ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh"]);
        }
    }
    modules.into_iter().map(String::from).collect()
}

/// `Auto` is nftables where the kernel and the `nft` program are there, else iptables; a mode that was asked for stays.
fn proxy_mode(asked: ProxyMode, facts: &HostFacts) -> ProxyMode {
    let nftables = facts.kernel >= NFTABLES_KERNEL
        && facts.programs.contains("nft")
        && facts.modules.get("nf_tables") != Some(&Module::Missing);
    match asked {
        ProxyMode::Auto if nftables => ProxyMode::Nftables,
        ProxyMode::Auto => ProxyMode::Iptables,
        asked => asked,
    }
}

fn sysctls(facts: &HostFacts) -> BTreeMap<String, String> {
    let fixed = KUBELET_SYSCTLS.iter().chain(&NETWORK_SYSCTLS).map(|(name, want)| (*name, (*want).to_owned()));
    // A limit that is higher already is written down as it is: the same run after run, and never lowered.
    let raised = MINIMUM_SYSCTLS.iter().map(|(name, least)| (*name, facts.sysctl_number(name).max(*least).to_string()));
    fixed
        .chain(raised)
        .filter(|(name, _)| facts.manageable(name))
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

impl HostFacts {
    /// The kernel has the module: loaded, built in or loadable. One that was not asked about counts as there.
    pub fn has_module(&self, name: &str) -> bool {
        self.modules.get(name) != Some(&Module::Missing)
    }

    /// Root can set it, now or once the module that brings it is loaded.
    pub fn manageable(&self, sysctl: &str) -> bool {
        match self.sysctls.get(sysctl) {
            Some(fact) => fact.writable,
            None => module_of(sysctl).is_some_and(|name| self.modules.get(name) == Some(&Module::Loadable)),
        }
    }

    /// It has that value, or can be given it.
    pub fn sysctl_is_or_can_be(&self, sysctl: &str, want: &str) -> bool {
        self.manageable(sysctl) || self.sysctls.get(sysctl).is_some_and(|fact| fact.value == want)
    }

    /// Its value as a number; 0 where it has none.
    pub fn sysctl_number(&self, sysctl: &str) -> u64 {
        self.sysctls.get(sysctl).and_then(|fact| fact.value.parse().ok()).unwrap_or(0)
    }
}

/// The module without which a setting does not exist.
fn module_of(sysctl: &str) -> Option<&'static str> {
    if sysctl.starts_with("net.bridge.") {
        Some("br_netfilter")
    } else if sysctl.starts_with("net.netfilter.") {
        Some("nf_conntrack")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Sysctl;

    #[test]
    fn auto_is_nftables_only_where_kernel_and_program_are_there() {
        let facts = HostFacts::ordinary();
        assert_eq!(proxy_mode(ProxyMode::Auto, &facts), ProxyMode::Nftables);
        let old = HostFacts { kernel: (5, 12), ..facts.clone() };
        assert_eq!(proxy_mode(ProxyMode::Auto, &old), ProxyMode::Iptables);
        assert_eq!(proxy_mode(ProxyMode::Nftables, &old), ProxyMode::Nftables, "what was asked for is not overruled");
        let mut bare = facts;
        bare.programs.remove("nft");
        assert_eq!(proxy_mode(ProxyMode::Auto, &bare), ProxyMode::Iptables);
    }

    #[test]
    fn only_settings_that_can_be_set_are_managed() {
        let mut facts = HostFacts::ordinary();
        facts.sysctls.insert("kernel.panic".into(), Sysctl { value: "0".into(), writable: false });
        facts.sysctls.remove("net.bridge.bridge-nf-call-iptables");
        let managed = sysctls(&facts);
        assert!(!managed.contains_key("kernel.panic"));
        assert!(
            !managed.contains_key("net.bridge.bridge-nf-call-iptables"),
            "br_netfilter is there, the setting is not"
        );
        facts.modules.insert("br_netfilter".into(), Module::Loadable);
        assert_eq!(sysctls(&facts)["net.bridge.bridge-nf-call-iptables"], "1", "loading the module will bring it");
    }

    #[test]
    fn limits_are_raised_never_lowered_and_stay_the_same_run_after_run() {
        let mut facts = HostFacts::ordinary();
        assert_eq!(sysctls(&facts)["fs.inotify.max_user_instances"], "8192");
        for present in ["8192", "100000"] {
            facts
                .sysctls
                .insert("fs.inotify.max_user_instances".into(), Sysctl { value: present.into(), writable: true });
            assert_eq!(sysctls(&facts)["fs.inotify.max_user_instances"], present);
        }
    }

    #[test]
    fn the_kubelet_may_insist_on_settings_that_are_right_though_read_only() {
        let mut facts = HostFacts::ordinary();
        for (name, want) in KUBELET_SYSCTLS {
            facts.sysctls.insert(name.into(), Sysctl { value: want.into(), writable: false });
        }
        assert!(KUBELET_SYSCTLS.iter().all(|(name, want)| facts.sysctl_is_or_can_be(name, want)));
        facts.sysctls.insert("kernel.panic".into(), Sysctl { value: "0".into(), writable: false });
        assert!(!facts.sysctl_is_or_can_be("kernel.panic", "10"));
    }
}
