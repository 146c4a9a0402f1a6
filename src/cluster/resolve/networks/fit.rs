//! Whether networks are large enough, of one family, and apart from each other and from the hosts.

use std::net::IpAddr;

use ipnet::IpNet;

use super::is_v4;
use crate::inventory::check::{addresses::mapped, host};
use crate::inventory::{Inventory, Mistake, Path, Ranges, Role};

/// Fewer service addresses leave no room: the tenth is CoreDNS'.
const LEAST_SERVICE_BITS: u8 = 4;
/// kube-apiserver's limit while it keeps a bitmap of service addresses (`cmd/kube-apiserver/app/options/validation.go`).
const MOST_SERVICE_BITS: u8 = 20;
/// kube-controller-manager's limit for IPv6 (`pkg/controller/nodeipam/ipam/cidrset`).
const MOST_POD_BITS_V6: u8 = 16;

/// Size of the service network.
pub fn services(path: &Path, net: &IpNet) -> Option<Mistake> {
    let bits = net.max_prefix_len() - net.prefix_len();
    if bits < LEAST_SERVICE_BITS {
        let least = net.max_prefix_len() - LEAST_SERVICE_BITS;
        let message = format!("service network {net} is too small: it has {} addresses, 16 are needed", 1_u32 << bits);
        return Some(
            Mistake::at(path.clone(), message).hint(format!("use /{least} or a shorter prefix; /16 is usual")),
        );
    }
    if bits > MOST_SERVICE_BITS {
        let least = net.max_prefix_len() - MOST_SERVICE_BITS;
        let message = format!("service network {net} is larger than kube-apiserver takes");
        return Some(Mistake::at(path.clone(), message).hint(format!("use /{least} or a longer prefix")));
    }
    None
}

/// Size of the pod network, for all nodes.
pub fn pods(inventory: &Inventory, net: &IpNet, node_prefix: u8) -> Option<Mistake> {
    let at = Path::root().key("networks");
    let field = if inventory.networks.node_prefix.is_some() { "nodePrefix" } else { "pods" };
    let (prefix, max) = (net.prefix_len(), net.max_prefix_len());
    if node_prefix > max - 2 {
        let message = format!("a node's piece /{node_prefix} of the pod network has no room for pods");
        return Some(Mistake::at(at.key(field), message).hint(format!("use {} for 254 pod addresses", max - 8)));
    }
    let nodes = nodes(inventory);
    let pieces = node_prefix.checked_sub(prefix).map(|bits| 1_u128 << bits);
    if pieces.is_none_or(|pieces| pieces < nodes as u128) {
        let message = match pieces {
            None => format!("pod network {net} is smaller than one node's piece, /{node_prefix}"),
            Some(pieces) => {
                format!("pod network {net} has {pieces} pieces of /{node_prefix}, and there are {nodes} nodes")
            }
        };
        let hint = "use a larger network (a shorter prefix), or a longer nodePrefix";
        return Some(Mistake::at(at.key(field), message).hint(hint));
    }
    if !is_v4(net) && node_prefix - prefix > MOST_POD_BITS_V6 {
        let message = format!("nodePrefix {node_prefix} is more than {MOST_POD_BITS_V6} above the pod network {net}");
        return Some(Mistake::at(at.key(field), message).hint("kube-controller-manager takes no more"));
    }
    None
}

/// IPv4 or IPv6, the same everywhere: kube-apiserver insists on it for its own address and the service network.
pub fn families(inventory: &Inventory, pods: &IpNet, services: &IpNet) -> Option<Mistake> {
    let at = Path::root().key("networks");
    let family = |v4: bool| if v4 { "IPv4" } else { "IPv6" };
    if is_v4(pods) != is_v4(services) {
        let field = if inventory.networks.pods.is_some() { "pods" } else { "services" };
        let message = format!("pods are {} and services {}", family(is_v4(pods)), family(is_v4(services)));
        return Some(Mistake::at(at.key(field), message).hint(one_family(inventory)));
    }
    let other = addresses(inventory).find(|(_, _, ip)| ip.is_ipv4() != is_v4(services))?;
    let (index, name, ip) = other;
    let message = format!(
        "host {name} has the {} address {ip}, and services are {}",
        family(ip.is_ipv4()),
        family(is_v4(services))
    );
    Some(Mistake::at(host(index).key("address"), message).hint(one_family(inventory)))
}

/// The networks to write, where the hosts are of one family themselves.
fn one_family(inventory: &Inventory) -> String {
    let hosts: Vec<IpAddr> = addresses(inventory).map(|(_, _, ip)| ip).collect();
    let alike = hosts.iter().all(IpAddr::is_ipv6) || hosts.iter().all(IpAddr::is_ipv4);
    match alike && !hosts.is_empty() {
        true => format!("write `{}`", Ranges::fitting(&hosts, nodes(inventory)).line()),
        false => "hosts, pods and services must be of one family".into(),
    }
}

fn nodes(inventory: &Inventory) -> usize {
    inventory.hosts.iter().filter(|host| host.roles.contains(&Role::Node)).count()
}

/// Networks that share addresses, and hosts within one of them.
pub fn apart(inventory: &Inventory, pods: &IpNet, services: &IpNet) -> Vec<Mistake> {
    let at = Path::root().key("networks");
    let mut mistakes = vec![];
    if pods.contains(services) || services.contains(pods) {
        let field = if inventory.networks.services.is_some() { "services" } else { "pods" };
        let message = format!("pod network {pods} and service network {services} overlap");
        mistakes.push(Mistake::at(at.key(field), message).hint("give each a range of its own"));
    }
    for (index, name, ip) in addresses(inventory) {
        for (what, field, net) in [("pod", "pods", pods), ("service", "services", services)] {
            if net.contains(&ip) {
                let message = format!("host {name} has the address {ip}, which lies in the {what} network {net}");
                let hint = format!("set `networks: {{{field}: …}}` to a range that no host uses");
                mistakes.push(Mistake::at(host(index).key("address"), message).hint(hint));
            }
        }
    }
    mistakes
}

fn addresses(inventory: &Inventory) -> impl Iterator<Item = (usize, &str, IpAddr)> {
    let hosts = inventory.hosts.iter().enumerate();
    // The IPv6 form of an IPv4 address is a mistake of its own.
    let proper = |text: &str| text.parse().ok().filter(|ip| mapped(*ip).is_none());
    hosts.filter_map(move |(i, h)| Some((i, h.name.as_str(), proper(&h.address)?)))
}
