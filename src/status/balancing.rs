//! How balancers see each API server, and who holds the virtual address.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use super::{Check, Component, State};
use crate::access::Pool;
use crate::clients::haproxy::{self, Server};
use crate::clients::http::Client;
use crate::cluster::{Balancer, Cluster, Host, Role};
use crate::components::{ComponentSpec, api_balancer, api_front_end, api_virtual_address};
use crate::error::Result;
use crate::facts::HostFacts;

/// Adds to a component of a host that runs what only it knows.
pub(super) fn judge(
    component: &mut Component,
    spec: &ComponentSpec,
    cluster: &Cluster,
    host: &Host,
    facts: &HostFacts,
    pool: &Pool,
) {
    if component.state == State::Bad {
        return;
    }
    let held = cluster.balancing.virtual_address.as_ref();
    let port = match spec.id {
        api_balancer::ID if cluster.balancing.local == Some(Balancer::Haproxy) => api_balancer::STATISTICS_PORT,
        api_front_end::ID if held.is_some_and(|held| held.front_end == Balancer::Haproxy) => {
            api_front_end::STATISTICS_PORT
        }
        api_virtual_address::ID => {
            let holds = held.is_some_and(|held| facts.interface_of(held.address).is_some());
            add(component, if holds { "holds the virtual address" } else { "stands by" });
            return;
        }
        _ => return,
    };
    match ask(pool, host, port) {
        Ok(servers) => {
            let out = out(&servers);
            if !out.is_empty() {
                component.state = State::Warning;
                add(component, &format!("takes out: {}", out.join(", ")));
            }
        }
        Err(error) => {
            component.state = State::Warning;
            add(component, &format!("what it thinks of API servers cannot be asked: {}", error.message));
        }
    }
}

fn add(component: &mut Component, words: &str) {
    if !component.detail.is_empty() {
        component.detail.push_str("; ");
    }
    component.detail.push_str(words);
}

fn ask(pool: &Pool, host: &Host, port: u16) -> Result<Vec<Server>> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut transport = pool.take(host)?;
    let peer = format!("{address} (asked through {})", host.name);
    let mut client = Client::plain(transport.dial(address)?, peer, "127.0.0.1");
    haproxy::servers(&mut client, "ready")
}

/// Those that nobody is sent to, and why.
fn out(servers: &[Server]) -> Vec<String> {
    let out = servers.iter().filter(|server| !server.is_up());
    out.map(|server| format!("{} ({})", server.name, server.check)).collect()
}

/// The virtual address is on one of the hosts that said something.
pub(super) fn holder(cluster: &Cluster, facts: &BTreeMap<String, HostFacts>) -> Option<Check> {
    let held = cluster.balancing.virtual_address.as_ref()?;
    let asked: Vec<(&Host, &HostFacts)> =
        cluster.with_role(Role::Lb).filter_map(|host| Some((host, facts.get(&host.name)?))).collect();
    let holders: Vec<&str> = asked
        .iter()
        .filter(|(_, facts)| facts.interface_of(held.address).is_some())
        .map(|(host, _)| host.name.as_str())
        .collect();
    let (state, word, detail) = match holders.as_slice() {
        [one] => (State::Good, "held", format!("{} by {one}", held.address)),
        [] => (State::Bad, "nobody's", format!("{} is on none of the hosts that could be asked", held.address)),
        several => (State::Bad, "several hold it", format!("{} by {}", held.address, several.join(", "))),
    };
    Some(Check { name: "virtual address".into(), state, word: word.into(), detail, remedy: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{VirtualAddress, example};

    #[test]
    fn one_host_holds_the_address() {
        let mut cluster = example::cluster("1.36.3");
        let address = "10.0.0.9".parse().unwrap();
        cluster.balancing.virtual_address = Some(VirtualAddress { address, ..VirtualAddress::unknown() });
        cluster.hosts.push(example::host("m2", 12, &[Role::Lb]));
        cluster.hosts[0].roles.insert(Role::Lb);
        let said = |on: &[&str]| {
            let facts = |name: &str| {
                let mut facts = HostFacts::default_host();
                facts.addresses.extend(on.contains(&name).then(|| ("eth0".to_owned(), address)));
                (name.to_owned(), facts)
            };
            let check = holder(&cluster, &["m1", "m2"].map(facts).into()).unwrap();
            format!("{:?} {}: {}", check.state, check.word, check.detail)
        };
        assert_eq!(said(&["m2"]), "Good held: 10.0.0.9 by m2");
        assert_eq!(said(&[]), "Bad nobody's: 10.0.0.9 is on none of the hosts that could be asked");
        assert_eq!(said(&["m1", "m2"]), "Bad several hold it: 10.0.0.9 by m1, m2");
    }

    #[test]
    fn api_servers_that_are_taken_out_are_named() {
        let server = |name: &str, status: &str| Server {
            name: name.into(),
            status: status.into(),
            check: "L4TOUT".into(),
            connections: 0,
        };
        assert_eq!(out(&[server("m1", "UP"), server("m2", "DOWN"), server("m3", "UP 1/2")]), ["m2 (L4TOUT)"]);
    }
}
