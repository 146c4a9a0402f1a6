//! Paths between hosts: which the cluster needs, and what it means that one is shut.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::finding::{Finding, Severity};
use super::openings::Firewall;
use super::{blame, firewall};
use crate::cluster::{Cluster, Host, NetworkPlugin, ProxyMode, Role};
use crate::components::{Catalogue, PortSpec, Protocol, flanneld, kubelet};
use crate::facts::paths::{self, Chain, End, Path, Who};
use crate::facts::{self, HostFacts, Listening};

/// The check's name.
const CHECK: &str = "paths";

/// The paths that the cluster needs and that begin or end on one of `hosts`.
///
/// A port that a service of the host holds is tried through it. Where flannel's VXLAN runs on both hosts, it is tried
/// through the pod network; on its way to a VXLAN that runs a host's first packet is not answered, and that is not tried.
pub fn needed(
    catalogue: &Catalogue,
    cluster: &Cluster,
    facts: &BTreeMap<String, HostFacts>,
    hosts: &BTreeSet<String>,
) -> Vec<Path> {
    let mut needed = Vec::new();
    for (from, to) in cluster.hosts.iter().flat_map(|from| cluster.hosts.iter().map(move |to| (from, to))) {
        let concerned = hosts.contains(&from.name) || hosts.contains(&to.name);
        let (Some(before), Some(behind)) = (facts.get(&from.name), facts.get(&to.name)) else { continue };
        if from.name == to.name || !concerned {
            continue;
        }
        let ports = catalogue.on(cluster, to).flat_map(|spec| spec.ports);
        for port in ports.filter(|port| port.reached_by.iter().any(|role| from.is(*role))) {
            needed.extend(match port.protocol {
                Protocol::Tcp => Some(by_tcp(from, to, behind, port)),
                Protocol::Udp => by_udp(cluster, (from, before), (to, behind), port),
            });
        }
    }
    needed
}

/// The paths between hosts that run, through services that hold their ports. Where a host's kernel has lost something, its
/// pod network is known to be broken, and is not tried.
pub fn in_use(catalogue: &Catalogue, cluster: &Cluster, facts: &BTreeMap<String, HostFacts>) -> Vec<Path> {
    let known = facts.iter().filter(|(_, facts)| facts.known).map(|(name, _)| name.clone()).collect();
    let whole = |name: &String| facts.get(name).is_some_and(|facts| facts.lost.is_empty());
    let tried = |path: &Path| match path.answers {
        Who::Try => false,
        Who::Service => true,
        Who::Tunnelled => whole(&path.from) && whole(&path.to),
    };
    needed(catalogue, cluster, facts, &known).into_iter().filter(tried).collect()
}

/// One path to each service of each host: enough to see whether a host is shut off, with as many as there are hosts. They
/// begin on many hosts: a single one would do the work of all.
pub fn few(paths: &[Path]) -> Vec<Path> {
    let mut by_end: BTreeMap<(&str, u16, bool), Vec<&Path>> = BTreeMap::new();
    for path in paths {
        by_end.entry((&path.to, path.port, path.answers == Who::Tunnelled)).or_default().push(path);
    }
    by_end.into_values().enumerate().map(|(at, paths)| paths[at % paths.len()].clone()).collect()
}

fn path(from: &Host, to: &Host, port: &PortSpec, answers: Who) -> Path {
    Path {
        from: from.name.clone(),
        to: to.name.clone(),
        address: to.address,
        port: port.number,
        protocol: port.protocol,
        what: port.about.to_owned(),
        answers,
    }
}

fn by_tcp(from: &Host, to: &Host, behind: &HostFacts, port: &PortSpec) -> Path {
    let held = holder(&behind.listening, to.address, port.number).is_some();
    path(from, to, port, if held { Who::Service } else { Who::Try })
}

fn by_udp(cluster: &Cluster, from: (&Host, &HostFacts), to: (&Host, &HostFacts), port: &PortSpec) -> Option<Path> {
    let ((from, before), (to, behind)) = (from, to);
    if !flanneld::has_vxlan(to) {
        return None;
    }
    if holder(&behind.listening_udp, to.address, port.number).is_none() {
        return Some(path(from, to, port, Who::Try));
    }
    let device = |facts: &HostFacts| {
        // Others try what a host says here: nothing beyond the pod network.
        let pods = |address: &&IpAddr| facts.known && cluster.networks.pods.contains(*address);
        let addresses = facts.addresses.iter().filter(|(name, _)| name == flanneld::DEVICE);
        addresses.map(|(_, address)| address).find(pods).copied()
    };
    let (Some(_), Some(address)) = (device(before), device(behind)) else { return None };
    Some(Path {
        address,
        port: kubelet::PORT,
        protocol: Protocol::Tcp,
        what: "the pod network".into(),
        ..path(from, to, port, Who::Tunnelled)
    })
}

