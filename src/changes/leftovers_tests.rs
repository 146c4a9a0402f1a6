//! What should not be there on a cluster that runs, each with how it is named.

use super::tests::{Running, running};
use super::*;
use crate::cluster::{NetworkPlugin, Role, example};
use crate::components::{flanneld, kube_apiserver};
use crate::error::Kind;
use crate::live::{Stray, StrayState};

/// Puts a unit on a host that kbootstrap has started once.
fn started(running: &mut Running, host: &str, unit: &str, active: &str) {
    let of = running.facts.get_mut(host).unwrap();
    let mut fact = of.units.values().next().unwrap().clone();
    fact.active = active.into();
    of.units.insert(unit.into(), fact);
}

fn found(running: &Running, change: impl Fn(&mut Cluster)) -> Vec<Leftover> {
    let mut cluster = example::cluster("1.36.3");
    change(&mut cluster);
    let Running { facts, live } = running;
    leftovers(&Known { catalogue: &Catalogue::standard(), cluster: &cluster, facts, live })
}

/// Each as it is named, and whether it can be removed.
fn said(running: &Running, change: impl Fn(&mut Cluster)) -> Vec<(String, bool)> {
    found(running, change).into_iter().map(|leftover| (leftover.said, leftover.removable)).collect()
}

#[test]
fn on_a_cluster_that_is_right_there_is_nothing() {
    let mut running = running();
    started(&mut running, "n1", flanneld::UNIT, "active");
    assert_eq!(said(&running, |_| {}), []);
    // A unit of that name that somebody else has put there is theirs.
    running.facts.get_mut("n1").unwrap().units.get_mut(flanneld::UNIT).unwrap().restart_key.clear();
    assert_eq!(said(&running, |c| c.networks.plugin = NetworkPlugin::None), []);
}

#[test]
fn a_network_plugin_that_was_switched_off_is_named_once_with_its_hosts_and_what_it_costs() {
    let mut running = running();
    let off = |c: &mut Cluster| c.networks.plugin = NetworkPlugin::None;
    started(&mut running, "m1", flanneld::UNIT, "active");
    started(&mut running, "n1", flanneld::UNIT, "active");
    let all = found(&running, off);
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0].name, "flanneld");
    assert_eq!(all[0].said, "flanneld is still on m1, n1, where the inventory does not have it: it runs there");
    assert!(all[0].remedy.contains("kbootstrap up --remove flanneld"), "{}", all[0].remedy);
    assert!(all[0].cost.contains("pods lose their network between hosts"), "{}", all[0].cost);
    started(&mut running, "m1", flanneld::UNIT, "inactive");
    assert!(said(&running, off)[0].0.ends_with("it runs on n1"));
    started(&mut running, "n1", flanneld::UNIT, "failed");
    let stopped = &found(&running, off)[0];
    assert!(stopped.said.ends_with("it does not run, but its files and keys are there"), "{}", stopped.said);
    assert_eq!(stopped.cost, "");
}

#[test]
fn the_components_of_a_role_that_was_taken_away_by_hand_are_named() {
    let mut running = running();
    for unit in [kube_apiserver::UNIT, "kube-controller-manager.service", "kube-scheduler.service"] {
        started(&mut running, "n1", unit, "inactive");
    }
    let names: Vec<String> = found(&running, |_| {}).into_iter().map(|leftover| leftover.name).collect();
    assert_eq!(names, ["kube-apiserver", "kube-controller-manager", "kube-scheduler"]);
    let as_master = |c: &mut Cluster| _ = c.hosts[1].roles.insert(Role::Master);
    assert_eq!(said(&running, as_master), []);
}

#[test]
fn keys_of_a_master_are_named_though_nothing_was_ever_started_with_them() {
    let mut running = running();
    let layout = example::cluster("1.36.3").layout;
    let key = running.facts["m1"].dirs.values().next().unwrap().clone();
    for path in [layout.service_account().0, layout.encryption()] {
        let mut keys = running.facts["n1"].clone();
        keys.files.insert(path, key.clone());
        std::mem::swap(running.facts.get_mut("n1").unwrap(), &mut keys);
        let names: Vec<String> = found(&running, |_| {}).into_iter().map(|leftover| leftover.name).collect();
        assert_eq!(names, ["kube-apiserver"]);
        // Where kbootstrap has never been, they are somebody else's.
        running.facts.get_mut("n1").unwrap().known = false;
        assert_eq!(said(&running, |_| {}), []);
        running.facts.insert("n1".into(), keys);
    }
}

