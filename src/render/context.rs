//! What a template sees: decided values, never a secret.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::balancing::{BalancerContext, HeldContext};
use super::node;
use crate::cluster::{Cluster, Host, HttpProxy, Layout, Role, Taint};
use crate::components::etcd::{ClusterState, FirstStart};
use crate::components::{Catalogue, ComponentSpec, SysctlSpec, data_plane, kubelet};
use crate::error::{Error, Result};
use crate::facts::{Decisions, HostFacts};
use crate::state::HostState;
use crate::text::{bracketed, sh_quote};

/// Forward secret and authenticated; the TLS 1.3 suites are always on beside them (CIS 1.2.29, 4.2.12).
const CIPHER_SUITES: [&str; 6] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

/// The context of every template of one host.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Context<'a> {
    pub(super) cluster: &'a Common,
    pub(super) host: HostContext,
    pub(super) versions: Versions,
    pub(super) images: Images,
    pub(super) layout: &'a Layout,
    /// What the host's facts decided.
    pub(super) facts: Decisions,
    pub(super) tls: Tls,
    /// In the templates of what spreads clients over the API servers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) balancer: Option<BalancerContext>,
    /// In the templates of what holds the virtual address only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) held: Option<HeldContext>,
    /// In a unit's template only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unit: Option<UnitContext>,
    /// In a kubeconfig's template only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kubeconfig: Option<Kubeconfig>,
    /// In the templates of what looks after the kernel's side of the host only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kernel: Option<KernelContext>,
}

/// What templates see of the cluster: the same on every host, so it is made once for all of them. Also the context of the
/// API objects.
#[derive(Debug, Clone, Serialize)]
pub struct Common {
    pub(super) name: String,
    pub(super) dns_domain: String,
    pub(super) dns_address: IpAddr,
    pub(super) pods: String,
    pub(super) services: String,
    pub(super) node_prefix: u8,
    pub(super) node_ports: String,
    pub(super) ipv6: bool,
    pub(super) endpoint: String,
    pub(super) etcd_servers: String,
    pub(super) etcd_initial_cluster: String,
    /// Members of etcd that are started with something else than the list of all.
    #[serde(skip)]
    pub(super) first_starts: BTreeMap<String, FirstStart>,
    pub(super) masters: usize,
    pub(super) nodes: usize,
    pub(super) dns_replicas: usize,
    /// Requests a second that controllers and scheduler may make.
    pub(super) api_qps: u32,
    /// The same for a short while.
    pub(super) api_burst: u32,
    pub(super) signing_duration: String,
    pub(super) http_proxy: ProxyContext,
    /// Users of the API that are refused everything: those of hosts that were revoked.
    pub(super) revoked: Vec<String>,
    /// Users of the API that kubelets with static pods are.
    pub(super) static_pods: Vec<String>,
}

/// The environment of what fetches images; empty without a proxy.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct ProxyContext {
    /// `HTTPS_PROXY=http://proxy:3128`.
    pub(super) set: Vec<String>,
    /// Names of variables that it must not have from elsewhere.
    pub(super) unset: Vec<&'static str>,
}

