//! Flags that programs no longer know: with one of them a program exits at once, so they are refused beforehand.
//!
//! Kubernetes: the CHANGELOG of each minor release. etcd: 3.5 → 3.6 and 3.6 → 3.7, compared in its sources.

use semver::Version;

use super::{Component, Versions};

/// The first release without a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Kubernetes 1.N.
    Kubernetes(u64),
    /// etcd 3.N.
    Etcd(u64),
}

/// A flag that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// Whose flag.
    pub component: Component,
    /// Its name without dashes; a trailing `*` stands for any ending.
    pub flag: &'static str,
    /// The first release without it.
    pub since: Since,
    /// What to do instead.
    pub replacement: &'static str,
}

impl Removed {
    /// For example `Kubernetes 1.35`.
    pub fn release(&self) -> String {
        match self.since {
            Since::Kubernetes(minor) => format!("Kubernetes 1.{minor}"),
            Since::Etcd(minor) => format!("etcd 3.{minor}"),
        }
    }
    fn matches(&self, component: Component, flag: &str) -> bool {
        let same = match self.flag.strip_suffix('*') {
            Some(start) => flag.starts_with(start),
            None => flag == self.flag,
        };
        self.component == component && same
    }
}

/// The entry of a flag that a Kubernetes release no longer has; etcd is taken to be 3.6, the oldest that fits.
pub fn removed(component: Component, flag: &str, kubernetes_version: &Version) -> Option<&'static Removed> {
    gone(component, flag, kubernetes_version.minor, 6)
}

/// The entry of a flag that is gone in these very versions.
pub fn removed_in(component: Component, flag: &str, versions: &Versions) -> Option<&'static Removed> {
    gone(component, flag, versions.kubernetes.minor, versions.etcd.minor)
}

fn gone(component: Component, flag: &str, kubernetes: u64, etcd: u64) -> Option<&'static Removed> {
    let flag = flag.trim_start_matches('-').replace('_', "-");
    let (flag, _) = flag.split_once('=').unwrap_or((&flag, ""));
    let tables = REMOVED.iter().chain(KLOG.iter());
    tables.filter(|r| r.matches(component, flag)).find(|r| match r.since {
        Since::Kubernetes(minor) => kubernetes >= minor,
        Since::Etcd(minor) => etcd >= minor,
    })
}

/// A value that a flag no longer takes, with what to do: names in lists of admission plugins.
pub fn removed_value(component: Component, flag: &str, value: &str) -> Option<(&'static str, &'static str)> {
    if component != Component::KubeApiserver
        || !matches!(flag, "enable-admission-plugins" | "disable-admission-plugins")
    {
        return None;
    }
    GONE_PLUGINS.iter().find(|(plugin, _)| value.split(',').any(|v| v.trim() == *plugin)).copied()
}

/// Admission plugins that are gone: kube-apiserver exits on an unknown one.
const GONE_PLUGINS: [(&str, &str); 2] = [
    ("SecurityContextDeny", "gone since Kubernetes 1.30: use Pod Security admission (namespace labels)"),
    ("PodSecurityPolicy", "gone since Kubernetes 1.25: use Pod Security admission (namespace labels)"),
];

const fn k(component: Component, flag: &'static str, minor: u64, replacement: &'static str) -> Removed {
    Removed { component, flag, since: Since::Kubernetes(minor), replacement }
}

const fn e(flag: &'static str, minor: u64, replacement: &'static str) -> Removed {
    Removed { component: Component::Etcd, flag, since: Since::Etcd(minor), replacement }
}

use Component::{KubeApiserver, KubeControllerManager, KubeProxy, KubeScheduler, Kubelet};

const CNI: &str = "the network plugin is containerd's matter: see /etc/cni/net.d";
const DOCKER: &str = "dockershim is gone: containerd is used";
const INSECURE: &str = "the plaintext port is gone: use the secure port with a client certificate";
const IN_TREE: &str = "in-tree cloud providers are gone: run the external cloud controller manager";
const POLICY: &str = "use `--config` with a KubeSchedulerConfiguration";
const TAINTS: &str =
    "evictions follow taints now: set tolerationSeconds, or kube-apiserver's default-unreachable-toleration-seconds";

