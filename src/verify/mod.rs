//! The smoke test: does the cluster do what clusters are for? In a namespace of its own, which goes again.
//!
//! Everything is asked through SSH: the API over one forwarded connection, programs in pods through the API server
//! and kubelet, node ports from the first master. [`cluster`] opens the ways, [`run`] uses them.

mod cleanup;
mod data;
mod manifests;
mod network;
mod open;
mod pods;
mod report;
mod strangers;

pub use open::cluster;
pub use report::{Check, Outcome, Report};

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::access::{ApiAccess, EtcdAccess};
use crate::clients::http::{Client, Tls};
use crate::clients::kube::Pod;
use crate::error::{Error, Kind, Result};
use crate::health::unenforced_policies;
use crate::random;
use crate::remote::Transport;
use crate::text::sh_quote;
use crate::ui::Reporter;

use manifests::Names;
use report::Record;

/// Everything that the smoke test needs.
pub struct Ways<'a> {
    /// The API server, as cluster-admin.
    pub kube: ApiAccess<'a>,
    /// An etcd member; none where Secrets are not encrypted, or etcd cannot be asked.
    pub etcd: Option<EtcdAccess<'a>>,
    /// The first master: kubectl runs here, and node ports are asked from here.
    pub master: &'a mut dyn Transport,
    /// The API server's CA alone: how a stranger comes.
    pub stranger: Tls,
    /// Names and addresses of the nodes that must run pods.
    pub nodes: Vec<(String, IpAddr)>,
    /// The agnhost image, which the hosts have or can pull.
    pub image: String,
    /// Path of kubectl on the master.
    pub kubectl: String,
    /// Path of a cluster-admin's kubeconfig on the master.
    pub kubeconfig: String,
    /// The network plugin's name, where it does not enforce NetworkPolicies.
    pub without_policies: Option<&'static str>,
    /// The cluster's DNS domain.
    pub dns_domain: String,
    /// How long pods may take to start.
    pub patience: Duration,
}

/// The usual [`Ways::patience`].
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What differs from run to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// Ends the namespace's name: lower-case letters and digits.
    pub suffix: String,
    /// Is put into a ConfigMap and a Secret and must come back: letters and digits.
    pub token: String,
}

impl Seed {
    /// From the operating system's randomness.
    pub fn random() -> Result<Seed> {
        let text: String = random::bytes::<24>()?
            .iter()
            .map(|byte| char::from(b"bcdfghjklmnpqrstvwxz2456789"[usize::from(byte % 27)]))
            .collect();
        Ok(Seed { suffix: text[..6].to_owned(), token: text[6..].to_owned() })
    }
}

/// What a check may use.
struct Fixture<'s, 'c> {
    kube: &'s mut Client<'c>,
    etcd: Option<EtcdAccess<'s>>,
    master: &'s mut dyn Transport,
    /// The API server, for whoever comes by another way.
    server: SocketAddr,
    stranger: &'s Tls,
    names: &'s Names,
    nodes: &'s [(String, IpAddr)],
    pods: &'s mut Vec<Pod>,
    kubectl: &'s str,
    patience: Duration,
    interrupted: &'s AtomicBool,
}

type Step = fn(&mut Fixture<'_, '_>) -> Result<String>;

/// What must have worked before a check makes sense.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    /// The namespace and what is in it.
    Objects,
    /// At least one running pod.
    Pods,
}

