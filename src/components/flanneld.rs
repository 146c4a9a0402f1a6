//! flanneld: the network plugin `flannel`.

use serde_json::Value;

use super::certificate::CertificateRow;
use super::cni_plugins::plugin;
use super::kubernetes::pki;
use super::spec::*;
use crate::cluster::{Host, NetworkPlugin, Role};
use crate::recipes::Project;
use crate::state::{After, ComponentId, Ready, Rolling, Rollout, Wave};

/// flanneld.
pub const ID: ComponentId = ComponentId("flanneld");
/// Its unit.
pub const UNIT: &str = "flanneld.service";
/// Its VXLAN's device.
pub const DEVICE: &str = "flannel.1";

/// Whether the host's flannel makes a VXLAN: another backend makes another device, or none.
pub fn has_vxlan(host: &Host) -> bool {
    let config = host.settings(ID.0).map(|settings| &settings.config);
    !config.and_then(|config| config.get("Backend")).is_some_and(|backend| *backend != Value::Null)
}

pub(super) const SPEC: ComponentSpec = ComponentSpec {
    about: "flanneld.",
    role: Some(Role::Node),
    runs_on: |cluster, host| host.is(Role::Node) && cluster.networks.plugin == NetworkPlugin::Flannel,
    programs: &[
        ProgramSpec::new("flanneld", Project::Flannel, Wave::Node),
        ProgramSpec { project: Project::CniFlannel, ..plugin("cni-flannel", "flannel") },
    ],
    unit: Some(UnitSpec {
        program: "flanneld",
        // It gives up where its node has no piece of the pod network yet, or where it may not look at it.
        rollout: Rollout { wave: Wave::Node, after: After::Registered, rolling: Rolling::Canary, ready: Ready::Runs },
        watched_by_restart: |cluster| pki(cluster, &["ca.crt"]),
        // It ends when its node is not registered yet, which on a first start is a matter of a second or two.
        restart_seconds: 1,
        noticed: "pods keep their network",
        noticed_alone: "pods keep their network",
    }),
    ports: &[PortSpec {
        protocol: Protocol::Udp,
        ..PortSpec::open(8472, "flannel's VXLAN (UDP)").reached_by(&[Role::Node])
    }],
    configs: &[
        ConfigSpec {
            template: "net-conf.json",
            path: |layout| format!("{}/net-conf.json", layout.flannel),
            format: Format::MergedJson,
            copied_to: None,
        },
        ConfigSpec {
            template: "10-flannel.conflist",
            path: |layout| format!("{}/10-flannel.conflist", layout.flannel),
            format: Format::Json,
            // Where containerd looks, once the network is there.
            copied_to: Some(|layout| format!("{}/10-flannel.conflist", layout.cni_conf)),
        },
    ],
    kubeconfig: Some(KubeconfigSpec { file: "flannel.conf", user: "flannel", certificate: "flannel", local: false }),
    certificates: |cluster| {
        let runs = cluster.networks.plugin == NetworkPlugin::Flannel;
        let rows = || CertificateRow::of_each_host(cluster, Role::Node, "flannel", "flannel", "kbootstrap:flannel");
        let rows = runs.then(rows).unwrap_or_default();
        rows.into_iter().map(|row| row.used_by(ID.0)).collect()
    },
    dirs: |layout| vec![(layout.flannel.clone(), 0o755, "root")],
    modules: |_| vec!["vxlan"],
    objects: &["rbac.yaml", "admission.yaml"],
    templates: &[
        template!("flanneld", "10-flannel.conflist"),
        template!("flanneld", "admission.yaml"),
        template!("flanneld", "flanneld.flags"),
        template!("flanneld", "flanneld.service"),
        template!("flanneld", "net-conf.json"),
        template!("flanneld", "rbac.yaml"),
        template!("shared", "kubeconfig.yaml"),
    ],
    repeated_flags: &["iface", "iface-regex"],
    kernel: KernelSpec {
        devices: |_, host| if has_vxlan(host) { vec![DEVICE.into()] } else { Vec::new() },
        run_files: |layout| vec![format!("{}/subnet.env", layout.flannel_run)],
    },
    footprint: Footprint {
        dirs: |layout| vec![layout.flannel_run.clone()],
        links: &[DEVICE],
        tables: &["flannel-ipv4", "flannel-ipv6"],
        chains: &["FLANNEL-"],
        ..Footprint::NONE
    },
    ..ComponentSpec::named(ID.0)
};
