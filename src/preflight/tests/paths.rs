//! Paths between hosts.

use super::*;
use crate::facts::paths::{Chain, End, Hook, Path, Who};

fn all_good(cluster: &Cluster) -> BTreeMap<String, HostFacts> {
    cluster.hosts.iter().map(|host| (host.name.clone(), good(host))).collect()
}

fn needed(facts: &BTreeMap<String, HostFacts>, hosts: &[&str]) -> Vec<Path> {
    let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    needed_paths(&Catalogue::standard(), &cluster(), facts, &hosts)
}

fn shown(paths: &[Path]) -> Vec<String> {
    paths.iter().map(|p| format!("{}>{} {:?} {} {:?}", p.from, p.to, p.protocol, p.port, p.answers)).collect()
}

#[test]
fn what_the_cluster_needs_is_tried_and_nothing_else() {
    let paths = needed(&all_good(&cluster()), &["m1", "n1", "n2"]);
    assert_eq!(
        shown(&paths),
        [
            "m1>n1 Tcp 10250 Try",
            "m1>n2 Tcp 10250 Try",
            "n1>m1 Tcp 6443 Try",
            "n1>n2 Udp 8472 Try",
            "n2>m1 Tcp 6443 Try",
            "n2>n1 Udp 8472 Try",
        ]
    );
}

#[test]
fn members_of_etcd_reach_each_other_and_masters_reach_them() {
    let roles = [[Role::Etcd].as_slice(), &[Role::Etcd], &[Role::Master]];
    let hosts = roles.iter().enumerate().map(|(i, roles)| example::host(["e1", "e2", "m1"][i], 11 + i as u8, roles));
    let cluster = Cluster { hosts: hosts.collect(), ..cluster() };
    let all = cluster.hosts.iter().map(|host| host.name.clone()).collect();
    let paths = needed_paths(&Catalogue::standard(), &cluster, &all_good(&cluster), &all);
    assert_eq!(shown(&paths), ["e1>e2 Tcp 2380 Try", "e2>e1 Tcp 2380 Try", "m1>e1 Tcp 2379 Try", "m1>e2 Tcp 2379 Try"]);
}

#[test]
fn for_a_host_that_joins_only_its_own_paths_are_tried_and_services_that_run_answer_themselves() {
    let mut facts = all_good(&cluster());
    let runs = |facts: &mut HostFacts, flannel: &str| {
        facts.known = true;
        facts.listening = vec![socket("*", 10250, "kubelet"), socket("*", 6443, "kube-apiserver")];
        facts.listening_udp = vec![socket("0.0.0.0", 8472, "")];
        facts.addresses.push(("flannel.1".into(), flannel.parse().unwrap()));
    };
    runs(facts.get_mut("m1").unwrap(), "10.244.0.0");
    runs(facts.get_mut("n1").unwrap(), "10.244.1.0");
    assert_eq!(
        shown(&needed(&facts, &["n2"])),
        ["m1>n2 Tcp 10250 Try", "n1>n2 Udp 8472 Try", "n2>m1 Tcp 6443 Service"],
        "what a new host sends to a VXLAN that runs is not answered"
    );
    runs(facts.get_mut("n2").unwrap(), "10.244.2.0");
    let paths = needed(&facts, &["n1", "n2"]);
    let through = paths.iter().find(|path| path.from == "n1" && path.to == "n2").unwrap();
    assert_eq!(
        (through.answers, through.address.to_string(), through.port),
        (Who::Tunnelled, "10.244.2.0".into(), 10250)
    );
    assert!(needed(&facts, &[]).is_empty());
    let behind = facts.get_mut("n2").unwrap();
    behind.addresses.retain(|(name, _)| name != "flannel.1");
    behind.addresses.push(("flannel.1".into(), "198.51.100.7".parse().unwrap()));
    let tried = needed(&facts, &["n1", "n2"]);
    assert!(
        tried.iter().all(|path| path.address.to_string() != "198.51.100.7"),
        "what a host says leads nobody elsewhere"
    );
}

