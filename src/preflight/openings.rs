//! What a firewall with words of its own must be told, so that the cluster works beside it.

use std::collections::BTreeSet;
use std::fmt;

use crate::cluster::{Cluster, Host, NetworkPlugin, Role};
use crate::components::{Catalogue, PortSpec, Protocol};
use crate::facts::HostFacts;

/// firewalld's unit.
pub(super) const FIREWALLD: &str = "firewalld.service";

/// A firewall with commands of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Firewall {
    Firewalld,
    Ufw,
}

impl fmt::Display for Firewall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Firewall::Firewalld => "firewalld",
            Firewall::Ufw => "ufw",
        })
    }
}

impl Firewall {
    /// Those at work on a host.
    pub(super) fn on(facts: &HostFacts) -> Vec<Firewall> {
        let firewalld = facts.is_running(FIREWALLD).then_some(Firewall::Firewalld);
        firewalld.into_iter().chain(facts.ufw.then_some(Firewall::Ufw)).collect()
    }

    /// The commands that open on `host` what other hosts and pods need there, now and after each boot.
    pub(super) fn opens(self, catalogue: &Catalogue, cluster: &Cluster, host: &Host) -> String {
        let tcp = ports(catalogue, cluster, host, Protocol::Tcp);
        let udp = ports(catalogue, cluster, host, Protocol::Udp);
        let pods = host.is(Role::Node).then_some(cluster.networks.pods);
        let mut commands = Vec::new();
        match self {
            Firewall::Firewalld => {
                let all = tcp.iter().map(|port| (port, "tcp")).chain(udp.iter().map(|port| (port, "udp")));
                let options: String = all.map(|(port, protocol)| format!(" --add-port={port}/{protocol}")).collect();
                commands.extend((!options.is_empty()).then(|| format!("firewall-cmd --permanent{options}")));
                commands
                    .extend(pods.map(|pods| format!("firewall-cmd --permanent --zone=trusted --add-source={pods}")));
                commands.push("firewall-cmd --reload".into());
            }
            Firewall::Ufw => {
                let joined = |ports: &BTreeSet<u16>| ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
                for (ports, protocol) in [(tcp, "tcp"), (udp, "udp")] {
                    if !ports.is_empty() {
                        commands.push(format!("ufw allow {}/{protocol}", joined(&ports)));
                    }
                }
                for way in ["allow from", "route allow from", "route allow to"] {
                    commands.extend(pods.map(|pods| format!("ufw {way} {pods}")));
                }
            }
        }
        format!("`{}`", commands.join(" && "))
    }
}

/// Ports of the host that other hosts must reach. Node ports are not among them: their packets go through to pods.
fn ports(catalogue: &Catalogue, cluster: &Cluster, host: &Host, protocol: Protocol) -> BTreeSet<u16> {
    let vxlan = cluster.networks.plugin == NetworkPlugin::Flannel;
    let ports = catalogue.on(cluster, host).flat_map(|spec| spec.ports);
    let others: Vec<&Host> = cluster.hosts.iter().filter(|other| other.name != host.name).collect();
    let reached = |port: &PortSpec| others.iter().any(|other| port.reached_by.iter().any(|role| other.is(*role)));
    let needed = ports.filter(|port| port.protocol == protocol && reached(port));
    needed.map(|port| port.number).filter(|_| protocol == Protocol::Tcp || vxlan).collect()
}
