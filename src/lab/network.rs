//! A lab's network: a bridge with the gateway's address, and for each host a namespace with a cable into it.

use std::path::Path;

use super::command;
use super::lock::Lock;
use super::state::{HostState, State};
use crate::error::Result;

/// Makes the bridge, where it is not there yet, and lets the hosts' packets through the machine's firewall.
pub fn make_bridge(lock: &Lock, state: &State) -> Result<()> {
    let bridge = &state.bridge;
    if !interface_exists(bridge) {
        let length = state.subnet.prefix_len();
        let batch = format!(
            "link add {bridge} type bridge\naddr add {}/{length} dev {bridge}\nlink set {bridge} up\n",
            state.gateway
        );
        lock.ip(&[], &batch)?;
    }
    open_firewall(lock, state)
}

/// Gives the host its namespace, its cable, its address and its route.
/// The hardware address follows from the IP address: the neighbours know a host that comes back.
pub fn connect(lock: &Lock, state: &State, host: &HostState) -> Result<()> {
    disconnect(lock, host)?;
    let HostState { netns, veth, address, .. } = host;
    let [a, b, c, d] = address.octets();
    let mac = format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}");
    let outside = format!(
        "netns add {netns}\n\
         link add {veth} type veth peer name host0 address {mac} netns {netns}\n\
         link set {veth} master {} up\n",
        state.bridge
    );
    lock.ip(&[], &outside)?;
    let length = state.subnet.prefix_len();
    let inside = format!(
        "addr add {address}/{length} dev host0\nlink set lo up\nlink set host0 up\nroute add default via {}\n",
        state.gateway
    );
    lock.ip(&["-n", netns], &inside)
}

/// Pulls the host's cable at the other end: nothing that the host still says reaches anybody.
pub fn unplug(lock: &Lock, host: &HostState) -> Result<()> {
    if interface_exists(&host.veth) {
        lock.run("ip", &["link", "set", &host.veth, "down"])?;
    }
    Ok(())
}

/// Takes the host's cable and namespace away, as far as they are there.
pub fn disconnect(lock: &Lock, host: &HostState) -> Result<()> {
    if interface_exists(&host.veth) {
        lock.run("ip", &["link", "del", &host.veth])?;
    }
    if Path::new("/run/netns").join(&host.netns).exists() {
        lock.run("ip", &["netns", "del", &host.netns])?;
    }
    Ok(())
}

/// Takes the bridge and the firewall rule away, as far as they are there.
pub fn remove_bridge(lock: &Lock, state: &State) -> Result<()> {
    if interface_exists(&state.bridge) {
        lock.run("ip", &["link", "del", &state.bridge])?;
    }
    close_firewall(lock, state);
    Ok(())
}

fn interface_exists(name: &str) -> bool {
    Path::new("/sys/class/net").join(name).exists()
}

/// Bridged packets pass the machine's FORWARD chain where br_netfilter is loaded. Nothing is done where that chain lets
/// everything through; else one rule for this bridge goes first.
fn open_firewall(lock: &Lock, state: &State) -> Result<()> {
    let chain = command::run("iptables", &["--wait", "-S", "FORWARD"]).unwrap_or_default();
    if is_open(&String::from_utf8_lossy(&chain)) || lock.run("iptables", &rule("-C", state)).is_ok() {
        return Ok(());
    }
    lock.run("iptables", &rule("-I", state))
}

fn close_firewall(lock: &Lock, state: &State) {
    while lock.run("iptables", &rule("-C", state)).is_ok() {
        if lock.run("iptables", &rule("-D", state)).is_err() {
            return;
        }
    }
}

fn rule<'a>(action: &'a str, state: &'a State) -> Vec<&'a str> {
    let bridge = state.bridge.as_str();
    let options = [action, "FORWARD", "-i", bridge, "-o", bridge];
    let comment = ["-m", "comment", "--comment", "kbootstrap-lab"];
    ["--wait"].into_iter().chain(options).chain(comment).chain(["-j", "ACCEPT"]).collect()
}

/// Whether `iptables -S FORWARD` shows a chain that drops nothing.
fn is_open(chain: &str) -> bool {
    chain.lines().all(|line| line == "-P FORWARD ACCEPT" || line.contains("--comment kbootstrap-lab"))
}

/// Names of what the kernel keeps for a lab: interface names have at most 15 characters.
pub fn bridge_name(id: &str) -> String {
    format!("kb{id}")
}
/// See [`bridge_name`].
pub fn veth_name(id: &str, host: &str) -> String {
    format!("kb{id}-{host}")
}
/// See [`bridge_name`].
pub fn netns_name(id: &str, host: &str) -> String {
    format!("kb-{id}-{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interface_names_fit() {
        assert!(veth_name("abcdef", "n50").len() <= 15);
    }

    #[test]
    fn only_a_firewall_that_may_drop_gets_a_rule() {
        assert!(is_open("-P FORWARD ACCEPT\n"));
        assert!(is_open("")); // No iptables in this kernel.
        assert!(!is_open("-P FORWARD DROP\n"));
        assert!(!is_open("-P FORWARD ACCEPT\n-A FORWARD -j REJECT\n"));
    }
}
