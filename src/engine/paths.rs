//! Every path between hosts that the cluster needs is tried for real, all at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::session::Session;
use super::survey::survey;
use crate::cluster::{Host, Role};
use crate::components::{Protocol, api_virtual_address};
use crate::error::{Error, Kind, Result};
use crate::facts::HostFacts;
use crate::facts::heard::{self, Heard};
use crate::facts::paths::{self, Dialled, End, Listens, Path, Who};
use crate::health::{self, Poll, Schedule};
use crate::live;
use crate::preflight::{self, Finding};
use crate::random::nonce;

/// A host that has not done its part of a try after so long is not going to.
const LIMIT: Duration = Duration::from_secs(30);

/// Tries the paths that begin or end on these hosts, and looks at these hosts' firewalls. Nothing is left behind.
pub(super) fn check(
    session: &Session,
    facts: &BTreeMap<String, HostFacts>,
    hosts: &BTreeSet<String>,
) -> Result<Vec<Finding>> {
    let mut findings = strangers(session, facts)?;
    if !hosts.is_empty() {
        let needed = preflight::needed_paths(&session.catalogue, &session.cluster, facts, hosts);
        findings.extend(try_all(session, facts, needed, hosts)?);
    }
    Ok(findings)
}

/// Who else has the virtual address or its router id, as hosts hear that are to hold it, where none of them does: at first, and when
/// it is to be another one.
fn strangers(session: &Session, facts: &BTreeMap<String, HostFacts>) -> Result<Vec<Finding>> {
    let cluster = &session.cluster;
    let Some(held) = &cluster.balancing.virtual_address else { return Ok(Vec::new()) };
    let unit = format!("{}.service", api_virtual_address::ID);
    let ours: Vec<_> = facts.values().filter(|facts| facts.is_running(&unit)).collect();
    if ours.iter().any(|facts| facts.interface_of(held.address).is_some()) {
        return Ok(Vec::new());
    }
    // One of ours may take it meanwhile.
    let hardware = ours.iter().flat_map(|facts| facts.hardware_addresses.values()).map(String::as_str).collect();
    let asked = |host: &&Host| host.is(Role::Lb) && facts.contains_key(&host.name);
    let said = on_each(session, asked, |host| heard::script(held.address, held.router_id, host.address))?;
    let own: Vec<_> = cluster.hosts.iter().map(|host| host.address).collect();
    let found = said.iter().filter_map(|(name, said)| {
        Some(preflight::strangers(cluster.host(name)?, held, &Heard::read(said, &own, &hardware)))
    });
    Ok(found.flatten().collect())
}

/// Paths between hosts that run and are shut now: a few are tried at the cost of one question to each host, and all only
/// where one of these is shut. Nothing listens for it; services that hold their ports answer.
pub fn shut(session: &Session, facts: &BTreeMap<String, HostFacts>) -> Result<Vec<Finding>> {
    let all = preflight::paths_in_use(&session.catalogue, &session.cluster, facts);
    let few = preflight::few_paths(&all);
    let ends = paths::ends(&few, &BTreeMap::new(), &dial(session, &few, &nonce()?)?, &BTreeMap::new(), "");
    if ends.iter().all(|end| matches!(end, End::Open | End::NotTried(_))) {
        return Ok(Vec::new());
    }
    let hosts = all.iter().flat_map(|path| [path.from.clone(), path.to.clone()]).collect();
    let findings = try_all(session, facts, all, &hosts)?;
    Ok(findings.into_iter().filter(Finding::stops).collect())
}

/// How long the others take at the most to learn of a node that was made again: their watches may have been cut by an API
/// server that restarted, and are opened again after pauses that double up to 30 s.
const LEARN: Schedule = Schedule::new(60, 500);

