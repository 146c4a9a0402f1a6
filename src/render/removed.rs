//! Flags that programs once had, which guides still show, and what took their place.

use crate::cluster::Component::{self, *};

/// A flag that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// Whose flag it was.
    pub component: Component,
    /// Its name without dashes.
    pub flag: &'static str,
    /// The Kubernetes minor version (`1.x`) that no longer has it; for etcd its own, 3.x.
    pub minor: u64,
    /// What to do now.
    pub instead: &'static str,
}

impl Removed {
    /// Says that it is gone and since when.
    pub fn why(&self) -> String {
        let name = super::templates::component_name(self.component);
        let since = if self.component == Etcd {
            format!("etcd 3.{}", self.minor)
        } else {
            format!("Kubernetes 1.{}", self.minor)
        };
        format!("{name} no longer has --{} (removed in {since})", self.flag)
    }
}

/// The flag's entry when `component` of that minor version (etcd: etcd's own) has it no longer.
/// The programs refuse to start with an unknown flag, so this is asked before anything is rendered.
pub fn removed_flag(component: Component, flag: &str, minor: u64) -> Option<&'static Removed> {
    REMOVED.iter().find(|r| r.component == component && r.flag == flag && r.minor <= minor)
}

const fn gone(component: Component, flag: &'static str, minor: u64, instead: &'static str) -> Removed {
    Removed { component, flag, minor, instead }
}

const LOGS: &str = "the programs log to the journal; `v` and `vmodule` are what is left";
const SERVING: &str = "the plaintext port is gone; use `bind-address` and `secure-port`";
const CNI: &str = "containerd runs the network plugins: their folders are in its configuration";
const CLOUD: &str = "cloud providers are programs of their own; only the kubelet's and controller manager's `cloud-provider: external` is left";
const ETCD_V2: &str = "the v2 API is gone from etcd 3.6";

