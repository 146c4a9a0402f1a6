//! Hosts that the record names and the inventory does not: what is still there.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::Pool;
use crate::cluster::{Cluster, Host};
use crate::components::Catalogue;
use crate::error::{Error, Kind, Result};
use crate::facts::{self, Questions};
use crate::record::{Record, RecordedHost};
use crate::trust::{self, Trust};

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

/// So many hosts that the folder's own record does not have are looked for at the most: who has a master could name any.
const OF_OTHERS: usize = 16;

/// Asks those hosts of the records that are neither by name nor by address in the inventory, and were not revoked. `kept` is the
/// record in the cluster's folder; of the others those count that are not older, for one alone may have been written by
/// somebody who wants a host to be forgotten. A host whose CAs are another cluster's is none of these, whatever a record says. With them
/// comes what is to be said of those that do not count.
pub(super) fn ask(
    catalogue: &Catalogue,
    cluster: &Cluster,
    pool: &Pool,
    trust: &Trust,
    newest: &Record,
    records: &BTreeMap<String, Record>,
    kept: Option<&Record>,
) -> Result<(Vec<Stray>, Vec<String>)> {
    let since = kept.and_then(Record::written_at);
    let records = records.values().filter(|record| record.written_at() >= since);
    let (gone, passed_over) = gone(cluster, std::iter::once(newest).chain(records), kept);
    let hosts: Vec<Host> = gone.iter().map(RecordedHost::host).collect();
    let answers = pool.each_host(&hosts, |host| {
        let authorities: BTreeSet<String> = trust::authority_files(cluster, host).collect();
        let (files, certificates) = (authorities.clone(), authorities);
        let questions = Questions { units: units(catalogue), files, certificates, ..Questions::default() };
        let is_own = kept.is_some_and(|kept| kept.all_hosts().any(|own| own.name == host.name));
        let mut transport = if is_own { pool.take(host)? } else { pool.take_stranger(host)? };
        facts::probe(&mut *transport, &questions, &cluster.layout)
    });
    let (mut strays, mut warnings) = (Vec::new(), Vec::new());
    for (host, answer) in gone.into_iter().zip(answers) {
        let others = answer.iter().find_map(|facts| trust.foreign_on(cluster, &host.host(), facts).next());
        if let Some(path) = others {
            let (name, at) = (&host.name, &host.ssh.address);
            warnings.push(format!(
                "{name} ({at}), which a record of this cluster names, is another cluster's by its {path}: it is left alone, and forgotten"
            ));
            continue;
        }
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
        strays.push(Stray { host, state });
    }
    if passed_over > 0 {
        warnings.push(format!(
            "records of masters name more hosts that this folder does not know than are looked for: {passed_over} were passed over, and \
             are forgotten by the next `up`"
        ));
    }
    Ok((strays, warnings))
}

/// The hosts that have left, each name once, and how many are passed over. How a host is reached is the folder's own record's to say;
/// of one that only others know it is taken where it is.
fn gone<'r>(
    cluster: &Cluster,
    records: impl IntoIterator<Item = &'r Record>,
    kept: Option<&Record>,
) -> (Vec<RecordedHost>, usize) {
    let known: BTreeSet<_> = cluster.hosts.iter().map(|host| host.address).collect();
    // Nobody logs in where somebody else may have the host.
    let has_left = |host: &&RecordedHost| {
        cluster.host(&host.name).is_none() && !known.contains(&host.address) && !cluster.has_revoked(&host.name)
    };
    let own = |name: &str| kept?.all_hosts().find(|host| host.name == name);
    let (mut names, mut gone, mut others) = (BTreeSet::new(), Vec::new(), 0);
    for host in records.into_iter().flat_map(Record::all_hosts).filter(has_left) {
        if !names.insert(&host.name) {
            continue;
        }
        match own(&host.name) {
            Some(own) => gone.push(RecordedHost { roles: &own.roles | &host.roles, ..own.clone() }),
            None => {
                others += 1;
                gone.extend((others <= OF_OTHERS).then(|| host.of_others()));
            }
        }
    }
    (gone, others.saturating_sub(OF_OTHERS))
}

/// All units that any component has.
pub(super) fn units(catalogue: &Catalogue) -> BTreeSet<String> {
    catalogue.components.iter().filter_map(|spec| Some(spec.unit?.name())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Role, TransportKind, example};
    use crate::record::{RecordedInventory, Signature};

    fn record(cluster: &Cluster) -> Record {
        let signature = Signature { written: "2026-01-01T00:00:00Z".into(), by: "ann@desk".into() };
        Record::new(cluster, RecordedInventory::new("c.yaml", "", Default::default()), String::new(), signature)
    }

    #[test]
    fn how_a_host_is_reached_is_the_folders_own_word() {
        let mut before = example::cluster("1.36.3");
        before.hosts.push(example::host("n2", 22, &[Role::Node]));
        before.hosts[2].ssh.keys = vec!["/home/ann/.ssh/lab".into()];
        let kept = record(&before);
        let mut cluster = before.clone();
        cluster.hosts.pop();
        // Who has a master writes: n2 is this machine, n3 too, and is reached with a key of this machine.
        let mut forged = kept.clone();
        forged.hosts[2].ssh.transport = TransportKind::Local;
        forged.hosts[2].ssh.keys = vec!["/root/.ssh/id_rsa".into()];
        forged.hosts[2].ssh.address = "198.51.100.1".into();
        let mut n3 = forged.hosts[2].clone();
        n3.name = "n3".into();
        forged.hosts.push(n3);
        let (gone, passed_over) = gone(&cluster, [&forged], Some(&kept));
        assert_eq!((gone.len(), passed_over), (2, 0));
        assert_eq!(gone[0], kept.hosts[2]);
        // One that forgets it is not the only one.
        let silent = record(&cluster);
        let (gone, _) = super::gone(&cluster, [&silent, &kept], Some(&kept));
        assert_eq!(gone, [kept.hosts[2].clone()]);
        let (gone, _) = super::gone(&cluster, [&forged], Some(&kept));
        assert_eq!(
            (gone[1].name.as_str(), gone[1].ssh.transport, gone[1].ssh.keys.len()),
            ("n3", TransportKind::Ssh, 0)
        );
    }

    #[test]
    fn not_everybody_is_looked_for_whom_a_master_names() {
        let cluster = example::cluster("1.36.3");
        let kept = record(&cluster);
        let mut flood = kept.clone();
        for at in 0..5000_u32 {
            let mut host = kept.hosts[1].clone();
            host.address = std::net::Ipv4Addr::from(0x0a63_0000 + at).into();
            host.name = format!("x{}", at / 2);
            flood.gone.push(host);
        }
        let (gone, passed_over) = gone(&cluster, [&flood], Some(&kept));
        assert_eq!((gone.len(), passed_over), (OF_OTHERS, 2500 - OF_OTHERS));
    }
}
