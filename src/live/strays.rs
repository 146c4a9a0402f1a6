//! Hosts that the record names and the inventory does not: what is still there.

use std::collections::BTreeSet;

use crate::access::Pool;
use crate::cluster::{Cluster, Host};
use crate::components::Catalogue;
use crate::error::{Error, Kind, Result};
use crate::facts::{self, Questions};
use crate::record::{Record, RecordedHost};

/// A host that has left the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// As it was.
    pub host: RecordedHost,
    /// What is still there.
    pub state: StrayState,
}

impl Stray {
    /// Whether there is still something of ours, as far as anybody knows.
    pub fn is_left(&self) -> bool {
        self.state != StrayState::Clean
    }
}

/// What is still on a host that has left the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StrayState {
    /// It cannot be asked, and why.
    Unreachable(String),
    /// Units of ours run.
    Runs(Vec<String>),
    /// Nothing of ours runs, but kbootstrap's records are there.
    Stopped,
    /// It was taken back.
    Clean,
}

/// Asks those hosts of the record that are neither by name nor by address in the inventory, and were not revoked.
pub(super) fn ask(catalogue: &Catalogue, cluster: &Cluster, pool: &Pool, record: &Record) -> Result<Vec<Stray>> {
    let known: BTreeSet<_> = cluster.hosts.iter().map(|host| host.address).collect();
    // Nobody logs in where somebody else may have the host.
    let gone = |host: &&RecordedHost| {
        cluster.host(&host.name).is_none() && !known.contains(&host.address) && !cluster.has_revoked(&host.name)
    };
    let gone: Vec<&RecordedHost> = record.all_hosts().filter(gone).collect();
    let hosts: Vec<Host> = gone.iter().map(|host| host.host()).collect();
    let questions = Questions { units: units(catalogue), ..Questions::default() };
    let answers = pool.each_host(&hosts, |host| {
        let mut transport = pool.take(host)?;
        facts::probe(&mut *transport, &questions, &cluster.layout)
    });
    let mut strays = Vec::new();
    for (host, answer) in gone.into_iter().zip(answers) {
        let state = match answer {
            Err(error) if error.kind == Kind::Interrupted => return Err(error),
            Err(Error { message, .. }) => StrayState::Unreachable(message),
            Ok(facts) => {
                let running = facts.units.iter().filter(|(_, unit)| ["active", "activating"].contains(&&*unit.active));
                // A timer that still starts something now and then does nothing for a cluster.
                let running = running.filter(|(name, _)| !name.ends_with(".timer"));
                let running: Vec<String> = running.map(|(name, _)| name.clone()).collect();
                match (running.is_empty(), facts.known) {
                    (false, true) => StrayState::Runs(running),
                    (true, true) => StrayState::Stopped,
                    (_, false) => StrayState::Clean,
                }
            }
        };
        strays.push(Stray { host: host.clone(), state });
    }
    Ok(strays)
}

/// All units that any component has.
pub(super) fn units(catalogue: &Catalogue) -> BTreeSet<String> {
    catalogue.components.iter().filter_map(|spec| Some(spec.unit?.name())).collect()
}
