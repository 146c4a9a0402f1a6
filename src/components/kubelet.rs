//! kubelet.

use serde_json::Value;

use super::certificate::{CertificateRow, Placement, Profile};
use super::kubernetes::{self, IN_TREE, KLOG, NO_EFFECT};
use super::spec::*;
use crate::cluster::{Cluster, Host, RemovedFlag, Role};
use crate::recipes::Project;
use crate::state::{After, ComponentId, Ready, Rolling, Rollout, Wave};

/// kubelet.
pub const ID: ComponentId = ComponentId("kubelet");
/// Its unit.
pub const UNIT: &str = "kubelet.service";

/// Where API servers reach it.
pub const PORT: u16 = 10250;

pub(super) const SPEC: ComponentSpec = ComponentSpec {
    about: "kubelet.",
    role: Some(Role::Node),
    runs_on: |_, host| host.is(Role::Node),
    programs: &[ProgramSpec::new("kubelet", Project::Kubernetes, Wave::Node)],
    unit: Some(UnitSpec {
        program: "kubelet",
        rollout: Rollout { wave: Wave::Node, after: After::Runtime, rolling: Rolling::Canary, ready: Ready::Node },
        watched_by_restart: kubernetes::ca,
        restart_seconds: 2,
        noticed: "`kubectl exec` and `logs -f` on the host break off; pods run on",
        noticed_alone: "`kubectl exec` and `logs -f` on the host break off; pods run on",
    }),
    ports: &[
        PortSpec::loopback(10248, "kubelet, health on 127.0.0.1"),
        PortSpec::open(PORT, "kubelet").reached_by(&[Role::Master]),
    ],
    configs: &[ConfigSpec {
        template: "kubelet.yaml",
        path: |layout| format!("{}/config.yaml", layout.kubelet),
        format: Format::MergedYaml,
        copied_to: None,
    }],
    kubeconfig: Some(KubeconfigSpec {
        file: "kubelet.conf",
        user: "kubelet",
        certificate: "kubelet-client",
        local: false,
    }),
    certificates: |cluster| cluster.with_role(Role::Node).flat_map(|host| own(cluster, host)).collect(),
    dirs: |layout| {
        let mut dirs = kubernetes::dirs(layout);
        dirs.push((layout.kubelet.clone(), 0o750, "root"));
        dirs
    },
    data: |layout| vec![layout.kubelet.clone()],
    sysctls: &[
        // It insists on these (kubernetes pkg/kubelet/cm, `setupKernelTunables`): with `protectKernelDefaults` it
        // refuses to start when one differs, without it, when it cannot set one.
        SysctlSpec::Exactly("kernel.keys.root_maxbytes", "25000000"),
        SysctlSpec::Exactly("kernel.keys.root_maxkeys", "1000000"),
        SysctlSpec::Exactly("kernel.panic", "10"),
        SysctlSpec::Exactly("kernel.panic_on_oops", "1"),
        SysctlSpec::Exactly("vm.overcommit_memory", "1"),
        SysctlSpec::Exactly("vm.panic_on_oom", "0"),
        // It and its pods watch many files.
        SysctlSpec::AtLeast("fs.inotify.max_user_instances", 8192),
        SysctlSpec::AtLeast("fs.inotify.max_user_watches", 524_288),
    ],
    objects: &[ADMISSION],
    templates: &[
        template!("kubelet", "admission.yaml"),
        template!("kubelet", "kubelet.flags"),
        template!("kubelet", "kubelet.service"),
        template!("kubelet", "kubelet.yaml"),
        template!("shared", "kubeconfig.yaml"),
    ],
    removed_flags: &[REMOVED, KLOG],
    fields: include_str!("kubelet_fields.txt"),
    footprint: Footprint {
        dirs: |layout| vec![layout.pod_logs.clone(), layout.container_logs.clone()],
        mounts: |layout| vec![layout.kubelet.clone()],
        slices: &["kubepods.slice"],
        ..Footprint::NONE
    },
    ..ComponentSpec::named(ID.0)
};

