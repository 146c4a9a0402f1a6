//! Fields that a running cluster cannot change: names, networks, CAs.

use std::collections::BTreeSet;
use std::fmt::Display;

use ipnet::IpNet;

use super::{Known, proxy_mode, refusal};
use crate::error::Error;
use crate::live::{Flags, Live};

const BACK: &str = "put the old value back; a cluster with the new one is a new cluster";

pub(super) fn refusals(known: &Known<'_>) -> Vec<Error> {
    let (cluster, live) = (known.cluster, known.live);
    let networks = &cluster.networks;
    let mut refusals = Vec::new();
    if !known.has_run() {
        return refusals;
    }
    let mut differs = |field: &str, wanted: String, said: String, remedy: &str| {
        refusals.push(refusal(format!("{field} is {wanted}, and a running cluster cannot change it"), said, remedy));
    };
    if let Some(name) = name(live).filter(|name| *name != cluster.name) {
        let said = format!("these hosts run the cluster {name}");
        differs("cluster", cluster.name.clone(), said, "put the old name back: nothing but labels shows it");
    }
    if let Some(said) = pods(known) {
        differs("networks.pods", networks.pods.to_string(), said, BACK);
    }
    if let Some(said) = services(live, networks.services) {
        differs("networks.services", networks.services.to_string(), said, BACK);
    }
    if let Some(said) = node_prefix(known, networks.node_prefix) {
        differs("networks.nodePrefix", networks.node_prefix.to_string(), said, BACK);
    }
    let api = live.api.as_ref();
    let address = api.and_then(|api| api.dns_address).filter(|live| *live != networks.dns_address);
    // One that follows from another network of Services is not a second mistake.
    if let Some(address) = address.filter(|_| services(live, networks.services).is_none()) {
        let said = format!("the Service kube-system/kube-dns has {address}, and running pods ask there");
        differs("networks.dnsAddress", networks.dns_address.to_string(), said, BACK);
    }
    // A single kubelet says it, and a host's word alone does not stop a run; nor does that of the record alone.
    let said = [api.and_then(|api| api.dns_domain.clone()), recorded(live, "networks.dnsDomain")];
    let agrees = said.iter().flatten().any(|domain| *domain == networks.dns_domain);
    if let Some(domain) = said.into_iter().flatten().next().filter(|_| !agrees) {
        let said = format!("running pods resolve names under {domain}");
        differs("networks.dnsDomain", networks.dns_domain.clone(), said, BACK);
    }
    if let Some(authorities) = recorded(live, "pki.authorities") {
        let wanted = crate::cluster::settings(cluster)["pki.authorities"].as_str().unwrap_or_default().to_owned();
        if wanted != authorities {
            let said = format!("the cluster has {authorities} CAs");
            differs("pki.authorities", wanted, said, "put the old value back: other CAs take a rotation");
        }
    }
    refusals.extend(node_ports(known));
    refusals.extend(proxy_mode::refusals(known));
    refusals
}

/// What the controller managers were started with is more than the record.
fn name(live: &Live) -> Option<String> {
    let started = live.flags.values().find_map(|flags| flags.cluster.clone());
    started.or_else(|| live.record.as_ref().map(|record| record.cluster.clone()))
}

fn recorded(live: &Live, field: &str) -> Option<String> {
    live.record.as_ref()?.setting(field)?.as_str().map(str::to_owned)
}

/// Nodes' pieces first, then what the controller managers were started with.
fn pods(known: &Known<'_>) -> Option<String> {
    let wanted = known.cluster.networks.pods;
    let nodes = known.nodes();
    let outside = nodes.flat_map(|node| node.pods.iter().map(|piece| (&node.name, piece)));
    let outside: Vec<String> = outside
        .filter(|(_, piece)| !wanted.contains(*piece) && same_family(wanted, **piece))
        .map(|(node, piece)| format!("{node} has {piece}"))
        .collect();
    let started = started(known.live, |flags| flags.pods);
    let network =
        started.filter(|network| *network != wanted).map(|network| format!("pods have addresses of {network}"));
    match (outside.is_empty(), network) {
        (true, network) => network,
        (false, Some(network)) => Some(format!("{network}: {}", outside.join(", "))),
        (false, None) => Some(outside.join(", ")),
    }
}

fn services(live: &Live, wanted: IpNet) -> Option<String> {
    let api = live.api.as_ref();
    let networks: BTreeSet<String> = match api.map(|api| &api.services) {
        Some(networks) if !networks.is_empty() => networks.iter().map(IpNet::to_string).collect(),
        _ => started(live, |flags| flags.services).iter().map(IpNet::to_string).collect(),
    };
    let differs = !networks.is_empty() && !networks.contains(&wanted.to_string());
    differs.then(|| format!("Services have addresses of {}", join(&networks)))
}

fn node_prefix(known: &Known<'_>, wanted: u8) -> Option<String> {
    let other = known.nodes().flat_map(|node| node.pods.first().map(|piece| (node, piece)));
    let other = other.filter(|(_, piece)| piece.prefix_len() != wanted);
    let other: Vec<String> = other.map(|(node, piece)| format!("{} has {piece}", node.name)).collect();
    let started = started(known.live, |flags| flags.node_prefix).filter(|prefix| *prefix != wanted);
    match (other.is_empty(), started) {
        (true, None) => None,
        (true, Some(prefix)) => Some(format!("nodes have pieces of /{prefix}")),
        (false, _) => Some(other.join(", ")),
    }
}

/// Ports of Services that would lie outside the range go on without anybody's knowing, until they are made anew.
fn node_ports(known: &Known<'_>) -> Option<Error> {
    let (first, last) = known.cluster.networks.node_ports;
    let ports = known.live.api.iter().flat_map(|api| &api.node_ports);
    let outside = ports.filter(|(port, _)| !(first..=last).contains(port));
    let outside: Vec<String> = outside.map(|(port, service)| format!("{service} has {port}")).collect();
    (!outside.is_empty()).then(|| {
        refusal(
            format!("networks.nodePorts is {first}-{last}, and Services have ports outside of it"),
            outside.join(", "),
            "take in these ports, or give the Services others first",
        )
    })
}

fn started<T: Copy>(live: &Live, of: impl Fn(&Flags) -> Option<T>) -> Option<T> {
    live.flags.values().find_map(of)
}

fn same_family(a: IpNet, b: IpNet) -> bool {
    a.addr().is_ipv4() == b.addr().is_ipv4()
}

fn join(items: &BTreeSet<impl Display>) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
