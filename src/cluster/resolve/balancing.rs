//! What of ours stands in front of the API servers: what the inventory says, or a balancer on each node where several masters
//! have nothing else before them.

use std::net::IpAddr;

use crate::cluster::{API_PORT, Balancer, Balancing, ETCD_PORT, Known, LOCAL_API_PORT, Networks, VirtualAddress};
use crate::inventory::{FrontEnd, Holders, Inventory, LocalBalancer, Mistake, Path, Role};

/// Where masters hold the virtual address: their API servers have 6443 on all addresses.
const PORT_ON_MASTERS: u16 = 8443;

/// Decides it; mistakes are added to `mistakes`.
pub fn resolve(
    inventory: &Inventory,
    networks: Option<&Networks>,
    names: &Known<'_>,
    mistakes: &mut Vec<Mistake>,
) -> Balancing {
    let written = &inventory.api_load_balancer;
    let alone = with(inventory, Role::Master).count() > 1
        && inventory.control_plane_endpoint.is_none()
        && written.virtual_address.is_none();
    let local = match written.local {
        Some(LocalBalancer::Haproxy) => Some(Balancer::Haproxy),
        Some(LocalBalancer::Nginx) => Some(Balancer::Nginx),
        Some(LocalBalancer::None) => None,
        None => alone.then_some(Balancer::Haproxy),
    };
    if written.virtual_address.is_none()
        && let Some((i, host)) = inventory.hosts.iter().enumerate().find(|(_, host)| host.roles.contains(&Role::Lb))
    {
        let at = Path::root().key("hosts").index(i).key("roles");
        let message = format!("host {} has the role lb, and there is no virtual address that it could hold", host.name);
        mistakes.push(Mistake::key(at, message).hint("set `apiLoadBalancer: {virtualAddress: {address: …}}`"));
    }
    Balancing { local, virtual_address: virtual_address(inventory, networks, names, mistakes) }
}

/// Whose hosts hold the virtual address, where there is one.
pub(super) fn holders(inventory: &Inventory) -> Option<Role> {
    let written = inventory.api_load_balancer.virtual_address.as_ref()?;
    let is_given = || with(inventory, Role::Lb).next().is_some();
    Some(match written.on {
        Some(Holders::Masters) => Role::Master,
        Some(Holders::Lb) => Role::Lb,
        None if is_given() => Role::Lb,
        None => Role::Master,
    })
}

fn with(inventory: &Inventory, role: Role) -> impl Iterator<Item = &crate::inventory::Host> {
    inventory.hosts.iter().filter(move |host| host.roles.contains(&role))
}

fn virtual_address(
    inventory: &Inventory,
    networks: Option<&Networks>,
    names: &Known<'_>,
    mistakes: &mut Vec<Mistake>,
) -> Option<VirtualAddress> {
    let written = inventory.api_load_balancer.virtual_address.as_ref()?;
    let at = Path::root().key("apiLoadBalancer").key("virtualAddress");
    let address = match address(inventory, &written.address, networks) {
        Ok(address) => Some(address),
        Err((why, hint)) => {
            let message = format!("virtual address `{}` {why}", written.address);
            mistakes.push(Mistake::at(at.key("address"), message).hint(hint));
            None
        }
    };
    let on = holders(inventory)?;
    let hosts: Vec<_> = with(inventory, on).collect();
    if hosts.is_empty() && on == Role::Lb {
        let hint = "give two or three hosts the role `lb`, or leave `on` out: then the masters hold it";
        mistakes.push(Mistake::key(at.key("on"), "no host has the role `lb`").hint(hint));
    }
    let shares = hosts.iter().any(|host| host.roles.contains(&Role::Master));
    let port = written.port.unwrap_or(if shares { PORT_ON_MASTERS } else { API_PORT });
    if let Some(why) = taken(port, shares, &hosts, networks, names) {
        mistakes.push(Mistake::at(at.key("port"), format!("port {port} {why}")).hint("choose another, as 8443"));
    }
    let interface = written.interface.clone();
    if let Some(name) = interface.as_ref().filter(|name| !is_interface(name)) {
        let message = format!("`{name}` is not the name of a network interface");
        mistakes.push(Mistake::at(at.key("interface"), message).hint("`ip -br link` on the host lists them"));
    }
    let address = address?;
    Some(VirtualAddress {
        address,
        port,
        front_end: match written.front_end {
            Some(FrontEnd::Nginx) => Balancer::Nginx,
            Some(FrontEnd::Haproxy) | None => Balancer::Haproxy,
        },
        on_masters: on == Role::Master,
        interface,
        router_id: written.router_id.unwrap_or_else(|| VirtualAddress::router_id_of(address)),
    })
}