const REMOVED: &[Removed] = &[
    k(KubeApiserver, "basic-auth-file", 19, "use client certificates or OIDC"),
    k(KubeApiserver, "address", 24, "use bind-address"),
    k(KubeApiserver, "insecure-bind-address", 24, INSECURE),
    k(KubeApiserver, "port", 24, "use secure-port"),
    k(KubeApiserver, "insecure-port", 24, INSECURE),
    k(KubeApiserver, "experimental-encryption-provider-config", 24, "use encryption-provider-config"),
    k(KubeApiserver, "service-account-api-audiences", 25, "use api-audiences"),
    k(KubeApiserver, "master-service-namespace", 27, "it had no effect: remove it"),
    k(KubeApiserver, "cloud-provider", 33, IN_TREE),
    k(KubeApiserver, "cloud-config", 33, IN_TREE),
    k(KubeControllerManager, "address", 24, "use bind-address"),
    k(KubeControllerManager, "port", 24, "use secure-port"),
    k(KubeControllerManager, "experimental-cluster-signing-duration", 25, "use cluster-signing-duration"),
    k(KubeControllerManager, "deleting-pods-qps", 25, "it had no effect: remove it"),
    k(KubeControllerManager, "deleting-pods-burst", 25, "it had no effect: remove it"),
    k(KubeControllerManager, "register-retry-count", 25, "it had no effect: remove it"),
    k(KubeControllerManager, "enable-taint-manager", 27, TAINTS),
    k(KubeControllerManager, "pod-eviction-timeout", 27, TAINTS),
    k(
        KubeControllerManager,
        "concurrent-service-syncs",
        37,
        "it belonged to cloud load balancers: set it on the cloud controller manager",
    ),
    k(KubeScheduler, "policy-*", 23, POLICY),
    k(KubeScheduler, "use-legacy-policy-config", 23, POLICY),
    k(KubeScheduler, "address", 24, "use bind-address"),
    k(KubeScheduler, "port", 24, "use secure-port"),
    k(KubeScheduler, "lock-object-name", 28, "use leader-elect-resource-name"),
    k(KubeScheduler, "lock-object-namespace", 28, "use leader-elect-resource-namespace"),
    k(Kubelet, "experimental-bootstrap-kubeconfig", 23, "use bootstrap-kubeconfig"),
    k(Kubelet, "network-plugin", 24, CNI),
    k(Kubelet, "network-plugin-mtu", 24, CNI),
    k(Kubelet, "cni-conf-dir", 24, CNI),
    k(Kubelet, "cni-bin-dir", 24, CNI),
    k(Kubelet, "cni-cache-dir", 24, CNI),
    k(Kubelet, "docker-endpoint", 24, DOCKER),
    k(Kubelet, "image-pull-progress-deadline", 24, DOCKER),
    k(Kubelet, "container-runtime", 27, "remove it: the only runtimes are those of container-runtime-endpoint"),
    k(Kubelet, "master-service-namespace", 27, "it had no effect: remove it"),
    k(Kubelet, "keep-terminated-pod-volumes", 31, "it had no effect: remove it"),
    k(Kubelet, "iptables-masquerade-bit", 31, "it had no effect: set it on kube-proxy"),
    k(Kubelet, "iptables-drop-bit", 31, "it had no effect: remove it"),
    k(Kubelet, "runonce", 32, "the mode is gone: use static pods"),
    k(Kubelet, "cloud-config", 34, IN_TREE),
    k(
        Kubelet,
        "register-schedulable",
        34,
        "use `config: {registerWithTaints: [{key: …, effect: NoSchedule}]}`, or the host's taints",
    ),
    k(Kubelet, "pod-infra-container-image", 35, "containerd names and pins the pause image: remove the flag"),
    k(KubeProxy, "proxy-port-range", 31, "it had no effect: remove it"),
    e("enable-v2", 6, "the v2 API is gone: remove it"),
    e("experimental-enable-v2v3", 6, "the v2 API is gone: remove it"),
    e("proxy", 6, "the v2 proxy is gone: use `etcd gateway` or `etcd grpc-proxy`"),
    e("proxy-*", 6, "the v2 proxy is gone: use `etcd gateway` or `etcd grpc-proxy`"),
    e("experimental-initial-corrupt-check", 7, "use `feature-gates: InitialCorruptCheck=true`"),
    e("experimental-compact-hash-check-enabled", 7, "use `feature-gates: CompactHashCheck=true`"),
    e("experimental-stop-grpc-service-on-defrag", 7, "use `feature-gates: StopGRPCServiceOnDefrag=true`"),
    e("experimental-txn-mode-write-with-shared-buffer", 7, "use `feature-gates: TxnModeWriteWithSharedBuffer=true`"),
    e("experimental-enable-lease-checkpoint", 7, "use `feature-gates: LeaseCheckpoint=true`"),
    e("experimental-enable-lease-checkpoint-persist", 7, "use `feature-gates: LeaseCheckpointPersist=true`"),
    e("experimental-snapshot-catchup-entries", 7, "use snapshot-catchup-entries"),
    e("experimental-*", 7, "drop `experimental-` from its name"),
    e("discovery", 7, "v2 discovery is gone: use discovery-token and discovery-endpoints"),
    e("discovery-proxy", 7, "v2 discovery is gone: use discovery-token and discovery-endpoints"),
];

