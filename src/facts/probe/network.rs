//! What listens, which addresses there are, where routes lead.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::answer::Sections;
use super::script::Variables;
use super::{Group, Questions};
use crate::cluster::Layout;
use crate::facts::{HostFacts, Listening};

/// Sockets, devices, addresses, routes.
pub(super) const GROUP: Group = Group { shell: include_str!("network.sh"), ask, read };

/// At most so many sockets are named of each port.
const SOCKETS_OF_PORT: usize = 100;
/// At most so many bytes of what is said of a socket: its addresses and its first process.
const SOCKET_BYTES: usize = 300;
/// So many bytes of what is said of all are taken as they are.
const FEW_BYTES: usize = 16 << 10;
/// At most so many bytes of what is said of all are looked at on the host.
const SOCKETS_BYTES: usize = 16 << 20;

fn ask(questions: &Questions, _: &Layout, variables: &mut Variables) {
    variables.list("ports", &questions.ports.iter().map(u16::to_string).collect::<Vec<_>>());
    for (name, limit) in [
        ("sockets_of_port", SOCKETS_OF_PORT),
        ("socket_bytes", SOCKET_BYTES),
        ("few_bytes", FEW_BYTES),
        ("sockets_bytes", SOCKETS_BYTES),
    ] {
        variables.set(name, &limit.to_string());
    }
}

fn read(sections: &Sections, facts: &mut HostFacts) {
    facts.listening = listening(sections, "tcp");
    facts.listening_udp = listening(sections, "udp");
    facts.devices = devices(sections);
    facts.hardware_addresses = hardware_addresses(sections);
    facts.addresses = addresses(sections);
    facts.routes = routes(sections);
}

/// Lines of `ss -Hltunp`: protocol, state, two queues, local address, peer address, `users:(("sshd",pid=1,fd=3))`.
fn listening(sections: &Sections, protocol: &str) -> Vec<Listening> {
    let one = |line: &str| {
        let mut words = line.split_whitespace();
        let (address, port) = words.next().filter(|word| *word == protocol).and(words.nth(3))?.rsplit_once(':')?;
        let process = line.split_once("((\"").and_then(|(_, rest)| rest.split_once('"')).map(|(name, _)| name.into());
        Some(Listening { port: port.parse().ok()?, address: address.into(), process })
    };
    sections.lines("sockets").filter_map(one).collect()
}

/// Lines of `ip -o link`: `2: eth0@if3: <BROADCAST,…> mtu 1500 … link/ether 02:00:00:00:00:01 …`.
fn devices(sections: &Sections) -> BTreeSet<String> {
    sections.lines("ip").filter_map(device).map(|(name, _)| name.to_owned()).collect()
}

fn hardware_addresses(sections: &Sections) -> BTreeMap<String, String> {
    let one = |line| {
        let (name, rest): (&str, &str) = device(line)?;
        let (_, after) = rest.split_once("link/ether ")?;
        Some((name.to_owned(), after.split_whitespace().next()?.to_ascii_lowercase()))
    };
    sections.lines("ip").filter_map(one).collect()
}

/// A device's name, and what is said of it.
fn device(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = after_number(line)?.split_once(": <")?;
    Some((name.split('@').next().unwrap_or(name), rest))
}

/// Lines of `ip -o addr`: `2: eth0    inet 10.0.0.2/24 brd …`.
fn addresses(sections: &Sections) -> Vec<(String, IpAddr)> {
    let one = |line: &str| {
        let mut words = after_number(line)?.split_whitespace();
        let interface = words.next()?;
        let _family = words.next().filter(|word| word.starts_with("inet"))?;
        let address = words.next()?.split('/').next()?.parse().ok()?;
        Some((interface.to_owned(), address))
    };
    sections.lines("ip").filter_map(one).collect()
}

/// Lines of `ip -o route`: `10.0.0.0/24 dev eth0 proto kernel …`, at times with a type (`unreachable`) in front. Those
/// of other tables than the main one name it.
fn routes(sections: &Sections) -> Vec<(String, String)> {
    let one = |line: &str| {
        if after_number(line).is_some() || line.split_whitespace().any(|word| word == "table") {
            return None;
        }
        let mut words = line.split_whitespace().peekable();
        words.next_if(|word| ROUTE_TYPES.contains(word));
        let destination = words.next()?.to_owned();
        let interface = words.skip_while(|word| *word != "dev").nth(1).unwrap_or_default();
        Some((destination, interface.to_owned()))
    };
    sections.lines("ip").filter_map(one).collect()
}

/// What follows `2: `: links and addresses are numbered, routes are not.
fn after_number(line: &str) -> Option<&str> {
    let (number, rest) = line.split_once(": ")?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then_some(rest)
}

const ROUTE_TYPES: [&str; 8] =
    ["unicast", "local", "broadcast", "multicast", "blackhole", "unreachable", "prohibit", "throw"];
