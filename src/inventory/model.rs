//! The inventory as it is written: plain types, which are also the source of the JSON Schema.
//!
//! Only what a person may write; everything derived or defaulted is decided in [`crate::cluster`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::pki::KeyAlgorithm;

/// A cluster and its hosts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inventory {
    /// The cluster's name: a DNS label. It names the cluster's folder and the kubeconfig context.
    pub cluster: String,
    /// Kubernetes version, for example `1.36.3` or `1.36` (the newest patch release that is known).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<String>,
    /// Versions of the other programs. Each has a default that fits the Kubernetes version.
    #[serde(default)]
    pub versions: VersionOverrides,
    /// `host[:port]` in front of the masters; needed with several masters, where the site provides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_plane_endpoint: Option<String>,
    /// Pod, service and DNS networks.
    #[serde(default)]
    pub networks: Networks,
    /// How kube-proxy works.
    #[serde(default)]
    pub proxy: Proxy,
    /// Certificate authorities, keys and lifetimes.
    #[serde(default)]
    pub pki: PkiSettings,
    /// Encrypt Secrets in etcd (secretbox; the key is made once and kept in the cluster's folder).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypt_secrets: Option<bool>,
    /// Public key of age (`age1…`), or several with spaces between them: the masters keep a copy, encrypted to it, of what
    /// only the cluster's folder has, for `kbootstrap recover --identity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_key: Option<String>,
    /// How hosts are reached; a host can override each field.
    #[serde(default)]
    pub ssh: Ssh,
    /// Where programs and images come from, tried in this order. Default: `[{download: {}}, {build: {}}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Source>,
    /// Flags, configuration and templates per component; a host can override them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "component_map")]
    pub components: BTreeMap<String, ComponentSettings>,
    /// Preflight checks that may fail on every host, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
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
    pub etcd: Option<String>,
    /// containerd, its shim and ctr.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub containerd: Option<String>,
    /// runc.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runc: Option<String>,
    /// The reference CNI plugins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cni_plugins: Option<String>,
    /// flanneld.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flannel: Option<String>,
    /// CoreDNS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coredns: Option<String>,
}

/// The cluster's networks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Networks {
    /// Pod network (default 10.244.0.0/16); each node gets a piece of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pods: Option<String>,
    /// Service network (default 10.96.0.0/16).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<String>,
    /// DNS domain (default cluster.local).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_domain: Option<String>,
    /// Service address of CoreDNS (default: the tenth of the service network).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_address: Option<String>,
    /// Prefix length of each node's piece of the pod network (default 24).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_prefix: Option<u8>,
    /// Port range of NodePort services (default 30000-32767).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_ports: Option<String>,
    /// Network plugin (default flannel).
    #[serde(skip_serializing_if = "Option::is_none")]
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

/// kube-proxy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Proxy {
    /// Default `auto`: nftables on kernel 5.13 and newer, iptables before.
    #[serde(skip_serializing_if = "Option::is_none")]
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

/// Certificates.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PkiSettings {
    /// `separate` (default): one CA each for kubernetes, etcd and front-proxy; `single`: one CA for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorities: Option<Authorities>,
    /// Key algorithm and size of new keys (default ecdsa 256).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<KeySettings>,
    /// Life of leaf certificates as a Go duration, or with `d` and `y` (default 8760h, one year).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry: Option<String>,
    /// Life of CAs (default 87600h, ten years).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_expiry: Option<String>,
    /// Further names and addresses in the kube-apiserver certificates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
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
    /// Login name (default root). Anyone else needs sudo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Port (default 22).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// Private key files, tried in order after the agent (default: the usual files in ~/.ssh).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<PathBuf>,
    /// known_hosts file (default ~/.ssh/known_hosts).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_hosts: Option<PathBuf>,
    /// The host's public key (`ssh-ed25519 AAAA…` or `SHA256:…`): the only one that is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_key: Option<String>,
    /// Seconds to wait for a connection (default 10).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    pub connect_timeout: Option<u64>,
    /// `ssh` (default), or `local`: this machine itself.
    #[serde(skip_serializing_if = "Option::is_none")]
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
    pub name: String,
    /// The IP address that the other hosts reach it by.
    pub address: String,
    /// The address that the operator's SSH uses, where it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_address: Option<String>,
    /// What runs here.
    pub roles: Vec<Role>,
    /// Node labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Node taints, `key[=value]:Effect`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<String>,
    /// Overrides of the cluster's `ssh`.
    #[serde(default)]
    pub ssh: Ssh,
    /// Overrides of the cluster's `components`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "component_map")]
    pub components: BTreeMap<String, ComponentSettings>,
    /// Preflight checks that may fail on this host, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
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

impl Role {
    /// As it is written in the inventory.
    pub fn name(self) -> &'static str {
        match self {
            Role::Etcd => "etcd",
            Role::Master => "master",
            Role::Node => "node",
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
