//! What a host's facts decide about its configuration. Pure: facts in, named values out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use semver::Version;
use serde::Serialize;

use super::{Cgroup, HostFacts, Module};
use crate::cluster::{Cluster, Host, ProxyMode};
use crate::components::{Catalogue, SysctlSpec, kubelet};

/// Bit of `CAP_SYS_RESOURCE` in a capability set (linux/capability.h).
pub const CAP_SYS_RESOURCE: u32 = 24;

/// First kernel on which kube-proxy's nftables mode works (kubernetes pkg/proxy/nftables/supported.go).
pub const NFTABLES_KERNEL: (u32, u32) = (5, 13);

/// First nft that kube-proxy and flannel can work with; they give it text that older ones do not understand
/// (sigs.k8s.io/knftables, `New`).
pub const NFTABLES_PROGRAM: Version = Version::new(1, 0, 1);

/// The kernel's limit of tracked connections, which kube-proxy sets by itself where it can.
pub const CONNTRACK_MAX: &str = "net.netfilter.nf_conntrack_max";

/// NetworkManager's unit.
pub const NETWORK_MANAGER: &str = "NetworkManager.service";

/// What to render on a host because of what it is and what is missing there. What concerns kubelet, kube-proxy and containerd
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
    /// The kubelet's `protectKernelDefaults`: every setting that it insists on is right or will be set by us.
    pub protect_kernel_defaults: bool,
    /// Kernel settings to manage here: what this host needs, less what it does not have or cannot change.
    pub sysctls: BTreeMap<String, String>,
    /// Kernel modules to have here: what this host needs, less what its kernel does not have.
    pub modules: BTreeSet<String>,
    /// The kubelet's `resolvConf`: resolved's own file where it runs, because its stub on 127.0.0.53 cannot be
    /// reached from a pod and makes CoreDNS ask itself.
    pub resolv_conf: &'static str,
    /// NetworkManager is installed, and must be told to leave the cluster's network devices alone.
    pub network_manager: bool,
}

/// Decides what the facts of `host` mean for its configuration.
pub fn decide(catalogue: &Catalogue, cluster: &Cluster, host: &Host, facts: &HostFacts) -> Decisions {
    let insists = catalogue.get(kubelet::ID.0).map_or(&[][..], |spec| spec.sysctls);
    let wanted = catalogue.on(cluster, host).flat_map(|spec| spec.sysctls);
    Decisions {
        restrict_oom_score_adj: facts.capabilities & (1 << CAP_SYS_RESOURCE) == 0,
        conntrack_managed: facts.manageable(CONNTRACK_MAX),
        fail_cgroup_v1: facts.cgroup == Cgroup::V2,
        proxy_mode: proxy_mode(cluster.proxy_mode, facts),
        protect_kernel_defaults: insists.iter().all(|setting| facts.has_or_takes(setting)),
        sysctls: sysctls(wanted, facts),
        modules: catalogue.modules(cluster, host).into_iter().filter(|name| facts.has_module(name)).collect(),
        resolv_conf: if facts.systemd_resolved { "/run/systemd/resolve/resolv.conf" } else { "/etc/resolv.conf" },
        network_manager: facts.units.get(NETWORK_MANAGER).is_some_and(|unit| unit.load == "loaded"),
    }
}

/// `Auto` is nftables where the kernel and the `nft` program are there and new enough, else iptables; a mode that was asked for stays.
pub fn proxy_mode(asked: ProxyMode, facts: &HostFacts) -> ProxyMode {
    let nftables = facts.kernel >= NFTABLES_KERNEL
        && facts.programs.contains("nft")
        && facts.nft.as_ref().is_some_and(|version| *version >= NFTABLES_PROGRAM)
        && facts.modules.get("nf_tables") != Some(&Module::Missing);
    match asked {
        ProxyMode::Auto if nftables => ProxyMode::Nftables,
        ProxyMode::Auto => ProxyMode::Iptables,
        asked => asked,
    }
}

