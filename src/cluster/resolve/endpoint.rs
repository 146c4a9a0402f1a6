//! Where people reach the API: the site's own address in front of the masters, or a master.

use std::net::IpAddr;

use crate::cluster::{API_PORT, Balancing, Endpoint, Networks};
use crate::inventory::check::{addresses, names};
use crate::inventory::{Inventory, Mistake, Path, Role, quoted};
use crate::text::split_host_port;

/// Decides the endpoint; mistakes are added to `mistakes`.
pub fn resolve(
    inventory: &Inventory,
    balancing: &Balancing,
    networks: Option<&Networks>,
    mistakes: &mut Vec<Mistake>,
) -> Option<Endpoint> {
    let at = Path::root().key("controlPlaneEndpoint");
    let Some(text) = &inventory.control_plane_endpoint else { return ours(inventory, balancing, mistakes) };
    let meant = addresses::peel(text).map(|peeled| peeled.with_port());
    let meant = meant.filter(|new| new != text && parse(new).and_then(|meant| usable(meant, networks)).is_ok());
    let meant = meant.map(|text| format!("write `controlPlaneEndpoint: {}`", quoted(&text)));
    if let Some((mistake, remedy)) = names::odd(&at, text, "endpoint") {
        mistakes.push(mistake.hint(meant.unwrap_or(remedy)));
        return None;
    }
    match parse(text).and_then(|endpoint| usable(endpoint, networks)) {
        Ok(endpoint) => Some(endpoint),
        Err((why, hint)) => {
            let hint = meant.unwrap_or_else(|| hint.to_owned());
            mistakes.push(Mistake::at(at, format!("endpoint `{text}` {why}")).hint(hint));
            None
        }
    }
}

/// The virtual address, or the only master; of several, where nodes have balancers of their own, the first by name: people have a context for each.
fn ours(inventory: &Inventory, balancing: &Balancing, mistakes: &mut Vec<Mistake>) -> Option<Endpoint> {
    if let Some(held) = &balancing.virtual_address {
        return Some(Endpoint { host: held.address.to_string(), port: held.port });
    }
    if inventory.api_load_balancer.virtual_address.is_some() {
        return None; // It has a mistake.
    }
    let mut masters: Vec<_> = inventory.hosts.iter().filter(|h| h.roles.contains(&Role::Master)).collect();
    masters.sort_by_key(|host| &host.name);
    if masters.len() > 1 && balancing.local.is_none() {
        let names: Vec<&str> = masters.iter().map(|h| h.name.as_str()).collect();
        let message = format!("{} masters ({}), and nothing in front of them", names.len(), names.join(", "));
        mistakes.push(Mistake::whole(Path::root().key("hosts"), message).hint(
            "leave `apiLoadBalancer.local` out, or set controlPlaneEndpoint to the address of what balances over the \
             masters' port 6443",
        ));
        return None;
    }
    // Brackets are for URLs; here it is a bare address.
    masters
        .first()
        .and_then(|master| Some(Endpoint { host: master.address.parse::<IpAddr>().ok()?.to_string(), port: API_PORT }))
}

type Wrong = (String, &'static str);

fn parse(text: &str) -> Result<Endpoint, Wrong> {
    let wrong = |why: &str, hint| Err((why.to_owned(), hint));
    const FORM: &str = "write HOST or HOST:PORT, an IPv6 address with its port as [ADDRESS]:PORT";
    if text.contains("://") {
        return wrong("has a scheme", "leave `https://` out: write HOST or HOST:PORT");
    }
    if text.contains('/') {
        return wrong("has a path", FORM);
    }
    let Some((host, port)) = split_host_port(text) else { return wrong("is neither an address nor a name", FORM) };
    let port = match port.map(str::parse::<u16>) {
        None => API_PORT,
        Some(Ok(port)) if port > 0 => port,
        Some(_) => return wrong("has no valid port", "ports are numbers from 1 to 65535"),
    };
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(Endpoint { host: ip.to_string(), port });
    }
    match names::host_name(&host.to_lowercase()) {
        Ok(()) => Ok(Endpoint { host: host.to_lowercase(), port }),
        Err(why) => Err((why, FORM)),
    }
}

fn usable(endpoint: Endpoint, networks: Option<&Networks>) -> Result<Endpoint, Wrong> {
    if endpoint.host == "localhost" {
        return Err(("is each host itself".into(), "nodes on other hosts must reach the masters by it"));
    }
    let Ok(ip) = endpoint.host.parse::<IpAddr>() else { return Ok(endpoint) };
    if let Some(kind) = crate::inventory::check::unusable(ip) {
        return Err((format!("is {kind} address"), "nodes on other hosts must reach the masters by it"));
    }
    if let Some(networks) = networks {
        for (name, network) in [("pod", &networks.pods), ("service", &networks.services)] {
            if network.contains(&ip) {
                return Err((
                    format!("lies in the {name} network {network}"),
                    "it must be an address of the hosts' network",
                ));
            }
        }
    }
    Ok(endpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        parse(text).and_then(|e| usable(e, None)).map(|e| e.url()).map_err(|(why, _)| why)
    }

    #[test]
    fn endpoints_as_people_write_them() {
        assert_eq!(read("10.0.0.10").unwrap(), "https://10.0.0.10:6443");
        assert_eq!(read("api.example.com:8443").unwrap(), "https://api.example.com:8443");
        assert_eq!(read("[fd00::10]:8443").unwrap(), "https://[fd00::10]:8443");
        assert_eq!(read("fd00::10").unwrap(), "https://[fd00::10]:6443");
        assert_eq!(read("[fd00::10]").unwrap(), "https://[fd00::10]:6443");
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(read("https://10.0.0.10:6443").unwrap_err(), "has a scheme");
        assert_eq!(read("10.0.0.10:6443/api").unwrap_err(), "has a path");
        assert_eq!(read("10.0.0.10:0").unwrap_err(), "has no valid port");
        assert_eq!(read("10.0.0.10:http").unwrap_err(), "has no valid port");
        assert_eq!(read("10.0.0.300").unwrap_err(), "is neither an address nor a name");
        assert_eq!(read("").unwrap_err(), "is empty");
        assert_eq!(read("127.0.0.1:6443").unwrap_err(), "is a loopback address");
        assert_eq!(read("localhost").unwrap_err(), "is each host itself");
    }
}
