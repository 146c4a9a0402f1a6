//! The virtual address in front of the API servers, on the hosts that can hold it.

use ipnet::IpNet;

use super::finding::{Finding, HostCheck, Severity};
use super::network::network_of;
use super::ports;
use crate::cluster::{Host, Role, VirtualAddress};
use crate::components::{api_front_end, api_virtual_address};
use crate::facts::heard::Heard;
use crate::facts::paths::is_try;

pub(super) fn check(check: &mut HostCheck) {
    let Some(held) = check.cluster.balancing.virtual_address.clone().filter(|_| check.host.is(Role::Lb)) else {
        return;
    };
    port(check, &held);
    // Without the ip program nothing was seen, which the check `tools` says.
    if !check.facts.addresses.is_empty() {
        interface(check, &held);
    }
}

/// What a host heard on the wire before anything of ours held the address.
pub fn strangers(host: &Host, held: &VirtualAddress, heard: &Heard) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |severity, finding: String, remedy: &str| {
        findings.push(Finding::new(host, "virtual-address", severity, finding, remedy.to_owned()));
    };
    if let Some(hardware) = &heard.answers {
        find(
            Severity::Fail,
            format!("somebody answers at {} already: {hardware}", held.address),
            "choose an address that nobody has, or take it away from that machine",
        );
    }
    for router in &heard.routers {
        find(
            Severity::Fail,
            format!("{router} multicasts with the VRRP router id {}", held.router_id),
            "choose another: `virtualAddress: {routerId: …}`; who uses unicast cannot be heard",
        );
    }
    if let Some(why) = &heard.deaf {
        let finding = format!("others with the router id {} were not listened for: {why}", held.router_id);
        find(Severity::Warn, finding, "install nftables, or see to it that nobody else uses that router id");
    }
    findings
}

/// Who holds the port, where that is not our own front end.
fn port(check: &mut HostCheck, held: &VirtualAddress) {
    if ports::runs_ours(check.facts, &format!("{}.service", api_front_end::ID)) {
        return;
    }
    let taken = check.facts.listening.iter().find(|socket| socket.port == held.port && !is_try(socket));
    if let Some(socket) = taken {
        let who = socket.process.as_deref().unwrap_or("a process that cannot be seen");
        check.fail(
            "virtual-address",
            format!("{}:{} is taken by {who}, and what stands behind the virtual address needs it", socket.address, held.port),
            format!(
                "stop it (`ss -ltnp 'sport = :{}'` shows its process), or choose another port: `virtualAddress: {{port: …}}`",
                held.port
            ),
        );
    }
}

/// The interface is there, has a network that the address is of, and nobody else has put the address there.
fn interface(check: &mut HostCheck, held: &VirtualAddress) {
    let (address, host) = (held.address, check.host.address);
    let own = || check.facts.interface_of(host).map(str::to_owned);
    let Some(name) = held.interface.clone().or_else(own) else { return };
    if !check.facts.devices.contains(&name) && !check.facts.addresses.iter().any(|(there, _)| *there == name) {
        let there: Vec<&str> = check.facts.devices.iter().map(String::as_str).collect();
        let there = there.join(", ");
        check.fail(
            "virtual-address",
            format!("there is no interface {name}; there are {there}"),
            "name one of them in `virtualAddress: {interface: …}`, or leave it out where hosts differ",
        );
        return;
    }
    if check.facts.interface_of(address).is_some()
        && !ports::runs_ours(check.facts, &format!("{}.service", api_virtual_address::ID))
    {
        check.fail(
            "virtual-address",
            format!("the host has {address} already, and keepalived of ours does not run here"),
            format!(
                "take it away (`ip addr del {address}/32 dev {name}`) where it is nobody's, or choose another address"
            ),
        );
    }
    let of_interface = check.facts.routes.iter().filter(|(_, device)| *device == name);
    let networks: Vec<IpNet> = of_interface.filter_map(|(to, _)| network_of(to)).collect();
    if !networks.is_empty() && !networks.iter().any(|network| network.contains(&address)) {
        let shown: Vec<String> = networks.iter().map(IpNet::to_string).collect();
        check.fail(
            "virtual-address",
            format!("{address} is in no network of {name}, which has {}", shown.join(", ")),
            "choose an address of the hosts' own network: others find it by asking there who has it (ARP)",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::example;

    #[test]
    fn strangers_are_named() {
        let host = example::host("m1", 11, &[Role::Master, Role::Lb]);
        let held = VirtualAddress { address: [10, 0, 0, 9].into(), router_id: 51, ..VirtualAddress::unknown() };
        let heard = Heard {
            answers: Some("02:00:00:00:00:07".into()),
            routers: vec![[10, 0, 0, 77].into()],
            deaf: Some("nft does not listen".into()),
        };
        let said: Vec<String> =
            strangers(&host, &held, &heard).iter().map(|f| format!("{:?} {}", f.severity, f.finding)).collect();
        insta::assert_snapshot!(said.join("\n"), @r"
        Fail somebody answers at 10.0.0.9 already: 02:00:00:00:00:07
        Fail 10.0.0.77 multicasts with the VRRP router id 51
        Warn others with the router id 51 were not listened for: nft does not listen
        ");
        assert!(strangers(&host, &held, &Heard::default()).is_empty());
    }
}