type Wrong = (String, &'static str);

fn address(inventory: &Inventory, text: &str, networks: Option<&Networks>) -> Result<IpAddr, Wrong> {
    const FREE: &str = "it must be an address of the hosts' network that nobody has";
    let Ok(address) = text.parse::<IpAddr>() else {
        return Err(("is not an IP address".into(), "write an address without a port: 10.0.0.10"));
    };
    if let Some(kind) = crate::inventory::check::unusable(address) {
        return Err((format!("is {kind} address"), FREE));
    }
    if let Some(host) = inventory.hosts.iter().find(|host| host.address.parse() == Ok(address)) {
        return Err((format!("is the address of {}", host.name), FREE));
    }
    let ipv4 = inventory.hosts.iter().filter_map(|host| host.address.parse::<IpAddr>().ok()).any(|ip| ip.is_ipv4());
    if ipv4 != address.is_ipv4() {
        return Err(("is of another family than the hosts' addresses".into(), FREE));
    }
    for (name, network) in networks.iter().flat_map(|n| [("pod", &n.pods), ("service", &n.services)]) {
        if network.contains(&address) {
            return Err((format!("lies in the {name} network {network}"), FREE));
        }
    }
    Ok(address)
}

/// Why hosts that hold the address cannot listen on the port.
fn taken(
    port: u16,
    shares: bool,
    hosts: &[&crate::inventory::Host],
    networks: Option<&Networks>,
    names: &Known<'_>,
) -> Option<String> {
    if port == API_PORT && shares {
        return Some("is taken: API servers listen there on all addresses of the masters".into());
    }
    if let Some((first, last)) = networks.map(|n| n.node_ports).filter(|(first, last)| (*first..=*last).contains(&port))
    {
        return Some(format!("lies among the ports of NodePort services, {first}-{last}"));
    }
    let only = |role| hosts.iter().all(|host| !host.roles.contains(&role));
    let listens = names.components.iter().find(|component| {
        component.ports.contains(&port) && !component.role.is_some_and(only) && component.role != Some(Role::Lb)
    });
    let own = match port {
        LOCAL_API_PORT => Some("nodes' own balancers"),
        ETCD_PORT => Some("etcd"),
        _ => None,
    };
    listens.map(|component| component.name).or(own).map(|name| format!("is taken by {name}"))
}

fn is_interface(name: &str) -> bool {
    (1..=15).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-@".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(masters: usize, more: &str) -> (Balancing, Vec<String>) {
        let host = |n| format!("  - {{name: m{n}, address: 10.0.0.{n}, roles: [etcd, master]}}\n");
        let hosts: String = (1..=masters).map(host).collect();
        let text = format!("cluster: demo\nhosts:\n{hosts}{more}\n");
        let loaded = crate::inventory::parse("c.yaml", text.as_bytes()).unwrap();
        let mut mistakes = Vec::new();
        let balancing = resolve(&loaded.inventory, None, &Known::default(), &mut mistakes);
        (balancing, mistakes.into_iter().map(|mistake| mistake.message).collect())
    }

    fn local(masters: usize, more: &str) -> Option<&'static str> {
        decided(masters, more).0.local.map(Balancer::name)
    }

    #[test]
    fn several_masters_with_nothing_before_them_have_a_balancer_on_each_node() {
        assert_eq!(local(1, ""), None);
        assert_eq!(local(3, ""), Some("haproxy"));
        assert_eq!(local(3, "controlPlaneEndpoint: 10.0.0.9"), None);
        assert_eq!(local(3, "apiLoadBalancer: {virtualAddress: {address: 10.0.0.9}}"), None);
        assert_eq!(local(3, "apiLoadBalancer: {local: none}"), None);
        assert_eq!(local(3, "apiLoadBalancer: {local: nginx}"), Some("nginx"));
        assert_eq!(local(1, "apiLoadBalancer: {local: nginx}\ncontrolPlaneEndpoint: 10.0.0.9"), Some("nginx"));
    }

    #[test]
    fn a_virtual_address_has_a_port_that_its_hosts_can_listen_on() {
        let held = |more: &str| {
            let (balancing, mistakes) = decided(3, more);
            assert_eq!(mistakes, [""; 0]);
            let held = balancing.virtual_address.unwrap();
            (held.port, held.on_masters, held.front_end.name())
        };
        assert_eq!(held("apiLoadBalancer: {virtualAddress: {address: 10.0.0.9}}"), (8443, true, "haproxy"));
        let lb = "  - {name: l1, address: 10.0.0.8, roles: [lb]}\n";
        let more = format!("{lb}apiLoadBalancer: {{virtualAddress: {{address: 10.0.0.9, frontEnd: nginx}}}}");
        assert_eq!(held(&more), (6443, false, "nginx"));
        let more = format!("{lb}apiLoadBalancer: {{virtualAddress: {{address: 10.0.0.9, on: masters}}}}");
        assert_eq!(held(&more), (8443, true, "haproxy"));
    }

    #[test]
    fn mistakes_of_a_virtual_address() {
        let said = |more: &str| decided(3, &format!("apiLoadBalancer: {{virtualAddress: {{{more}}}}}")).1.join("; ");
        let rows = [
            said("address: 10.0.0.2"),
            said("address: \"10.0.0.9:6443\""),
            said("address: fd00::9"),
            said("address: 127.0.0.1"),
            said("address: 10.0.0.9, port: 6443"),
            said("address: 10.0.0.9, port: 7443"),
            said("address: 10.0.0.9, on: lb"),
            said("address: 10.0.0.9, interface: \"eth0; rm\""),
            decided(3, "  - {name: l1, address: 10.0.0.8, roles: [lb]}").1.join("; "),
        ];
        insta::assert_snapshot!(rows.join("\n"), @r"
        virtual address `10.0.0.2` is the address of m2
        virtual address `10.0.0.9:6443` is not an IP address
        virtual address `fd00::9` is of another family than the hosts' addresses
        virtual address `127.0.0.1` is a loopback address
        port 6443 is taken: API servers listen there on all addresses of the masters
        port 7443 is taken by nodes' own balancers
        no host has the role `lb`
        `eth0; rm` is not the name of a network interface
        host l1 has the role lb, and there is no virtual address that it could hold
        ");
    }
}
