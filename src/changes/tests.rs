//! Inventories on a cluster that runs, each with what it comes to.

use std::collections::BTreeMap;

use semver::Version;

use super::*;
use crate::clients::etcd::Member;
use crate::cluster::{ProxyMode, Role, example};
use crate::components::{etcd, kube_apiserver, kube_proxy, kubelet};
use crate::facts::{FileFact, UnitFact};
use crate::live::{Api, Flags, Members, Node, Stray, StrayState};
use crate::record::{Record, RecordedInventory, Signature};

/// The example cluster as it runs: `m1` with everything, and the node `n1`.
pub(super) struct Running {
    pub(super) facts: BTreeMap<String, HostFacts>,
    pub(super) live: Live,
}

pub(super) fn running() -> Running {
    let cluster = example::cluster("1.36.3");
    let unit = || UnitFact {
        active: "active".into(),
        sub: "running".into(),
        enabled: "enabled".into(),
        active_since: 1,
        restart_key: "key".into(),
        ..UnitFact::default()
    };
    let dir =
        || FileFact { sha256: String::new(), mode: 0o700, owner: "etcd".into(), group: "etcd".into(), written: 0 };
    let mut facts = BTreeMap::new();
    for host in &cluster.hosts {
        let mut of = HostFacts { known: true, ..HostFacts::default_host() };
        let units = [(Role::Etcd, etcd::UNIT), (Role::Master, kube_apiserver::UNIT), (Role::Node, kubelet::UNIT)];
        of.units = units.into_iter().filter(|(r, _)| host.is(*r)).map(|(_, name)| (name.into(), unit())).collect();
        if host.is(Role::Etcd) {
            of.dirs.insert(etcd::member(&cluster.layout), dir());
        }
        facts.insert(host.name.clone(), of);
    }
    let node = |name: &str, address: &str, piece: &str| Node {
        name: name.into(),
        ready: true,
        ours: true,
        cordoned: false,
        address: address.parse().ok(),
        pods: vec![piece.parse().unwrap()],
        kubelet: Some(Version::new(1, 36, 3)),
        runtime: Some(cluster.versions.containerd.clone()),
    };
    let member = Member {
        id: "1".into(),
        name: "m1".into(),
        peer_urls: vec!["https://10.0.0.11:2380".into()],
        client_urls: Vec::new(),
        learner: false,
    };
    let members = Members {
        cluster: "c".into(),
        list: vec![member],
        version: Some(cluster.versions.etcd.clone()),
        healthy: true,
        secrets: None,
    };
    let flags = Flags {
        initial_cluster: Some("m1=https://10.0.0.11:2380".into()),
        initial_state: Some("new".into()),
        cluster: Some("demo".into()),
        services: Some(cluster.networks.services),
        pods: Some(cluster.networks.pods),
        node_prefix: Some(24),
    };
    let signature = Signature { written: "2026-01-01T00:00:00Z".into(), by: "ann@desk".into() };
    let inventory = RecordedInventory::new("c.yaml", "", BTreeMap::new());
    let live = Live {
        members: [("m1".to_owned(), members)].into(),
        api: Some(Api {
            master: "m1".into(),
            version: Some(Version::new(1, 36, 3)),
            nodes: vec![node("m1", "10.0.0.11", "10.244.0.0/24"), node("n1", "10.0.0.21", "10.244.1.0/24")],
            services: vec![cluster.networks.services],
            api_address: Some(cluster.networks.api_address),
            dns_address: Some(cluster.networks.dns_address),
            dns_domain: Some("cluster.local".into()),
            node_ports: vec![(30080, "default/web".into())],
            ..Api::default()
        }),
        record: Some(Record::new(&cluster, inventory, String::new(), signature)),
        flags: [("m1".to_owned(), flags)].into(),
        ..Live::default()
    };
    Running { facts, live }
}

