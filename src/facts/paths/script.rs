//! What a try runs on a host.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{LISTENS, PATIENCE, Path};
use crate::cluster::Layout;
use crate::components::Protocol;
use crate::text::sh_quote;

/// Listens on so many ports of its address, and tells the chains that packets pass, but for those in our own tables.
///
/// POSIX sh with systemd-run, systemd-socket-activate, ss, and bash to dial; what is missing is said.
/// [`super::Listens::read`] reads what it prints.
pub fn listen(address: IpAddr, ports: &[(Protocol, u16)], ours: &[&str], nonce: &str) -> String {
    let iptables = if address.is_ipv6() { "ip6tables" } else { "iptables" };
    let asks = [
        ("address", address.to_string()),
        ("name", name(nonce)),
        ("dir", dir(nonce)),
        ("seconds", LISTENS.to_string()),
        ("tcp", numbers(ports, Protocol::Tcp)),
        ("udp", numbers(ports, Protocol::Udp)),
        ("iptables", iptables.to_owned()),
        ("ours", ours.join(" ")),
    ];
    variables(&asks) + include_str!("listen.sh")
}

/// Tries the paths, each with its number; [`super::Dialled::read`] reads what it prints.
pub fn dial(paths: &[(usize, &Path)], nonce: &str) -> String {
    let of = |protocol| {
        let paths = paths.iter().filter(|(_, path)| path.protocol == protocol);
        paths.map(|(number, path)| format!("{number} {} {}\n", path.address, path.port)).collect::<String>()
    };
    let asks = [
        ("nonce", nonce.to_owned()),
        ("seconds", PATIENCE.to_string()),
        ("tcp", of(Protocol::Tcp)),
        ("udp", of(Protocol::Udp)),
    ];
    variables(&asks) + include_str!("dial.sh")
}

/// Tells which datagrams came, and stops what listens. So many are expected at each UDP port.
pub fn end(ports: &[(Protocol, u16)], expected: usize, nonce: &str) -> String {
    let name = name(nonce);
    let unit = |(protocol, port): &(Protocol, u16)| match protocol {
        Protocol::Tcp => format!("{name}-tcp"),
        Protocol::Udp => format!("{name}-{port}"),
    };
    let units: BTreeSet<_> = ports.iter().map(unit).collect();
    let asks = [
        ("nonce", nonce.to_owned()),
        ("dir", dir(nonce)),
        ("expected", expected.to_string()),
        ("udp", numbers(ports, Protocol::Udp)),
        ("units", units.into_iter().collect::<Vec<_>>().join(" ")),
    ];
    variables(&asks) + include_str!("end.sh")
}

/// Of the units, and in systemd's words of the directory.
fn name(nonce: &str) -> String {
    let name = Layout::tries().rsplit('/').next().unwrap_or_default();
    format!("{name}-{nonce}")
}

fn dir(nonce: &str) -> String {
    format!("{}-{nonce}", Layout::tries())
}

fn numbers(ports: &[(Protocol, u16)], protocol: Protocol) -> String {
    let ports = ports.iter().filter(|(own, _)| *own == protocol);
    ports.map(|(_, port)| port.to_string()).collect::<Vec<_>>().join(" ")
}

fn variables(asks: &[(&str, String)]) -> String {
    asks.iter().map(|(name, value)| format!("{name}={}\n", sh_quote(value))).collect()
}
