//! A cluster to try things on, for tests of this module and of those after it.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use super::versions::fitting;
use super::*;

/// `m1` is etcd member, master and node, `n1` a node.
pub fn cluster(kubernetes: &str) -> Cluster {
    Cluster {
        name: "demo".into(),
        versions: fitting(&Version::parse(kubernetes).unwrap()),
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
        balancing: Balancing::default(),
        proxy_mode: ProxyMode::Auto,
        http_proxy: None,
        pki: Pki {
            authorities: Authorities::Separate,
            key: KeyKind::EcdsaP256,
            expiry: Lifetime::hours(8760),
            ca_expiry: Lifetime::hours(87_600),
            extra_sans: Vec::new(),
        },
        encrypt_secrets: true,
        recovery_keys: Vec::new(),
        sources: Vec::new(),
        packages: BTreeMap::new(),
        hosts: vec![host("m1", 11, &[Role::Etcd, Role::Master, Role::Node]), host("n1", 21, &[Role::Node])],
        revoked: Vec::new(),
        layout: Layout::standard(),
    }
}

/// `m1` to `m3` are each etcd member, master and node, behind a balancer of the site's.
pub fn three_masters(kubernetes: &str) -> Cluster {
    let all = [Role::Etcd, Role::Master, Role::Node];
    Cluster {
        endpoint: Endpoint { host: "10.0.0.10".into(), port: 6443 },
        hosts: [("m1", 11), ("m2", 12), ("m3", 13)].map(|(name, last)| host(name, last, &all)).into(),
        ..cluster(kubernetes)
    }
}

/// A host at 10.0.0.`last`.
pub fn host(name: &str, last: u8, roles: &[Role]) -> Host {
    let address = [10, 0, 0, last].into();
    Host {
        name: name.into(),
        address,
        roles: roles.iter().copied().collect(),
        labels: BTreeMap::new(),
        taints: Vec::new(),
        ssh: Ssh {
            transport: TransportKind::Ssh,
            address: address.to_string(),
            port: None,
            user: None,
            keys: Vec::new(),
            known_hosts: None,
            host_key: None,
            connect_timeout: None,
        },
        components: BTreeMap::new(),
        waive: BTreeSet::new(),
    }
}
