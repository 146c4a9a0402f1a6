//! The smoke test: does the cluster do what clusters are for? In a namespace of its own, which goes again.
//!
//! Everything is asked through SSH: the API over forwarded connections, paths through the network by the hosts that they
//! begin at. [`cluster`] finds the ways, [`run`] uses them. Whatever is broken, it ends within [`limit`].

mod ask;
mod budget;
mod cleanup;
mod data;
mod egress;
mod firewall;
mod kubelets;
mod manifests;
mod network;
mod open;
mod path;
mod pods;
mod report;
mod rounds;
mod rules;
mod strangers;
mod verdict;

pub use budget::limit;
pub use open::cluster;
pub use report::{Check, Outcome, Report};

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ipnet::IpNet;

use crate::access::{ApiAccess, EtcdAccess, Pool};
use crate::clients::http::{Client, Tls};
use crate::clients::kube::Pod;
use crate::cluster::Host;
use crate::error::{Error, Kind, Result};
use crate::health::unenforced_policies;
use crate::random;
use crate::text::sh_quote;
use crate::ui::Reporter;

use budget::Budget;
use manifests::Names;
use report::{Ending, Record};

/// So many hosts or pods are asked at a time: most of it goes through one master.
const HANDS: usize = 8;

/// Everything that the smoke test needs.
pub struct Ways<'a> {
    /// Connections.
    pub pool: &'a Pool,
    /// The first master, and its API server as cluster-admin: kubectl runs here, and node ports are asked from here.
    pub master: Server,
    /// An etcd member; none where Secrets are not encrypted, or etcd cannot be asked.
    pub etcd: Option<Server>,
    /// The API server's CA alone: how a stranger comes.
    pub stranger: Tls,
    /// The nodes that must run pods.
    pub nodes: Vec<Host>,
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
    /// The network that Services have their addresses from.
    pub services: IpNet,
    /// The address of the API server's own Service.
    pub api_service: IpAddr,
    /// The network plugin is flannel: its port and its ports of hosts are looked at.
    pub flannel: bool,
    /// TCP ports that something on a node listens at.
    pub taken: BTreeSet<u16>,
    /// How long all of it may take; see [`limit`].
    pub limit: Duration,
}

/// A server, and the host that it is asked through.
#[derive(Debug, Clone)]
pub struct Server {
    /// The host.
    pub host: Host,
    /// Where the server listens, as the host sees it.
    pub address: SocketAddr,
    /// Who asks.
    pub tls: Tls,
}

/// What differs from run to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// Ends the namespace's name: lower-case letters and digits.
    pub suffix: String,
    /// Is put into a ConfigMap and a Secret and must come back: letters and digits.
    pub token: String,
    /// Decides which port of hosts is used.
    pub port: u16,
}

impl Seed {
    /// From the operating system's randomness.
    pub fn random() -> Result<Seed> {
        let bytes = random::bytes::<26>()?;
        let text: String =
            bytes[2..].iter().map(|byte| char::from(b"bcdfghjklmnpqrstvwxz2456789"[usize::from(byte % 27)])).collect();
        let port = u16::from_be_bytes([bytes[0], bytes[1]]);
        Ok(Seed { suffix: text[..6].to_owned(), token: text[6..].to_owned(), port })
    }
}

/// What a check may use; several use it at a time.
struct Fixture<'w> {
    ways: &'w Ways<'w>,
    names: &'w Names,
    budget: Budget,
    kubectl: String,
    interrupted: &'w AtomicBool,
    pods: Mutex<Vec<Pod>>,
    /// Why the pods with ports of their hosts could not be made.
    without_ports: Mutex<Option<Error>>,
    /// Nodes whose kubelets the API server does not reach.
    shut_kubelets: Mutex<BTreeSet<String>>,
}