/// As [`open`], once the others have had the time to learn of nodes that were made again. The hosts are asked again: such a node
/// may have got another piece of the pod network.
pub(super) fn open_in_time(session: &Session, hosts: &BTreeMap<String, HostFacts>) -> Result<()> {
    let mut there = session.cluster.clone();
    there.hosts.retain(|host| hosts.contains_key(&host.name));
    let questions = live::questions(&session.catalogue, &there);
    let questions = there.hosts.iter().map(|host| (host.name.clone(), questions.clone())).collect();
    let facts = || survey(&there, &session.pool, &questions);
    let look = || match shut(session, &facts()?)?.first() {
        None => Ok(Poll::Ready(())),
        Some(finding) => Ok(Poll::Pending(finding.to_string())),
    };
    match health::wait("paths between hosts are shut", LEARN, &session.interrupt, look) {
        // All that is shut is named, each with what to do.
        Err(error) if error.kind == Kind::Health => open(session, &facts()?),
        waited => waited,
    }
}

/// The same as an error: the cluster is not healthy.
pub(super) fn open(session: &Session, facts: &BTreeMap<String, HostFacts>) -> Result<()> {
    Error::all(shut(session, facts)?.into_iter().map(|finding| {
        Error::health(finding.to_string())
            .hint(&finding.remedy)
            .hint(format!("to go on regardless: `waive: [{}]` at this host in the inventory", finding.check))
    }))
}

/// Tries all of these; what they mean.
fn try_all(
    session: &Session,
    facts: &BTreeMap<String, HostFacts>,
    needed: Vec<Path>,
    hosts: &BTreeSet<String>,
) -> Result<Vec<Finding>> {
    let (catalogue, cluster) = (&session.catalogue, &session.cluster);
    let nonce = nonce()?;
    let ports = |host: &Host| {
        let tried = needed.iter().filter(|path| path.to == host.name && path.answers == Who::Try);
        tried.map(|path| (path.protocol, path.port)).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    let ours = catalogue.footprint(|footprint| footprint.tables.to_vec());
    let asked = |host: &&Host| hosts.contains(&host.name) || needed.iter().any(|path| path.to == host.name);
    let listens = on_each(session, asked, |host| paths::listen(host.address, &ports(host), &ours, &nonce));
    let dialled = listens.as_ref().map_or_else(|_| Ok(BTreeMap::new()), |_| dial(session, &needed, &nonce));
    // Also where a host was lost meanwhile.
    let expected = |host: &Host| {
        let here = |path: &&Path| path.to == host.name && path.protocol == Protocol::Udp && path.answers == Who::Try;
        needed.iter().filter(here).count()
    };
    let came =
        on_each(session, |host| !ports(host).is_empty(), |host| paths::end(&ports(host), expected(host), &nonce));
    let listens: BTreeMap<_, _> = listens?.into_iter().map(|(host, said)| (host, Listens::read(&said))).collect();
    let ends = paths::ends(&needed, &listens, &dialled?, &came?, &nonce);
    let tried: Vec<_> = needed.into_iter().zip(ends).collect();
    let chains = listens.into_iter().map(|(host, listens)| (host, listens.chains)).collect();
    Ok(preflight::judge_paths(catalogue, cluster, facts, &tried, &chains))
}

/// Each host tries the paths that begin on it.
fn dial(session: &Session, needed: &[Path], nonce: &str) -> Result<BTreeMap<String, Dialled>> {
    let from = |host: &Host| -> Vec<(usize, &Path)> {
        needed.iter().enumerate().filter(|(_, path)| path.from == host.name).collect()
    };
    let said = on_each(session, |host| !from(host).is_empty(), |host| paths::dial(&from(host), nonce))?;
    Ok(said.into_iter().map(|(host, said)| (host, Dialled::read(&said))).collect())
}

/// Runs a script of each host's own on all that are meant; what they printed.
fn on_each(
    session: &Session,
    meant: impl Fn(&&Host) -> bool,
    script: impl Fn(&Host) -> String + Sync,
) -> Result<BTreeMap<String, String>> {
    let hosts: Vec<Host> = session.cluster.hosts.iter().filter(meant).cloned().collect();
    let answers = session.pool.each_host(&hosts, |host| {
        let mut transport = session.pool.take(host)?;
        let output = transport.ask(LIMIT, &script(host))?;
        Ok((host.name.clone(), String::from_utf8_lossy(&output.stdout).into_owned()))
    });
    let mut all = BTreeMap::new();
    let mut errors = Vec::new();
    for answer in answers {
        match answer {
            Ok((host, said)) => drop(all.insert(host, said)),
            Err(error) => errors.push(error),
        }
    }
    Error::all(errors)?;
    Ok(all)
}
