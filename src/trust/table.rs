//! The certificate table: every certificate of a cluster is a row. Issuing, checking and distributing all read it.
//!
//! Names, subjects and SANs follow kubeadm's where they exist
//! (<https://kubernetes.io/docs/setup/best-practices/certificates/>).

use serde::Serialize;

use crate::cluster::{Authorities, Cluster, Host, Layout, Role};
use crate::components::Catalogue;
pub use crate::components::{Authority, CertificateRow, Placement, Profile};

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

fn authority_placements(cluster: &Cluster, authority: Authority) -> impl Iterator<Item = Placement> {
    cluster.hosts.iter().flat_map(move |host| trusted_on(&cluster.layout, host, authority))
}

/// Where a host holds a CA that it trusts.
pub(super) fn trusted_on(layout: &Layout, host: &Host, authority: Authority) -> Vec<Placement> {
    let place = |path: String, owner: &str| Placement {
        host: host.name.clone(),
        certificate: path,
        key: None,
        owner: owner.into(),
    };
    let mut places = Vec::new();
    let master = host.is(Role::Master);
    match authority {
        Authority::Kubernetes if master || host.is(Role::Node) || host.is(Role::Lb) => {
            places.push(place(format!("{}/ca.crt", layout.pki), "root"));
        }
        Authority::Kubernetes => {}
        Authority::Etcd => {
            if host.is(Role::Etcd) {
                places.push(place(format!("{}/ca.crt", layout.etcd_pki), "root"));
            }
            if master {
                places.push(place(format!("{}/etcd-ca.crt", layout.pki), "root"));
            }
        }
        Authority::FrontProxy if master => {
            places.push(place(format!("{}/front-proxy-ca.crt", layout.pki), "root"));
        }
        Authority::FrontProxy => {}
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

/// All certificates of the cluster, in the order in which they are issued: the components', and the operator's own.
pub fn certificates(catalogue: &Catalogue, cluster: &Cluster) -> Vec<CertificateRow> {
    let mut rows = catalogue.certificates(cluster);
    rows.push(CertificateRow::client(super::SUPER_ADMIN, "kubernetes-super-admin", "system:masters"));
    rows
}
