//! What of ours stands in front of the API servers.

use std::net::{IpAddr, Ipv4Addr};

use serde::Serialize;

use super::Cluster;

/// What of ours stands in front of the API servers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Balancing {
    /// On each node, for the node's own services.
    pub local: Option<Balancer>,
    /// An address that one of several hosts holds.
    pub virtual_address: Option<VirtualAddress>,
}

/// An address that one of the hosts with the role `lb` holds; where masters hold it they have that role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VirtualAddress {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// What takes connections there.
    pub front_end: Balancer,
    /// Masters hold it.
    pub on_masters: bool,
    /// The interface; none: the one with the host's own address.
    pub interface: Option<String>,
    /// The VRRP router id.
    pub router_id: u8,
}

impl VirtualAddress {
    /// One of which only what lies on hosts is of interest.
    pub fn unknown() -> Self {
        VirtualAddress {
            address: Ipv4Addr::UNSPECIFIED.into(),
            port: 0,
            front_end: Balancer::Haproxy,
            on_masters: false,
            interface: None,
            router_id: 1,
        }
    }

    /// A router id that two addresses of one network seldom share: 1 to 255.
    pub fn router_id_of(address: IpAddr) -> u8 {
        let bytes = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        let (last, others) = bytes.split_last().map_or((0, &[][..]), |(last, others)| (*last, others));
        // Addresses of one /24 differ in their last byte alone.
        let sum: u32 = others.iter().map(|byte| u32::from(*byte)).sum();
        u8::try_from((u32::from(last) + sum) % 255 + 1).unwrap_or(1)
    }
}

/// A program that spreads clients over the API servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Balancer {
    /// haproxy.
    Haproxy,
    /// nginx with its stream module.
    Nginx,
}

impl Balancer {
    /// As the inventory writes it.
    pub fn name(self) -> &'static str {
        match self {
            Balancer::Haproxy => "haproxy",
            Balancer::Nginx => "nginx",
        }
    }
}

/// How often a balancer asks each API server whether it is ready. All times are milliseconds.
///
/// A power cut is seen after `interval + interval_in_doubt + 2 × connect` at most: the question is not answered twice. An
/// API server that is only slow takes connections all the same, and has `answer` to say something; for a connection with its handshake
/// haproxy takes the smaller of `interval` and `connect` (measured with 2.6). A question that was on its way past the handshake when
/// the power failed waits for `answer`, too: that is what `unacknowledged` is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Checks {
    /// Between questions to one that is well.
    pub interval: u32,
    /// After a question that was not answered as it should be.
    pub interval_in_doubt: u32,
    /// Between questions to one that is out.
    pub interval_out: u32,
    /// What a connection may take before another API server is tried.
    pub connect: u32,
    /// What an answer may take.
    pub answer: u32,
    /// For how long a server's host may leave unacknowledged what was sent to it, before a connection is given up. It is the kernel
    /// that acknowledges, however slow the server is.
    pub unacknowledged: u32,
}

/// More hosts than this ask less often: each question costs an API server a handshake.
const MANY: usize = 20;

impl Checks {
    /// By how many ask.
    pub fn of(cluster: &Cluster) -> Self {
        match cluster.hosts.len() {
            0..=MANY => Checks {
                interval: 250,
                interval_in_doubt: 100,
                interval_out: 500,
                connect: 250,
                answer: 3000,
                unacknowledged: 400,
            },
            _ => Checks {
                interval: 1000,
                interval_in_doubt: 300,
                interval_out: 1000,
                connect: 400,
                answer: 3000,
                unacknowledged: 1000,
            },
        }
    }

    /// How long a host without power is taken for one that works, at most.
    pub fn power_cut(&self) -> u32 {
        self.interval + self.interval_in_doubt + 2 * self.connect
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Role, example};

    #[test]
    fn addresses_of_one_network_have_router_ids_of_their_own() {
        let id = |text: &str| VirtualAddress::router_id_of(text.parse().unwrap());
        let ids: std::collections::BTreeSet<u8> = (1..=254).map(|last| id(&format!("10.0.0.{last}"))).collect();
        assert_eq!(ids.len(), 254);
        assert!(!ids.contains(&0) && id("fd00::10") > 0);
        assert_ne!(id("10.0.0.10"), id("10.0.1.10"));
    }

    #[test]
    fn a_power_cut_is_seen_within_the_stated_bounds() {
        let mut cluster = example::cluster("1.36.3");
        let checks = Checks::of(&cluster);
        assert!(checks.power_cut() <= 1000 && checks.connect <= 500 && checks.unacknowledged <= 500, "{checks:?}");
        for last in 30..50 {
            cluster.hosts.push(example::host(&format!("n{last}"), last, &[Role::Node]));
        }
        let relaxed = Checks::of(&cluster);
        assert!(relaxed.power_cut() <= 2500 && relaxed.connect <= 500, "{relaxed:?}");
        assert!(relaxed.interval > checks.interval);
    }
}
