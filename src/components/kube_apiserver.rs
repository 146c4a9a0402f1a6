//! kube-apiserver.

use super::certificate::{Authority, CertificateRow, Placement, Profile};
use super::etcd;
use super::kubernetes::{self, IN_TREE, INSECURE, KLOG, NO_EFFECT, pki};
use super::spec::*;
use crate::cluster::{API_NAME, API_PORT, Cluster, Host, Layout, RemovedFlag, RemovedValue, Role};
use crate::recipes::Project;
use crate::state::{After, ComponentId, Ready, Rolling, Rollout, Wave};

/// kube-apiserver.
pub const ID: ComponentId = ComponentId("kube-apiserver");
/// Its unit.
pub const UNIT: &str = "kube-apiserver.service";

/// Its template of what keeps others away until it is ready; nothing where nobody else could take over.
const GATE: &str = "api-gate.sh";

/// The group that administrators are in; a ClusterRoleBinding gives it cluster-admin, and can be taken back.
pub const ADMIN_GROUP: &str = "kbootstrap:cluster-admins";

pub(super) const SPEC: ComponentSpec = ComponentSpec {
    about: "kube-apiserver.",
    role: Some(Role::Master),
    runs_on: |_, host| host.is(Role::Master),
    programs: &[ProgramSpec::new("kube-apiserver", Project::Kubernetes, Wave::Apiserver)],
    unit: Some(UnitSpec {
        program: "kube-apiserver",
        rollout: Rollout {
            wave: Wave::Apiserver,
            after: After::Etcd,
            rolling: Rolling::ControlPlane,
            ready: Ready::Api,
        },
        watched_by_restart: |cluster| {
            let mut files = pki(cluster, &["etcd-ca.crt", "sa.key", "sa.pub"]);
            files.extend(kubernetes::ca(cluster));
            files
        },
        restart_seconds: 2,
        noticed: "open watches and `kubectl exec` begin again elsewhere",
        noticed_alone: "the API is away for up to 10 s: it is the only one",
    }),
    part_of: |cluster, host| cluster.has_own_member(host).then_some(etcd::UNIT),
    ports: &[PortSpec::open(API_PORT, "kube-apiserver").reached_by(&[Role::Master, Role::Node, Role::Lb])],
    configs: &[
        ConfigSpec {
            template: "admission.yaml",
            path: |layout| format!("{}/admission.yaml", layout.kubernetes),
            format: Format::Yaml,
            copied_to: None,
        },
        ConfigSpec {
            template: "audit-policy.yaml",
            path: |layout| format!("{}/audit-policy.yaml", layout.kubernetes),
            format: Format::Yaml,
            copied_to: None,
        },
        ConfigSpec {
            template: "authorization.yaml",
            path: |layout| format!("{}/authorization.yaml", layout.kubernetes),
            format: Format::YamlOrNone,
            copied_to: None,
        },
        ConfigSpec {
            template: "authorization-nobody.conf",
            path: |layout| format!("{}/authorization-nobody.conf", layout.kubernetes),
            format: Format::YamlOrNone,
            copied_to: None,
        },
        ConfigSpec {
            template: GATE,
            path: |layout| layout.api_gate.clone(),
            format: Format::TextOrNone,
            copied_to: None,
        },
        ConfigSpec {
            template: "encryption.yaml",
            path: Layout::encryption,
            format: Format::Encryption,
            copied_to: None,
        },
    ],
    for_people: &[KubeconfigSpec { file: "admin.conf", user: "kubernetes-admin", certificate: "admin", local: true }],
    certificates: |cluster| {
        let place = |host| Placement::of(host, &cluster.layout.pki, "apiserver-etcd-client", "root");
        let mut rows = vec![CertificateRow {
            authority: Authority::Etcd,
            placements: cluster.with_role(Role::Master).map(place).collect(),
            used_by: Some(ID),
            ..CertificateRow::client("apiserver-etcd-client", "kube-apiserver-etcd-client", "")
        }];
        rows.extend(cluster.with_role(Role::Master).map(|host| server(cluster, host)));
        let client = |name: &str, cn: &str, o: &str| CertificateRow::client(name, cn, o).on(cluster, Role::Master);
        rows.push(client("apiserver-kubelet-client", "kube-apiserver-kubelet-client", "").used_by(ID.0));
        let front_proxy = client("front-proxy-client", "front-proxy-client", "").used_by(ID.0);
        rows.push(CertificateRow { authority: Authority::FrontProxy, ..front_proxy });
        rows.push(client("admin", "kubernetes-admin", ADMIN_GROUP));
        rows
    },
    dirs: |layout| {
        let mut dirs = kubernetes::dirs(layout);
        dirs.push((layout.logs.clone(), 0o700, "root"));
        dirs
    },
    objects: &["rbac.yaml", "namespaces.yaml"],
    templates: &[
        template!("kube-apiserver", "admission.yaml"),
        template!("kube-apiserver", "api-gate.sh"),
        template!("kube-apiserver", "audit-policy.yaml"),
        template!("kube-apiserver", "authorization-nobody.conf"),
        template!("kube-apiserver", "authorization.yaml"),
        template!("kube-apiserver", "kube-apiserver.flags"),
        template!("kube-apiserver", "kube-apiserver.service"),
        template!("kube-apiserver", "namespaces.yaml"),
        template!("kube-apiserver", "rbac.yaml"),
        template!("shared", "kubeconfig.yaml"),
    ],
    repeated_flags: &["service-account-issuer", "service-account-key-file", "tls-sni-cert-key"],
    removed_flags: &[REMOVED, KLOG],
    removed_values: GONE_PLUGINS,
    footprint: Footprint {
        kept: |layout| vec![layout.logs.clone()],
        files: |layout| vec![layout.api_gate.clone()],
        // By `api-gate.sh`.
        tables: &["kbootstrap-api-gate"],
        ..Footprint::NONE
    },
    ..ComponentSpec::named(ID.0)
};