impl Fixture<'_> {
    /// Asks the API server over a connection of its own, and once more where that broke. No answer is waited for beyond
    /// the time for checks.
    fn ask<T>(&self, question: impl FnMut(&mut Client<'_>) -> Result<T>) -> Result<T> {
        let Server { host, address, tls } = &self.ways.master;
        ApiAccess::at(self.ways.pool, host, *address, tls)?.until(self.budget.checks_end()).ask(question)
    }

    /// The same with an etcd member.
    fn ask_etcd<T>(&self, question: impl FnMut(&mut Client<'_>) -> Result<T>) -> Result<T> {
        let Some(Server { host, address, tls }) = &self.ways.etcd else {
            return Err(Error::health("etcd cannot be asked"));
        };
        EtcdAccess::at(self.ways.pool, host, *address, tls)?.until(self.budget.checks_end()).ask(question)
    }

    /// The pods that run.
    fn pods(&self) -> Vec<Pod> {
        locked(&self.pods).clone()
    }

    /// Those of them that can be looked into.
    fn open_pods(&self) -> Vec<Pod> {
        let shut = locked(&self.shut_kubelets);
        self.pods().into_iter().filter(|pod| !shut.contains(&pod.node)).collect()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

type Step = fn(&Fixture<'_>) -> Result<String>;

/// What must have worked before a check makes sense.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    /// The namespace and what is in it.
    Objects,
    /// At least one running pod.
    Pods,
    /// At least one running pod whose kubelet is reached.
    Kubelets,
}

/// In this order: what needs no pods is asked while they start. The paths through the network come after them.
const CHECKS: &[(&str, Needs, Step)] = &[
    ("objects", Needs::Nothing, manifests::create),
    ("no-anonymous", Needs::Objects, strangers::anonymous),
    ("rbac", Needs::Objects, strangers::without_rights),
    (SECRET_ENCRYPTED, Needs::Objects, data::secret_is_encrypted),
    ("pods", Needs::Objects, pods::one_on_every_node),
    ("exec", Needs::Kubelets, pods::exec),
    ("logs", Needs::Kubelets, pods::logs),
    ("config-map", Needs::Kubelets, data::config_map),
    ("secret", Needs::Kubelets, data::secret),
];
/// The check that is left out where Secrets are not encrypted.
const SECRET_ENCRYPTED: &str = "secret-encrypted";
/// Checks that use the pods with ports of their hosts.
const WITH_PORTS: &[&str] = &["dns-tcp", "host-port"];

/// Runs every check and removes the namespace again, whatever happens. Failed checks are in the report; an error
/// is an interruption (after the clean-up) or that there is nothing to run pods on.
pub fn run(ways: &Ways<'_>, seed: &Seed, interrupted: &AtomicBool, reporter: &dyn Reporter) -> Result<Report> {
    if ways.nodes.is_empty() {
        return Err(Error::input("verify: the cluster has no nodes to run pods on"));
    }
    // Without a folder for its cache it keeps none, and leaves nothing in root's home.
    let kubectl = format!(
        "timeout 25 {} --kubeconfig={} --cache-dir=/dev/null --request-timeout=20s",
        sh_quote(&ways.kubectl),
        sh_quote(&ways.kubeconfig)
    );
    let names = Names::new(seed, ways);
    let (pods, without_ports, shut_kubelets) = (Mutex::default(), Mutex::default(), Mutex::default());
    let budget = Budget::begin(ways.limit);
    let fixture = Fixture { ways, names: &names, budget, kubectl, interrupted, pods, without_ports, shut_kubelets };
    let mut record = Record::new(reporter);
    for left_over in cleanup::sweep(&fixture).unwrap_or_default() {
        reporter.info(&format!("removed namespace {left_over}, left behind by an interrupted run"));
    }
    let without_policies = fixture.ask(|client| unenforced_policies(client, ways.without_policies));
    if let Some(line) = without_policies.unwrap_or_default() {
        reporter.warn(&line);
    }
    kubelets::reach(&fixture, &mut record);
    for (name, needs, step) in CHECKS {
        if *name == SECRET_ENCRYPTED && ways.etcd.is_none() {
            continue;
        }
        match missing(&fixture, *needs, record.passed("objects")) {
            Some(why) => record.not_tried(name, why),
            None => drop(record.check(name, || step(&fixture))),
        }
    }
    through_the_network(&fixture, &mut record);
    let healthy = record.all_passed();
    let cleaned = record.check("cleanup", || cleanup::remove(&fixture, healthy));
    if interrupted.load(Ordering::Relaxed) {
        return Err(cleanup::interrupted(&names.namespace, cleaned));
    }
    let nodes = ways.nodes.iter().map(|host| host.name.clone()).collect();
    Ok(record.finish(names.namespace.clone(), nodes, budget.spent()))
}

/// The checks of paths: all of them are tried side by side.
fn through_the_network(fixture: &Fixture<'_>, record: &mut Record<'_>) {
    let checks = network::CHECKS.iter().filter(|check| fixture.ways.flannel || !WITH_PORTS.contains(check));
    let why_not = missing(fixture, Needs::Pods, record.passed("objects")).map(str::to_owned);
    let service = why_not.map_or_else(|| network::service(fixture).map_err(|error| error.message), Err);
    let service = match service {
        Ok(service) => service,
        Err(why) => return checks.for_each(|check| record.not_tried(check, &why)),
    };
    let with_ports = if fixture.ways.flannel { pods::with_ports(fixture) } else { Ok(Vec::new()) };
    let mut paths = network::paths(fixture, &service, &fixture.pods(), with_ports.as_deref().unwrap_or_default());
    record.begin("paths");
    let (beyond, skipped) = egress::paths(fixture, &fixture.pods());
    paths.extend(beyond);
    let fates = rounds::run(fixture, &paths);
    for check in checks {
        let tried: Vec<_> = paths.iter().zip(&fates).filter(|(path, _)| path.check == *check).collect();
        let millis = tried.iter().map(|(_, fate)| fate.millis).max().unwrap_or_default();
        let ending = match &with_ports {
            // What keeps these pods is said once.
            Err(error) if WITH_PORTS.first() == Some(check) => Ending::Failed(error.clone()),
            Err(_) if WITH_PORTS.contains(check) => Ending::NotTried("its pods do not run".into()),
            _ if *check == egress::CHECK => egress::conclude(fixture, &tried, &skipped),
            _ => verdict::conclude(fixture, check, &tried),
        };
        record.conclude(check, millis, ending);
    }
}

fn missing(fixture: &Fixture<'_>, needs: Needs, objects: bool) -> Option<&'static str> {
    if fixture.interrupted.load(Ordering::Relaxed) {
        return Some("interrupted");
    }
    match needs {
        Needs::Objects | Needs::Pods | Needs::Kubelets if !objects => Some("its objects could not be created"),
        Needs::Pods | Needs::Kubelets if fixture.pods().is_empty() => Some("no pod runs"),
        Needs::Kubelets if fixture.open_pods().is_empty() => Some("no kubelet of its pods is reached"),
        _ if fixture.budget.for_checks().is_zero() => Some("the time was over"),
        _ => None,
    }
}

/// Whether an error ends the run rather than a check.
fn is_interruption(error: &Error) -> bool {
    error.kind == Kind::Interrupted
}
