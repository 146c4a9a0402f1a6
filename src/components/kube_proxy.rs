//! kube-proxy.

use super::certificate::CertificateRow;
use super::kubernetes::{self, KLOG, NO_EFFECT};
use super::spec::*;
use crate::cluster::{ProxyMode, RemovedFlag, Role};
use crate::recipes::Project;
use crate::state::{After, Ready, Rolling, Rollout, Wave};

const NAME: &str = "kube-proxy";
/// Its unit.
pub const UNIT: &str = "kube-proxy.service";

pub(super) const SPEC: ComponentSpec = ComponentSpec {
    about: "kube-proxy.",
    role: Some(Role::Node),
    runs_on: |_, host| host.is(Role::Node),
    programs: &[ProgramSpec::new(NAME, Project::Kubernetes, Wave::Node)],
    unit: Some(UnitSpec {
        program: NAME,
        rollout: Rollout { wave: Wave::Node, after: After::Objects, rolling: Rolling::Canary, ready: Ready::Runs },
        watched_by_restart: kubernetes::ca,
        restart_seconds: 2,
        noticed: "Services work on; their changes arrive some seconds later on the host",
        noticed_alone: "Services work on; their changes arrive some seconds later on the host",
    }),
    ports: &[
        PortSpec::loopback(10249, "kube-proxy, metrics on 127.0.0.1"),
        PortSpec::open(10256, "kube-proxy, health"),
    ],
    configs: &[ConfigSpec {
        template: "kube-proxy.yaml",
        path: |layout| format!("{}/kube-proxy.yaml", layout.kubernetes),
        format: Format::MergedYaml,
        copied_to: None,
    }],
    kubeconfig: Some(KubeconfigSpec {
        file: "kube-proxy.conf",
        user: "system:kube-proxy",
        certificate: NAME,
        local: false,
    }),
    certificates: |cluster| {
        let rows = CertificateRow::of_each_host(cluster, Role::Node, NAME, NAME, "kbootstrap:kube-proxy");
        rows.into_iter().map(|row| row.used_by(NAME)).collect()
    },
    dirs: kubernetes::dirs,
    modules: |cluster| match cluster.proxy_mode {
        ProxyMode::Ipvs => vec!["nf_conntrack", "ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh"],
        _ => vec!["nf_conntrack"],
    },
    objects: &["rbac.yaml"],
    templates: &[
        template!("kube-proxy", "kube-proxy.flags"),
        template!("kube-proxy", "kube-proxy.service"),
        template!("kube-proxy", "kube-proxy.yaml"),
        template!("kube-proxy", "rbac.yaml"),
        template!("shared", "kubeconfig.yaml"),
    ],
    removed_flags: &[&[RemovedFlag::kubernetes("proxy-port-range", 31, NO_EFFECT)], KLOG],
    footprint: Footprint {
        dirs: |layout| vec![layout.kube_proxy.clone()],
        links: &["kube-ipvs0"],
        tables: &["kube-proxy"],
        chains: &["KUBE-"],
        ..Footprint::NONE
    },
    ..ComponentSpec::named(NAME)
};