fn server(cluster: &Cluster, host: &Host) -> CertificateRow {
    let domain = &cluster.networks.dns_domain;
    let mut sans = vec![
        API_NAME.to_owned(),
        "kubernetes.default".to_owned(),
        "kubernetes.default.svc".to_owned(),
        format!("kubernetes.default.svc.{domain}"),
        host.name.clone(),
        "localhost".to_owned(),
        cluster.networks.api_address.to_string(),
        host.address.to_string(),
        "127.0.0.1".to_owned(),
    ];
    let held = cluster.balancing.virtual_address.as_ref().map(|held| held.address.to_string());
    let more = [&cluster.endpoint.host, &host.ssh.address].into_iter().chain(&held).chain(&cluster.pki.extra_sans);
    for name in more {
        if !sans.contains(name) {
            sans.push(name.clone());
        }
    }
    CertificateRow {
        profile: Profile::Server,
        sans,
        placements: vec![Placement::of(host, &cluster.layout.pki, "apiserver", "root")],
        used_by: Some(ID),
        ..CertificateRow::client(&format!("apiserver-{}", host.name), "kube-apiserver", "").shown_on(API_PORT)
    }
}

/// The CHANGELOG of each minor release.
const REMOVED: &[RemovedFlag] = &[
    RemovedFlag::kubernetes("basic-auth-file", 19, "use client certificates or OIDC"),
    RemovedFlag::kubernetes("address", 24, "use bind-address"),
    RemovedFlag::kubernetes("insecure-bind-address", 24, INSECURE),
    RemovedFlag::kubernetes("port", 24, "use secure-port"),
    RemovedFlag::kubernetes("insecure-port", 24, INSECURE),
    RemovedFlag::kubernetes("experimental-encryption-provider-config", 24, "use encryption-provider-config"),
    RemovedFlag::kubernetes("service-account-api-audiences", 25, "use api-audiences"),
    RemovedFlag::kubernetes("master-service-namespace", 27, NO_EFFECT),
    RemovedFlag::kubernetes("cloud-provider", 33, IN_TREE),
    RemovedFlag::kubernetes("cloud-config", 33, IN_TREE),
];

/// Admission plugins that are gone: kube-apiserver exits on an unknown one.
const GONE_PLUGINS: &[RemovedValue] = &[
    RemovedValue {
        flags: ADMISSION,
        what: "admission plugin",
        value: "SecurityContextDeny",
        replacement: "gone since Kubernetes 1.30: use Pod Security admission (namespace labels)",
    },
    RemovedValue {
        flags: ADMISSION,
        what: "admission plugin",
        value: "PodSecurityPolicy",
        replacement: "gone since Kubernetes 1.25: use Pod Security admission (namespace labels)",
    },
];

const ADMISSION: &[&str] = &["enable-admission-plugins", "disable-admission-plugins"];
