//! What services were started with, by their units: where nothing that runs says it.

use std::collections::BTreeMap;

use super::Flags;
use crate::access::Pool;
use crate::cluster::{Cluster, Host, Role};
use crate::components::{etcd, kube_controller_manager};
use crate::error::Result;
use crate::facts::{HostFacts, read_texts};

/// Reads the units of those hosts where they may tell what a cluster was made with: all with a member's data, and the
/// masters.
pub(super) fn ask(
    cluster: &Cluster,
    pool: &Pool,
    facts: &BTreeMap<String, HostFacts>,
) -> Result<BTreeMap<String, Flags>> {
    let [etcd, manager] = [etcd::UNIT, kube_controller_manager::UNIT].map(|u| format!("{}/{u}", cluster.layout.units));
    let data = etcd::member(&cluster.layout);
    let tells = |host: &&Host| {
        let facts = facts.get(&host.name);
        facts.is_some_and(|facts| facts.known && (facts.dirs.contains_key(&data) || host.is(Role::Master)))
    };
    let hosts: Vec<Host> = cluster.hosts.iter().filter(tells).cloned().collect();
    let texts = pool.each_host(&hosts, |host| read_texts(&mut *pool.take(host)?, &[&etcd, &manager]));
    let mut all = BTreeMap::new();
    for (host, texts) in hosts.iter().zip(texts) {
        let texts = texts?;
        let text = |path: &String| texts.get(path).map(String::as_str).unwrap_or_default();
        all.insert(host.name.clone(), flags(text(&etcd), text(&manager)));
    }
    Ok(all)
}

fn flags(etcd: &str, manager: &str) -> Flags {
    Flags {
        initial_cluster: flag(etcd, "initial-cluster"),
        cluster: flag(manager, "cluster-name"),
        services: flag(manager, "service-cluster-ip-range").and_then(|value| value.parse().ok()),
        pods: flag(manager, "cluster-cidr").and_then(|value| value.parse().ok()),
        node_prefix: ["node-cidr-mask-size", "node-cidr-mask-size-ipv6"]
            .iter()
            .find_map(|name| flag(manager, name)?.parse().ok()),
    }
}

/// The value of a flag in a unit's command line.
fn flag(unit: &str, name: &str) -> Option<String> {
    let begin = format!("--{name}=");
    let words = unit.split_whitespace().map(|word| word.trim_matches('"'));
    words.filter_map(|word| word.strip_prefix(&begin)).next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_units_as_we_write_them() {
        let etcd = "ExecStart=/usr/local/bin/etcd \\\n  --name=m1 \\\n  --initial-cluster=m1=https://10.0.0.11:2380\n";
        let manager = "ExecStart=x \\\n  --cluster-cidr=10.244.0.0/16 \\\n  --node-cidr-mask-size=24 \\\n";
        let flags = flags(etcd, manager);
        assert_eq!(flags.initial_cluster.as_deref(), Some("m1=https://10.0.0.11:2380"));
        assert_eq!((flags.pods, flags.node_prefix), ("10.244.0.0/16".parse().ok(), Some(24)));
        assert_eq!(flag(etcd, "initial-cluster-token"), None);
    }
}
