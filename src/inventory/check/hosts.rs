//! Hosts: their names and addresses.

use std::collections::HashMap;
use std::net::IpAddr;

use super::addresses::{self, Peeled};
use super::{host, names};
use crate::document::Mistake;
use crate::document::Path;
use crate::inventory::model::{Host, Inventory, Role, TransportKind};

/// Mistakes in hosts' names and addresses.
pub fn check(inventory: &Inventory) -> Vec<Mistake> {
    let mut mistakes = vec![];
    if inventory.hosts.is_empty() {
        mistakes.push(
            Mistake::whole(Path::root().key("hosts"), "there are no hosts")
                .hint("write at least one: `- {name: master-1, address: 10.0.0.11, roles: [etcd, master, node]}`"),
        );
    }
    for (i, one) in inventory.hosts.iter().enumerate() {
        let at = host(i);
        mistakes.extend(names::wrong(at.key("name"), &one.name, "host name", names::subdomain));
        mistakes.extend(api_name(at.key("name"), one));
        mistakes.extend(address(at.key("address"), &one.address));
        if let Some(address) = &one.ssh_address {
            mistakes.extend(ssh_address(at.key("sshAddress"), address));
        }
    }
    mistakes.extend(twice(inventory, "name", |i| inventory.hosts[i].name.clone()));
    // Two ways to write one IPv6 address are one address.
    mistakes.extend(twice(inventory, "address", |i| {
        let text = &inventory.hosts[i].address;
        text.parse::<IpAddr>().map_or_else(|_| text.clone(), |ip| ip.to_string())
    }));
    mistakes.extend(several_local(inventory));
    mistakes
}

/// A node's kubelet has a certificate for the node's name, from the CA of the API servers.
fn api_name(path: Path, host: &Host) -> Option<Mistake> {
    let name = host.name.as_str();
    let api = matches!(name, "kubernetes" | "kubernetes.default") || name.starts_with("kubernetes.default.svc");
    let wrong = api && !host.roles.contains(&Role::Master);
    wrong.then(|| {
        Mistake::at(path, format!("`{name}` is a name of the API servers, which no other host may have"))
            .hint("its kubelet's certificate could be taken for an API server's: give the host another name")
    })
}

fn address(path: Path, text: &str) -> Option<Mistake> {
    let Ok(ip) = text.parse::<IpAddr>() else { return Some(no_address(path, text)) };
    if let Some(inner) = addresses::mapped(ip) {
        let mistake = Mistake::at(path, format!("{ip} is the IPv6 form of an IPv4 address"));
        return Some(mistake.hint(format!("write `address: {inner}`")));
    }
    let kind = unusable(ip)?;
    Some(Mistake::at(path, format!("{ip} is {kind} address")).hint(REACHABLE))
}

const REACHABLE: &str = "write the address by which the other hosts reach this one";

fn no_address(path: Path, text: &str) -> Mistake {
    let peeled = addresses::peel(text);
    let mistake = match names::odd(&path, text, "address") {
        Some((mistake, remedy)) => match peeled.as_ref().and_then(Peeled::ip) {
            Some(_) => mistake,
            None => return mistake.hint(remedy),
        },
        None => Mistake::at(path, format!("`{text}` is not an IP address")),
    };
    let name = peeled.as_ref().map_or(text, |peeled| &peeled.host);
    match peeled.as_ref().and_then(|peeled| Some((peeled, peeled.ip()?))) {
        Some((peeled, ip)) => mistake.hint(match unusable(ip) {
            Some(kind) => format!("{ip} is {kind} address: {REACHABLE}"),
            None => peeled.hint("address"),
        }),
        None if addresses::form(text).is_none() && names::host_name(name).is_ok() => {
            mistake.hint("the cluster needs the address that the other hosts see; a name can go into `sshAddress`")
        }
        None => mistake.hint(addresses::form(text).unwrap_or("write an IPv4 or IPv6 address, for example 10.0.0.11")),
    }
}

/// Why other hosts cannot reach an address.
pub fn unusable(ip: IpAddr) -> Option<&'static str> {
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    match ip {
        _ if ip.is_loopback() => Some("a loopback"),
        _ if ip.is_unspecified() => Some("the unspecified"),
        _ if ip.is_multicast() => Some("a multicast"),
        IpAddr::V4(ip) if ip.is_broadcast() => Some("the broadcast"),
        _ if link_local => Some("a link-local"),
        _ => None,
    }
}

fn ssh_address(path: Path, text: &str) -> Option<Mistake> {
    if text.parse::<IpAddr>().is_ok() {
        return None;
    }
    let lower = |name: &str| names::host_name(&name.to_lowercase());
    match addresses::peel(text) {
        Some(peeled) if lower(text).is_err() => {
            let mistake = Mistake::at(path, format!("`{text}` is neither an address nor a name alone"));
            Some(mistake.hint(peeled.hint("sshAddress")))
        }
        _ => names::wrong(path, text, "SSH address", lower),
    }
}

/// Hosts that have what an earlier host has.
fn twice(inventory: &Inventory, field: &str, value: impl Fn(usize) -> String) -> Vec<Mistake> {
    let mut first: HashMap<String, usize> = HashMap::new();
    let mut mistakes = vec![];
    for (i, one) in inventory.hosts.iter().enumerate() {
        let value = value(i);
        if value.is_empty() {
            continue;
        }
        match first.get(&value) {
            Some(earlier) => {
                let other = match field {
                    "name" => format!("hosts[{earlier}]"),
                    _ => format!("host {}", inventory.hosts[*earlier].name),
                };
                let whose = if field == "name" { "name" } else { "address" };
                let message = format!("{other} has the {whose} `{value}` already");
                mistakes.push(Mistake::at(host(i).key(field), message).hint(match field {
                    "name" => format!("give the host at {} another name", one.address),
                    _ => format!("give {} its own address", one.name),
                }));
            }
            None => drop(first.insert(value, i)),
        }
    }
    mistakes
}

/// Hosts that are this machine, by index, and where the inventory says so.
pub fn local(inventory: &Inventory) -> impl Iterator<Item = (usize, Path)> {
    let ssh = |of: Path| of.key("ssh").key("transport");
    let all =
        (0..inventory.hosts.len()).map(move |i| match (inventory.hosts[i].ssh.transport, inventory.ssh.transport) {
            (None, of_all) => (i, of_all, ssh(Path::root())),
            (own, _) => (i, own, ssh(host(i))),
        });
    all.filter(|(_, transport, _)| *transport == Some(TransportKind::Local)).map(|(i, _, at)| (i, at))
}

fn several_local(inventory: &Inventory) -> Option<Mistake> {
    let mut local = local(inventory);
    let ((first, _), (second, path)) = (local.next()?, local.next()?);
    let (a, b) = (&inventory.hosts[first].name, &inventory.hosts[second].name);
    Some(
        Mistake::at(path, format!("hosts {a} and {b} are both `local`, and this machine is only one host"))
            .hint("set `transport: local` on one host only"),
    )
}
