//! Ports that a component will listen on and that somebody else holds.

use std::collections::BTreeSet;

use super::finding::HostCheck;
use crate::cluster::{Cluster, Host};
use crate::components::{Catalogue, ComponentSpec, PortSpec, Protocol, UnitSpec};
use crate::facts::paths::is_try;
use crate::facts::{HostFacts, Listening};

pub(super) fn check(check: &mut HostCheck) {
    let ours = ports_ours(check.catalogue, check.cluster, check.host, check.facts);
    let specs = check.catalogue.on(check.cluster, check.host);
    let ports: Vec<_> = specs.flat_map(|spec| spec.ports.iter().map(|port| (*port, spec.id))).collect();
    for (port, component) in ports.iter().filter(|(port, _)| !ours.contains(&port.number)) {
        let taken = |socket: &&Listening| {
            socket.port == port.number && (!port.loopback || reaches_loopback(socket)) && !is_try(socket)
        };
        let option = if port.protocol == Protocol::Udp { "-lunp" } else { "-ltnp" };
        if let Some(socket) = sockets(check.facts, port).iter().find(taken) {
            let who = socket.process.as_deref().unwrap_or("a process that cannot be seen");
            check.fail(
                &port.check(),
                format!("{}:{} is taken by {who}, and our {component} needs it", socket.address, socket.port),
                format!("stop it; `ss {option} 'sport = :{}'` shows its process", port.number),
            );
        }
    }
}

fn sockets<'a>(facts: &'a HostFacts, port: &PortSpec) -> &'a [Listening] {
    match port.protocol {
        Protocol::Tcp => &facts.listening,
        Protocol::Udp => &facts.listening_udp,
    }
}

fn reaches_loopback(socket: &Listening) -> bool {
    let address = socket.address.split('%').next().unwrap_or_default().trim_matches(['[', ']']);
    ["*", "::", "0.0.0.0", "::ffff:127.0.0.1"].contains(&address) || address.starts_with("127.")
}

/// The ports of `host` that our own running units hold, as they do on every run but the first.
///
/// Ours is a unit on a host that has kbootstrap's record, that runs or is about to, and whose program is the one that
/// listens (as far as that can be seen).
fn ports_ours(catalogue: &Catalogue, cluster: &Cluster, host: &Host, facts: &HostFacts) -> BTreeSet<u16> {
    let held = |spec: &ComponentSpec, unit: &UnitSpec, port: &PortSpec| {
        let path = spec.program(cluster, unit);
        // What it runs now may be another program than what it is to run.
        let now = facts.units.get(&unit.name()).and_then(|unit| unit.process.as_ref());
        let programs: Vec<&str> = [Some(path.as_str()), now.map(|process| process.program.as_str())]
            .into_iter()
            .flatten()
            .map(|path| path.rsplit('/').next().unwrap_or(path))
            .collect();
        let is_ours = |process: &str| programs.iter().any(|program| runs(program, process));
        let mut sockets = sockets(facts, port).iter().filter(|socket| socket.port == port.number).peekable();
        runs_ours(facts, &unit.name())
            && sockets.peek().is_some()
            && sockets.all(|socket| socket.process.as_deref().is_none_or(is_ours))
    };
    // A network device keeps its port while its service is stopped, and no process has it then.
    let by_device = |spec: &ComponentSpec, port: &PortSpec| {
        let nobodys = |socket: &Listening| socket.port != port.number || socket.process.is_none();
        facts.known
            && port.protocol == Protocol::Udp
            && spec.footprint.links.iter().any(|device| facts.devices.contains(*device))
            && facts.listening_udp.iter().all(nobodys)
    };
    let units = catalogue.units(cluster, host);
    units
        .flat_map(|(spec, unit)| spec.ports.iter().filter(move |port| held(spec, &unit, port) || by_device(spec, port)))
        .map(|port| port.number)
        .collect()
}

/// Whether a unit of ours runs on the host, or is about to.
pub(super) fn runs_ours(facts: &HostFacts, unit: &str) -> bool {
    facts.known && facts.units.get(unit).is_some_and(|unit| unit.active != "inactive" && unit.active != "failed")
}

/// Whether the process is the program; the kernel keeps 15 bytes of a process' name.
fn runs(program: &str, process: &str) -> bool {
    process == program || process.len() == 15 && program.starts_with(process)
}
