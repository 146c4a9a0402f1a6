//! The inventory as it is written: plain types, which are also the source of the JSON Schema.
//!
//! Only what a person may write; everything derived or defaulted is decided in [`crate::cluster`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::change::Change;
use crate::pki::KeyAlgorithm;

/// A cluster and its hosts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inventory {
    /// The cluster's name: a DNS label. It names the cluster's folder and the kubeconfig context.
    #[schemars(extend("x-change" = Change::Fixed, "x-change-note" = "the cluster is known by it: in its folder, in kubeconfigs, and as the token of etcd"))]
    pub cluster: String,
    /// Kubernetes version, for example `1.36.3` or `1.36` (the newest patch release that is known).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Operation, "x-change-note" = "a newer patch release of the same minor rolls; another minor, or an older patch, is an upgrade or a downgrade"))]
    pub kubernetes: Option<String>,
    /// Versions of the other programs. Each has a default that fits the Kubernetes version.
    #[serde(default)]
    pub versions: VersionOverrides,
    /// `host[:port]` in front of the masters, where the site provides it; with an `apiLoadBalancer`, where people reach the
    /// API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Rolling, "x-change-note" = "new certificates for the API servers; kubelet, kube-proxy and flanneld restart, the admin kubeconfig changes last"))]
    pub control_plane_endpoint: Option<String>,
    /// What spreads clients of the API over the masters, brought up by kbootstrap. With several masters and no
    /// `controlPlaneEndpoint` each host has a balancer of its own, `{local: haproxy}`.
    #[serde(default)]
    pub api_load_balancer: ApiLoadBalancer,
    /// Pod, service and DNS networks.
    #[serde(default)]
    pub networks: Networks,
    /// How kube-proxy works.
    #[serde(default)]
    pub proxy: Proxy,
    /// The proxy by which nodes fetch images.
    #[serde(default)]
    pub http_proxy: HttpProxy,
    /// Certificate authorities, keys and lifetimes.
    #[serde(default)]
    pub pki: PkiSettings,
    /// Encrypt Secrets in etcd (secretbox; the key is made once and kept in the cluster's folder).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Live, "x-change-note" = "the API servers read it by themselves within a minute; then every Secret is written again"))]
    pub encrypt_secrets: Option<bool>,
    /// Public key of age (`age1…`), or several with spaces between them: the masters keep a copy, encrypted to it, of what
    /// only the cluster's folder has, for `kbootstrap recover --identity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Live, "x-change-note" = "the masters get a copy that is encrypted to it; nothing is restarted"))]
    pub recovery_key: Option<String>,
    /// How hosts are reached; a host can override each field.
    #[serde(default)]
    pub ssh: Ssh,
    /// Where programs and images come from, tried in this order. Default: `[{download: {}}, {build: {}}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-change" = Change::Live, "x-change-note" = "where programs come from; the lock says which bytes"))]
    pub artifacts: Vec<Source>,
    /// Archives of packages, by the distribution's `ID` in /etc/os-release (`debian`, `ubuntu`). Default: the
    /// distribution's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("x-change" = Change::Live, "x-change-note" = "where packages of the distribution come from; the lock says which"))]
    pub packages: BTreeMap<String, PackageArchive>,
    /// Flags, configuration and templates per component; a host can override them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "component_map")]
    #[schemars(extend("x-change" = Change::Rolling, "x-change-note" = "the component restarts with its new flags or configuration"))]
    pub components: BTreeMap<String, ComponentSettings>,
    /// Preflight checks that may fail on every host, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-change" = Change::Live, "x-change-note" = "what `check` and `up` put up with"))]
    pub waive: Vec<String>,
    /// The machines.
    pub hosts: Vec<Host>,
}

/// Versions of programs that are not part of Kubernetes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct VersionOverrides {
    /// etcd and etcdctl.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Operation, "x-change-note" = "a newer patch release of the same minor rolls; another minor is an upgrade or a downgrade"))]
    pub etcd: Option<String>,
    /// containerd, its shim and ctr.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Operation, "x-change-note" = "a newer patch release of the same minor rolls; another minor takes each node out of service first"))]
    pub containerd: Option<String>,
    /// runc.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Live, "x-change-note" = "the next container that starts uses it; those that run stay"))]
    pub runc: Option<String>,
    /// The reference CNI plugins.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Live, "x-change-note" = "the next pod that starts uses them; those that run stay"))]
    pub cni_plugins: Option<String>,
    /// flanneld.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Rolling, "x-change-note" = "flanneld restarts; pods keep their network"))]
    pub flannel: Option<String>,
    /// CoreDNS.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Rolling, "x-change-note" = "its Deployment rolls; names resolve all the while"))]
    pub coredns: Option<String>,
}