/// What is refused, without the hints; hosts that are not probed yet are fresh ones.
pub(super) fn refused(running: &Running, change: impl Fn(&mut Cluster)) -> Vec<String> {
    let mut cluster = example::cluster("1.36.3");
    change(&mut cluster);
    let mut facts = running.facts.clone();
    for host in &cluster.hosts {
        facts.entry(host.name.clone()).or_insert_with(HostFacts::default_host);
    }
    facts.retain(|name, _| cluster.host(name).is_some());
    let known = Known { catalogue: &Catalogue::standard(), cluster: &cluster, facts: &facts, live: &running.live };
    let Err(error) = refuse(&known) else { return Vec::new() };
    let lines = |e: &Error| format!("{} [{}]", e.message, e.details.join("; "));
    [lines(&error)].into_iter().chain(error.others.iter().map(lines)).collect()
}

pub(super) fn one(running: &Running, change: impl Fn(&mut Cluster)) -> String {
    let all = refused(running, change);
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

#[test]
fn the_same_inventory_and_what_rolls_are_taken() {
    let running = running();
    assert_eq!(refused(&running, |_| {}), [""; 0]);
    assert_eq!(refused(&running, |c| c.networks.node_ports = (30000, 31000)), [""; 0]);
    assert_eq!(refused(&running, |c| c.endpoint.host = "10.0.0.99".into()), [""; 0]);
    assert_eq!(refused(&running, |c| c.encrypt_secrets = false), [""; 0]);
    assert_eq!(refused(&running, |c| c.hosts.push(example::host("n2", 22, &[Role::Node]))), [""; 0]);
}

#[test]
fn networks_and_names_are_fixed() {
    let running = running();
    let pods = one(&running, |c| c.networks.pods = "10.10.0.0/16".parse().unwrap());
    assert_eq!(
        pods,
        "networks.pods is 10.10.0.0/16, and a running cluster cannot change it [pods have addresses of 10.244.0.0/16: \
         m1 has 10.244.0.0/24, n1 has 10.244.1.0/24]"
    );
    let wider = one(&running, |c| c.networks.pods = "10.244.0.0/15".parse().unwrap());
    assert!(wider.ends_with("[pods have addresses of 10.244.0.0/16]"), "{wider}");
    let services = one(&running, |c| c.networks.services = "10.97.0.0/16".parse().unwrap());
    assert!(services.ends_with("[Services have addresses of 10.96.0.0/16]"), "{services}");
    let both = one(&running, |c| {
        c.networks.services = "10.97.0.0/16".parse().unwrap();
        c.networks.dns_address = "10.97.0.10".parse().unwrap();
    });
    assert_eq!(both, services, "the address follows from the network");
    let dns = one(&running, |c| c.networks.dns_address = "10.96.0.11".parse().unwrap());
    assert!(dns.contains("kube-dns has 10.96.0.10"), "{dns}");
    assert!(one(&running, |c| c.networks.dns_domain = "k8s.site".into()).contains("under cluster.local"));
    assert!(one(&running, |c| c.networks.node_prefix = 25).contains("m1 has 10.244.0.0/24"));
    assert!(one(&running, |c| c.name = "other".into()).contains("these hosts run the cluster demo"));
    assert!(one(&running, |c| c.networks.node_ports = (31000, 32000)).contains("default/web has 30080"));
    let single = one(&running, |c| c.pki.authorities = crate::cluster::Authorities::Single);
    assert!(single.contains("the cluster has separate CAs"), "{single}");
}

/// What `auto` comes to on the hosts is what counts.
#[test]
fn kube_proxy_keeps_its_mode() {
    let mut running = running();
    for facts in running.facts.values_mut() {
        let kubelet = facts.units[kubelet::UNIT].clone();
        facts.units.insert(kube_proxy::UNIT.into(), kubelet);
    }
    let mode = one(&running, |c| c.proxy_mode = ProxyMode::Iptables);
    assert!(mode.ends_with("[kube-proxy works in nftables mode on m1, n1]"), "{mode}");
    assert_eq!(refused(&running, |c| c.proxy_mode = ProxyMode::Nftables), [""; 0]);
    let own = |c: &mut Cluster| {
        let settings = c.hosts[1].components.entry("kube-proxy".into()).or_default();
        settings.config.insert("mode".into(), "iptables".into());
    };
    let mode = one(&running, own);
    assert!(mode.starts_with("components.kube-proxy.config.mode is iptables"), "{mode}");
    assert!(mode.ends_with("[kube-proxy works in nftables mode on n1]"), "{mode}");
    running.live.api.as_mut().unwrap().nodes[1].cordoned = true;
    assert_eq!(refused(&running, own), [""; 0], "by hand, a node that is drained takes it");
    running
        .live
        .record
        .as_mut()
        .unwrap()
        .settings
        .insert("hosts[n1].components".into(), serde_json::json!({"kube-proxy": {"config": {"mode": "iptables"}}}));
    running.live.api.as_mut().unwrap().nodes[1].cordoned = false;
    let both = |c: &mut Cluster| {
        own(c);
        c.proxy_mode = ProxyMode::Iptables;
    };
    assert!(one(&running, both).ends_with("nftables mode on m1]"), "n1 has it already");
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let all = refused(&running(), |c| {
        c.networks.pods = "10.10.0.0/16".parse().unwrap();
        c.networks.dns_domain = "k8s.site".into();
        c.versions.kubernetes = Version::new(1, 35, 6);
    });
    assert_eq!(all.len(), 3, "{all:?}");
}

#[test]
fn a_cluster_whose_etcd_is_elsewhere_is_not_made_anew() {
    let mut other = running();
    // The node of the inventory has no way to know more than this: nobody answers, and there is no record.
    other.live = Live::default();
    let only_node = |c: &mut Cluster| {
        c.hosts.remove(0);
        c.hosts[0].roles = [Role::Etcd, Role::Master, Role::Node].into();
    };
    let all = one(&other, only_node);
    assert!(all.starts_with("n1 would become a new, empty etcd"), "{all}");
    // The same where both are named and the roles have moved.
    let moved = |c: &mut Cluster| {
        c.hosts[1].roles = c.hosts[0].roles.clone();
        c.hosts[0].roles = [Role::Node].into();
    };
    other.facts.values_mut().for_each(|facts| facts.units.values_mut().for_each(|u| u.active = "inactive".into()));
    assert!(refused(&other, moved)[0].starts_with("n1 would become a new, empty etcd"));
    // Fresh hosts, and those where a first `up` was broken off before anything started, are no cluster.
    other.facts.values_mut().for_each(|facts| *facts = HostFacts::default_host());
    assert_eq!(refused(&other, only_node), [""; 0]);
}

#[test]
fn before_anything_ran_networks_are_still_free() {
    let mut begun = running();
    begun.live = Live { record: begun.live.record, flags: begun.live.flags, ..Live::default() };
    let other_network = |c: &mut Cluster| c.networks.pods = "10.10.0.0/16".parse().unwrap();
    assert_eq!(refused(&begun, other_network).len(), 1, "it is only stopped");
    let never = |facts: &mut HostFacts| {
        facts.units.values_mut().for_each(|unit| unit.restart_key.clear());
        facts.dirs.clear();
    };
    begun.facts.values_mut().for_each(never);
    assert_eq!(refused(&begun, other_network), [""; 0]);
}

#[test]
fn members_join_and_neither_leave_nor_move_in_passing() {
    let running = running();
    let three = |c: &mut Cluster| {
        c.hosts.push(example::host("e2", 12, &[Role::Etcd]));
        c.hosts.push(example::host("e3", 13, &[Role::Etcd]));
    };
    assert_eq!(refused(&running, three), [""; 0]);
    let gone = refused(&running, |c| {
        c.hosts[0].roles.remove(&Role::Etcd);
        c.hosts.push(example::host("e2", 12, &[Role::Etcd]));
    });
    assert!(gone.iter().any(|e| e.starts_with("the inventory has other etcd members than the cluster")), "{gone:?}");
    assert!(gone.iter().any(|e| e.starts_with("m1 has the role etcd no longer, and runs it")), "{gone:?}");
    // Where etcd is stopped its unit still says who its members are, and there is nobody whom another one could join.
    let mut stopped = running;
    stopped.live.members.clear();
    stopped.live.api = None;
    let three = refused(&stopped, three);
    assert!(three[0].starts_with("the inventory has an etcd member"), "{three:?}");
    assert_eq!(refused(&stopped, |_| {}), [""; 0]);
}

#[test]
fn hosts_that_are_renamed_moved_or_swapped_are_found() {
    let running = running();
    let renamed = refused(&running, |c| c.hosts[1].name = "worker1".into());
    // Nobody knows a worker1: what is asked there is the old n1.
    assert_eq!(renamed, [""; 0], "a fresh host may take the address of another");
    let mut probed = self::running();
    let n1 = probed.facts["n1"].clone();
    probed.facts.insert("worker1".into(), n1);
    let renamed = one(&probed, |c| c.hosts[1].name = "worker1".into());
    assert_eq!(renamed, "worker1: the node at 10.0.0.21 has another name in the cluster [it is n1]");
    let moved = one(&running, |c| c.hosts[1].address = "10.0.0.22".parse().unwrap());
    assert_eq!(moved, "n1: its address is 10.0.0.22, and the cluster has it under another one [it is 10.0.0.21]");
    let swapped = refused(&running, |c| {
        let address = c.hosts[0].address;
        c.hosts[0].address = c.hosts[1].address;
        c.hosts[1].address = address;
    });
    assert!(swapped.iter().any(|e| e.starts_with("an etcd member has another address")), "{swapped:?}");
    assert!(swapped.iter().any(|e| e.starts_with("n1: its address is 10.0.0.11")), "{swapped:?}");
}

#[test]
fn roles_that_run_do_not_leave_in_passing_and_masters_join_those_that_answer() {
    let running = running();
    let node = one(&running, |c| _ = c.hosts[0].roles.remove(&Role::Node));
    assert_eq!(node, "m1 has the role node no longer, and runs it [kubelet.service is active there]");
    let master = |c: &mut Cluster| _ = c.hosts[1].roles.insert(Role::Master);
    assert_eq!(refused(&running, master), [""; 0]);
    let mut begun = self::running();
    begun.live.api = None;
    let alone = refused(&begun, master);
    assert!(alone.iter().any(|e| e.starts_with("n1 would become a master of a running cluster")), "{alone:?}");
    // A first `up` that was broken off had that in mind already.
    begun.live.record.as_mut().unwrap().hosts[1].roles.insert(Role::Master);
    assert_eq!(refused(&begun, master), [""; 0]);
}

#[test]
fn hosts_that_have_left_and_run_on_are_refused() {
    let mut running = running();
    let host = running.live.record.as_ref().unwrap().hosts[1].clone();
    let without = |c: &mut Cluster| drop(c.hosts.pop());
    for (state, expected) in [
        (StrayState::Runs(vec!["kubelet.service".into()]), Some("running there: kubelet.service")),
        (StrayState::Unreachable("n1: no route".into()), Some("its node is Ready; n1: no route")),
        (StrayState::Stopped, None),
        (StrayState::Clean, None),
    ] {
        running.live.strays = vec![Stray { host: host.clone(), state }];
        let all = refused(&running, without);
        match expected {
            Some(evidence) => assert_eq!(all, [format!("n1 has left the inventory, and runs on [{evidence}]")]),
            None => assert_eq!(all, [""; 0]),
        }
    }
}

#[test]
fn while_the_api_is_away_the_record_says_what_cannot_change() {
    let mut away = running();
    away.live.api = None;
    assert_eq!(refused(&away, |_| {}), [""; 0]);
    assert_eq!(refused(&away, |c| c.networks.node_ports = (30000, 31000)), [""; 0]);
    let dns = one(&away, |c| c.networks.dns_address = "10.96.0.11".parse().unwrap());
    assert!(dns.starts_with("networks.dnsAddress: 10.96.0.10 → 10.96.0.11: no API server answers"), "{dns}");
    assert!(one(&away, |c| c.versions.kubernetes = Version::new(1, 34, 4)).starts_with("kubernetes: 1.36.3 → 1.34.4"));
    let master = refused(&away, |c| _ = c.hosts[1].roles.insert(Role::Master));
    assert!(master.iter().any(|e| e.starts_with("n1 would become a master of a running cluster")), "{master:?}");
    let moved = one(&away, |c| c.hosts[1].address = "10.0.0.22".parse().unwrap());
    assert!(moved.ends_with("[it is 10.0.0.21]"), "{moved}");
    away.facts.insert("worker1".into(), away.facts["n1"].clone());
    assert!(one(&away, |c| c.hosts[1].name = "worker1".into()).ends_with("[it is n1]"));
}

#[test]
fn a_renamed_host_is_found_though_its_node_was_deleted_unless_it_was_taken_back() {
    let mut deleted = running();
    deleted.live.api.as_mut().unwrap().nodes.pop();
    deleted.facts.insert("worker1".into(), deleted.facts["n1"].clone());
    let rename = |c: &mut Cluster| c.hosts[1].name = "worker1".into();
    assert!(one(&deleted, rename).ends_with("[it is n1]"));
    deleted.facts.insert("worker1".into(), HostFacts::default_host());
    assert_eq!(refused(&deleted, rename), [""; 0]);
    let moved = |c: &mut Cluster| c.hosts[1].address = "10.0.0.22".parse().unwrap();
    deleted.facts.insert("n1".into(), HostFacts::default_host());
    assert_eq!(refused(&deleted, moved), [""; 0], "it was reset, and comes back elsewhere");
}

#[test]
fn a_node_of_ours_that_runs_is_not_forgotten_with_the_record() {
    let mut lost = running();
    lost.live.record = None;
    let all = one(&lost, |c| drop(c.hosts.pop()));
    assert_eq!(all, "n1 has left the inventory, and runs on [its node, 10.0.0.21, is Ready]");
    lost.live.api.as_mut().unwrap().nodes[1].ours = false;
    assert_eq!(refused(&lost, |c| drop(c.hosts.pop())), [""; 0], "somebody else's node");
}

#[test]
fn a_forged_record_counts_less_than_what_the_cluster_says() {
    let mut forged = running();
    let record = forged.live.record.as_mut().unwrap();
    record.cluster = "other".into();
    for (field, value) in [("networks.pods", "10.9.0.0/16"), ("networks.services", "10.8.0.0/16")] {
        record.settings.insert(field.into(), value.into());
    }
    record.settings.insert("networks.dnsDomain".into(), "evil.local".into());
    record.settings.insert("kubernetes".into(), "1.20.0".into());
    assert_eq!(refused(&forged, |_| {}), [""; 0]);
    let pods = one(&forged, |c| c.networks.pods = "10.9.0.0/16".parse().unwrap());
    assert!(pods.contains("10.244.0.0/16"), "{pods}");
    // A node whose kubelet says that it gives pods another domain is not believed against the record.
    let mut lied = running();
    lied.live.api.as_mut().unwrap().dns_domain = Some("evil.local".into());
    assert_eq!(refused(&lied, |_| {}), [""; 0]);
    assert!(!refused(&lied, |c| c.networks.dns_domain = "k8s.site".into()).is_empty());
    // Without any record the facts say the same.
    forged.live.record = None;
    assert!(!refused(&forged, |c| c.networks.dns_domain = "k8s.site".into()).is_empty());
}

#[test]
fn what_changed_is_named_with_its_class() {
    let running = running();
    let mut cluster = example::cluster("1.36.3");
    cluster.networks.node_ports = (30000, 31000);
    cluster.hosts[1].labels.insert("disk".into(), "ssd".into());
    cluster.hosts.push(example::host("n2", 22, &[Role::Node]));
    let all = differences(running.live.record.as_ref().unwrap(), &cluster);
    let words: Vec<String> = all.iter().map(|d| format!("{} ({})", d.words().join(", "), d.class.name())).collect();
    assert_eq!(
        words,
        ["hosts[n1].labels.disk: nothing → ssd (rolling)", "networks.nodePorts: 30000-32767 → 30000-31000 (rolling)"]
    );
}

/// The example cluster with a second worker, as whoever has its kubelet's key says that it is.
fn stolen(say: impl Fn(&mut Node)) -> (Running, Cluster) {
    let (mut running, mut cluster) = (running(), example::cluster("1.36.3"));
    cluster.hosts.push(example::host("n2", 22, &[Role::Node]));
    let api = running.live.api.as_mut().unwrap();
    let mut node = Node { name: "n2".into(), address: "10.0.0.22".parse().ok(), ..api.nodes[1].clone() };
    node.pods = vec!["10.244.2.0/24".parse().unwrap()];
    say(&mut node);
    api.nodes.push(node);
    let n1 = running.facts["n1"].clone();
    running.facts.insert("n2".into(), n1);
    let record = running.live.record.take().unwrap();
    let signature = Signature { written: record.written, by: record.by };
    running.live.record = Some(Record::new(&cluster, record.inventory, String::new(), signature));
    (running, cluster)
}

#[test]
fn one_workers_word_stops_nobody_and_is_named() {
    type Say = fn(&mut Node);
    let lies: [(Say, &str); 4] = [
        (|n| n.kubelet = Some(Version::new(1, 99, 0)), "n2 says that it is 1.99.0, newer than kube-apiserver 1.36.3"),
        (|n| n.runtime = Some(Version::new(99, 0, 0)), "n2 says that containerd 99.0.0 runs there"),
        (|n| n.runtime = Some(Version::new(0, 1, 0)), "n2 says that containerd 0.1.0 runs there"),
        (|n| n.address = "10.0.0.11".parse().ok(), "n2 says that its address is 10.0.0.11, which is that of m1"),
    ];
    for (say, words) in lies {
        let (mut running, cluster) = stolen(say);
        let catalogue = Catalogue::standard();
        let said = |running: &Running, cluster: &Cluster| {
            let known = Known { catalogue: &catalogue, cluster, facts: &running.facts, live: &running.live };
            refuse(&known).map(|()| doubts(&known).join("\n")).map_err(|error| format!("{error:?}"))
        };
        let doubts = said(&running, &cluster).unwrap();
        assert!(doubts.contains(words) && doubts.lines().count() == 1, "{doubts}");
        // When it is being revoked, it is none of the inventory's, and nothing that it says counts.
        let mut without = cluster.clone();
        let users = vec!["system:node:n2".into()];
        let (name, since, by) = ("n2".into(), String::new(), String::new());
        without.revoke(vec![crate::cluster::Revoked { name, address: None, users, secrets: Vec::new(), since, by }]);
        assert_eq!(said(&running, &without).unwrap(), "");
        // Nor without a record, of which a cluster of 0.1.0 has none.
        running.live.record = None;
        assert_eq!(said(&running, &without).unwrap(), "");
    }
    let (running, cluster) = stolen(|_| {});
    let known =
        Known { catalogue: &Catalogue::standard(), cluster: &cluster, facts: &running.facts, live: &running.live };
    assert_eq!(doubts(&known), [""; 0]);
}

#[test]
fn another_minor_of_containerd_is_refused_whoever_says_it_alone() {
    let mut running = running();
    let other = |c: &mut Cluster| c.versions.containerd.minor += 1;
    assert!(one(&running, other).starts_with("versions.containerd is "));
    running.live.record = None;
    assert!(one(&running, other).starts_with("versions.containerd is "), "the nodes say it, too");
    let mut forged = self::running();
    let record = forged.live.record.as_mut().unwrap();
    record.settings.insert("versions.containerd".into(), "1.0.0".into());
    assert_eq!(refused(&forged, |_| {}), [""; 0], "nodes run what is wanted");
}
