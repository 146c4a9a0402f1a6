//! What services are started with, by their units: where nothing that runs says it.

use std::collections::BTreeMap;

use super::{Flags, has_role};
use crate::cluster::{Cluster, Role};
use crate::components::{etcd, kube_controller_manager};
use crate::facts::HostFacts;
use crate::record::Record;

/// The flags of those hosts where they may tell what a cluster was made with: members of etcd and masters, as the inventory or the
/// folder's own record says; where there is no record, all with a member's data.
pub fn of(cluster: &Cluster, facts: &BTreeMap<String, HostFacts>, kept: Option<&Record>) -> BTreeMap<String, Flags> {
    let data = etcd::member(&cluster.layout);
    let mut all = BTreeMap::new();
    for host in &cluster.hosts {
        let Some(facts) = facts.get(&host.name).filter(|facts| facts.known) else { continue };
        let master = has_role(host, Role::Master, kept);
        let member = facts.dirs.contains_key(&data) && (kept.is_none() || has_role(host, Role::Etcd, kept));
        if member || master {
            let manager = if master { command(facts, kube_controller_manager::UNIT) } else { "" };
            all.insert(host.name.clone(), flags(command(facts, etcd::UNIT), manager));
        }
    }
    all
}

/// What systemd starts, in one line.
fn command<'a>(facts: &'a HostFacts, unit: &str) -> &'a str {
    let command = facts.units.get(unit).and_then(|unit| unit.commands.last());
    command.map(|command| command.argv.as_str()).unwrap_or_default()
}

fn flags(etcd: &str, manager: &str) -> Flags {
    Flags {
        initial_cluster: flag(etcd, "initial-cluster"),
        initial_state: flag(etcd, "initial-cluster-state"),
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
        let etcd = "/usr/local/bin/etcd --name=m1 --initial-cluster=m1=https://10.0.0.11:2380 \
                    --initial-cluster-state=new";
        let manager = "/usr/local/bin/x --cluster-cidr=10.244.0.0/16 --node-cidr-mask-size=24";
        let flags = flags(etcd, manager);
        assert_eq!(flags.initial_cluster.as_deref(), Some("m1=https://10.0.0.11:2380"));
        assert_eq!((flags.pods, flags.node_prefix), ("10.244.0.0/16".parse().ok(), Some(24)));
        assert_eq!(flags.initial_state.as_deref(), Some("new"));
        assert_eq!(flag(etcd, "initial-cluster-token"), None);
    }
}