/// The socket that holds the port at that address, unless it is an earlier try's, which goes away.
fn holder(sockets: &[Listening], address: IpAddr, port: u16) -> Option<&Listening> {
    let there = |socket: &&Listening| {
        let at = socket.address.split('%').next().unwrap_or_default().trim_matches(['[', ']']);
        ["*", "::", "0.0.0.0"].contains(&at) || at.parse() == Ok(address)
    };
    sockets.iter().filter(|socket| socket.port == port && !paths::is_try(socket)).find(there)
}

/// What was found by trying, the hosts in the inventory's order. `chains` are those of each host that was asked.
pub fn judge(
    catalogue: &Catalogue,
    cluster: &Cluster,
    facts: &BTreeMap<String, HostFacts>,
    tried: &[(Path, End)],
    chains: &BTreeMap<String, Vec<Chain>>,
) -> Vec<Finding> {
    let drops = |name: &str| chains.get(name).is_some_and(|chains| !firewall::against(chains).is_empty());
    let blamed = blame::hosts(tried, drops);
    let mut findings = Vec::new();
    for host in &cluster.hosts {
        let opens = facts.get(&host.name).map_or_else(Vec::new, |facts| {
            let opens = |firewall: Firewall| (firewall, firewall.opens(catalogue, cluster, host));
            Firewall::on(facts).into_iter().map(opens).collect()
        });
        findings.extend(shut(host, tried, &blamed, chains, &opens));
        let node = host.is(Role::Node) && cluster.networks.plugin == NetworkPlugin::Flannel;
        if let Some(chains) = chains.get(&host.name).filter(|_| node) {
            let mode = facts.get(&host.name).map(|facts| facts::decide(catalogue, cluster, host, facts).proxy_mode);
            findings.extend(forward(cluster, host, chains, mode == Some(ProxyMode::Nftables), &opens));
        }
    }
    findings
}

/// Firewalls of a host that have words of their own, with those that open what is needed.
type Opens = [(Firewall, String)];

/// ``firewalld runs on n2: `firewall-cmd …` ``
fn by_firewalls(host: &Host, opens: &Opens) -> String {
    let all = opens.iter().map(|(firewall, opens)| format!("{firewall} runs on {}: {opens}", host.name));
    all.collect::<Vec<_>>().join("; ")
}

/// The ports at one end of paths, and the hosts at the other.
type Shut<'a> = BTreeMap<String, BTreeSet<&'a str>>;

/// What each host's firewall has.
type Chains = BTreeMap<String, Vec<Chain>>;

/// One finding for each sort of end at the host that the paths are put down to: those to it, then those from it.
fn shut(host: &Host, tried: &[(Path, End)], blamed: &[Option<&str>], chains: &Chains, opens: &Opens) -> Vec<Finding> {
    let mut ends: Vec<(bool, &End, Shut)> = Vec::new();
    for ((path, end), blamed) in tried.iter().zip(blamed).filter(|((_, end), _)| *end != End::Open) {
        if blamed.unwrap_or(&path.to) != host.name {
            continue;
        }
        let here = path.to == host.name;
        let known = ends.iter().position(|(to, known, _)| (*to, *known) == (here, end));
        let at = known.unwrap_or_else(|| {
            ends.push((here, end, Shut::new()));
            ends.len() - 1
        });
        let other = if here { &path.from } else { &path.to };
        ends[at].2.entry(named(path)).or_default().insert(other);
    }
    ends.sort_by_key(|(here, ..)| !here);
    let finding = |(here, end, shut): (bool, &End, Shut)| match here {
        true => finding(host, end, &shut, chains, opens),
        false => without_answers(host, &shut, chains),
    };
    ends.into_iter().map(finding).collect()
}

/// `TCP 10250 (kubelet)`.
fn named(path: &Path) -> String {
    match (path.answers, path.protocol) {
        (Who::Tunnelled, _) => format!("{} ({})", path.what, path.address),
        (_, Protocol::Tcp) => format!("TCP {} ({})", path.port, path.what),
        (_, Protocol::Udp) => format!("UDP {} ({})", path.port, path.what.trim_end_matches(" (UDP)")),
    }
}