#[test]
fn of_a_cluster_that_runs_one_path_to_each_service_shows_who_is_shut_off() {
    let mut facts = all_good(&cluster());
    for (name, flannel) in [("n1", "10.244.1.0"), ("n2", "10.244.2.0"), ("m1", "10.244.0.0")] {
        let facts = facts.get_mut(name).unwrap();
        facts.known = true;
        facts.listening = vec![socket("*", 10250, "kubelet"), socket("*", 6443, "kube-apiserver")];
        facts.listening_udp = vec![socket("0.0.0.0", 8472, "")];
        facts.addresses.push(("flannel.1".into(), flannel.parse().unwrap()));
    }
    let few = |facts: &BTreeMap<String, HostFacts>| {
        let all = crate::preflight::paths_in_use(&Catalogue::standard(), &cluster(), facts);
        shown(&crate::preflight::few_paths(&all))
    };
    let kubelets = ["m1>n1 Tcp 10250 Service", "m1>n2 Tcp 10250 Service"];
    let mut expected = vec!["n1>m1 Tcp 6443 Service", kubelets[0], "n2>n1 Tcp 10250 Tunnelled", kubelets[1]];
    expected.push("n1>n2 Tcp 10250 Tunnelled");
    assert_eq!(few(&facts), expected);
    facts.get_mut("n2").unwrap().lost.insert("flanneld.service".into(), vec!["a route is missing".into()]);
    assert_eq!(few(&facts).len(), 3, "a pod network that is known to be broken is not tried");
    facts.get_mut("n2").unwrap().known = false;
    facts.get_mut("n1").unwrap().listening.clear();
    assert_eq!(few(&facts).len(), 2, "nothing listens for it");
}