impl ProxyContext {
    fn new(proxy: &HttpProxy) -> Self {
        let except = Some(proxy.except.join(","));
        let all = [("HTTP_PROXY", &proxy.http), ("HTTPS_PROXY", &proxy.https), ("NO_PROXY", &except)];
        let mut unset = vec!["ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"];
        unset.extend(all.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name));
        let set = all.iter().filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?)));
        ProxyContext { set: set.collect(), unset }
    }
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct HostContext {
    pub(super) name: String,
    pub(super) address: IpAddr,
    /// The address as it stands in a URL: IPv6 in brackets.
    pub(super) url_address: String,
    /// The node's name is not the host's own name.
    pub(super) hostname_differs: bool,
    pub(super) taints: Vec<Taint>,
    /// `a=b,c=d` of the labels that a kubelet may give itself.
    pub(super) registration_labels: String,
    /// URLs of the etcd members that its API server asks.
    pub(super) etcd_servers: String,
    /// What its member of etcd is told for its first start: `name=URL,…`, and `new` or `existing`.
    pub(super) etcd_initial_cluster: String,
    pub(super) etcd_initial_state: &'static str,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Versions {
    pub(super) kubernetes: String,
    pub(super) kubernetes_minor: u64,
    pub(super) etcd: String,
    /// etcd 3.6 replaced its `--experimental-…` flags by feature gates.
    pub(super) etcd_feature_gates: bool,
    pub(super) containerd: String,
    /// containerd 2.1 replaced `bin_dir` by `bin_dirs`; 2.4 refuses the old one.
    pub(super) containerd_bin_dirs: bool,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Images {
    pub(super) pause: String,
    pub(super) coredns: String,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Tls {
    pub(super) min_version: &'static str,
    pub(super) cipher_suites: [&'static str; 6],
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct UnitContext {
    /// Path of the program.
    pub(super) program: String,
    /// Its arguments, `--name=value`.
    pub(super) flags: Vec<String>,
    /// Seconds before it is started again.
    pub(super) restart_seconds: u32,
    /// The unit with which it is stopped and restarted.
    pub(super) part_of: Option<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Kubeconfig {
    pub(super) server: String,
    pub(super) user: String,
    pub(super) ca: String,
    pub(super) certificate: String,
    pub(super) key: String,
}

/// What the host's units keep in the kernel and in /run.
#[derive(Debug, Clone, Serialize)]
pub(super) struct KernelContext {
    /// The unit of what looks after it.
    pub(super) unit: &'static str,
    /// All units that keep something, each once.
    pub(super) units: Vec<String>,
    /// What each keeps, as calls of the script's functions.
    pub(super) lines: Vec<String>,
    /// Network devices that are looked at.
    pub(super) devices: Vec<String>,
    /// Those of them whose routes are.
    pub(super) overlays: Vec<String>,
    /// Kernel settings of the network, `/proc/sys/net/ipv4/ip_forward:1`.
    pub(super) settings: Vec<String>,
}

impl KernelContext {
    /// Of a host whose units are in `state`, and of its components.
    pub(super) fn of<'a>(state: &HostState, specs: impl Iterator<Item = &'a ComponentSpec>) -> Self {
        let mut context = KernelContext {
            unit: data_plane::UNIT,
            units: Vec::new(),
            lines: Vec::new(),
            devices: Vec::new(),
            overlays: Vec::new(),
            settings: Vec::new(),
        };
        let mut last = String::new();
        for (unit, kept) in state.units.iter().flat_map(|unit| unit.keeps.iter().map(move |kept| (unit, kept))) {
            let owner = if kept.comes_with_its_unit() { &unit.name } else { data_plane::UNIT };
            if owner != last {
                context.lines.push(format!("owned_by {}", sh_quote(owner)));
                last = owner.to_owned();
            }
            context.lines.push(kept.call());
            if let Some(device) = kept.device() {
                context.devices.push(device.to_owned());
                context.overlays.extend(kept.is_overlay().then(|| device.to_owned()));
            }
            if kept.comes_with_its_unit() && !context.units.contains(&unit.name) {
                context.units.push(unit.name.clone());
            }
        }
        context.units.push(data_plane::UNIT.to_owned());
        for setting in specs.flat_map(|spec| spec.sysctls) {
            if let SysctlSpec::Exactly(name, value) = setting
                && name.starts_with("net.")
                && state.sysctls.contains_key(*name)
            {
                context.settings.push(format!("/proc/sys/{}:{value}", name.replace('.', "/")));
            }
        }
        context
    }
}

/// The context of the API objects' templates: nothing of any one host.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ManifestContext {
    pub(super) cluster: Common,
    pub(super) versions: Versions,
    pub(super) images: Images,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        catalogue: &Catalogue,
        cluster: &'a Cluster,
        common: &'a Common,
        host: &Host,
        facts: &HostFacts,
        decisions: Decisions,
    ) -> Result<Context<'a>> {
        Ok(Context {
            cluster: common,
            host: HostContext::new(cluster, common, host, facts),
            versions: Versions::new(cluster)?,
            images: Images::new(catalogue, cluster),
            layout: &cluster.layout,
            facts: decisions,
            tls: Tls { min_version: "VersionTLS12", cipher_suites: CIPHER_SUITES },
            balancer: None,
            held: None,
            unit: None,
            kubeconfig: None,
            kernel: None,
        })
    }
}

impl ManifestContext {
    pub(super) fn new(catalogue: &Catalogue, cluster: &Cluster) -> Result<Self> {
        Ok(ManifestContext {
            cluster: Common::of(cluster),
            versions: Versions::new(cluster)?,
            images: Images::new(catalogue, cluster),
        })
    }
}

impl Common {
    /// Of a cluster.
    pub fn of(cluster: &Cluster) -> Self {
        let networks = &cluster.networks;
        let nodes = cluster.with_role(Role::Node).count();
        Common {
            name: cluster.name.clone(),
            dns_domain: networks.dns_domain.clone(),
            dns_address: networks.dns_address,
            pods: networks.pods.to_string(),
            services: networks.services.to_string(),
            node_prefix: networks.node_prefix,
            node_ports: format!("{}-{}", networks.node_ports.0, networks.node_ports.1),
            ipv6: networks.pods.addr().is_ipv6(),
            endpoint: cluster.endpoint.url(),
            etcd_servers: cluster.etcd_client_urls(),
            etcd_initial_cluster: FirstStart::of(cluster.with_role(Role::Etcd), ClusterState::New).cluster,
            first_starts: BTreeMap::new(),
            masters: cluster.with_role(Role::Master).count(),
            nodes,
            dns_replicas: cluster.with_role(Role::Node).filter(|host| takes_dns(host)).count().clamp(1, 2),
            signing_duration: cluster.pki.expiry.to_string(),
            http_proxy: cluster.http_proxy.as_ref().map(ProxyContext::new).unwrap_or_default(),
            revoked: cluster.revoked.iter().flat_map(|host| host.users.iter().cloned()).collect(),
            static_pods: cluster
                .with_role(Role::Node)
                .filter(|host| kubelet::has_static_pods(host))
                .map(kubelet::user)
                .collect(),
            api_qps: api_qps(nodes),
            api_burst: 2 * api_qps(nodes),
        }
    }

    /// With members of etcd that join others, or did: all others make a cluster together.
    #[must_use]
    pub fn with_first_starts(self, first_starts: BTreeMap<String, FirstStart>) -> Self {
        Common { first_starts, ..self }
    }
}

/// The controller manager makes some hundred requests before its controllers work, and at the programs' own limit of 20
/// (50 for the scheduler) a second whoever takes over a lease is idle for seconds. In steps, so that one more node restarts
/// nothing.
fn api_qps(nodes: usize) -> u32 {
    match nodes {
        0..=100 => 200,
        101..=500 => 300,
        _ => 500,
    }
}

impl HostContext {
    fn new(cluster: &Cluster, common: &Common, host: &Host, facts: &HostFacts) -> Self {
        let first = common.first_starts.get(&host.name);
        HostContext {
            name: host.name.clone(),
            address: host.address,
            url_address: bracketed(&host.address.to_string()),
            // The kubelet takes its name from the kernel, in lower case. An assumed host has no name to differ.
            hostname_differs: !facts.hostname.is_empty() && facts.hostname.to_ascii_lowercase() != host.name,
            taints: host.taints.clone(),
            registration_labels: node::registration_labels(host),
            etcd_servers: cluster.etcd_servers_of(host),
            etcd_initial_cluster: first.map_or(&common.etcd_initial_cluster, |first| &first.cluster).clone(),
            etcd_initial_state: first.map_or(ClusterState::New, |first| first.state).name(),
        }
    }
}

impl Versions {
    fn new(cluster: &Cluster) -> Result<Self> {
        let versions = &cluster.versions;
        if versions.containerd.major < 2 {
            let error = Error::input(format!("containerd {} is too old", versions.containerd));
            return Err(error.hint("set versions.containerd to 2.0 or newer: 1.x has another configuration format"));
        }
        Ok(Versions {
            kubernetes: versions.kubernetes.to_string(),
            kubernetes_minor: versions.kubernetes.minor,
            etcd: versions.etcd.to_string(),
            etcd_feature_gates: (versions.etcd.major, versions.etcd.minor) >= (3, 6),
            containerd: versions.containerd.to_string(),
            containerd_bin_dirs: (versions.containerd.major, versions.containerd.minor) >= (2, 1),
        })
    }
}

impl Images {
    fn new(catalogue: &Catalogue, cluster: &Cluster) -> Self {
        let name = |artifact| {
            let image = catalogue.image(artifact);
            image.map(|image| image.reference(&image.version(&cluster.versions))).unwrap_or_default()
        };
        Images { pause: name("image-pause"), coredns: name("image-coredns") }
    }
}

/// CoreDNS tolerates the control plane's taint and no other.
fn takes_dns(host: &Host) -> bool {
    let tolerated = |taint: &Taint| {
        taint.effect == "PreferNoSchedule"
            || (taint.key == "node-role.kubernetes.io/control-plane" && taint.effect == "NoSchedule")
    };
    host.taints.iter().all(tolerated)
}