/// What spreads clients of the API over the masters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ApiLoadBalancer {
    /// On each node, for the node's own services, on 127.0.0.1:7443 (default: `haproxy` with several masters and no
    /// `controlPlaneEndpoint`, else `none`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Rolling, "x-change-note" = "the balancer starts on every node; then kubelet, kube-proxy and flanneld restart and use it"))]
    pub local: Option<LocalBalancer>,
    /// An address that one of several hosts holds, always one that leads to an API server: for people, and for nodes without a
    /// balancer of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_address: Option<VirtualAddress>,
}

/// An address that one of several hosts holds (VRRP, by keepalived), with haproxy or nginx behind it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VirtualAddress {
    /// The address: of the hosts' network, and nobody's.
    #[schemars(extend("x-change" = Change::Rolling, "x-change-note" = "new certificates for the API servers; keepalived moves to the new address, then what used the old one restarts"))]
    pub address: String,
    /// What takes connections there and spreads them over the masters (default haproxy).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Rolling, "x-change-note" = "the front ends restart, one host after the other"))]
    pub front_end: Option<FrontEnd>,
    /// Who can hold it (default: the hosts with the role `lb` where there are any, else the masters).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Rolling, "x-change-note" = "front ends start on other hosts; those that are switched off are left running until `up --remove`"))]
    pub on: Option<Holders>,
    /// The port (default 6443, and 8443 where masters hold it: their API servers have 6443 on all addresses).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    #[schemars(extend("x-change" = Change::Rolling, "x-change-note" = "the front ends restart, one host after the other, and then what used the old port"))]
    pub port: Option<u16>,
    /// The network interface that has it (default: the one with the host's own address).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Rolling, "x-change-note" = "keepalived restarts, one host after the other"))]
    pub interface: Option<String>,
    /// The VRRP router id, 1 to 255, which nobody else may use in the same network (default: from the address).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    #[schemars(extend("x-change" = Change::Rolling, "x-change-note" = "keepalived restarts, one host after the other"))]
    pub router_id: Option<u8>,
}

/// What takes connections at the virtual address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FrontEnd {
    /// haproxy.
    Haproxy,
    /// nginx with its stream module.
    Nginx,
}

/// Who can hold the virtual address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Holders {
    /// The masters.
    Masters,
    /// The hosts with the role `lb`.
    Lb,
}

/// A balancer on each node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LocalBalancer {
    /// haproxy: asks each API server several times a second whether it is ready, and closes what is open to one that is
    /// gone.
    Haproxy,
    /// nginx with its stream module: goes on to another API server where one does not take the connection.
    Nginx,
    /// None: services reach the API by `controlPlaneEndpoint`, or at the only master.
    None,
}

/// The cluster's networks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Networks {
    /// Pod network (default 10.244.0.0/16); each node gets a piece of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Fixed, "x-change-note" = "nodes have their pieces of it, and pods their addresses"))]
    pub pods: Option<String>,
    /// Service network (default 10.96.0.0/16).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Fixed, "x-change-note" = "Services have their addresses out of it, and these cannot change"))]
    pub services: Option<String>,
    /// DNS domain (default cluster.local).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Fixed, "x-change-note" = "pods that run resolve names under the old one, which would be gone"))]
    pub dns_domain: Option<String>,
    /// Service address of CoreDNS (default: the tenth of the service network).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Fixed, "x-change-note" = "the address of a Service cannot change, and pods that run ask there"))]
    pub dns_address: Option<String>,
    /// Prefix length of each node's piece of the pod network (default 24).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Fixed, "x-change-note" = "nodes have their pieces of the pod network"))]
    pub node_prefix: Option<u8>,
    /// Port range of NodePort services (default 30000-32767).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Rolling, "x-change-note" = "API servers restart; refused while a Service has a port outside the new range"))]
    pub node_ports: Option<String>,
    /// Network plugin (default flannel).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Rolling, "x-change-note" = "a plugin that is switched off is left running until `up --remove` takes it away"))]
    pub plugin: Option<NetworkPlugin>,
}

/// Network plugins that kbootstrap can bring up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NetworkPlugin {
    /// flannel with the VXLAN backend; flanneld is a systemd service.
    Flannel,
    /// None: nodes become Ready when you install one.
    None,
}

impl NetworkPlugin {
    /// Its name, where it takes NetworkPolicies and does not enforce them. Of a plugin that is not ours nobody knows.
    pub fn without_policies(self) -> Option<&'static str> {
        match self {
            NetworkPlugin::Flannel => Some("flannel"),
            NetworkPlugin::None => None,
        }
    }
}

