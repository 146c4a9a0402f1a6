//! What Kubernetes' own programs have in common.

use super::certificate::{CertificateRow, Placement, Profile};
use crate::cluster::{Cluster, Host, Layout, RemovedFlag, Role};
use crate::state::{After, Ready, Rolling, Rollout, Wave};

/// klog's flags but `v` and `vmodule`, gone from all programs in 1.26 (kubernetes#112120).
pub(super) const KLOG: &[RemovedFlag] = &[
    klog("add-dir-header"),
    klog("logtostderr"),
    klog("alsologtostderr"),
    klog("log-dir"),
    klog("log-file"),
    klog("log-file-max-size"),
    klog("log-backtrace-at"),
    klog("one-output"),
    klog("skip-headers"),
    klog("skip-log-headers"),
    klog("stderrthreshold"),
];

const fn klog(flag: &'static str) -> RemovedFlag {
    RemovedFlag::kubernetes(flag, 26, "the programs log to standard error, and systemd keeps it: `journalctl -u UNIT`")
}

/// How the controllers are rolled out.
pub(super) const CONTROLLER: Rollout =
    Rollout { wave: Wave::Controllers, after: After::Api, rolling: Rolling::ControlPlane, ready: Ready::Runs };

/// What a controller of each master shows on its port, which only its own host reaches unless somebody opens it.
pub(super) fn served(cluster: &Cluster, program: &'static str, stem: &str, port: u16) -> Vec<CertificateRow> {
    let row = |host: &Host| CertificateRow {
        profile: Profile::Server,
        sans: vec![host.name.clone(), "localhost".into(), host.address.to_string(), "127.0.0.1".into()],
        placements: vec![Placement::of(host, &cluster.layout.pki, stem, "root")],
        ..CertificateRow::client(&format!("{stem}-{}", host.name), program, "").used_by(program).shown_on(port)
    };
    cluster.with_role(Role::Master).map(row).collect()
}

pub(super) const INSECURE: &str = "the plaintext port is gone: use the secure port with a client certificate";
pub(super) const NO_EFFECT: &str = "it had no effect: remove it";
pub(super) const IN_TREE: &str = "in-tree cloud providers are gone: run the external cloud controller manager";

/// The Kubernetes CA, for what notices a changed one only from 1.36 on (client-go reloads a kubeconfig's CA file).
pub(super) fn ca(cluster: &Cluster) -> Vec<String> {
    if cluster.versions.kubernetes.minor >= 36 { Vec::new() } else { pki(cluster, &["ca.crt"]) }
}

/// Files in the folder of certificates.
pub(super) fn pki(cluster: &Cluster, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("{}/{name}", cluster.layout.pki)).collect()
}

/// Directories of every host with a program of Kubernetes.
pub(super) fn dirs(layout: &Layout) -> Vec<(String, u32, &'static str)> {
    vec![
        (layout.kubernetes.clone(), 0o755, "root"),
        (layout.pki.clone(), 0o755, "root"),
        // Looked for by kubelet and kube-controller-manager, which would make it in /usr/libexec.
        (format!("{}/volume-plugins", layout.kubernetes), 0o755, "root"),
    ]
}
