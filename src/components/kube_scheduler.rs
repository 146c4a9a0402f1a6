//! kube-scheduler.

use super::certificate::CertificateRow;
use super::kubernetes::{self, KLOG};
use super::spec::*;
use crate::cluster::{RemovedFlag, Role};
use crate::recipes::Project;
use crate::state::Wave;

const NAME: &str = "kube-scheduler";
/// Metrics and health.
const PORT: u16 = 10259;

pub(super) const SPEC: ComponentSpec = ComponentSpec {
    about: "kube-scheduler.",
    role: Some(Role::Master),
    runs_on: |_, host| host.is(Role::Master),
    programs: &[ProgramSpec::new(NAME, Project::Kubernetes, Wave::Controllers)],
    unit: Some(UnitSpec {
        program: NAME,
        rollout: kubernetes::CONTROLLER,
        watched_by_restart: kubernetes::ca,
        restart_seconds: 2,
        noticed: "",
        noticed_alone: "new pods wait for up to 20 s",
    }),
    ports: &[PortSpec::loopback(PORT, "kube-scheduler on 127.0.0.1")],
    configs: &[ConfigSpec {
        template: "kube-scheduler.yaml",
        path: |layout| format!("{}/kube-scheduler.yaml", layout.kubernetes),
        format: Format::MergedYaml,
        copied_to: None,
    }],
    kubeconfig: Some(KubeconfigSpec {
        file: "scheduler.conf",
        user: "system:kube-scheduler",
        certificate: "scheduler",
        local: true,
    }),
    certificates: |cluster| {
        let row = CertificateRow::client("scheduler", "system:kube-scheduler", "");
        let mut rows = vec![row.on(cluster, Role::Master).used_by(NAME)];
        rows.extend(kubernetes::served(cluster, NAME, "scheduler-server", PORT));
        rows
    },
    dirs: kubernetes::dirs,
    templates: &[
        template!("kube-scheduler", "kube-scheduler.flags"),
        template!("kube-scheduler", "kube-scheduler.service"),
        template!("kube-scheduler", "kube-scheduler.yaml"),
        template!("shared", "kubeconfig.yaml"),
    ],
    removed_flags: &[REMOVED, KLOG],
    footprint: Footprint { dirs: |layout| vec![layout.kube_scheduler.clone()], ..Footprint::NONE },
    ..ComponentSpec::named(NAME)
};

const POLICY: &str = "use `--config` with a KubeSchedulerConfiguration";

const REMOVED: &[RemovedFlag] = &[
    RemovedFlag::kubernetes("policy-*", 23, POLICY),
    RemovedFlag::kubernetes("use-legacy-policy-config", 23, POLICY),
    RemovedFlag::kubernetes("address", 24, "use bind-address"),
    RemovedFlag::kubernetes("port", 24, "use secure-port"),
    RemovedFlag::kubernetes("lock-object-name", 28, "use leader-elect-resource-name"),
    RemovedFlag::kubernetes("lock-object-namespace", 28, "use leader-elect-resource-namespace"),
];
