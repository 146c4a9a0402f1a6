//! Addresses, routes, name servers.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::finding::HostCheck;
use crate::cluster::{NetworkPlugin, Role};
use crate::components::kubelet;

pub(super) fn check(check: &mut HostCheck) {
    // Without the ip program nothing was seen, which the check `tools` says.
    if !check.facts.addresses.is_empty() {
        address(check);
        loopback(check);
    }
    overlap(check);
    if check.host.is(Role::Node) {
        proxies(check);
        resolv(check);
    }
}

fn address(check: &mut HostCheck) {
    let address = check.host.address;
    if check.facts.interface_of(address).is_some() {
        return;
    }
    let shown = |(interface, address): &(String, IpAddr)| format!("{address} ({interface})");
    let others = check.facts.addresses.iter().filter(|(interface, address)| global(address) && !ours(interface));
    let others: Vec<_> = others.map(shown).collect();
    check.fail(
        "address",
        format!("{address} is on none of its interfaces; it has {}", list(&others)),
        "put the address by which the other hosts reach it into `address`; the one that only SSH uses goes into \
         `sshAddress`",
    );
}

fn loopback(check: &mut HostCheck) {
    if check.facts.interface_of(Ipv4Addr::LOCALHOST.into()).is_none() {
        check.fail("loopback", "127.0.0.1 is on no interface", "`ip link set lo up`");
    }
}

/// Interfaces that a cluster makes by itself; a second run finds them.
fn ours(interface: &str) -> bool {
    ["cni0", "kube-ipvs0"].contains(&interface)
        || ["flannel", "veth"].iter().any(|prefix| interface.starts_with(prefix))
}

fn overlap(check: &mut HostCheck) {
    let networks = &check.cluster.networks;
    for (what, field, network) in [("pod", "pods", networks.pods), ("service", "services", networks.services)] {
        // A plugin of the person's own has put addresses and routes of the pod network here since.
        if check.facts.known && networks.plugin == NetworkPlugin::None && what == "pod" {
            continue;
        }
        for (interface, address) in &check.facts.addresses {
            if network.contains(address) && !ours(interface) {
                check.fail(
                    "network-overlap",
                    format!("its address {address} ({interface}) lies in the {what} network {network}"),
                    format!("choose another `networks: {{{field}: …}}` in the inventory"),
                );
            }
        }
        for (destination, interface) in &check.facts.routes {
            // A route without an interface (blackhole) inside the pod network is a node's own, put there by a plugin.
            if ours(interface) || (interface.is_empty() && check.facts.known) {
                continue;
            }
            if let Some(route) = network_of(destination) {
                route_overlap(check, what, field, network, route, interface);
            }
        }
    }
}

/// A route into the network takes packets away from pods; one that contains it only hides some far addresses.
fn route_overlap(check: &mut HostCheck, what: &str, field: &str, network: IpNet, route: IpNet, interface: &str) {
    let via = if interface.is_empty() { String::new() } else { format!(" on {interface}") };
    if network.contains(&route) {
        check.fail(
            "network-overlap",
            format!("its route to {route}{via} lies in the {what} network {network}"),
            format!("choose another `networks: {{{field}: …}}` in the inventory, or remove it: `ip route del {route}`"),
        );
    } else if route.contains(&network) {
        check.warn(
            "network-overlap",
            format!("its route to {route}{via} contains the {what} network {network}; addresses there are hidden"),
            format!("choose another `networks: {{{field}: …}}` in the inventory where that matters"),
        );
    }
}

pub(super) fn network_of(destination: &str) -> Option<IpNet> {
    let network: IpNet = match destination.parse::<IpAddr>() {
        Ok(address) => address.into(),
        Err(_) => destination.parse().ok()?,
    };
    // The default route, also when written out, contains everything and says nothing.
    if network.prefix_len() == 0 { None } else { Some(network.trunc()) }
}

/// Pods inherit the host's name servers; one on loopback is the pod itself there, and CoreDNS asks itself.
fn resolv(check: &mut HostCheck) {
    let chosen = check.host.settings(kubelet::ID.0).is_some_and(|settings| settings.config.contains_key("resolvConf"));
    if check.facts.systemd_resolved || chosen {
        return;
    }
    let servers = &check.facts.nameservers;
    let remedy = format!(
        "put a name server that pods can reach into /etc/resolv.conf, or into a file of its own: \
         `components: {{kubelet: {{config: {{resolvConf: {}/resolv.conf}}}}}}`; pods that were started before keep what they \
         had, and `up` replaces those of CoreDNS that crash",
        check.cluster.layout.kubernetes
    );
    let loopback = |server: &String| server.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if !check.facts.resolv_conf {
        let finding = match &check.facts.resolv_conf_link {
            Some(target) => {
                format!("/etc/resolv.conf leads to {target}, which is not there, and no pod starts without it")
            }
            None => "there is no /etc/resolv.conf, and no pod starts without it".into(),
        };
        check.fail("resolv", finding, remedy);
    } else if servers.is_empty() {
        check.fail("resolv", "/etc/resolv.conf names no name server, and CoreDNS ends without one", remedy);
    } else if servers.iter().all(loopback) {
        let finding = format!("/etc/resolv.conf names {}, and CoreDNS would ask itself there and end", list(servers));
        check.fail("resolv", finding, remedy);
    } else if servers.iter().any(loopback) {
        let finding = format!("/etc/resolv.conf names {}, and CoreDNS would ask itself on loopback", list(servers));
        check.warn("resolv", finding, remedy);
    }
}

/// Services of ours clear these variables; containerd fetches images by them.
fn proxies(check: &mut HostCheck) {
    let proxies: Vec<_> = check.facts.proxies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if !proxies.is_empty() && check.cluster.http_proxy.is_none() {
        check.warn(
            "proxies",
            format!("systemd gives services {}", proxies.join(" ")),
            "kbootstrap's services do without, but containerd, which fetches images by it: say what it is to use by \
             `httpProxy: {https: …}` in the inventory; look with `systemctl show-environment`, and at \
             DefaultEnvironment= in systemd's system.conf.d",
        );
    }
}

fn global(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_loopback() && !address.is_link_local(),
        IpAddr::V6(address) => !address.is_loopback() && !address.is_unicast_link_local(),
    }
}

fn list(items: &[String]) -> String {
    if items.is_empty() { "none".into() } else { items.join(", ") }
}