const KLOG_FLAGS: [&str; 11] = [
    "add-dir-header",
    "logtostderr",
    "alsologtostderr",
    "log-dir",
    "log-file",
    "log-file-max-size",
    "log-backtrace-at",
    "one-output",
    "skip-headers",
    "skip-log-headers",
    "stderrthreshold",
];
const KLOG_PROGRAMS: [Component; 5] = [KubeApiserver, KubeControllerManager, KubeScheduler, Kubelet, KubeProxy];

/// klog's flags but `v` and `vmodule`, gone from all programs in 1.26 (kubernetes#112120).
const KLOG: [Removed; KLOG_FLAGS.len() * KLOG_PROGRAMS.len()] = {
    let any = k(Kubelet, "", 26, "the programs log to standard error, and systemd keeps it: `journalctl -u UNIT`");
    let mut table = [any; KLOG_FLAGS.len() * KLOG_PROGRAMS.len()];
    let mut i = 0;
    while i < table.len() {
        table[i].component = KLOG_PROGRAMS[i / KLOG_FLAGS.len()];
        table[i].flag = KLOG_FLAGS[i % KLOG_FLAGS.len()];
        i += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn at(component: Component, flag: &str, minor: u64) -> Option<String> {
        removed(component, flag, &Version::new(1, minor, 0)).map(|r| format!("{}: {}", r.release(), r.replacement))
    }

    #[test]
    fn a_flag_is_refused_from_the_release_on_that_lacks_it() {
        assert_eq!(at(Kubelet, "pod-infra-container-image", 34), None);
        assert_eq!(
            at(Kubelet, "pod-infra-container-image", 35).unwrap(),
            "Kubernetes 1.35: containerd names and pins the pause image: remove the flag"
        );
        assert!(at(KubeControllerManager, "concurrent-service-syncs", 36).is_none());
        assert!(at(KubeApiserver, "cloud-provider", 34).is_some());
        assert!(at(Kubelet, "cloud-provider", 36).is_none());
        assert!(at(KubeProxy, "iptables-masquerade-bit", 36).is_none());
    }

    #[test]
    fn flags_of_old_guides_do_not_start_any_more() {
        for (component, flag) in [
            (KubeApiserver, "logtostderr"),
            (KubeApiserver, "log-dir"),
            (KubeApiserver, "insecure-port"),
            (KubeControllerManager, "experimental-cluster-signing-duration"),
            (KubeScheduler, "policy-config-file"),
            (Kubelet, "network-plugin"),
            (Kubelet, "container-runtime"),
            (Component::Etcd, "enable-v2"),
        ] {
            for minor in [34, 35, 36] {
                assert!(at(component, flag, minor).is_some(), "{} --{flag} in 1.{minor}", component.name());
            }
        }
    }

    #[test]
    fn dashes_underscores_and_values_do_not_hide_a_flag() {
        assert!(at(KubeApiserver, "--log_dir=/x", 36).is_some());
        assert!(at(KubeApiserver, "v", 36).is_none());
    }

    #[test]
    fn etcd_goes_by_its_own_version() {
        let of = |etcd: &str, flag: &str| gone(Component::Etcd, flag, 36, Version::parse(etcd).unwrap().minor);
        assert!(of("3.6.14", "experimental-initial-corrupt-check").is_none());
        assert_eq!(
            of("3.7.2", "experimental-initial-corrupt-check").unwrap().replacement,
            "use `feature-gates: InitialCorruptCheck=true`"
        );
        assert!(of("3.7.2", "experimental-anything").is_some());
        assert!(of("3.6.14", "proxy-read-timeout").is_some());
    }

    #[test]
    fn admission_plugins_that_are_gone() {
        let flag = "enable-admission-plugins";
        assert_eq!(removed_value(KubeApiserver, flag, "NodeRestriction"), None);
        let (plugin, _) = removed_value(KubeApiserver, flag, "NodeRestriction,SecurityContextDeny").unwrap();
        assert_eq!(plugin, "SecurityContextDeny");
    }
}
