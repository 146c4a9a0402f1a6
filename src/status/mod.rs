//! The cluster on one screen, whatever state it is in: every question may fail without spoiling the others.

mod balancing;
mod certificates;
mod cluster;
mod folders;
mod host;
mod leftovers;
mod packages;
mod paths;
mod pki;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::access::Pool;
use crate::artifacts::Store;
use crate::changes::Leftover;
use crate::cluster::Cluster;
use crate::components::Catalogue;
use crate::error::{Error, Result};
use crate::facts::HostFacts;
use crate::preflight::Finding;
use crate::record::Record;
use crate::trust::Trust;

/// The word for a service that a host does not have.
const NOT_INSTALLED: &str = "not installed";

/// How good something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Good,
    /// Works, but look at it.
    Warning,
    /// Does not work.
    Bad,
}

/// The whole cluster.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Name.
    pub cluster: String,
    /// Version in the inventory.
    pub kubernetes: String,
    /// Where the API is reached.
    pub endpoint: String,
    /// Nothing is bad.
    pub healthy: bool,
    /// Hosts in the inventory's order.
    pub hosts: Vec<HostStatus>,
    /// What concerns the cluster as a whole.
    pub checks: Vec<Check>,
    /// What should not be there.
    pub leftovers: Vec<Leftover>,
    /// Certificates, the first to expire first; the ones with the same life are not repeated beyond ten.
    pub certificates: Vec<Expiry>,
}

/// One host.
#[derive(Debug, Clone, Serialize)]
pub struct HostStatus {
    /// Name.
    pub name: String,
    /// Address.
    pub address: String,
    /// Roles.
    pub roles: Vec<String>,
    /// Operating system and kernel.
    pub system: String,
    /// Its services; none when it could not be asked.
    pub components: Vec<Component>,
    /// Why it could not be asked.
    pub trouble: String,
}

/// A service on a host.
#[derive(Debug, Clone, Serialize)]
pub struct Component {
    /// For example `etcd`.
    pub name: String,
    /// How good.
    pub state: State,
    /// In a word: `running`, `failed`, `auto-restart`.
    pub word: String,
    /// The version: what the service says of itself, or else what its program is by its hash.
    pub version: String,
    /// Leader, restarts, reasons.
    pub detail: String,
    /// What to do about it, a line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remedy: Vec<String>,
}

/// Something about the cluster as a whole.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What.
    pub name: String,
    /// How good.
    pub state: State,
    /// In a word.
    pub word: String,
    /// More.
    pub detail: String,
    /// What to do about it, a line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remedy: Vec<String>,
}

/// When a certificate expires.
#[derive(Debug, Clone, Serialize)]
pub struct Expiry {
    /// File stem in the cluster's `pki/`.
    pub name: String,
    /// RFC 3339.
    pub not_after: String,
    /// Whole days left; negative when it is over.
    pub days: i64,
}

/// What tries the paths between hosts, given what these said: those that are shut.
pub type Tries<'a> = dyn Fn(&BTreeMap<String, HostFacts>) -> Result<Vec<Finding>> + Sync + 'a;

/// What is asked, and by what it is judged.
pub struct Sources<'a> {
    /// Which components there are.
    pub catalogue: &'a Catalogue,
    /// The cluster as it should be.
    pub cluster: &'a Cluster,
    /// Connections.
    pub pool: &'a Pool,
    /// Certificates.
    pub trust: &'a Trust,
    /// It knows the versions of programs by their hashes.
    pub store: &'a Store,
    /// The objects that the API must hold.
    pub objects: &'a [Value],
    /// The record in the cluster's folder.
    pub kept: Option<&'a Record>,
    /// Tries the paths between hosts, given what these said.
    pub shut: &'a Tries<'a>,
}

/// Asks everything.
pub fn ask(sources: &Sources<'_>, now: OffsetDateTime) -> Status {
    let Sources { catalogue, cluster, pool, trust, store, objects, kept, shut } = *sources;
    let (mut hosts, facts) = host::ask(catalogue, cluster, pool, trust, store);
    let (mut checks, shut) = std::thread::scope(|scope| {
        let shut = scope.spawn(|| shut(&facts));
        (cluster::ask(cluster, pool, trust, objects, &mut hosts, &facts), shut.join())
    });
    let shut = shut.unwrap_or_else(|_| Err(Error::internal("the paths between hosts were not tried")));
    checks.extend(paths::judge(shut));
    checks.extend(folders::judge(catalogue, cluster, &facts));
    let leftovers = leftovers::ask(catalogue, cluster, pool, trust, &facts, kept).unwrap_or_else(|unknown| {
        checks.push(unknown);
        Vec::new()
    });
    let certificates = certificates::expiries(trust, now);
    let mut status = Status {
        cluster: cluster.name.clone(),
        kubernetes: cluster.versions.kubernetes.to_string(),
        endpoint: cluster.endpoint.url(),
        healthy: true,
        hosts,
        checks,
        leftovers,
        certificates,
    };
    status.healthy = status.troubles().is_empty();
    status
}

impl Status {
    /// What to do about it, a line each, for components and checks that say so.
    pub fn remedies(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let components = self.hosts.iter().flat_map(|host| &host.components);
        let said = components.flat_map(|component| &component.remedy);
        for line in said.chain(self.checks.iter().flat_map(|check| &check.remedy)) {
            if !lines.contains(line) {
                lines.push(line.clone());
            }
        }
        lines
    }

    /// Everything that is bad, a line each.
    pub fn troubles(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for host in &self.hosts {
            if !host.trouble.is_empty() {
                lines.push(format!("{}: {}", host.name, host.trouble));
            }
            if !host.components.is_empty() && host.components.iter().all(|c| c.word == NOT_INSTALLED) {
                lines.push(format!("{}: nothing is installed", host.name));
                continue;
            }
            for c in host.components.iter().filter(|c| c.state == State::Bad) {
                lines.push(format!("{}: {}: {}", host.name, c.name, said(&c.word, &c.detail)));
            }
        }
        for check in self.checks.iter().filter(|c| c.state == State::Bad) {
            lines.push(format!("{}: {}", check.name, said(&check.word, &check.detail)));
        }
        for c in self.certificates.iter().filter(|c| c.days < 0) {
            lines.push(format!("certificate {} expired on {}", c.name, c.not_after));
        }
        lines
    }
}

/// `incomplete: a route is missing`; the word alone where there is no more to say.
fn said(word: &str, detail: &str) -> String {
    if detail.is_empty() { word.to_owned() } else { format!("{word}: {detail}") }
}
