//! The last gate: the cluster does what it is for.

use std::sync::atomic::{AtomicBool, Ordering};

use super::evidence;
use super::since::Since;
use super::{API, ETCD, Need, api, ask, member_healthy};
use crate::access::ApiAccess;
use crate::apply::steps::collect;
use crate::apply::whole::whole;
use crate::apply::{Job, Looked};
use crate::clients::http::Client;
use crate::clients::kube;
use crate::cluster::{Host, NetworkPlugin, Role};
use crate::components::DeploymentGate;
use crate::error::{Error, Kind, Reason, Result};
use crate::health::{Poll, Schedule, deployment_ready, replicas, unless_connected};
use crate::parallel;

/// Runtime, network plugin and CoreDNS come up; an image may have to be pulled.
const HEALTHY: Schedule = Schedule::new(180, 200);

/// The cluster does what it is for: every etcd member takes part, every API server is ready, leases are held, nodes are
/// Ready, addons are available. The same is asked after a plan of any size, and where nothing was to be done.
pub(in crate::apply) fn healthy(job: &Job<'_>) -> Result<String> {
    let asked = |host: &&Host| host.is(Role::Etcd) || host.is(Role::Master);
    let hosts: Vec<&Host> = job.there.hosts.iter().filter(asked).collect();
    let first = job.there.with_role(Role::Master).next().map(|host| host.name.as_str());
    let rest = Rest::new(job)?;
    // Most often all is well, and every way there and back counts: what was said when the plan was made need not be asked
    // again. Else a host's member and its API server are asked over the same connection, and the first API server in the
    // same breath for the rest.
    let answered = job.looked.and_then(|looked| rest.answered(looked));
    let well = AtomicBool::new(answered.is_some());
    let said = parallel::each(&hosts, job.pool.at_once(), |host| {
        let known = job.looked.is_some_and(|looked| looked.members.contains(&host.name));
        if host.is(Role::Etcd) && !known {
            member(job, host)?;
        }
        match host.is(Role::Master) && answered != Some(&*host.name) {
            true if first == Some(&*host.name) => ready(job, host, &rest, &well),
            true => api(job, &host.name).map(drop),
            false => Ok(()),
        }
    });
    collect(said.into_iter().filter_map(Result::err).collect())?;
    if !well.into_inner() {
        rest.wait()?;
    }
    // Where nothing was to be done, nothing was missing.
    if !job.plan.is_empty() {
        whole(job)?;
    }
    let (members, masters) = (job.there.with_role(Role::Etcd).count(), job.there.with_role(Role::Master).count());
    Ok(format!("{members} etcd, {masters} kube-apiserver, {} nodes", rest.nodes.len()))
}

/// The member on this host takes part, and takes writes.
fn member(job: &Job<'_>, host: &Host) -> Result<()> {
    job.until("etcd is not healthy", ETCD, || match member_healthy(job, host, Need::Writes) {
        Ok(None) => Ok(Poll::Ready(())),
        Ok(Some(reason)) => Ok(Poll::Pending(format!("{}: {reason}", host.name))),
        Err(error) if error.kind == Kind::Interrupted || error.is(Reason::OutOfSpace) => Err(error),
        Err(error) => Ok(Poll::Pending(error.message)),
    })
}

/// As [`api`]; whether the rest was `well` at that time, too.
fn ready(job: &Job<'_>, host: &Host, rest: &Rest<'_>, well: &AtomicBool) -> Result<()> {
    let mut access = ApiAccess::new(job.pool, host, job.trust)?;
    let what = format!("{}: kube-apiserver is not ready", host.name);
    let mut paths = rest.paths.clone();
    paths.push(kube::READYZ.to_owned());
    let mut look = || {
        let mut client = access.client()?;
        client.ahead(&paths)?;
        let ready = kube::readyz(&mut client)?;
        if !ready.ready {
            return Ok(Poll::Pending(format!("failing: {}", ready.failing.join(", "))));
        }
        let seen = rest.look(&mut client, &mut Sick::default());
        well.fetch_or(matches!(seen, Ok(Poll::Ready(()))), Ordering::SeqCst);
        Ok(Poll::Ready(()))
    };
    job.until(&what, API, || unless_connected(look()))
}

/// What is asked of whatever API server answers: leases are held, nodes are Ready, addons are available.
struct Rest<'a> {
    job: &'a Job<'a>,
    nodes: Vec<&'a str>,
    /// Hosts that are left out.
    away: Vec<&'a str>,
    has_network: bool,
    since: Since<'a>,
    /// What it takes to know that.
    paths: Vec<String>,
}