/// Its template of the policies that bind kubelets.
const ADMISSION: &str = "admission.yaml";

/// The policy that keeps kubelets from what others say of their nodes.
pub const POLICY: &str = "kbootstrap-kubelet";

/// Fields and flags that have a kubelet run pods that no API server knows of: it makes pods there to show them.
const STATIC_PODS: ([&str; 2], [&str; 2]) = (["staticPodPath", "staticPodURL"], ["pod-manifest-path", "manifest-url"]);

/// The user that the host's kubelet is.
pub fn user(host: &Host) -> String {
    format!("system:node:{}", host.name)
}

/// Whether settings of the inventory's give the host's kubelet static pods.
pub fn has_static_pods(host: &Host) -> bool {
    let is_set = |value: Option<&Value>| value.is_some_and(|value| !value.is_null() && *value != "");
    let (fields, flags) = STATIC_PODS;
    host.settings(ID.0).is_some_and(|settings| {
        fields.iter().any(|field| is_set(settings.config.get(*field)))
            || flags.iter().any(|flag| is_set(settings.flags.get(*flag)))
    })
}

fn own(cluster: &Cluster, host: &Host) -> [CertificateRow; 2] {
    let identity = user(host);
    let row = |stem: &str| CertificateRow {
        placements: vec![Placement::of(host, &cluster.layout.pki, stem, "root")],
        used_by: Some(ID),
        ..CertificateRow::client(&format!("{stem}-{}", host.name), &identity, "system:nodes")
    };
    let sans = vec![host.name.clone(), host.address.to_string(), "127.0.0.1".into()];
    [row("kubelet-client"), CertificateRow { profile: Profile::Server, sans, ..row("kubelet").shown_on(PORT) }]
}

const CNI: &str = "the network plugin is containerd's matter: see its CNI configuration";
const DOCKER: &str = "dockershim is gone: containerd is used";

const REMOVED: &[RemovedFlag] = &[
    RemovedFlag::kubernetes("experimental-bootstrap-kubeconfig", 23, "use bootstrap-kubeconfig"),
    RemovedFlag::kubernetes("network-plugin", 24, CNI),
    RemovedFlag::kubernetes("network-plugin-mtu", 24, CNI),
    RemovedFlag::kubernetes("cni-conf-dir", 24, CNI),
    RemovedFlag::kubernetes("cni-bin-dir", 24, CNI),
    RemovedFlag::kubernetes("cni-cache-dir", 24, CNI),
    RemovedFlag::kubernetes("docker-endpoint", 24, DOCKER),
    RemovedFlag::kubernetes("image-pull-progress-deadline", 24, DOCKER),
    RemovedFlag::kubernetes(
        "container-runtime",
        27,
        "remove it: the only runtimes are those of container-runtime-endpoint",
    ),
    RemovedFlag::kubernetes("master-service-namespace", 27, NO_EFFECT),
    RemovedFlag::kubernetes("keep-terminated-pod-volumes", 31, NO_EFFECT),
    RemovedFlag::kubernetes("iptables-masquerade-bit", 31, "it had no effect: set it on kube-proxy"),
    RemovedFlag::kubernetes("iptables-drop-bit", 31, NO_EFFECT),
    RemovedFlag::kubernetes("runonce", 32, "the mode is gone: use static pods"),
    RemovedFlag::kubernetes("cloud-config", 34, IN_TREE),
    RemovedFlag::kubernetes(
        "register-schedulable",
        34,
        "use `config: {registerWithTaints: [{key: …, effect: NoSchedule}]}`, or the host's taints",
    ),
    RemovedFlag::kubernetes(
        "pod-infra-container-image",
        35,
        "containerd names and pins the pause image: remove the flag",
    ),
];
