//! Each check against facts made for it.

mod across;
mod boot;
mod distributions;
mod filesystems;
mod folders;
mod host;
mod leftovers;
mod names;
pub(super) mod packages;
mod paths;
mod ports;
mod troubleshooting;
mod units;

use std::collections::BTreeSet;

use super::*;
use crate::cluster::{ComponentSettings, NetworkPlugin, ProxyMode, Role, example};
use crate::facts::{BootLine, Cgroup, Disk, FileFact, Listening, Module, Mount, Sysctl, UnitFact};

/// m1 is etcd member and master, n1 and n2 are nodes.
fn cluster() -> Cluster {
    let hosts = vec![
        example::host("m1", 11, &[Role::Etcd, Role::Master]),
        example::host("n1", 21, &[Role::Node]),
        example::host("n2", 22, &[Role::Node]),
    ];
    Cluster { hosts, ..example::cluster("1.36.3") }
}

/// A disk of 100 GB with so much of it free.
fn disk(free: u64) -> Disk {
    Disk { free, size: 100_000_000_000, free_inodes: Some(6_000_000), inodes: 6_500_000 }
}

/// What a bare, good host answers to [`questions`].
fn good(host: &Host) -> HostFacts {
    let mut facts = HostFacts::default_host();
    facts.hostname = host.name.clone();
    facts.machine_id = format!("{:032x}", host.name.bytes().fold(1u64, |sum, b| sum * 31 + u64::from(b)));
    facts.addresses = vec![("lo".into(), "127.0.0.1".parse().unwrap()), ("eth0".into(), host.address)];
    facts.routes = vec![("default".into(), "eth0".into()), ("10.0.0.0/24".into(), "eth0".into())];
    facts.nameservers = vec!["10.0.0.1".into()];
    for path in ["/usr/local/bin", "/var/lib/etcd", "/var/lib/containerd", "/var/lib/kubelet"] {
        facts.disks.insert(path.into(), disk(40_000_000_000));
    }
    facts
}

fn unit(active: &str) -> UnitFact {
    UnitFact { active: active.into(), enabled: "enabled".into(), ..UnitFact::default() }
}

fn socket(address: &str, port: u16, process: &str) -> Listening {
    Listening { port, address: address.into(), process: (!process.is_empty()).then(|| process.into()) }
}

/// The findings of a host, changed before: `check severity finding`.
fn found(name: &str, change: impl FnOnce(&mut Cluster, &mut HostFacts)) -> Vec<String> {
    let mut cluster = cluster();
    let mut facts = good(cluster.host(name).unwrap());
    change(&mut cluster, &mut facts);
    let findings = check(&Catalogue::standard(), &cluster, cluster.host(name).unwrap(), &facts);
    assert!(findings.iter().all(|finding| !finding.remedy.is_empty()));
    findings.iter().map(|f| format!("{} {:?} {}", f.check, f.severity, f.finding)).collect()
}

fn settings(config: serde_json::Value) -> BTreeMap<String, ComponentSettings> {
    let config = config.as_object().unwrap().clone();
    [("kubelet".to_owned(), ComponentSettings { config, ..ComponentSettings::default() })].into()
}