fn sysctls<'a>(wanted: impl Iterator<Item = &'a SysctlSpec>, facts: &HostFacts) -> BTreeMap<String, String> {
    let value = |setting: &SysctlSpec| match setting {
        SysctlSpec::Exactly(_, value) => (*value).to_owned(),
        // A limit that is higher already is written down as it is: the same run after run, and never lowered.
        SysctlSpec::AtLeast(name, least) => facts.sysctl_number(name).max(*least).to_string(),
    };
    wanted
        .filter(|setting| facts.manageable(setting.name()))
        .map(|setting| (setting.name().to_owned(), value(setting)))
        .collect()
}

impl HostFacts {
    /// The interface that has the address, where one has it.
    pub fn interface_of(&self, address: IpAddr) -> Option<&str> {
        self.addresses.iter().find(|(_, there)| *there == address).map(|(interface, _)| interface.as_str())
    }

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

    /// It has that value, or can be given it; a limit that is too low does no harm to who insists on values.
    pub fn has_or_takes(&self, setting: &SysctlSpec) -> bool {
        match setting {
            SysctlSpec::AtLeast(..) => true,
            SysctlSpec::Exactly(name, want) => {
                self.manageable(name) || self.sysctls.get(*name).is_some_and(|fact| fact.value == *want)
            }
        }
    }

    /// Its value as a number; 0 where it has none.
    pub fn sysctl_number(&self, sysctl: &str) -> u64 {
        self.sysctls.get(sysctl).and_then(|fact| fact.value.parse().ok()).unwrap_or(0)
    }
}

/// The module without which a setting does not exist.
pub fn module_of(sysctl: &str) -> Option<&'static str> {
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
    use crate::cluster::example;
    use crate::facts::Sysctl;

    /// What is managed on a node.
    fn sysctls(facts: &HostFacts) -> BTreeMap<String, String> {
        let cluster = example::cluster("1.36.3");
        decide(&Catalogue::standard(), &cluster, &cluster.hosts[1], facts).sysctls
    }

    fn insists() -> &'static [SysctlSpec] {
        Catalogue::standard().get("kubelet").unwrap().sysctls
    }

    #[test]
    fn auto_is_nftables_only_where_kernel_and_program_are_there() {
        let facts = HostFacts::default_host();
        assert_eq!(proxy_mode(ProxyMode::Auto, &facts), ProxyMode::Nftables);
        let old = HostFacts { kernel: (5, 12), ..facts.clone() };
        assert_eq!(proxy_mode(ProxyMode::Auto, &old), ProxyMode::Iptables);
        assert_eq!(proxy_mode(ProxyMode::Nftables, &old), ProxyMode::Nftables, "what was asked for is not overruled");
        let old = HostFacts { nft: Some(Version::new(0, 9, 8)), ..facts.clone() };
        assert_eq!(proxy_mode(ProxyMode::Auto, &old), ProxyMode::Iptables, "Debian 11 has this one");
        let mut bare = facts;
        bare.programs.remove("nft");
        assert_eq!(proxy_mode(ProxyMode::Auto, &bare), ProxyMode::Iptables);
    }

    #[test]
    fn only_settings_that_can_be_set_are_managed() {
        let mut facts = HostFacts::default_host();
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
        let mut facts = HostFacts::default_host();
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
        let mut facts = HostFacts::default_host();
        for setting in insists() {
            let SysctlSpec::Exactly(name, want) = setting else { continue };
            facts.sysctls.insert((*name).into(), Sysctl { value: (*want).into(), writable: false });
        }
        assert!(insists().iter().all(|setting| facts.has_or_takes(setting)));
        facts.sysctls.insert("kernel.panic".into(), Sysctl { value: "0".into(), writable: false });
        assert!(!facts.has_or_takes(&SysctlSpec::Exactly("kernel.panic", "10")));
    }
}
