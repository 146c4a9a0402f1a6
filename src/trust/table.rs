//! The certificate table: every certificate of a cluster is a row. Issuing, checking and distributing all read it.
//!
//! Names, subjects and SANs follow kubeadm's where they exist
//! (<https://kubernetes.io/docs/setup/best-practices/certificates/>).

use std::net::SocketAddr;

use serde::Serialize;

use crate::cluster::{Authorities, Cluster, Component, Host, NetworkPlugin, Role};

/// Which CA signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authority {
    /// Everything in Kubernetes but the two below.
    Kubernetes,
    /// etcd members and their clients.
    Etcd,
    /// The API server's aggregation layer.
    FrontProxy,
}

/// The signing profile, as named in `ca-config.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Server authentication.
    Server,
    /// Client authentication.
    Client,
    /// Both.
    Peer,
}

impl Profile {
    /// Its name in `ca-config.json`.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Server => "server",
            Profile::Client => "client",
            Profile::Peer => "peer",
        }
    }
}

/// A certificate and where it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateRow {
    /// File stem in the cluster's `pki/`: `NAME.pem`, `NAME-key.pem`, `NAME-csr.json`.
    pub name: String,
    /// Which CA signs.
    pub authority: Authority,
    /// Signing profile.
    pub profile: Profile,
    /// Common name.
    pub common_name: String,
    /// Organization, which is the group of a Kubernetes user; may be empty.
    pub organization: String,
    /// Subject alternative names.
    pub sans: Vec<String>,
    /// Where it goes on hosts; nowhere for what only the operator uses.
    pub placements: Vec<Placement>,
    /// Who uses it, and so must notice a new one.
    pub used_by: Option<Component>,
}

/// A place of a certificate and its key on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Placement {
    /// Host.
    pub host: String,
    /// Certificate's path.
    pub certificate: String,
    /// Key's path; none where only the certificate goes.
    pub key: Option<String>,
    /// Owner and group of both.
    pub owner: String,
}

/// A CA and where it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuthorityRow {
    /// What it signs for; several with a single CA.
    pub serves: Vec<Authority>,
    /// File stem in the cluster's `pki/`.
    pub name: String,
    /// Common name.
    pub common_name: String,
    /// Where it is trusted: with all that are trusted beside it.
    pub placements: Vec<Placement>,
    /// Where it signs: its certificate alone, and its key.
    pub signers: Vec<Placement>,
}

/// All CAs of the cluster.
pub fn authorities(cluster: &Cluster) -> Vec<AuthorityRow> {
    let row = |serves: Vec<Authority>, name: &str, common_name: &str| AuthorityRow {
        placements: serves.iter().flat_map(|a| authority_placements(cluster, *a)).collect(),
        signers: if serves.contains(&Authority::Kubernetes) { signers(cluster) } else { Vec::new() },
        serves,
        name: name.into(),
        common_name: common_name.into(),
    };
    match cluster.pki.authorities {
        Authorities::Single => {
            vec![row(vec![Authority::Kubernetes, Authority::Etcd, Authority::FrontProxy], "ca", "kubernetes")]
        }
        Authorities::Separate => vec![
            row(vec![Authority::Kubernetes], "ca", "kubernetes"),
            row(vec![Authority::Etcd], "etcd-ca", "etcd-ca"),
            row(vec![Authority::FrontProxy], "front-proxy-ca", "front-proxy-ca"),
        ],
    }
}

fn authority_placements(cluster: &Cluster, authority: Authority) -> Vec<Placement> {
    let layout = &cluster.layout;
    let place = |host: &Host, path: String, owner: &str| Placement {
        host: host.name.clone(),
        certificate: path,
        key: None,
        owner: owner.into(),
    };
    let mut places = Vec::new();
    for host in &cluster.hosts {
        let master = host.is(Role::Master);
        match authority {
            Authority::Kubernetes if master || host.is(Role::Node) => {
                places.push(place(host, format!("{}/ca.crt", layout.pki), "root"));
            }
            Authority::Kubernetes => {}
            Authority::Etcd => {
                if host.is(Role::Etcd) {
                    places.push(place(host, format!("{}/ca.crt", layout.etcd_pki), "etcd"));
                }
                if master {
                    places.push(place(host, format!("{}/etcd-ca.crt", layout.pki), "root"));
                }
            }
            Authority::FrontProxy if master => {
                places.push(place(host, format!("{}/front-proxy-ca.crt", layout.pki), "root"));
            }
            Authority::FrontProxy => {}
        }
    }
    places
}