#[test]
fn hosts_that_have_left_are_named_until_they_were_taken_back() {
    let mut running = running();
    let host = running.live.record.as_ref().unwrap().hosts[1].clone();
    let without = |c: &mut Cluster| drop(c.hosts.pop());
    let mut with = |state: StrayState, ready: bool| {
        running.live.strays = vec![Stray { host: host.clone(), state }];
        running.live.api.as_mut().unwrap().nodes[1].ready = ready;
        said(&running, without)
    };
    let host = "the host n1 (10.0.0.21) has left the inventory and";
    let cannot = || StrayState::Unreachable("n1: no route".into());
    assert_eq!(with(StrayState::Stopped, false), [(format!("{host} still has files and keys"), true)]);
    assert_eq!(with(cannot(), false), [(format!("{host} cannot be asked (n1: no route)"), true)]);
    // These two are refused by `up`; `status` names them.
    let ready = format!("{host} cannot be asked, but its node is Ready (n1: no route)");
    assert_eq!(with(cannot(), true), [(ready, false)]);
    let runs = StrayState::Runs(vec!["kubelet.service".into()]);
    assert_eq!(with(runs, true), [(format!("{host} runs kubelet.service"), false)]);
    // Of a host that was taken back the node may be left.
    let node = "the node n1 has no host in the inventory: it is not Ready".to_owned();
    assert_eq!(with(StrayState::Clean, false), [(node, true)]);
}

#[test]
fn a_node_without_a_host_is_named_and_one_that_runs_cannot_be_removed() {
    let mut running = running();
    let without = |c: &mut Cluster| drop(c.hosts.pop());
    let ready = "the node n1 has no host in the inventory: it is Ready, so something runs it".to_owned();
    assert_eq!(said(&running, without), [(ready, false)]);
    // The role counts, not the host.
    running.live.api.as_mut().unwrap().nodes[0].ready = false;
    let all = said(&running, |c| _ = c.hosts[0].roles.remove(&Role::Node));
    let kubelet = "kubelet is still on m1, where the inventory does not have it: it runs there".to_owned();
    let node = "the node m1 has no host in the inventory: it is not Ready".to_owned();
    // A role that runs is refused as such; `status` names it.
    assert_eq!(all, [(kubelet, false), (node, true)]);
}

#[test]
fn only_what_is_named_goes_and_wrong_names_are_said_all_at_once() {
    let mut running = running();
    started(&mut running, "n1", flanneld::UNIT, "active");
    let change = |c: &mut Cluster| {
        c.hosts.remove(0);
        c.networks.plugin = NetworkPlugin::None;
    };
    let all = found(&running, change);
    let names = |leftovers: &[Leftover]| leftovers.iter().map(|l| l.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&all), ["flanneld", "m1"]);
    let named = |names: &[&str]| to_remove(all.clone(), &names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
    let (taken, left) = named(&["flanneld"]).unwrap();
    assert_eq!((names(&taken), names(&left)), (vec!["flanneld".to_owned()], vec!["m1".to_owned()]));
    assert_eq!(names(&named(&[]).unwrap().1), ["flanneld", "m1"]);

    let error = named(&["flannel", "m1"]).unwrap_err();
    assert_eq!(error.kind, Kind::Usage);
    assert_eq!(error.message, "there is nothing called `flannel` that could be removed");
    assert_eq!(error.hints, ["what can be removed: flanneld"]);
    assert!(error.others[0].message.starts_with("m1 cannot be removed: the node m1"), "{}", error.others[0].message);
    let nothing = to_remove(Vec::new(), &["x".to_owned()]).unwrap_err();
    assert_eq!(nothing.hints, ["there is nothing that should not be there"]);
}
