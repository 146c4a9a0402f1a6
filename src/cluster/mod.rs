//! What the cluster is: every address, name, version, role and path decided. No I/O.

mod balancing;
#[cfg(test)]
pub(crate) mod example;
mod known;
mod layout;
pub mod merge;
mod own_member;
mod removed_flags;
mod resolve;
mod revoked;
mod settings;
pub mod versions;
mod warnings;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use semver::Version;
use serde::Serialize;

use crate::age::Recipient;
pub use crate::inventory::{
    Authorities, ComponentSettings, NetworkPlugin, PackageArchive, ProxyMode, Role, Source, TransportKind,
};
use crate::lifetime::Lifetime;
use crate::pki::KeyKind;
use crate::text::host_port;
pub use balancing::{Balancer, Balancing, Checks, VirtualAddress};
pub use known::{Known, KnownComponent};
pub use layout::Layout;
pub use removed_flags::{RemovedFlag, RemovedValue, Since, removed, removed_value};
pub use resolve::resolve;
pub use revoked::Revoked;
pub use settings::{field_of, settings};
pub use warnings::warnings;

/// A cluster with everything decided.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cluster {
    /// Name: of the folder, the kubeconfig context, the etcd cluster token.
    pub name: String,
    /// Versions of all programs.
    pub versions: Versions,
    /// Networks and DNS.
    pub networks: Networks,
    /// Where people reach the API: the site's balancer, or a master.
    pub endpoint: Endpoint,
    /// What of ours stands in front of the API servers.
    pub balancing: Balancing,
    /// kube-proxy's mode as asked for; `Auto` is decided by each host's kernel.
    pub proxy_mode: ProxyMode,
    /// The proxy by which nodes fetch images, where there is one.
    pub http_proxy: Option<HttpProxy>,
    /// Certificates.
    pub pki: Pki,
    /// Encrypt Secrets in etcd.
    pub encrypt_secrets: bool,
    /// Whom the copy of what only the operator's folder has is encrypted to; none: there is no copy.
    pub recovery_keys: Vec<Recipient>,
    /// Where programs come from, in order.
    pub sources: Vec<Source>,
    /// Archives of packages that the inventory names, by distribution.
    pub packages: BTreeMap<String, PackageArchive>,
    /// The machines, in the inventory's order.
    pub hosts: Vec<Host>,
    /// Hosts that were lost: their keys are to be worth nothing.
    pub revoked: Vec<Revoked>,
    /// Paths on the hosts.
    pub layout: Layout,
}

/// The proxy by which nodes fetch images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HttpProxy {
    /// Without TLS.
    pub http: Option<String>,
    /// With TLS.
    pub https: Option<String>,
    /// What is reached without it, the cluster's own networks and names among it.
    pub except: Vec<String>,
}

/// Versions of all programs, without a leading `v`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Versions {
    /// kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kube-proxy, kubectl.
    pub kubernetes: Version,
    /// etcd.
    pub etcd: Version,
    /// containerd.
    pub containerd: Version,
    /// runc.
    pub runc: Version,
    /// CNI plugins.
    pub cni_plugins: Version,
    /// flanneld.
    pub flannel: Version,
    /// CoreDNS.
    pub coredns: Version,
    /// The pause image.
    pub pause: String,
}

/// Networks and DNS.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Networks {
    /// Pod network.
    pub pods: IpNet,
    /// Service network.
    pub services: IpNet,
    /// DNS domain.
    pub dns_domain: String,
    /// CoreDNS' service address.
    pub dns_address: IpAddr,
    /// The `kubernetes` Service's address: the first of the service network.
    pub api_address: IpAddr,
    /// Prefix length of a node's piece of the pod network.
    pub node_prefix: u8,
    /// NodePort range, inclusive.
    pub node_ports: (u16, u16),
    /// Network plugin.
    pub plugin: NetworkPlugin,
}

/// Where the API is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// Address or DNS name.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl Endpoint {
    /// `https://host:port`, with brackets around IPv6.
    pub fn url(&self) -> String {
        format!("https://{}", host_port(&self.host, self.port))
    }
}

/// Certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pki {
    /// One CA or three.
    pub authorities: Authorities,
    /// Of what kind new keys are.
    pub key: KeyKind,
    /// Life of leaf certificates.
    pub expiry: Lifetime,
    /// Life of CAs.
    pub ca_expiry: Lifetime,
    /// Further names in the kube-apiserver certificates.
    pub extra_sans: Vec<String>,
}

/// One machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Host {
    /// Host and node name.
    pub name: String,
    /// The address that the other hosts use.
    pub address: IpAddr,
    /// What runs here.
    pub roles: BTreeSet<Role>,
    /// Node labels.
    pub labels: BTreeMap<String, String>,
    /// Node taints.
    pub taints: Vec<Taint>,
    /// How it is reached.
    pub ssh: Ssh,
    /// Flags, configuration and templates: the cluster's with the host's merged over them.
    pub components: BTreeMap<String, ComponentSettings>,
    /// Preflight checks that may fail here.
    pub waive: BTreeSet<String>,
}

/// A node taint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Taint {
    /// Key.
    pub key: String,
    /// Value, often empty.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

/// How a host is reached. What is not said here is what the operator's SSH configuration says, or a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ssh {
    /// SSH, or this machine.
    pub transport: TransportKind,
    /// Address or name that the operator connects to.
    pub address: String,
    /// Port.
    pub port: Option<u16>,
    /// Login name.
    pub user: Option<String>,
    /// Private key files, the only ones that are tried; empty: the usual ones.
    pub keys: Vec<PathBuf>,
    /// known_hosts; none: the user's.
    pub known_hosts: Option<PathBuf>,
    /// The only host key that is accepted.
    pub host_key: Option<String>,
    /// Seconds to wait for a connection.
    pub connect_timeout: Option<u64>,
}

/// In the certificate of every API server, whatever its endpoint is, and in no other: a node's kubelet has a certificate of
/// the same CA, for the node's own names and addresses.
pub const API_NAME: &str = "kubernetes";
/// Where API servers listen (Kubernetes' "Ports and Protocols" page).
pub const API_PORT: u16 = 6443;
/// Where a node's own balancer listens, on 127.0.0.1: API servers have [`API_PORT`] on all addresses.
pub const LOCAL_API_PORT: u16 = 7443;
/// Where etcd listens for clients.
pub const ETCD_PORT: u16 = 2379;

impl Host {
    /// Where the API server of a master listens, as the other hosts reach it.
    pub fn api_address(&self) -> SocketAddr {
        SocketAddr::new(self.address, API_PORT)
    }
    /// Where the etcd member listens for clients.
    pub fn etcd_address(&self) -> SocketAddr {
        SocketAddr::new(self.address, ETCD_PORT)
    }
    /// Whether it has the role.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
    /// The component's settings, when the inventory has any.
    pub fn settings(&self, component: &str) -> Option<&ComponentSettings> {
        self.components.get(component)
    }
}

impl Cluster {
    /// Hosts with the role, in the inventory's order.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(move |host| host.is(role))
    }
    /// Hosts that are not among those that are `there`.
    pub fn away<'c>(&'c self, there: &'c Cluster) -> impl Iterator<Item = &'c Host> {
        self.hosts.iter().filter(|host| there.host(&host.name).is_none())
    }
    /// How many members of etcd it takes to read and to write.
    pub fn quorum(&self) -> usize {
        self.with_role(Role::Etcd).count() / 2 + 1
    }
    /// The host of that name.
    pub fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.iter().find(|host| host.name == name)
    }
    /// Where the services of nodes reach the API.
    pub fn endpoint_of_nodes(&self) -> Endpoint {
        match (&self.balancing.local, &self.balancing.virtual_address) {
            (Some(_), _) => Endpoint { host: Ipv4Addr::LOCALHOST.to_string(), port: LOCAL_API_PORT },
            // By its address: a name of it may not resolve everywhere.
            (None, Some(held)) => Endpoint { host: held.address.to_string(), port: held.port },
            (None, None) => self.endpoint.clone(),
        }
    }
    /// `https://a:2379,https://b:2379…` of all etcd members.
    pub fn etcd_client_urls(&self) -> String {
        let urls: Vec<_> = self.with_role(Role::Etcd).map(|h| format!("https://{}", h.etcd_address())).collect();
        urls.join(",")
    }
}