/// kube-proxy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Proxy {
    /// Default `auto`: nftables on kernel 5.13 and newer, iptables before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Operation, "x-change-note" = "kube-proxy takes the rules of its old mode away before it writes new ones: Services fail for seconds; by hand it is done node by node, each drained before, with `components.kube-proxy.config.mode` of the host, for which the same holds"))]
    pub mode: Option<ProxyMode>,
}

/// How kube-proxy programs Services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProxyMode {
    /// Decide per host by its kernel.
    Auto,
    /// nftables (kernel 5.13 and newer).
    Nftables,
    /// iptables.
    Iptables,
    /// ipvs; deprecated in Kubernetes 1.35, needs the ip_vs kernel modules.
    Ipvs,
}

impl ProxyMode {
    /// As the inventory writes it.
    pub fn name(self) -> &'static str {
        match self {
            ProxyMode::Auto => "auto",
            ProxyMode::Nftables => "nftables",
            ProxyMode::Iptables => "iptables",
            ProxyMode::Ipvs => "ipvs",
        }
    }
}

/// The proxy by which containerd fetches images. Nothing else of the cluster uses it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HttpProxy {
    /// For registries without TLS: `http://proxy.example.com:3128`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Rolling, "x-change-note" = "containerd restarts; pods run on"))]
    pub http: Option<String>,
    /// For registries with TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Rolling, "x-change-note" = "containerd restarts; pods run on"))]
    pub https: Option<String>,
    /// What is reached without it: names, `.example.com`, addresses, networks. The cluster's own are added.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-change" = Change::Rolling, "x-change-note" = "containerd restarts; pods run on"))]
    pub except: Vec<String>,
}

/// Certificates.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PkiSettings {
    /// `separate` (default): one CA each for kubernetes, etcd and front-proxy; `single`: one CA for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Operation, "x-change-note" = "other CAs take a rotation"))]
    pub authorities: Option<Authorities>,
    /// Key algorithm and size of new keys (default ecdsa 256).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::NewThings, "x-change-note" = "keys that are there stay; new ones are made so"))]
    pub key: Option<KeySettings>,
    /// Life of leaf certificates as a Go duration, or with `d` and `y` (default 8760h, one year).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Rolling, "x-change-note" = "certificates that are there keep their end, the next are issued so; kube-controller-manager, which signs those of kubelets, restarts"))]
    pub expiry: Option<String>,
    /// Life of CAs (default 87600h, ten years).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::NewThings, "x-change-note" = "CAs that are there keep their end"))]
    pub ca_expiry: Option<String>,
    /// Further names and addresses in the kube-apiserver certificates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-change" = Change::Live, "x-change-note" = "the API servers get new certificates, which they read by themselves"))]
    pub extra_sans: Vec<String>,
}

/// How many certificate authorities there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Authorities {
    /// kubernetes, etcd and front-proxy.
    Separate,
    /// One for all.
    Single,
}

/// Key algorithm and size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeySettings {
    /// `rsa`, `ecdsa` or `ed25519`.
    pub algo: KeyAlgorithm,
    /// Bits: RSA 2048 to 8192, ECDSA 256, 384 or 521; not for ed25519.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
}

/// How a host is reached.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Ssh {
    /// Login name (default: as ~/.ssh/config says, else root). Anyone but root needs sudo.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Live, "x-change-note" = "how this machine reaches the host"))]
    pub user: Option<String>,
    /// Port (default: as ~/.ssh/config says, else 22).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    #[schemars(extend("x-change" = Change::Live, "x-change-note" = "how this machine reaches the host"))]
    pub port: Option<u16>,
    /// Private key files, the only keys that are tried, in this order (default: as ~/.ssh/config says, else all keys of
    /// the agent and the usual files in ~/.ssh).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-change" = Change::Live, "x-change-note" = "how this machine reaches the host"))]
    pub keys: Vec<PathBuf>,
    /// known_hosts file (default: as ~/.ssh/config says, else ~/.ssh/known_hosts).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Live, "x-change-note" = "how this machine reaches the host"))]
    pub known_hosts: Option<PathBuf>,
    /// The host's public key (`ssh-ed25519 AAAA…` or `SHA256:…`): the only one that is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Live, "x-change-note" = "how this machine reaches the host"))]
    pub host_key: Option<String>,
    /// Seconds to wait for a connection (default: as ~/.ssh/config says, else 10).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    #[schemars(extend("x-change" = Change::Live, "x-change-note" = "how this machine reaches the host"))]
    pub connect_timeout: Option<u64>,
    /// `ssh` (default), or `local`: this machine itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Live, "x-change-note" = "how this machine reaches the host"))]
    pub transport: Option<TransportKind>,
}

