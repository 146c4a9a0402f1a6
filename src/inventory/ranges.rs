//! Networks for a cluster whose inventory names none that fit its hosts.

use std::net::IpAddr;

use ipnet::IpNet;

use super::draft::quoted;

/// A pod network and a service network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranges {
    /// Room for every node's piece of it.
    pub pods: &'static str,
    /// Of the same family.
    pub services: &'static str,
}

const PODS: [&str; 3] = ["10.244.0.0/16", "172.20.0.0/16", "192.168.0.0/16"];
const SERVICES: [&str; 3] = ["10.96.0.0/16", "172.21.0.0/16", "10.97.0.0/16"];
const PODS_V6: [&str; 2] = ["fd10:244::/56", "fd20:244::/56"];
const SERVICES_V6: [&str; 2] = ["fd10:96::/112", "fd20:96::/112"];
/// The networks above have pieces for so many nodes.
const NODES: usize = 256;
const LARGE_PODS: [&str; 3] = ["10.128.0.0/10", "172.16.0.0/12", "100.64.0.0/10"];
const LARGE_PODS_V6: [&str; 2] = ["fd10:244::/48", "fd20:244::/48"];

impl Ranges {
    /// What is taken where the inventory names none.
    pub const DEFAULT: Ranges = Ranges { pods: PODS[0], services: SERVICES[0] };

    /// Of the hosts' family, with no host in them, for so many nodes.
    pub fn fitting(hosts: &[IpAddr], nodes: usize) -> Self {
        let apart = |net: &str| net.parse::<IpNet>().is_ok_and(|net| !hosts.iter().any(|ip| net.contains(ip)));
        let free = |candidates: &[&'static str]| *candidates.iter().find(|net| apart(net)).unwrap_or(&candidates[0]);
        let large = nodes > NODES;
        match hosts.iter().any(IpAddr::is_ipv6) {
            true => Ranges { pods: free(if large { &LARGE_PODS_V6 } else { &PODS_V6 }), services: free(&SERVICES_V6) },
            false => Ranges { pods: free(if large { &LARGE_PODS } else { &PODS }), services: free(&SERVICES) },
        }
    }

    /// As it is written in an inventory.
    pub fn line(&self) -> String {
        format!("networks: {{pods: {}, services: {}}}", quoted(self.pods), quoted(self.services))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_right_as_it_is() {
        let addresses = |prefix: &str, nodes: usize| -> Vec<String> {
            (0..nodes)
                .map(|n| {
                    if prefix == "fd00::" {
                        format!("fd00::{:x}", n + 1)
                    } else {
                        format!("{prefix}{}.{}", n / 250, n % 250 + 1)
                    }
                })
                .collect()
        };
        for (prefix, nodes) in
            [("fd00::", 1), ("fd00::", 257), ("10.0.", 1), ("10.0.", 257), ("10.244.", 3), ("10.128.", 300)]
        {
            let hosts = addresses(prefix, nodes);
            let ips: Vec<IpAddr> = hosts.iter().map(|ip| ip.parse().unwrap()).collect();
            let line = Ranges::fitting(&ips, nodes).line();
            let mut text = format!("cluster: prod\n{line}\nhosts:\n");
            for (n, address) in hosts.iter().enumerate() {
                let roles = if n == 0 { "etcd, master, node" } else { "node" };
                text += &format!("- {{name: n{n}, address: '{address}', roles: [{roles}]}}\n");
            }
            let loaded = crate::inventory::parse("x", text.as_bytes()).unwrap();
            let resolved = crate::cluster::resolve(&loaded, &crate::cluster::Known::default());
            assert!(resolved.is_ok(), "{line}: {}", resolved.unwrap_err());
        }
    }
}
