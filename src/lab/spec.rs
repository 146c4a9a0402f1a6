//! What somebody wants: how many hosts, with which roles, on which network.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use ipnet::Ipv4Net;

use super::system::System;
use crate::cluster::Role;
use crate::error::{Error, Result};

/// More hosts than this have never been tried on one machine.
const MOST_HOSTS: u32 = 50;

/// A lab to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabSpec {
    /// Its name and the cluster's: a DNS label of at most 32 characters.
    pub name: String,
    /// How many hosts: `n1`, `n2`, ...
    pub hosts: u32,
    /// How many of them, from `n1` on, are masters (and etcd members, as far as their number is odd).
    pub masters: u32,
    /// Roles of single hosts, in place of the usual ones.
    pub roles: BTreeMap<String, Vec<Role>>,
    /// What the hosts have installed.
    pub system: System,
    /// The hosts' network; none: a free 10.99.x.0/24.
    pub subnet: Option<Ipv4Net>,
    /// `host:port` in front of several masters; none: the first master.
    pub endpoint: Option<String>,
    /// Where to write the inventory; none: into the lab's folder.
    pub inventory: Option<PathBuf>,
}

/// One host of a lab to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostSpec {
    /// Name.
    pub name: String,
    /// What the inventory says runs there.
    pub roles: Vec<Role>,
}

impl LabSpec {
    /// `hosts` hosts: the first is etcd member, master and node, the others are nodes.
    pub fn new(name: &str, hosts: u32) -> Self {
        LabSpec {
            name: name.into(),
            hosts,
            masters: 1,
            roles: BTreeMap::new(),
            system: System::default(),
            subnet: None,
            endpoint: None,
            inventory: None,
        }
    }

    /// All that is wrong with it.
    pub fn check(&self) -> Result<()> {
        let mut errors = Vec::new();
        errors.extend(check_lab_name(&self.name).err());
        if self.hosts == 0 || self.hosts > MOST_HOSTS {
            errors.push(Error::usage(format!("{} hosts: a lab has 1 to {MOST_HOSTS}", self.hosts)));
        }
        if self.hosts > 0 && !(1..=self.hosts).contains(&self.masters) {
            errors.push(Error::usage(format!("{} masters among {} hosts", self.masters, self.hosts)));
        }
        let names: Vec<String> = (1..=self.hosts).map(host_name).collect();
        for name in self.roles.keys().filter(|name| !names.contains(name)) {
            errors.push(
                Error::usage(format!("roles of `{name}`: there is no such host"))
                    .hint(format!("the hosts are {}", names.join(", "))),
            );
        }
        if let Some(subnet) = self.subnet
            && (!is_private(subnet) || subnet.hosts().count() < self.hosts as usize + 1)
        {
            errors.push(
                Error::usage(format!("{subnet} is no private network with room for {} hosts", self.hosts))
                    .hint("for example --subnet 10.99.7.0/24"),
            );
        }
        Error::all(errors)
    }

    /// The hosts with their roles.
    pub fn hosts(&self) -> Vec<HostSpec> {
        let members = if self.masters.is_multiple_of(2) { self.masters - 1 } else { self.masters };
        (1..=self.hosts)
            .map(|i| {
                let name = host_name(i);
                let mut usual = vec![Role::Node];
                if i <= self.masters {
                    usual.insert(0, Role::Master);
                }
                if i <= members {
                    usual.insert(0, Role::Etcd);
                }
                let roles = self.roles.get(&name).cloned().unwrap_or(usual);
                HostSpec { name, roles }
            })
            .collect()
    }
}

fn host_name(i: u32) -> String {
    format!("n{i}")
}

/// That a lab can have that name.
pub(super) fn check_lab_name(name: &str) -> Result<()> {
    if is_lab_name(name) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "`{}` cannot name a lab: use lower-case letters, digits and dashes, at most 32, a letter first",
        name
    )))
}

/// Whether a lab can have that name.
pub fn is_lab_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.len() <= 32
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(fits)
        && !name.ends_with('-')
}

/// The gateway: the first address of the network.
pub fn gateway(subnet: Ipv4Net) -> Ipv4Addr {
    subnet.hosts().next().unwrap_or(subnet.network())
}

/// The address of the host `n<i>`: `.10+i` where the network has room for that, else behind the gateway.
pub fn address(subnet: Ipv4Net, hosts: u32, i: u32) -> Ipv4Addr {
    let roomy = subnet.hosts().count() >= 10 + hosts as usize;
    Ipv4Addr::from(u32::from(subnet.network()) + i + if roomy { 10 } else { 1 })
}

/// Whether all of the network is for private use (RFC 1918).
fn is_private(subnet: Ipv4Net) -> bool {
    subnet.network().is_private() && subnet.broadcast().is_private()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_master_by_default_which_is_a_node_too() {
        let hosts = LabSpec::new("demo", 3).hosts();
        assert_eq!(hosts[0].roles, [Role::Etcd, Role::Master, Role::Node]);
        assert_eq!(hosts[2], HostSpec { name: "n3".into(), roles: vec![Role::Node] });
    }

    #[test]
    fn the_number_of_etcd_members_is_odd() {
        let spec = LabSpec { masters: 2, ..LabSpec::new("demo", 3) };
        let members = spec.hosts().iter().filter(|h| h.roles.contains(&Role::Etcd)).count();
        assert_eq!(members, 1);
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let spec = LabSpec {
            masters: 4,
            roles: BTreeMap::from([("n9".to_owned(), vec![Role::Node])]),
            subnet: Some("192.168.0.0/30".parse().unwrap()),
            ..LabSpec::new("Demo", 3)
        };
        let error = spec.check().unwrap_err();
        insta::assert_snapshot!(error.messages(), @r"
        `Demo` cannot name a lab: use lower-case letters, digits and dashes, at most 32, a letter first
        4 masters among 3 hosts
        roles of `n9`: there is no such host
        192.168.0.0/30 is no private network with room for 3 hosts
        ");
    }

    #[test]
    fn addresses_stay_in_the_network() {
        let wide: Ipv4Net = "10.99.7.0/24".parse().unwrap();
        assert_eq!((gateway(wide), address(wide, 3, 1)), ([10, 99, 7, 1].into(), [10, 99, 7, 11].into()));
        let narrow: Ipv4Net = "10.99.7.8/29".parse().unwrap();
        assert_eq!((gateway(narrow), address(narrow, 5, 5)), ([10, 99, 7, 9].into(), [10, 99, 7, 14].into()));
    }
}
