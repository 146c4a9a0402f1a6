//! Paths between hosts: which the cluster needs, and what it means that one is shut.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::finding::{Finding, Severity};
use super::firewall;
use super::openings::Firewall;
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
                Protocol::Udp => by_udp((from, before), (to, behind), port),
            });
        }
    }
    needed
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

fn by_udp(from: (&Host, &HostFacts), to: (&Host, &HostFacts), port: &PortSpec) -> Option<Path> {
    let ((from, before), (to, behind)) = (from, to);
    if !flanneld::has_vxlan(to) {
        return None;
    }
    if holder(&behind.listening_udp, to.address, port.number).is_none() {
        return Some(path(from, to, port, Who::Try));
    }
    let device = |facts: &HostFacts| {
        let addresses = facts.addresses.iter().filter(|_| facts.known);
        addresses.clone().find(|(name, address)| name == flanneld::DEVICE && !link_local(address)).map(|(_, at)| *at)
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

fn link_local(address: &IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
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
    let mut findings = Vec::new();
    for host in &cluster.hosts {
        let opens = facts.get(&host.name).map_or_else(Vec::new, |facts| {
            let opens = |firewall: Firewall| (firewall, firewall.opens(catalogue, cluster, host));
            Firewall::on(facts).into_iter().map(opens).collect()
        });
        findings.extend(shut(host, tried, chains, &opens));
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

/// The ports at one end of paths, and the hosts from which each is shut.
type Shut<'a> = BTreeMap<String, BTreeSet<&'a str>>;

/// What each host's firewall has.
type Chains = BTreeMap<String, Vec<Chain>>;

/// One finding for each sort of end at the host.
fn shut(host: &Host, tried: &[(Path, End)], chains: &Chains, opens: &Opens) -> Vec<Finding> {
    let mut ends: Vec<(&End, Shut)> = Vec::new();
    for (path, end) in tried.iter().filter(|(path, end)| path.to == host.name && *end != End::Open) {
        let known = ends.iter().position(|(known, _)| *known == end);
        let at = known.unwrap_or_else(|| {
            ends.push((end, Shut::new()));
            ends.len() - 1
        });
        ends[at].1.entry(named(path)).or_default().insert(&path.from);
    }
    ends.into_iter().map(|(end, shut)| finding(host, end, &shut, chains, opens)).collect()
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
fn list(shut: &Shut) -> String {
    let mut by_hosts: BTreeMap<&BTreeSet<&str>, Vec<&str>> = BTreeMap::new();
    for (port, from) in shut {
        by_hosts.entry(from).or_default().push(port);
    }
    let joined = |hosts: &BTreeSet<&str>| hosts.iter().copied().collect::<Vec<_>>().join(", ");
    let lists: Vec<_> =
        by_hosts.iter().map(|(from, ports)| format!("{} from {}", ports.join(", "), joined(from))).collect();
    lists.join("; ")
}

/// ` (n2 has `iptables -P INPUT DROP`)`: answers may be kept out where the question came from.
fn firewalls(host: &Host, shut: &Shut, chains: &Chains) -> String {
    let hosts: BTreeSet<&str> = shut.values().flatten().copied().chain([host.name.as_str()]).collect();
    let seen = |name: &&str| {
        let rules = firewall::against(chains.get(*name)?);
        (!rules.is_empty()).then(|| format!("{name} has `{}`", rules.join("`, `")))
    };
    let seen: Vec<_> = hosts.iter().filter_map(seen).take(3).collect();
    if seen.is_empty() { String::new() } else { format!(" ({})", seen.join("; ")) }
}

fn finding(host: &Host, end: &End, shut: &Shut, chains: &Chains, opens: &Opens) -> Finding {
    let (address, list) = (host.address, list(shut));
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
