//! kube-controller-manager.

use super::certificate::CertificateRow;
use super::kubernetes::{self, KLOG, NO_EFFECT, pki};
use super::spec::*;
use crate::cluster::{RemovedFlag, Role};
use crate::recipes::Project;
use crate::state::Wave;

/// Its name among components.
pub const NAME: &str = "kube-controller-manager";
/// Its unit.
pub const UNIT: &str = "kube-controller-manager.service";
/// Metrics and health.
const PORT: u16 = 10257;

pub(super) const SPEC: ComponentSpec = ComponentSpec {
    about: "kube-controller-manager.",
    role: Some(Role::Master),
    runs_on: |_, host| host.is(Role::Master),
    programs: &[ProgramSpec::new(NAME, Project::Kubernetes, Wave::Controllers)],
    unit: Some(UnitSpec {
        program: NAME,
        rollout: kubernetes::CONTROLLER,
        // It publishes ca.crt into every namespace as it was when it started.
        watched_by_restart: |cluster| pki(cluster, &["ca.crt", "sa.key"]),
        restart_seconds: 2,
        noticed: "",
        noticed_alone: "controllers stand still for up to 20 s",
    }),
    ports: &[PortSpec::loopback(PORT, "kube-controller-manager on 127.0.0.1")],
    kubeconfig: Some(KubeconfigSpec {
        file: "controller-manager.conf",
        user: "system:kube-controller-manager",
        certificate: "controller-manager",
        local: true,
    }),
    certificates: |cluster| {
        let row = CertificateRow::client("controller-manager", "system:kube-controller-manager", "");
        let mut rows = vec![row.on(cluster, Role::Master).used_by(NAME)];
        rows.extend(kubernetes::served(cluster, NAME, "controller-manager-server", PORT));
        rows
    },
    dirs: kubernetes::dirs,
    templates: &[
        template!("kube-controller-manager", "kube-controller-manager.flags"),
        template!("kube-controller-manager", "kube-controller-manager.service"),
        template!("shared", "kubeconfig.yaml"),
    ],
    removed_flags: &[REMOVED, KLOG],
    ..ComponentSpec::named(NAME)
};

const TAINTS: &str =
    "evictions follow taints now: set tolerationSeconds, or kube-apiserver's default-unreachable-toleration-seconds";

const REMOVED: &[RemovedFlag] = &[
    RemovedFlag::kubernetes("address", 24, "use bind-address"),
    RemovedFlag::kubernetes("port", 24, "use secure-port"),
    RemovedFlag::kubernetes("experimental-cluster-signing-duration", 25, "use cluster-signing-duration"),
    RemovedFlag::kubernetes("deleting-pods-qps", 25, NO_EFFECT),
    RemovedFlag::kubernetes("deleting-pods-burst", 25, NO_EFFECT),
    RemovedFlag::kubernetes("register-retry-count", 25, NO_EFFECT),
    RemovedFlag::kubernetes("enable-taint-manager", 27, TAINTS),
    RemovedFlag::kubernetes("pod-eviction-timeout", 27, TAINTS),
    RemovedFlag::kubernetes(
        "concurrent-service-syncs",
        37,
        "it belonged to cloud load balancers: set it on the cloud controller manager",
    ),
];
