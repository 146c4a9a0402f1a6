//! Each check against facts made for it.

mod across;
mod host;
mod leftovers;
mod names;
mod ports;

use std::collections::BTreeSet;

use semver::Version;

use super::*;
use crate::cluster::{
    Authorities, Component, ComponentSettings, Endpoint, KeyAlgorithm, Layout, NetworkPlugin, Networks, Pki, ProxyMode,
    Role, Ssh, TransportKind, Versions,
};
use crate::facts::{Cgroup, Disk, FileFact, Listening, Module, Sysctl, UnitFact};

fn host(name: &str, address: &str, roles: &[Role]) -> Host {
    Host {
        name: name.into(),
        address: address.parse().unwrap(),
        roles: roles.iter().copied().collect(),
        labels: BTreeMap::new(),
        taints: Vec::new(),
        ssh: Ssh {
            transport: TransportKind::Ssh,
            address: address.into(),
            port: 22,
            user: "root".into(),
            keys: Vec::new(),
            known_hosts: None,
            host_key: None,
            connect_timeout: 10,
        },
        components: BTreeMap::new(),
        waive: BTreeSet::new(),
    }
}

/// m1 is etcd member and master, n1 and n2 are nodes.
fn cluster() -> Cluster {
    let version = |text: &str| Version::parse(text).unwrap();
    Cluster {
        name: "test".into(),
        versions: Versions {
            kubernetes: version("1.36.3"),
            etcd: version("3.6.14"),
            containerd: version("2.3.7"),
            runc: version("1.5.2"),
            cni_plugins: version("1.9.1"),
            flannel: version("0.28.10"),
            coredns: version("1.14.7"),
            pause: "3.10.1".into(),
        },
        networks: Networks {
            pods: "10.244.0.0/16".parse().unwrap(),
            services: "10.96.0.0/16".parse().unwrap(),
            dns_domain: "cluster.local".into(),
            dns_address: "10.96.0.10".parse().unwrap(),
            api_address: "10.96.0.1".parse().unwrap(),
            node_prefix: 24,
            node_ports: (30000, 32767),
            plugin: NetworkPlugin::Flannel,
        },
        endpoint: Endpoint { host: "10.0.0.11".into(), port: 6443 },
        proxy_mode: ProxyMode::Auto,
        pki: Pki {
            authorities: Authorities::Separate,
            algorithm: KeyAlgorithm::Ecdsa,
            key_size: 256,
            expiry: "8760h".into(),
            ca_expiry: "87600h".into(),
            extra_sans: Vec::new(),
        },
        encrypt_secrets: true,
        sources: Vec::new(),
        hosts: vec![
            host("m1", "10.0.0.11", &[Role::Etcd, Role::Master]),
            host("n1", "10.0.0.21", &[Role::Node]),
            host("n2", "10.0.0.22", &[Role::Node]),
        ],
        layout: Layout::standard(),
    }
}

/// A disk of 100 GB with so much of it free.
fn disk(free: u64) -> Disk {
    Disk { free, size: 100_000_000_000 }
}

/// What a bare, good host answers to [`questions`].
fn good(host: &Host) -> HostFacts {
    let mut facts = HostFacts::ordinary();
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
    UnitFact {
        active: active.into(),
        sub: String::new(),
        enabled: "enabled".into(),
        restarts: 0,
        active_since: 0,
        restart_key: String::new(),
    }
}

fn socket(address: &str, port: u16, process: &str) -> Listening {
    Listening { port, address: address.into(), process: (!process.is_empty()).then(|| process.into()) }
}

/// The findings of a host, changed before: `check severity finding`.
fn found(name: &str, change: impl FnOnce(&mut Cluster, &mut HostFacts)) -> Vec<String> {
    let mut cluster = cluster();
    let mut facts = good(cluster.host(name).unwrap());
    change(&mut cluster, &mut facts);
    let findings = check(&cluster, cluster.host(name).unwrap(), &facts);
    assert!(findings.iter().all(|finding| !finding.remedy.is_empty()));
    findings.iter().map(|f| format!("{} {:?} {}", f.check, f.severity, f.finding)).collect()
}

fn settings(config: serde_json::Value) -> BTreeMap<Component, ComponentSettings> {
    let config = config.as_object().unwrap().clone();
    [(Component::Kubelet, ComponentSettings { config, ..ComponentSettings::default() })].into()
}