/// The controller manager signs kubelets' renewed client certificates with the CA's key. It takes one certificate, which
/// must be the key's: what is trusted is in another file.
fn signers(cluster: &Cluster) -> Vec<Placement> {
    let pki = &cluster.layout.pki;
    let place = |host: &Host| Placement {
        host: host.name.clone(),
        certificate: format!("{pki}/ca-signing.crt"),
        key: Some(format!("{pki}/ca.key")),
        owner: "root".into(),
    };
    cluster.with_role(Role::Master).map(place).collect()
}

/// All certificates of the cluster, in the order in which they are issued.
pub fn certificates(cluster: &Cluster) -> Vec<CertificateRow> {
    let mut rows = Vec::new();
    for host in &cluster.hosts {
        if host.is(Role::Etcd) {
            rows.extend(etcd_rows(cluster, host));
        }
    }
    rows.extend(etcd_client_rows(cluster));
    for host in cluster.with_role(Role::Master) {
        rows.push(apiserver_row(cluster, host));
    }
    rows.extend(master_client_rows(cluster));
    for host in cluster.with_role(Role::Node) {
        rows.extend(kubelet_rows(cluster, host));
    }
    rows.extend(node_client_rows(cluster));
    rows.push(operator_row("super-admin", "kubernetes-super-admin", "system:masters"));
    rows
}

/// The group that administrators are in; a ClusterRoleBinding gives it cluster-admin, and can be taken back.
pub const ADMIN_GROUP: &str = "kbootstrap:cluster-admins";

// etcd's JSON gateway uses the server certificate as a client one: both usages, as with kubeadm.
fn etcd_rows(cluster: &Cluster, host: &Host) -> [CertificateRow; 2] {
    let sans = vec![host.name.clone(), "localhost".into(), host.address.to_string(), "127.0.0.1".into(), "::1".into()];
    ["server", "peer"].map(|what| CertificateRow {
        name: format!("etcd-{what}-{}", host.name),
        authority: Authority::Etcd,
        profile: Profile::Peer,
        common_name: host.name.clone(),
        organization: String::new(),
        sans: sans.clone(),
        placements: vec![placement(host, &cluster.layout.etcd_pki, what, "etcd")],
        used_by: Some(Component::Etcd),
    })
}

fn etcd_client_rows(cluster: &Cluster) -> [CertificateRow; 2] {
    let masters =
        cluster.with_role(Role::Master).map(|h| placement(h, &cluster.layout.pki, "apiserver-etcd-client", "root"));
    let members =
        cluster.with_role(Role::Etcd).map(|h| placement(h, &cluster.layout.etcd_pki, "healthcheck-client", "root"));
    [
        CertificateRow {
            placements: masters.collect(),
            used_by: Some(Component::KubeApiserver),
            ..client("apiserver-etcd-client", Authority::Etcd, "kube-apiserver-etcd-client", "")
        },
        CertificateRow {
            placements: members.collect(),
            ..client("etcd-healthcheck-client", Authority::Etcd, "kube-etcd-healthcheck-client", "")
        },
    ]
}

fn apiserver_row(cluster: &Cluster, host: &Host) -> CertificateRow {
    let domain = &cluster.networks.dns_domain;
    let mut sans = vec![
        "kubernetes".to_owned(),
        "kubernetes.default".to_owned(),
        "kubernetes.default.svc".to_owned(),
        format!("kubernetes.default.svc.{domain}"),
        host.name.clone(),
        "localhost".to_owned(),
        cluster.networks.api_address.to_string(),
        host.address.to_string(),
        "127.0.0.1".to_owned(),
    ];
    for name in [&cluster.endpoint.host, &host.ssh.address].into_iter().chain(&cluster.pki.extra_sans) {
        if !sans.contains(name) {
            sans.push(name.clone());
        }
    }
    CertificateRow {
        name: format!("apiserver-{}", host.name),
        authority: Authority::Kubernetes,
        profile: Profile::Server,
        common_name: "kube-apiserver".into(),
        organization: String::new(),
        sans,
        placements: vec![placement(host, &cluster.layout.pki, "apiserver", "root")],
        used_by: Some(Component::KubeApiserver),
    }
}

