//! What templates see of what stands in front of the API servers.

use std::net::IpAddr;

use serde::Serialize;

use crate::cluster::{Balancer, Checks, Cluster, Host, LOCAL_API_PORT, Role, VirtualAddress};
use crate::components::{api_balancer, api_front_end, api_virtual_address};
use crate::facts::HostFacts;
use crate::state::ComponentId;

/// What spreads clients over the API servers.
#[derive(Debug, Clone, Serialize)]
pub(super) struct BalancerContext {
    /// The component: the name of its certificate, too.
    component: ComponentId,
    /// Which program it is.
    kind: Balancer,
    /// The folder of its configuration.
    folder: String,
    /// Where it listens.
    listens: Vec<String>,
    /// The port of 127.0.0.1 at which haproxy says what it thinks of API servers.
    statistics: u16,
    /// How API servers are asked.
    checks: Checks,
    /// API servers, in the order of their names: the inventory's means nothing.
    masters: Vec<Server>,
    /// The host's packages are RPM's, which put modules elsewhere.
    rpm: bool,
}

/// An API server.
#[derive(Debug, Clone, Serialize)]
struct Server {
    /// Its host.
    name: String,
    /// `10.0.0.11:6443`, IPv6 in brackets.
    address: String,
}

impl BalancerContext {
    /// Of a component, where it is one.
    pub(super) fn of(id: ComponentId, cluster: &Cluster, facts: &HostFacts) -> Option<Self> {
        let held = cluster.balancing.virtual_address.as_ref();
        let layout = &cluster.layout;
        let (kind, folder, listens, statistics) = match id {
            api_balancer::ID => {
                let listens = vec![format!("127.0.0.1:{LOCAL_API_PORT}")];
                (cluster.balancing.local?, &layout.api_balancer, listens, api_balancer::STATISTICS_PORT)
            }
            api_front_end::ID => {
                let held = held?;
                let any = if held.address.is_ipv6() { ["0.0.0.0", "[::]"].as_slice() } else { &["0.0.0.0"] };
                let listens = any.iter().map(|any| format!("{any}:{}", held.port)).collect();
                (held.front_end, &layout.api_front_end, listens, api_front_end::STATISTICS_PORT)
            }
            _ => return None,
        };
        let server = |host: &Host| Server { name: host.name.clone(), address: host.api_address().to_string() };
        let mut masters: Vec<_> = cluster.with_role(Role::Master).map(server).collect();
        masters.sort_by(|a, b| a.name.cmp(&b.name));
        let rpm = ["dnf", "yum", "zypper"].iter().any(|manager| facts.programs.contains(*manager));
        let (folder, checks) = (folder.clone(), Checks::of(cluster));
        Some(BalancerContext { component: id, kind, folder, listens, statistics, checks, masters, rpm })
    }
}

/// What holds the virtual address on a host.
#[derive(Debug, Clone, Serialize)]
pub(super) struct HeldContext {
    address: IpAddr,
    port: u16,
    interface: String,
    router_id: u8,
    /// Higher than others' by how early the host's name comes: no two are the same.
    priority: u8,
    /// Addresses of the other hosts that can hold it.
    peers: Vec<IpAddr>,
}

impl HeldContext {
    /// On a host, for the component that holds it.
    pub(super) fn of(id: ComponentId, cluster: &Cluster, host: &Host, facts: &HostFacts) -> Option<Self> {
        let held = cluster.balancing.virtual_address.as_ref().filter(|_| id == api_virtual_address::ID)?;
        let mut holders: Vec<&Host> = cluster.with_role(Role::Lb).collect();
        holders.sort_by(|a, b| a.name.cmp(&b.name));
        let at = holders.iter().position(|other| other.name == host.name)?;
        let peers = holders.iter().filter(|other| other.name != host.name).map(|other| other.address).collect();
        Some(HeldContext {
            address: held.address,
            port: held.port,
            interface: interface(held, host, facts),
            router_id: held.router_id,
            priority: u8::try_from(at).map_or(1, |at| 200u8.saturating_sub(at).max(1)),
            peers,
        })
    }
}

/// The inventory's, or the one with the host's own address; preflight says where there is none.
fn interface(held: &VirtualAddress, host: &Host, facts: &HostFacts) -> String {
    held.interface.as_deref().or_else(|| facts.interface_of(host.address)).unwrap_or("eth0").into()
}
