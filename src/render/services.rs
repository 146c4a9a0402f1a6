//! The services of a host, as a table: what runs where, with which files, and what makes it restart.
//!
//! What a service reloads by itself is not among its restart files: certificates and keys that are named by path,
//! the client CAs of kube-apiserver and kubelet, the encryption configuration.

use crate::cluster::{Cluster, Component, Host, Layout, NetworkPlugin, Role};

/// A service.
pub(super) struct Service {
    pub(super) component: Component,
    /// Its program; the unit and the flags' template are named for it.
    pub(super) program: &'static str,
    pub(super) role: Role,
    /// Where it reaches the API, and as whom.
    pub(super) kubeconfig: Option<KubeconfigRow>,
    /// Configuration files, rendered from templates.
    pub(super) configs: &'static [Config],
    /// Further files whose change it does not notice while it runs.
    pub(super) watched_by_restart: fn(&Cluster) -> Vec<String>,
    /// Seconds before it is started again when it ended.
    pub(super) restart_seconds: u32,
}

/// A kubeconfig on a host; certificates are named by path, so that a renewed one is picked up.
pub(super) struct KubeconfigRow {
    /// File name in [`Layout::kubernetes`].
    pub(super) file: &'static str,
    /// The user's name inside.
    pub(super) user: &'static str,
    /// Certificate and key: `NAME.crt` and `NAME.key` in [`Layout::pki`].
    pub(super) certificate: &'static str,
    /// Through this host's own API server.
    pub(super) local: bool,
}

/// A configuration file; the service reads it when it starts, and so restarts when it changes.
pub(super) struct Config {
    pub(super) template: &'static str,
    pub(super) path: fn(&Layout) -> String,
    pub(super) format: Format,
    /// Where the unit puts a copy when it has started, if anywhere.
    pub(super) copied_to: Option<fn(&Layout) -> String>,
}

/// What is done with a rendered configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// The inventory's `config` is merged into it.
    MergedYaml,
    /// As above.
    MergedJson,
    /// Written as rendered, once it is seen to be valid.
    Yaml,
    /// As above.
    Json,
    /// Written as rendered.
    Text,
}

impl Service {
    /// Whether it runs on the host.
    pub(super) fn runs_on(&self, cluster: &Cluster, host: &Host) -> bool {
        let plugin = self.component != Component::Flanneld || cluster.networks.plugin == NetworkPlugin::Flannel;
        host.is(self.role) && plugin
    }
}

/// The administrator's kubeconfig on a master.
pub(super) const ADMIN: KubeconfigRow =
    KubeconfigRow { file: "admin.conf", user: "kubernetes-admin", certificate: "admin", local: true };

/// The Kubernetes CA, for what notices a changed one only from 1.36 on (client-go reloads a kubeconfig's CA file).
fn kubernetes_ca(cluster: &Cluster) -> Vec<String> {
    if cluster.versions.kubernetes.minor >= 36 { Vec::new() } else { pki(cluster, &["ca.crt"]) }
}

fn pki(cluster: &Cluster, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("{}/{name}", cluster.layout.pki)).collect()
}

/// In the order in which they are started.
pub(super) static SERVICES: [Service; 8] = [
    Service {
        component: Component::Etcd,
        program: "etcd",
        role: Role::Etcd,
        kubeconfig: None,
        configs: &[],
        watched_by_restart: |cluster| vec![format!("{}/ca.crt", cluster.layout.etcd_pki)],
        restart_seconds: 2,
    },
    Service {
        component: Component::KubeApiserver,
        program: "kube-apiserver",
        role: Role::Master,
        kubeconfig: None,
        configs: &[Config {
            template: "audit-policy.yaml",
            path: |layout| format!("{}/audit-policy.yaml", layout.kubernetes),
            format: Format::Yaml,
            copied_to: None,
        }],
        watched_by_restart: |cluster| {
            let mut files = pki(cluster, &["etcd-ca.crt", "sa.key", "sa.pub"]);
            files.extend(kubernetes_ca(cluster));
            files
        },
        restart_seconds: 2,
    },
    Service {
        component: Component::KubeControllerManager,
        program: "kube-controller-manager",
        role: Role::Master,
        kubeconfig: Some(KubeconfigRow {
            file: "controller-manager.conf",
            user: "system:kube-controller-manager",
            certificate: "controller-manager",
            local: true,
        }),
        configs: &[],
        // It publishes ca.crt into every namespace as it was when it started.
        watched_by_restart: |cluster| pki(cluster, &["ca.crt", "sa.key"]),
        restart_seconds: 2,
    },
    Service {
        component: Component::KubeScheduler,
        program: "kube-scheduler",
        role: Role::Master,
        kubeconfig: Some(KubeconfigRow {
            file: "scheduler.conf",
            user: "system:kube-scheduler",
            certificate: "scheduler",
            local: true,
        }),
        configs: &[Config {
            template: "kube-scheduler.yaml",
            path: |layout| format!("{}/kube-scheduler.yaml", layout.kubernetes),
            format: Format::MergedYaml,
            copied_to: None,
        }],
        watched_by_restart: kubernetes_ca,
        restart_seconds: 2,
    },
    Service {
        component: Component::Containerd,
        program: "containerd",
        role: Role::Node,
        kubeconfig: None,
        configs: &[Config {
            template: "config.toml",
            path: |_| "/etc/containerd/config.toml".into(),
            format: Format::Text,
            copied_to: None,
        }],
        watched_by_restart: |_| Vec::new(),
        restart_seconds: 2,
    },
    Service {
        component: Component::Kubelet,
        program: "kubelet",
        role: Role::Node,
        kubeconfig: Some(KubeconfigRow {
            file: "kubelet.conf",
            user: "kubelet",
            certificate: "kubelet-client",
            local: false,
        }),
        configs: &[Config {
            template: "kubelet.yaml",
            path: |layout| format!("{}/config.yaml", layout.kubelet),
            format: Format::MergedYaml,
            copied_to: None,
        }],
        watched_by_restart: kubernetes_ca,
        restart_seconds: 2,
    },
    Service {
        component: Component::KubeProxy,
        program: "kube-proxy",
        role: Role::Node,
        kubeconfig: Some(KubeconfigRow {
            file: "kube-proxy.conf",
            user: "system:kube-proxy",
            certificate: "kube-proxy",
            local: false,
        }),
        configs: &[Config {
            template: "kube-proxy.yaml",
            path: |layout| format!("{}/kube-proxy.yaml", layout.kubernetes),
            format: Format::MergedYaml,
            copied_to: None,
        }],
        watched_by_restart: kubernetes_ca,
        restart_seconds: 2,
    },
    Service {
        component: Component::Flanneld,
        program: "flanneld",
        role: Role::Node,
        kubeconfig: Some(KubeconfigRow { file: "flannel.conf", user: "flannel", certificate: "flannel", local: false }),
        configs: &[
            Config {
                template: "net-conf.json",
                path: |_| "/etc/kube-flannel/net-conf.json".into(),
                format: Format::MergedJson,
                copied_to: None,
            },
            Config {
                template: "10-flannel.conflist",
                path: |_| "/etc/kube-flannel/10-flannel.conflist".into(),
                format: Format::Json,
                // Where containerd looks, once the network is there.
                copied_to: Some(|layout| format!("{}/10-flannel.conflist", layout.cni_conf)),
            },
        ],
        watched_by_restart: |cluster| pki(cluster, &["ca.crt"]),
        // It ends when its node is not registered yet, which on a first start is a matter of a second or two.
        restart_seconds: 1,
    },
];