impl<'a> Rest<'a> {
    fn new(job: &'a Job<'a>) -> Result<Self> {
        let mut paths = kube::lease_paths()?;
        paths.push("/api/v1/nodes".to_owned());
        for DeploymentGate { namespace, name, .. } in job.desired.addons.iter().map(|addon| &addon.gate) {
            paths.push(kube::path("apps/v1", "Deployment", namespace, name)?);
        }
        let nodes = job.there.with_role(Role::Node).map(|host| host.name.as_str()).collect();
        let has_network = job.cluster.networks.plugin != NetworkPlugin::None;
        let away = job.cluster.away(job.there).map(|host| host.name.as_str()).collect();
        Ok(Rest { job, nodes, away, has_network, since: Since::ask(job)?, paths })
    }

    /// The master whose API server was ready and by whose answers all is well.
    fn answered<'l>(&self, looked: &'l Looked) -> Option<&'l str> {
        let (master, answers) = looked.api.as_ref()?;
        let mut client = Client::of(answers.clone(), master);
        let ready = kube::readyz(&mut client).is_ok_and(|ready| ready.ready);
        let well = ready && matches!(self.look(&mut client, &mut Sick::default()), Ok(Poll::Ready(())));
        well.then_some(master)
    }

    /// Asks until it is so.
    fn wait(&self) -> Result<()> {
        let mut sick = Sick::default();
        ask(self.job, "the cluster is not healthy", HEALTHY, |client| {
            client.ahead(&self.paths)?;
            self.look(client, &mut sick)
        })
        .map_err(|error| {
            let error = if error.kind == Kind::Health { sick.explain(self.job, error) } else { error };
            error.hint(
                "`kbootstrap status` shows all components; `kubectl describe` and journalctl on the node say more",
            )
        })
    }

    fn look(&self, client: &mut Client<'_>, sick: &mut Sick) -> Result<Poll<()>> {
        let since = &self.since;
        let leases = kube::leases(client)?;
        let mut troubles: Vec<String> = leases.iter().filter_map(|lease| since.not_leading(lease)).collect();
        let nodes = kube::nodes(client)?;
        *sick = Sick::default();
        for name in &self.nodes {
            let node = nodes.iter().find(|n| n.name == *name);
            let old = node.filter(|node| since.is_from_before(node));
            let old = old.map(|node| Ok::<_, Error>(!since.has_looked(node, kube::node_renewed(client, name)?)));
            let trouble = match node {
                Some(_) if old.transpose()? == Some(true) => {
                    format!("what node {name} says is from before its host was booted")
                }
                Some(node) if node.ready || !self.has_network => continue,
                Some(node) => format!("node {name} is not Ready: {} {}", node.reason, node.message),
                None => format!("node {name} is not there"),
            };
            troubles.push(trouble);
            sick.hosts.push((*name).to_owned());
        }
        if self.has_network && !self.nodes.is_empty() {
            for addon in &self.job.desired.addons {
                let DeploymentGate { namespace, name, .. } = addon.gate;
                let replicas = replicas(&self.job.desired.objects, namespace, name);
                let rollout = deployment_ready(client, namespace, name, replicas)?;
                if rollout.ready && !since.booted_lately() {
                    continue;
                }
                let mut pods = kube::pods(client, namespace, addon.gate.pods)?;
                let all = pods.len();
                pods.retain(|pod| !self.away.contains(&pod.node.as_str()));
                // Others take the place of pods on a host that is left out, and only minutes later.
                let wanted = match (all - pods.len()) as u64 {
                    0 => rollout.wanted,
                    away => rollout.wanted.saturating_sub(away).max(1),
                };
                if rollout.ready || all > pods.len() {
                    troubles.extend(since.too_few(&pods, wanted).map(|why| format!("{}: {why}", addon.title)));
                    continue;
                }
                let mut why: Vec<String> = pods.iter().flat_map(|p| p.troubles.clone()).collect();
                sick.pods.extend(pods);
                why.extend(nodes.iter().flat_map(|n| n.pressures.iter().map(|p| format!("node {} has {p}", n.name))));
                troubles.push(format!("{}: {} {}", addon.title, rollout.detail, why.join("; ")).trim_end().to_owned());
            }
        }
        Ok(if troubles.is_empty() { Poll::Ready(()) } else { Poll::Pending(troubles.join("; ")) })
    }
}

/// What was not well when it was last looked at.
#[derive(Default)]
struct Sick {
    hosts: Vec<String>,
    pods: Vec<kube::Pod>,
}

impl Sick {
    /// Adds what hosts and containers say themselves.
    fn explain(&self, job: &Job<'_>, error: Error) -> Error {
        let services = self.hosts.iter().flat_map(|host| evidence::of_services(job, host));
        services.chain(evidence::of_pods(job, &self.pods)).fold(error, Error::detail)
    }
}
