//! Networks: three that must not touch (hosts, pods, services), each large enough.

mod fit;
mod node_ports;

use std::net::IpAddr;

use ipnet::IpNet;

use crate::cluster::{Known, NetworkPlugin, Networks};
use crate::inventory::check::{addresses, names};
use crate::inventory::{Inventory, Loaded, Mistake, Path, Ranges};

/// CoreDNS gets the tenth service address, as kubeadm does it.
const DNS_INDEX: u128 = 10;

/// Decides the networks; mistakes are added to `mistakes`.
pub fn resolve(loaded: &Loaded, known: &Known<'_>, mistakes: &mut Vec<Mistake>) -> Option<Networks> {
    let inventory = &loaded.inventory;
    let written = &inventory.networks;
    let at = Path::root().key("networks");
    // A field that cannot be read would leave its default here, and that one's clashes are not the user's.
    if !loaded.sound(&at) {
        return None;
    }
    let pods = network(&at.key("pods"), written.pods.as_deref().unwrap_or(Ranges::DEFAULT.pods), mistakes);
    let services =
        network(&at.key("services"), written.services.as_deref().unwrap_or(Ranges::DEFAULT.services), mistakes);
    let node_ports = node_ports::resolve(&at.key("nodePorts"), written.node_ports.as_deref(), known, mistakes);
    let (pods, services) = (pods?, services?);
    let node_prefix = written.node_prefix.unwrap_or(if is_v4(&pods) { 24 } else { 64 });
    let before = mistakes.len();
    mistakes.extend(fit::services(&at.key("services"), &services));
    mistakes.extend(fit::pods(inventory, &pods, node_prefix));
    mistakes.extend(fit::families(inventory, &pods, &services));
    mistakes.extend(fit::apart(inventory, &pods, &services));
    if mistakes.len() > before {
        return None;
    }
    Some(Networks {
        dns_address: dns_address(inventory, &services, mistakes)?,
        api_address: nth(&services, 1)?,
        dns_domain: written.dns_domain.clone().unwrap_or_else(|| "cluster.local".into()),
        node_prefix,
        node_ports: node_ports?,
        plugin: written.plugin.unwrap_or(NetworkPlugin::Flannel),
        pods,
        services,
    })
}

fn network(path: &Path, text: &str, mistakes: &mut Vec<Mistake>) -> Option<IpNet> {
    let meant = addresses::peel_network(text);
    if let Some((mistake, remedy)) = names::odd(path, text, "network") {
        mistakes.push(mistake.hint(meant.map_or(remedy, |net| format!("write `{net}`"))));
        return None;
    }
    let mistake = match text.parse::<IpNet>() {
        Ok(net) if net.trunc() == net => return Some(net),
        Ok(net) => Mistake::at(path.clone(), format!("network {text} has bits after its prefix"))
            .hint(format!("did you mean `{}`?", net.trunc())),
        Err(_) if text.parse::<IpAddr>().is_ok() => {
            Mistake::at(path.clone(), format!("network {text} has no prefix length"))
                .hint(format!("for example {text}/16"))
        }
        Err(_) => Mistake::at(path.clone(), format!("`{text}` is not a network"))
            .hint(meant.map_or_else(|| "for example 10.244.0.0/16".into(), |net| format!("write `{net}`"))),
    };
    mistakes.push(mistake);
    None
}

fn dns_address(inventory: &Inventory, services: &IpNet, mistakes: &mut Vec<Mistake>) -> Option<IpAddr> {
    let Some(text) = &inventory.networks.dns_address else { return nth(services, DNS_INDEX) };
    let path = Path::root().key("networks").key("dnsAddress");
    let meant = addresses::peel(text).filter(|peeled| peeled.ip().is_some()).map(|peeled| peeled.alone("dnsAddress"));
    if let Some((mistake, remedy)) = names::odd(&path, text, "address") {
        mistakes.push(mistake.hint(meant.unwrap_or(remedy)));
        return None;
    }
    let default = nth(services, DNS_INDEX).map(|ip| format!("leave it out for {ip}")).unwrap_or_default();
    let example = meant.unwrap_or(default);
    let why = match text.parse::<IpAddr>() {
        Err(_) => format!("`{text}` is not an IP address"),
        Ok(ip) if !services.contains(&ip) => format!("{ip} is not in the service network {services}"),
        Ok(ip) if ip == services.network() => format!("{ip} is the service network itself"),
        Ok(ip) if is_v4(services) && ip == services.broadcast() => format!("{ip} is the last of the service network"),
        Ok(ip) if Some(ip) == nth(services, 1) => format!("{ip} is the address of the service `kubernetes`"),
        Ok(ip) => return Some(ip),
    };
    mistakes.push(Mistake::at(path, why).hint(example));
    None
}

/// The `n`th address of a network, the network's own being number 0.
fn nth(net: &IpNet, n: u128) -> Option<IpAddr> {
    let ip = match net.network() {
        IpAddr::V4(ip) => IpAddr::V4(u32::from(ip).checked_add(u32::try_from(n).ok()?)?.into()),
        IpAddr::V6(ip) => IpAddr::V6(u128::from(ip).checked_add(n)?.into()),
    };
    net.contains(&ip).then_some(ip)
}

fn is_v4(net: &IpNet) -> bool {
    matches!(net, IpNet::V4(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_counted_from_the_network() {
        let nth = |net: &str, n| nth(&net.parse().unwrap(), n).map(|ip| ip.to_string());
        assert_eq!(nth("10.96.0.0/16", 1).unwrap(), "10.96.0.1");
        assert_eq!(nth("10.0.0.240/28", 10).unwrap(), "10.0.0.250");
        assert_eq!(nth("10.0.0.0/29", 10), None);
        assert_eq!(nth("fd00::/112", 10).unwrap(), "fd00::a");
        assert_eq!(nth("255.255.255.248/29", 10), None);
    }
}
