//! The inventory and all that belongs to it, from the record that `up` left on the masters: for a machine that has nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use crate::access::Pool;
use crate::cluster::{Host, Layout, Role, Ssh, TransportKind};
use crate::error::{Error, Result};
use crate::facts::read_files;
use crate::inventory::{self, Inventory};
use crate::record::{self, Record, RecordedHost};
use crate::ui::Reporter;

/// How hosts are reached from this machine, where that is not as the record says.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// Login name.
    pub user: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// Private keys; none: those that are used anyway.
    pub keys: Vec<PathBuf>,
    /// known_hosts.
    pub known_hosts: Option<PathBuf>,
}

impl Reach {
    /// A host of which no more than the address is known.
    pub fn host(&self, address: &str) -> Host {
        let ssh = Ssh {
            transport: TransportKind::Ssh,
            address: address.to_owned(),
            port: None,
            user: None,
            keys: Vec::new(),
            known_hosts: None,
            host_key: None,
            connect_timeout: None,
        };
        let mut host = Host {
            name: address.to_owned(),
            // Nobody asks for it: it is reached by the other one.
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            roles: BTreeSet::new(),
            labels: BTreeMap::new(),
            taints: Vec::new(),
            ssh,
            components: BTreeMap::new(),
            waive: BTreeSet::new(),
        };
        self.apply(&mut host);
        host
    }

    /// Puts it in the place of what a host was reached by.
    pub fn apply(&self, host: &mut Host) {
        let ssh = &mut host.ssh;
        ssh.user = self.user.clone().or_else(|| ssh.user.take());
        ssh.port = self.port.or(ssh.port);
        ssh.known_hosts = self.known_hosts.clone().or(ssh.known_hosts.take());
        if !self.keys.is_empty() {
            ssh.keys = self.keys.clone();
        }
    }
}

/// So many masters are asked at the most.
const MASTERS: usize = 32;

/// The record of the cluster that `first` is a master of. All masters that it names are asked, and must say the same;
/// where they do not, `from` names the one that is believed.
pub fn read_record(
    pool: &Pool,
    first: &Host,
    reach: &Reach,
    from: Option<&str>,
    reporter: &dyn Reporter,
) -> Result<Record> {
    let record = read(pool, first)?;
    let masters: Vec<Host> = record
        .hosts
        .iter()
        .filter(|host| host.roles.contains(&Role::Master))
        .take(MASTERS)
        .map(|host| reached(host, reach))
        .collect();
    let mut all = BTreeMap::new();
    for (host, answer) in masters.iter().zip(pool.each_host(&masters, |host| read(pool, host))) {
        match answer {
            Ok(record) => drop(all.insert(host.name.clone(), record)),
            Err(error) => reporter.warn(&format!("the record of {} was not read: {}", host.name, error.message)),
        }
    }
    if let Some(from) = from {
        return all.remove(from).ok_or_else(|| {
            let names: Vec<&str> = masters.iter().map(|host| host.name.as_str()).collect();
            Error::usage(format!("--from {from}: there is no record of that master"))
                .hint(format!("the masters are {}", names.join(", ")))
        });
    }
    if all.values().any(|other| !other.says_the_same(&record)) {
        let each = all.iter().map(|(host, record)| format!("{host}: written {} by {}", record.written, record.by));
        return Err(Error::input("masters have different records; nothing was written")
            .detail(each.collect::<Vec<_>>().join("\n"))
            .hint("say which master is right with --from HOST: as a rule the one that was written last"));
    }
    Ok(record)
}

fn reached(host: &RecordedHost, reach: &Reach) -> Host {
    // It is a master's word, and files and transports of this machine are not for it to name.
    let mut host = host.of_others().host();
    reach.apply(&mut host);
    host
}

fn read(pool: &Pool, host: &Host) -> Result<Record> {
    let path = record::file(&Layout::standard());
    let found = read_files(&mut *pool.take(host)?, std::slice::from_ref(&path))?;
    let text = found.get(&path).ok_or_else(|| {
        Error::remote(format!("{}: there is no {path}", host.name)).hint(
            "it is there on every master once `kbootstrap up` has ended; with the inventory at hand, give it with -i",
        )
    })?;
    record::parse(&String::from_utf8_lossy(text.expose()), &format!("{}: {path}", host.name))
}

/// Refuses a record whose inventory has this machine as a host: a master could have whoever runs it next set up what it likes here.
pub fn refuse_this_machine(inventory: &Inventory, from: &str) -> Result<()> {
    let is_local = |ssh: &inventory::Ssh| ssh.transport == Some(TransportKind::Local);
    let hosts = inventory.hosts.iter().filter(|host| is_local(&host.ssh)).map(|host| host.name.as_str());
    let local: Vec<&str> = hosts.chain(is_local(&inventory.ssh).then_some("all hosts")).collect();
    if local.is_empty() {
        return Ok(());
    }
    Err(Error::refused(format!(
        "{from}: its record has an inventory in which {} is this machine itself",
        local.join(", ")
    ))
    .detail("`transport: local`")
    .hint("nothing was written; if that is so, and you trust that master: --trust-inventory"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::example;
    use crate::record::{RecordedInventory, Signature};

    #[test]
    fn a_masters_inventory_does_not_make_this_machine_a_host() {
        let judged = |text: &str| {
            let loaded = inventory::parse("x.yaml", format!("cluster: c\n{text}").as_bytes()).unwrap();
            refuse_this_machine(&loaded.inventory, "10.0.0.11").map_err(|error| error.message)
        };
        let host = "name: m1, address: 10.0.0.11, roles: [etcd, master, node]";
        assert_eq!(judged(&format!("hosts: [{{{host}}}]\n")), Ok(()));
        let said = judged(&format!("hosts: [{{{host}, ssh: {{transport: local}}}}]\n")).unwrap_err();
        assert_eq!(said, "10.0.0.11: its record has an inventory in which m1 is this machine itself");
        assert!(judged(&format!("ssh: {{transport: local}}\nhosts: [{{{host}}}]\n")).is_err());
    }

    #[test]
    fn a_masters_record_names_no_file_of_this_machine() {
        let mut cluster = example::cluster("1.36.3");
        cluster.hosts[0].ssh.transport = TransportKind::Local;
        cluster.hosts[0].ssh.keys = vec!["/root/.ssh/id_ed25519".into()];
        cluster.hosts[0].ssh.host_key = Some("SHA256:x".into());
        let signature = Signature { written: "2026-01-01T00:00:00Z".into(), by: "ann@desk".into() };
        let inventory = RecordedInventory::new("c.yaml", "", BTreeMap::new());
        let record = Record::new(&cluster, inventory, String::new(), signature);
        let host = reached(&record.hosts[0], &Reach { keys: vec!["/home/ann/key".into()], ..Reach::default() });
        assert_eq!((host.ssh.transport, host.ssh.host_key), (TransportKind::Ssh, None));
        assert_eq!(host.ssh.keys, [PathBuf::from("/home/ann/key")]);
        assert!(reached(&record.hosts[0], &Reach::default()).ssh.keys.is_empty());
    }
}