/// How commands get to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TransportKind {
    /// SSH.
    Ssh,
    /// The operator's own machine, without SSH.
    Local,
}

/// One place where programs and images come from; exactly one field is set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Source {
    /// A folder or a bundle (.tar) on the operator's machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// The projects' release pages, or a mirror of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub download: Option<Download>,
    /// Build from source with the Go toolchain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<Build>,
}

/// Downloading.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Download {
    /// Put before each URL's host and path, for sites that cannot reach the release pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror: Option<String>,
}

/// Building from source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Build {
    /// The go program (default: `go` from PATH).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub go: Option<PathBuf>,
}

/// Where packages of a distribution come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PackageArchive {
    /// Address of an archive: what stands before `/dists/` (`https://deb.debian.org/debian`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror: Option<String>,
    /// The same of its security updates, or `none` (default: as the distribution has it, `MIRROR-security` for Debian).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security: Option<String>,
    /// A file with the keys that the archive is signed with (default: the distribution's, which are known by their
    /// fingerprints).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyring: Option<PathBuf>,
}

/// A component's settings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ComponentSettings {
    /// Command-line flags without the leading dashes; they replace ours of the same name, `null` removes one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "flag_map")]
    pub flags: BTreeMap<String, Value>,
    /// Fields merged into the rendered configuration file; `null` removes one.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    pub config: serde_json::Map<String, Value>,
    /// Template files used in place of ours: our template's name → your file.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub templates: BTreeMap<String, PathBuf>,
}

/// One machine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Host {
    /// The host's and node's name: a DNS label or subdomain, lower case.
    #[schemars(extend("x-change" = Change::Operation, "x-change-note" = "another name is another node: the old one is removed, the new one is added"))]
    pub name: String,
    /// The IP address that the other hosts reach it by.
    #[schemars(extend("x-change" = Change::Operation, "x-change-note" = "the host is removed, and added with its new address"))]
    pub address: String,
    /// The address that the operator's SSH uses, where it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-change" = Change::Live, "x-change-note" = "how this machine reaches the host"))]
    pub ssh_address: Option<String>,
    /// What runs here.
    #[schemars(extend("x-change" = Change::Operation, "x-change-note" = "a host that gets its first role as a node is just added; more members of etcd and masters join one after the other, unnoticed; taking a role away is done by hand"))]
    pub roles: Vec<Role>,
    /// Node labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("x-change" = Change::Rolling, "x-change-note" = "the Node is changed at once, and what others put there stays; its kubelet restarts, pods run on"))]
    pub labels: BTreeMap<String, String>,
    /// Node taints, `key[=value]:Effect`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-change" = Change::Rolling, "x-change-note" = "the Node is changed at once, and what others put there stays; its kubelet restarts, pods run on"))]
    pub taints: Vec<String>,
    /// Overrides of the cluster's `ssh`.
    #[serde(default)]
    pub ssh: Ssh,
    /// Overrides of the cluster's `components`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "component_map")]
    #[schemars(extend("x-change" = Change::Rolling, "x-change-note" = "the component restarts on this host with its new flags or configuration"))]
    pub components: BTreeMap<String, ComponentSettings>,
    /// Preflight checks that may fail on this host, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-change" = Change::Live, "x-change-note" = "what `check` and `up` put up with"))]
    pub waive: Vec<String>,
}

/// What runs on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// An etcd member.
    Etcd,
    /// kube-apiserver, kube-controller-manager and kube-scheduler.
    Master,
    /// kubelet, kube-proxy and containerd.
    Node,
    /// The virtual address in front of the API servers.
    Lb,
}

impl NetworkPlugin {
    /// As it is written in the inventory.
    pub fn name(self) -> &'static str {
        match self {
            NetworkPlugin::Flannel => "flannel",
            NetworkPlugin::None => "none",
        }
    }
}

impl Authorities {
    /// As it is written in the inventory.
    pub fn name(self) -> &'static str {
        match self {
            Authorities::Separate => "separate",
            Authorities::Single => "single",
        }
    }
}

impl Role {
    /// As it is written in the inventory.
    pub fn name(self) -> &'static str {
        match self {
            Role::Etcd => "etcd",
            Role::Master => "master",
            Role::Node => "node",
            Role::Lb => "lb",
        }
    }
}

/// Keys are component names, which [`super::schema`] puts under that reference.
fn component_map(generator: &mut SchemaGenerator) -> Schema {
    let settings = generator.subschema_for::<ComponentSettings>();
    json_schema!({
        "type": "object", "propertyNames": { "$ref": "#/$defs/Component" }, "additionalProperties": settings
    })
}

/// Flags take one value each; `null` removes a flag.
fn flag_map(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean", "null"] } })
}