fn master_client_rows(cluster: &Cluster) -> Vec<CertificateRow> {
    let everywhere = |name: &str| -> Vec<Placement> {
        cluster.with_role(Role::Master).map(|h| placement(h, &cluster.layout.pki, name, "root")).collect()
    };
    let row = |name: &str, authority, cn: &str, o: &str, used_by| CertificateRow {
        placements: everywhere(name),
        used_by,
        ..client(name, authority, cn, o)
    };
    use Authority::{FrontProxy, Kubernetes};
    vec![
        row(
            "apiserver-kubelet-client",
            Kubernetes,
            "kube-apiserver-kubelet-client",
            "",
            Some(Component::KubeApiserver),
        ),
        row("front-proxy-client", FrontProxy, "front-proxy-client", "", Some(Component::KubeApiserver)),
        row(
            "controller-manager",
            Kubernetes,
            "system:kube-controller-manager",
            "",
            Some(Component::KubeControllerManager),
        ),
        row("scheduler", Kubernetes, "system:kube-scheduler", "", Some(Component::KubeScheduler)),
        row("admin", Kubernetes, "kubernetes-admin", ADMIN_GROUP, None),
    ]
}

fn kubelet_rows(cluster: &Cluster, host: &Host) -> [CertificateRow; 2] {
    let identity = format!("system:node:{}", host.name);
    [
        CertificateRow {
            placements: vec![placement(host, &cluster.layout.pki, "kubelet-client", "root")],
            used_by: Some(Component::Kubelet),
            ..client(&format!("kubelet-client-{}", host.name), Authority::Kubernetes, &identity, "system:nodes")
        },
        CertificateRow {
            name: format!("kubelet-{}", host.name),
            authority: Authority::Kubernetes,
            profile: Profile::Server,
            common_name: identity,
            organization: "system:nodes".into(),
            sans: vec![host.name.clone(), host.address.to_string(), "127.0.0.1".into()],
            placements: vec![placement(host, &cluster.layout.pki, "kubelet", "root")],
            used_by: Some(Component::Kubelet),
        },
    ]
}

fn node_client_rows(cluster: &Cluster) -> Vec<CertificateRow> {
    let row = |name: &str, cn: &str, o: &str, component| CertificateRow {
        placements: cluster.with_role(Role::Node).map(|h| placement(h, &cluster.layout.pki, name, "root")).collect(),
        used_by: Some(component),
        ..client(name, Authority::Kubernetes, cn, o)
    };
    let mut rows = vec![row("kube-proxy", "system:kube-proxy", "system:node-proxier", Component::KubeProxy)];
    if cluster.networks.plugin == NetworkPlugin::Flannel {
        rows.push(row("flannel", "flannel", "", Component::Flanneld));
    }
    rows
}

fn operator_row(name: &str, cn: &str, o: &str) -> CertificateRow {
    client(name, Authority::Kubernetes, cn, o)
}

fn client(name: &str, authority: Authority, cn: &str, o: &str) -> CertificateRow {
    CertificateRow {
        name: name.into(),
        authority,
        profile: Profile::Client,
        common_name: cn.into(),
        organization: o.into(),
        sans: Vec::new(),
        placements: Vec::new(),
        used_by: None,
    }
}

fn placement(host: &Host, dir: &str, stem: &str, owner: &str) -> Placement {
    Placement {
        host: host.name.clone(),
        certificate: format!("{dir}/{stem}.crt"),
        key: Some(format!("{dir}/{stem}.key")),
        owner: owner.into(),
    }
}

/// Where the API server of a master listens, as the other hosts reach it.
pub fn api_address(host: &Host) -> SocketAddr {
    SocketAddr::new(host.address, 6443)
}