// Kubernetes CHANGELOGs 1.19 to 1.35, etcd CHANGELOG-3.6.
#[rustfmt::skip]
static REMOVED: [Removed; 70] = [
    gone(KubeApiserver, "basic-auth-file", 19, "use client certificates, or `authentication-config`"),
    gone(KubeApiserver, "address", 24, SERVING),
    gone(KubeApiserver, "insecure-bind-address", 24, SERVING),
    gone(KubeApiserver, "port", 24, SERVING),
    gone(KubeApiserver, "insecure-port", 24, SERVING),
    gone(KubeApiserver, "experimental-encryption-provider-config", 24, "use `encryption-provider-config`"),
    gone(KubeApiserver, "service-account-api-audiences", 25, "use `api-audiences`"),
    gone(KubeApiserver, "master-service-namespace", 27, "drop it: it is always `default`"),
    gone(KubeApiserver, "cloud-provider", 33, CLOUD),
    gone(KubeApiserver, "cloud-config", 33, CLOUD),
    gone(KubeApiserver, "logtostderr", 26, LOGS),
    gone(KubeApiserver, "log-dir", 26, LOGS),
    gone(KubeApiserver, "log-file", 26, LOGS),
    gone(KubeApiserver, "log-file-max-size", 26, LOGS),
    gone(KubeApiserver, "alsologtostderr", 26, LOGS),
    gone(KubeApiserver, "stderrthreshold", 26, LOGS),
    gone(KubeApiserver, "add-dir-header", 26, LOGS),
    gone(KubeControllerManager, "address", 24, SERVING),
    gone(KubeControllerManager, "port", 24, SERVING),
    gone(KubeControllerManager, "experimental-cluster-signing-duration", 25, "use `cluster-signing-duration`"),
    gone(KubeControllerManager, "deleting-pods-qps", 25, "drop it: it had no effect"),
    gone(KubeControllerManager, "deleting-pods-burst", 25, "drop it: it had no effect"),
    gone(KubeControllerManager, "register-retry-count", 25, "drop it: it had no effect"),
    gone(KubeControllerManager, "enable-taint-manager", 27, "drop it: eviction by taint is always on"),
    gone(KubeControllerManager, "pod-eviction-timeout", 27, "set `tolerationSeconds` in pods, or the apiserver's `default-not-ready-toleration-seconds`"),
    gone(KubeControllerManager, "logtostderr", 26, LOGS),
    gone(KubeControllerManager, "log-dir", 26, LOGS),
    gone(KubeControllerManager, "log-file", 26, LOGS),
    gone(KubeControllerManager, "log-file-max-size", 26, LOGS),
    gone(KubeControllerManager, "alsologtostderr", 26, LOGS),
    gone(KubeControllerManager, "stderrthreshold", 26, LOGS),
    gone(KubeScheduler, "address", 24, SERVING),
    gone(KubeScheduler, "port", 24, SERVING),
    gone(KubeScheduler, "policy-config-file", 23, "write a KubeSchedulerConfiguration: `components.kube-scheduler.config`"),
    gone(KubeScheduler, "policy-configmap", 23, "write a KubeSchedulerConfiguration: `components.kube-scheduler.config`"),
    gone(KubeScheduler, "lock-object-name", 28, "use `leader-elect-resource-name`"),
    gone(KubeScheduler, "lock-object-namespace", 28, "use `leader-elect-resource-namespace`"),
    gone(KubeScheduler, "logtostderr", 26, LOGS),
    gone(KubeScheduler, "log-dir", 26, LOGS),
    gone(KubeScheduler, "log-file", 26, LOGS),
    gone(KubeScheduler, "alsologtostderr", 26, LOGS),
    gone(KubeScheduler, "stderrthreshold", 26, LOGS),
    gone(Kubelet, "experimental-bootstrap-kubeconfig", 23, "use `bootstrap-kubeconfig`"),
    gone(Kubelet, "network-plugin", 24, CNI),
    gone(Kubelet, "network-plugin-mtu", 24, CNI),
    gone(Kubelet, "cni-conf-dir", 24, CNI),
    gone(Kubelet, "cni-bin-dir", 24, CNI),
    gone(Kubelet, "cni-cache-dir", 24, CNI),
    gone(Kubelet, "docker-endpoint", 24, "the kubelet speaks to containerd: `containerRuntimeEndpoint`"),
    gone(Kubelet, "image-pull-progress-deadline", 24, "drop it: it was docker's"),
    gone(Kubelet, "container-runtime", 27, "drop it: the only one left is the default"),
    gone(Kubelet, "master-service-namespace", 27, "drop it: it is always `default`"),
    gone(Kubelet, "keep-terminated-pod-volumes", 31, "drop it: it had no effect"),
    gone(Kubelet, "iptables-masquerade-bit", 31, "set it for kube-proxy: `components.kube-proxy.config.iptables.masqueradeBit`"),
    gone(Kubelet, "iptables-drop-bit", 31, "drop it: it had no effect"),
    gone(Kubelet, "runonce", 32, "use static pods, or containerd alone"),
    gone(Kubelet, "cloud-config", 34, CLOUD),
    gone(Kubelet, "register-schedulable", 34, "use the host's `taints`"),
    gone(Kubelet, "pod-infra-container-image", 35, "containerd's configuration names the pause image"),
    gone(Kubelet, "logtostderr", 26, LOGS),
    gone(Kubelet, "log-dir", 26, LOGS),
    gone(Kubelet, "log-file", 26, LOGS),
    gone(Kubelet, "alsologtostderr", 26, LOGS),
    gone(Kubelet, "stderrthreshold", 26, LOGS),
    gone(KubeProxy, "proxy-port-range", 31, "drop it: it had no effect"),
    gone(KubeProxy, "logtostderr", 26, LOGS),
    gone(KubeProxy, "log-dir", 26, LOGS),
    gone(KubeProxy, "alsologtostderr", 26, LOGS),
    gone(Etcd, "enable-v2", 6, ETCD_V2),
    gone(Etcd, "experimental-enable-v2v3", 6, ETCD_V2),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_refused_from_the_version_that_dropped_it() {
        assert_eq!(removed_flag(Kubelet, "pod-infra-container-image", 34), None);
        let gone = removed_flag(Kubelet, "pod-infra-container-image", 35).unwrap();
        assert_eq!(gone.why(), "kubelet no longer has --pod-infra-container-image (removed in Kubernetes 1.35)");
        assert_eq!(removed_flag(Kubelet, "node-ip", 36), None);
        assert!(removed_flag(Etcd, "enable-v2", 6).unwrap().why().ends_with("(removed in etcd 3.6)"));
    }
}