#[test]
fn a_host_that_drops_answers_too_is_named_and_not_those_that_it_asks() {
    let drops = |rules: &[&str]| Chain {
        name: "iptables INPUT".into(),
        hook: Hook::Input,
        drops: rules.is_empty(),
        rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
    };
    let ends = [
        ("m1", "n2", 10250, End::Silent),
        ("n1", "n2", 8472, End::Silent),
        ("n2", "n1", 8472, End::Silent),
        ("n2", "m1", 6443, End::Silent),
    ];
    let elsewhere = drops(&["-A INPUT -s 192.0.2.7/32 -j DROP"]);
    let chains = [("n2", drops(&[])), ("m1", elsewhere)];
    insta::assert_snapshot!(judged(&ends, &chains, ProxyMode::Nftables), @r"
    n2 paths Fail: no answer within 4 s at 10.0.0.22: TCP 10250 (kubelet) from m1; UDP 8472 (flannel's VXLAN) from n1
      -> a firewall drops it on n2 or on the way (n2 has `iptables -P INPUT DROP`): let it in
    n2 paths Fail: no answer comes back within 4 s: TCP 6443 (kube-apiserver) at m1; UDP 8472 (flannel's VXLAN) at n1
      -> a firewall drops the answers on n2 or on the way (n2 has `iptables -P INPUT DROP`): let in what belongs to connections that the host has begun (`ct state established,related accept`)
    ");
}

#[test]
fn a_port_on_loopback_or_of_an_earlier_try_is_free() {
    let mut facts = all_good(&cluster());
    facts.get_mut("n1").unwrap().listening =
        vec![socket("127.0.0.1", 10250, "kubelet"), socket("10.0.0.21", 10250, "systemd-socket-")];
    assert_eq!(shown(&needed(&facts, &["n1"]))[0], "m1>n1 Tcp 10250 Try");
    let own = found("n1", |_, facts| facts.listening = vec![socket("10.0.0.21", 10250, "systemd-socket-")]);
    assert_eq!(own, Vec::<String>::new());
}

/// The findings where these paths ended so, with their remedies.
fn judged(ends: &[(&str, &str, u16, End)], chains: &[(&str, Chain)], mode: ProxyMode) -> String {
    judged_on(all_good(&cluster()), ends, chains, mode)
}

fn judged_on(
    facts: BTreeMap<String, HostFacts>,
    ends: &[(&str, &str, u16, End)],
    chains: &[(&str, Chain)],
    mode: ProxyMode,
) -> String {
    let paths = needed(&all_good(&cluster()), &["m1", "n1", "n2"]);
    let tried: Vec<_> = paths
        .into_iter()
        .map(|path| {
            let end = ends.iter().find(|(from, to, port, _)| (*from, *to, *port) == (&path.from, &path.to, path.port));
            let end = end.map_or(End::Open, |(.., end)| end.clone());
            (path, end)
        })
        .collect();
    let chains = chains.iter().map(|(host, chain)| ((*host).to_owned(), vec![chain.clone()])).collect();
    let cluster = Cluster { proxy_mode: mode, ..cluster() };
    let findings = judge_paths(&Catalogue::standard(), &cluster, &facts, &tried, &chains);
    let shown =
        findings.iter().map(|f| format!("{} {} {:?}: {}\n  -> {}", f.host, f.check, f.severity, f.finding, f.remedy));
    shown.collect::<Vec<_>>().join("\n")
}

#[test]
fn each_way_to_be_shut_has_its_words() {
    let drops = Chain { name: "iptables INPUT".into(), hook: Hook::Input, drops: true, rules: Vec::new() };
    let ends = [
        ("m1", "n1", 10250, End::Silent),
        ("n2", "n1", 8472, End::Silent),
        ("n1", "m1", 6443, End::Refused),
        ("n2", "m1", 6443, End::NoWay("No route to host".into())),
        ("m1", "n2", 10250, End::NotTried("there is no ss program".into())),
    ];
    insta::assert_snapshot!(judged(&ends, &[("n1", drops)], ProxyMode::Nftables), @r"
    m1 paths Fail: refused at 10.0.0.11, though something listens there: TCP 6443 (kube-apiserver) from n1
      -> a firewall rejects it on m1 or on the way (n1 has `iptables -P INPUT DROP`): let it in
    m1 paths Fail: no way to 10.0.0.11 (No route to host): TCP 6443 (kube-apiserver) from n2
      -> look for the route there: `ip route get 10.0.0.11`; where there is one, a firewall on m1 or on the way says so
    n1 paths Fail: no answer within 4 s at 10.0.0.21: TCP 10250 (kubelet) from m1; UDP 8472 (flannel's VXLAN) from n2
      -> a firewall drops it on n1 or on the way (n1 has `iptables -P INPUT DROP`): let it in
    n2 paths Warn: not tried (there is no ss program): TCP 10250 (kubelet) from m1
      -> mend what is said there; `kbootstrap verify` tries the paths of a cluster that runs
    ");
    assert_eq!(judged(&[], &[], ProxyMode::Nftables), "");
}

#[test]
fn a_chain_that_drops_what_goes_through_is_found_on_nodes() {
    let drops = Chain { name: "iptables FORWARD".into(), hook: Hook::Forward, drops: true, rules: Vec::new() };
    let docker = [("m1", drops.clone()), ("n1", drops)];
    insta::assert_snapshot!(judged(&[], &docker, ProxyMode::Nftables), @r#"
    n1 forward Fail: packets of pods are dropped on their way through: iptables FORWARD has `iptables -P FORWARD DROP`
      -> `iptables -I FORWARD -s 10.244.0.0/16 -j ACCEPT && iptables -I FORWARD -d 10.244.0.0/16 -j ACCEPT`, and the same at each boot; where Docker sets the policy, from version 28 on `"ip-forward-no-drop": true` in its daemon.json, then `iptables -P FORWARD ACCEPT`
    "#);
    assert_eq!(judged(&[], &docker, ProxyMode::Iptables), "", "flanneld adds its rules to this chain");
}

#[test]
fn a_firewall_with_words_of_its_own_is_told_in_these() {
    let mut facts = all_good(&cluster());
    facts.get_mut("m1").unwrap().units.insert("firewalld.service".into(), unit("active"));
    facts.get_mut("n1").unwrap().ufw = true;
    let ends = [
        ("n1", "m1", 6443, End::NoWay("No route to host".into())),
        ("m1", "n1", 10250, End::Silent),
        ("m1", "n2", 10250, End::Silent),
    ];
    let drops = Chain { name: "iptables FORWARD".into(), hook: Hook::Forward, drops: true, rules: Vec::new() };
    insta::assert_snapshot!(judged_on(facts, &ends, &[("n1", drops)], ProxyMode::Nftables), @r"
    m1 paths Fail: no way to 10.0.0.11 (No route to host): TCP 6443 (kube-apiserver) from n1
      -> firewalld runs on m1: `firewall-cmd --permanent --add-port=6443/tcp && firewall-cmd --reload`
    n1 paths Fail: no answer within 4 s at 10.0.0.21: TCP 10250 (kubelet) from m1
      -> ufw runs on n1: `ufw allow 10250/tcp && ufw allow 8472/udp && ufw allow from 10.244.0.0/16 && ufw route allow from 10.244.0.0/16 && ufw route allow to 10.244.0.0/16`
    n1 forward Fail: packets of pods are dropped on their way through: iptables FORWARD has `iptables -P FORWARD DROP`
      -> ufw runs on n1: `ufw allow 10250/tcp && ufw allow 8472/udp && ufw allow from 10.244.0.0/16 && ufw route allow from 10.244.0.0/16 && ufw route allow to 10.244.0.0/16`
    n2 paths Fail: no answer within 4 s at 10.0.0.22: TCP 10250 (kubelet) from m1
      -> a firewall drops it on n2 or on the way: let it in
    ");
}