/// In this order: what needs no pods is asked while they start.
const CHECKS: &[(&str, Needs, Step)] = &[
    ("objects", Needs::Nothing, manifests::create),
    ("no-anonymous", Needs::Objects, strangers::anonymous),
    ("rbac", Needs::Objects, strangers::without_rights),
    (SECRET_ENCRYPTED, Needs::Objects, data::secret_is_encrypted),
    ("pods", Needs::Objects, pods::one_on_every_node),
    ("pod-to-pod", Needs::Pods, network::pod_to_pod),
    ("service-address", Needs::Pods, network::service_by_address),
    ("service-name", Needs::Pods, network::service_by_name),
    ("dns", Needs::Pods, network::api_by_name),
    ("node-port", Needs::Pods, network::node_port),
    ("large-packets", Needs::Pods, network::large_packets),
    ("exec", Needs::Pods, pods::exec),
    ("logs", Needs::Pods, pods::logs),
    ("config-map", Needs::Pods, data::config_map),
    ("secret", Needs::Pods, data::secret),
];
/// The check that is left out where Secrets are not encrypted.
const SECRET_ENCRYPTED: &str = "secret-encrypted";

/// Runs every check and removes the namespace again, whatever happens. Failed checks are in the report; an error
/// is an interruption (after the clean-up) or that nothing could be asked at all.
pub fn run(ways: Ways<'_>, seed: &Seed, interrupted: &AtomicBool, reporter: &dyn Reporter) -> Result<Report> {
    let Ways {
        mut kube,
        mut etcd,
        master,
        stranger,
        nodes,
        image,
        kubectl,
        kubeconfig,
        without_policies,
        dns_domain,
        patience,
    } = ways;
    if nodes.is_empty() {
        return Err(Error::input("verify: the cluster has no nodes to run pods on"));
    }
    let started = Instant::now();
    // Without a folder for its cache it keeps none, and leaves nothing in root's home.
    let kubectl = format!(
        "{} --kubeconfig={} --cache-dir=/dev/null --request-timeout=20s",
        sh_quote(&kubectl),
        sh_quote(&kubeconfig)
    );
    let names = Names::new(seed, &nodes, &image, &dns_domain);
    let server = kube.address();
    let mut record = Record::new(reporter);
    let mut pods = Vec::new();
    {
        let mut client = kube.client()?;
        for left_over in cleanup::sweep(&mut client).unwrap_or_default() {
            reporter.info(&format!("removed namespace {left_over}, left behind by an interrupted run"));
        }
        if let Some(line) = unenforced_policies(&mut client, without_policies).unwrap_or_default() {
            reporter.warn(&line);
        }
        for (name, needs, step) in CHECKS {
            if *name == SECRET_ENCRYPTED && etcd.is_none() {
                continue;
            }
            if !client.is_open() {
                drop(client);
                client = kube.client()?;
            }
            if let Some(why) = missing(*needs, interrupted, record.passed("objects"), &pods) {
                record.skip(name, why);
                continue;
            }
            let mut fixture = Fixture {
                kube: &mut client,
                etcd: etcd.as_mut().map(EtcdAccess::reborrow),
                master: &mut *master,
                server,
                stranger: &stranger,
                names: &names,
                nodes: &nodes,
                pods: &mut pods,
                kubectl: &kubectl,
                patience,
                interrupted,
            };
            record.check(name, || step(&mut fixture));
        }
    }
    let healthy = record.all_passed();
    let cleaned = record
        .check("cleanup", || cleanup::remove(&mut kube, master, &kubectl, &names.namespace, healthy, interrupted));
    if interrupted.load(Ordering::Relaxed) {
        return Err(cleanup::interrupted(&names.namespace, cleaned));
    }
    Ok(record.finish(names.namespace, nodes.into_iter().map(|(name, _)| name).collect(), started.elapsed()))
}

fn missing(needs: Needs, interrupted: &AtomicBool, objects: bool, pods: &[Pod]) -> Option<&'static str> {
    if interrupted.load(Ordering::Relaxed) {
        return Some("interrupted");
    }
    match needs {
        Needs::Objects | Needs::Pods if !objects => Some("its objects could not be created"),
        Needs::Pods if pods.is_empty() => Some("no pod runs"),
        _ => None,
    }
}

/// Whether an error ends the run rather than a check.
fn is_interruption(error: &Error) -> bool {
    error.kind == Kind::Interrupted
}
