//! Ports that a component will listen on and that somebody else holds.

use std::collections::BTreeSet;

use super::finding::Look;
use crate::cluster::{Cluster, Component, Host, NetworkPlugin, Role};
use crate::facts::{HostFacts, Listening};

/// A port that one of our units listens on.
struct Port {
    check: &'static str,
    number: u16,
    unit: &'static str,
    /// Only on 127.0.0.1.
    loopback: bool,
    role: Role,
}

const fn port(check: &'static str, number: u16, unit: &'static str, loopback: bool, role: Role) -> Port {
    Port { check, number, unit, loopback, role }
}

/// Kubernetes' "Ports and Protocols" page, and the loopback ports of health and metrics.
const PORTS: [Port; 10] = [
    port("port-2379", 2379, "etcd.service", false, Role::Etcd),
    port("port-2380", 2380, "etcd.service", false, Role::Etcd),
    port("port-2381", 2381, "etcd.service", true, Role::Etcd),
    port("port-6443", 6443, "kube-apiserver.service", false, Role::Master),
    port("port-10257", 10257, "kube-controller-manager.service", true, Role::Master),
    port("port-10259", 10259, "kube-scheduler.service", true, Role::Master),
    port("port-10248", 10248, "kubelet.service", true, Role::Node),
    port("port-10249", 10249, "kube-proxy.service", true, Role::Node),
    port("port-10250", 10250, "kubelet.service", false, Role::Node),
    port("port-10256", 10256, "kube-proxy.service", false, Role::Node),
];

pub(super) fn check(look: &mut Look) {
    let ours = ports_ours(look.host, look.facts);
    for port in PORTS.iter().filter(|port| look.host.is(port.role) && !ours.contains(&port.number)) {
        let taken = |socket: &&Listening| socket.port == port.number && (!port.loopback || reaches_loopback(socket));
        if let Some(socket) = look.facts.listening.iter().find(taken) {
            let who = socket.process.as_deref().unwrap_or("a process that cannot be seen");
            let component = port.unit.trim_end_matches(".service");
            look.fail(
                port.check,
                format!("{}:{} is taken by {who}, and our {component} needs it", socket.address, socket.port),
                format!("stop it; `ss -ltnp 'sport = :{}'` shows its process", port.number),
            );
        }
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
pub fn ports_ours(host: &Host, facts: &HostFacts) -> BTreeSet<u16> {
    let held = |port: &&Port| {
        let mut sockets = facts.listening.iter().filter(|socket| socket.port == port.number).peekable();
        host.is(port.role)
            && facts.known
            && facts.units.get(port.unit).is_some_and(|unit| unit.active != "inactive" && unit.active != "failed")
            && sockets.peek().is_some()
            && sockets.all(|socket| socket.process.as_deref().is_none_or(|process| runs(port.unit, process)))
    };
    PORTS.iter().filter(held).map(|port| port.number).collect()
}

/// Whether the process is the unit's program; the kernel keeps 15 bytes of a process' name.
fn runs(unit: &str, process: &str) -> bool {
    let program = unit.trim_end_matches(".service");
    process == program || process.len() == 15 && program.starts_with(process)
}

/// The units that the host's roles run.
pub(super) fn units(cluster: &Cluster, host: &Host) -> impl Iterator<Item = &'static str> {
    let flannel = cluster.networks.plugin == NetworkPlugin::Flannel;
    let all = [
        (Role::Etcd, Component::Etcd, "etcd.service"),
        (Role::Master, Component::KubeApiserver, "kube-apiserver.service"),
        (Role::Master, Component::KubeControllerManager, "kube-controller-manager.service"),
        (Role::Master, Component::KubeScheduler, "kube-scheduler.service"),
        (Role::Node, Component::Containerd, "containerd.service"),
        (Role::Node, Component::Kubelet, "kubelet.service"),
        (Role::Node, Component::KubeProxy, "kube-proxy.service"),
        (Role::Node, Component::Flanneld, "flanneld.service"),
    ];
    let roles = host.roles.clone();
    let runs = move |(role, component, _): &(Role, Component, &str)| {
        roles.contains(role) && (flannel || *component != Component::Flanneld)
    };
    all.into_iter().filter(runs).map(|(_, _, unit)| unit)
}
