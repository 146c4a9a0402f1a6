//! A certificate of a cluster: a row of one table, which issuing, checking and distributing all read.

use serde::Serialize;

use crate::cluster::{Cluster, Host, Role};
use crate::state::ComponentId;

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
    /// All of them.
    pub const ALL: [Profile; 3] = [Profile::Server, Profile::Client, Profile::Peer];

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
    pub used_by: Option<ComponentId>,
    /// The port of each of its hosts on which it is shown.
    #[serde(skip)]
    pub port: Option<u16>,
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

impl CertificateRow {
    /// A client of the Kubernetes API that lies nowhere yet.
    pub fn client(name: &str, common_name: &str, organization: &str) -> Self {
        CertificateRow {
            name: name.into(),
            authority: Authority::Kubernetes,
            profile: Profile::Client,
            common_name: common_name.into(),
            organization: organization.into(),
            sans: Vec::new(),
            placements: Vec::new(),
            used_by: None,
            port: None,
        }
    }
    /// The same on every host with the role, in [`crate::cluster::Layout::pki`], under its own name.
    pub fn on(mut self, cluster: &Cluster, role: Role) -> Self {
        let place = |host| Placement::of(host, &cluster.layout.pki, &self.name, "root");
        self.placements = cluster.with_role(role).map(place).collect();
        self
    }
    /// One for each host that `runs` it: a user `USER:HOST` of the API in a group, so that one host's key is only that host's.
    /// On the host it lies in [`crate::cluster::Layout::pki`] under `name`.
    pub fn of_each_host(cluster: &Cluster, role: Role, name: &str, user: &str, group: &str) -> Vec<Self> {
        let row = |host: &Host| CertificateRow {
            placements: vec![Placement::of(host, &cluster.layout.pki, name, "root")],
            ..Self::client(&format!("{name}-{}", host.name), &format!("{user}:{}", host.name), group)
        };
        cluster.with_role(role).map(row).collect()
    }
    /// Shown by a server on this port.
    pub fn shown_on(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }
    /// Used by a component.
    pub fn used_by(mut self, component: &'static str) -> Self {
        self.used_by = Some(ComponentId(component));
        self
    }
}

impl Placement {
    /// `DIR/STEM.crt` and `DIR/STEM.key` on a host.
    pub fn of(host: &Host, dir: &str, stem: &str, owner: &str) -> Self {
        Placement {
            host: host.name.clone(),
            certificate: format!("{dir}/{stem}.crt"),
            key: Some(format!("{dir}/{stem}.key")),
            owner: owner.into(),
        }
    }
}