/// `TCP 10250 (kubelet) from m1; UDP 8472 (flannel's VXLAN) from m1, n2`: ports that are shut to the same hosts together.
fn list(shut: &Shut, preposition: &str) -> String {
    let mut by_hosts: BTreeMap<&BTreeSet<&str>, Vec<&str>> = BTreeMap::new();
    for (port, hosts) in shut {
        by_hosts.entry(hosts).or_default().push(port);
    }
    let joined = |hosts: &BTreeSet<&str>| hosts.iter().copied().collect::<Vec<_>>().join(", ");
    let lists: Vec<_> =
        by_hosts.iter().map(|(hosts, ports)| format!("{} {preposition} {}", ports.join(", "), joined(hosts))).collect();
    lists.join("; ")
}

/// ` (n2 has `iptables -P INPUT DROP`)`: of the host that the paths are put down to, where its rules can be seen; else of
/// those at the other end, which may keep answers out.
fn firewalls(host: &Host, shut: &Shut, chains: &Chains) -> String {
    let seen = |name: &str| {
        let rules = firewall::against(chains.get(name)?);
        (!rules.is_empty()).then(|| format!("{name} has `{}`", rules.join("`, `")))
    };
    let others = || {
        let hosts: BTreeSet<&str> = shut.values().flatten().copied().collect();
        hosts.into_iter().filter_map(seen).take(3).collect()
    };
    let seen: Vec<String> = seen(&host.name).map_or_else(others, |own| vec![own]);
    if seen.is_empty() { String::new() } else { format!(" ({})", seen.join("; ")) }
}

/// Of a host that gets no answers from others.
fn without_answers(host: &Host, shut: &Shut, chains: &Chains) -> Finding {
    let (name, list, seen) = (&host.name, list(shut, "at"), firewalls(host, shut, chains));
    let finding = format!("no answer comes back within {} s: {list}", paths::PATIENCE);
    let remedy = format!(
        "a firewall drops the answers on {name} or on the way{seen}: let in what belongs to connections that the host has \
         begun (`ct state established,related accept`)"
    );
    Finding::new(host, CHECK, Severity::Fail, finding, remedy)
}

fn finding(host: &Host, end: &End, shut: &Shut, chains: &Chains, opens: &Opens) -> Finding {
    let (address, list) = (host.address, list(shut, "from"));
    let on = format!("on {} or on the way", host.name);
    let seen = firewalls(host, shut, chains);
    let (severity, finding, remedy) = match end {
        End::Open | End::Silent => (
            Severity::Fail,
            format!("no answer within {} s at {address}: {list}", paths::PATIENCE),
            format!("a firewall drops it {on}{seen}: let it in"),
        ),
        End::Refused => (
            Severity::Fail,
            format!("refused at {address}, though something listens there: {list}"),
            format!("a firewall rejects it {on}{seen}: let it in"),
        ),
        End::NoWay(words) => (
            Severity::Fail,
            format!("no way to {address} ({words}): {list}"),
            format!(
                "look for the route there: `ip route get {address}`; where there is one, a firewall {on} says so{seen}"
            ),
        ),
        End::NotTried(why) => (
            Severity::Warn,
            format!("not tried ({why}): {list}"),
            "mend what is said there; `kbootstrap verify` tries the paths of a cluster that runs".into(),
        ),
    };
    let told = !opens.is_empty() && !matches!(end, End::NotTried(_));
    Finding::new(host, CHECK, severity, finding, if told { by_firewalls(host, opens) } else { remedy })
}

/// flannel lets pods' packets through in a table of its own; what another chain drops is dropped nevertheless. In
/// iptables mode it adds its rules to the very chain.
fn forward(cluster: &Cluster, host: &Host, chains: &[Chain], nftables: bool, opens: &Opens) -> Option<Finding> {
    let pods = cluster.networks.pods;
    let (chain, rule) = firewall::stops(chains, pods, nftables)?;
    let iptables = if pods.addr().is_ipv6() { "ip6tables" } else { "iptables" };
    let remedy = match chain.name.strip_prefix("nft ") {
        _ if !opens.is_empty() => by_firewalls(host, opens),
        None => format!(
            "`{iptables} -I FORWARD -s {pods} -j ACCEPT && {iptables} -I FORWARD -d {pods} -j ACCEPT`, and the same at \
             each boot; where Docker sets the policy, from version 28 on `\"ip-forward-no-drop\": true` in its \
             daemon.json, then `{iptables} -P FORWARD ACCEPT`"
        ),
        Some(name) => {
            let family = if pods.addr().is_ipv6() { "ip6" } else { "ip" };
            format!(
                "`nft insert rule {name} {family} saddr {pods} accept && nft insert rule {name} {family} daddr {pods} \
                 accept`, and the same in what makes this chain at boot"
            )
        }
    };
    let finding = format!("packets of pods are dropped on their way through: {} has `{rule}`", chain.name);
    Some(Finding::new(host, "forward", Severity::Fail, finding, remedy))
}
