//! Every path between hosts that the cluster needs is tried for real, all at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::session::Session;
use crate::cluster::Host;
use crate::components::Protocol;
use crate::error::{Error, Result};
use crate::facts::HostFacts;
use crate::facts::paths::{self, Dialled, Listens, Path, Who};
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
    if hosts.is_empty() {
        return Ok(Vec::new());
    }
    let (catalogue, cluster) = (&session.catalogue, &session.cluster);
    let needed = preflight::needed_paths(catalogue, cluster, facts, hosts);
    let nonce = nonce()?;
    let ports = |host: &Host| {
        let tried = needed.iter().filter(|path| path.to == host.name && path.answers == Who::Try);
        tried.map(|path| (path.protocol, path.port)).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    let from = |host: &Host| -> Vec<(usize, &Path)> {
        needed.iter().enumerate().filter(|(_, path)| path.from == host.name).collect()
    };
    let ours = catalogue.footprint(|footprint| footprint.tables.to_vec());
    let asked = |host: &&Host| hosts.contains(&host.name) || needed.iter().any(|path| path.to == host.name);
    let listens = on_each(session, asked, |host| paths::listen(host.address, &ports(host), &ours, &nonce));
    let dialled = listens.as_ref().map_or_else(
        |_| Ok(BTreeMap::new()),
        |_| on_each(session, |host| !from(host).is_empty(), |host| paths::dial(&from(host), &nonce)),
    );
    // Also where a host was lost meanwhile.
    let expected = |host: &Host| {
        let here = |path: &&Path| path.to == host.name && path.protocol == Protocol::Udp && path.answers == Who::Try;
        needed.iter().filter(here).count()
    };
    let came =
        on_each(session, |host| !ports(host).is_empty(), |host| paths::end(&ports(host), expected(host), &nonce));
    let listens: BTreeMap<_, _> = listens?.into_iter().map(|(host, said)| (host, Listens::read(&said))).collect();
    let dialled = dialled?.into_iter().map(|(host, said)| (host, Dialled::read(&said))).collect();
    let ends = paths::ends(&needed, &listens, &dialled, &came?, &nonce);
    let tried: Vec<_> = needed.into_iter().zip(ends).collect();
    let chains = listens.into_iter().map(|(host, listens)| (host, listens.chains)).collect();
    Ok(preflight::judge_paths(catalogue, cluster, facts, &tried, &chains))
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
