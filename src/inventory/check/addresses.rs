//! What people write around an address, and what is left when it is taken away.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, ip_mask_to_prefix};

use super::names;
use crate::document::lookalike;
use crate::inventory::draft::quoted;
use crate::text::{host_port, split_host_port};

/// What is left of a text that was to be an address or a name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peeled {
    /// The address, or the name.
    pub host: String,
    /// A login name that stood before it.
    user: Option<String>,
    /// A port that stood behind it.
    port: Option<u16>,
    /// It was the address of a web page, whose port is none of SSH's.
    web: bool,
    /// Its numbers had leading zeros.
    zeros: bool,
    /// It had the name of a network interface behind it.
    zone: bool,
}

/// Takes away what does not belong to an address: spaces, a scheme, a login name, a path or prefix length, brackets, a
/// port, a zone, a dot at the end, leading zeros, characters that only look like ASCII. None where nothing is to be taken
/// away, or where what is left is neither an address nor a name.
pub fn peel(text: &str) -> Option<Peeled> {
    let mut peeled = Peeled::default();
    let ascii = lookalike::to_ascii(text);
    let mut rest = ascii.split([',', ';', ' ', '\t']).find(|word| !word.is_empty())?;
    let mut web = false;
    if let Some((scheme, after)) = rest.split_once("://") {
        web = scheme.starts_with("http");
        rest = after;
    }
    if let Some((user, after)) = rest.rsplit_once('@') {
        peeled.user = Some(user.to_owned());
        rest = after;
    }
    rest = rest.split_once('/').map_or(rest, |(before, _)| before);
    let zoneless = without_zone(rest);
    peeled.zone = zoneless.is_some();
    let rest = zoneless.as_deref().unwrap_or(rest);
    let (host, port) = split_host_port(rest)?;
    peeled.port = port.map(str::parse).transpose().ok()?;
    peeled.web = web;
    let host = host.strip_suffix('.').unwrap_or(host).to_lowercase();
    let decimal = without_zeros(&host);
    peeled.zeros = decimal.is_some();
    peeled.host = decimal.unwrap_or(host);
    let good = peeled.ip().is_some() || names::host_name(&peeled.host).is_ok();
    (good && peeled.host != text).then_some(peeled)
}

impl Peeled {
    /// The address, where it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// What to write into a field of a host.
    pub fn hint(&self, field: &str) -> String {
        let mut hint = format!("write `{field}: {}`", quoted(&self.host));
        if let Some(port) = self.port.filter(|port| *port != 22 && !self.web) {
            hint += &format!("; the SSH port goes into `ssh: {{port: {port}}}`");
        }
        if let Some(user) = &self.user {
            hint += &format!("; the login name goes into `ssh: {{user: {}}}`", quoted(user));
        }
        hint + self.because()
    }

    /// What to write into a field that takes an address alone.
    pub fn alone(&self, field: &str) -> String {
        format!("write `{field}: {}`", quoted(&self.host)) + self.because()
    }

    /// What to write where a port may follow.
    pub fn with_port(&self) -> String {
        self.port.map_or_else(|| self.host.clone(), |port| host_port(&self.host, port))
    }

    fn because(&self) -> &'static str {
        match (self.zeros, self.zone) {
            (true, _) => ": some programs read a number with a leading zero as octal",
            (_, true) => ": what follows the `%` is known on one machine only",
            _ => "",
        }
    }
}

/// A network of which the same is taken away, with a prefix length where a mask was written.
pub fn peel_network(text: &str) -> Option<IpNet> {
    let ascii = lookalike::to_ascii(text);
    let (address, prefix) = ascii.trim().rsplit_once('/')?;
    let address = address.trim();
    let ip = address.parse().ok().or_else(|| peel(address)?.ip())?;
    let prefix = prefix.trim();
    let prefix = prefix.parse().ok().or_else(|| ip_mask_to_prefix(prefix.parse().ok()?).ok())?;
    Some(IpNet::new(ip, prefix).ok()?.trunc())
}

/// What the address of an IPv4 host looks like when IPv6 wraps it.
pub fn mapped(ip: IpAddr) -> Option<IpAddr> {
    match ip {
        IpAddr::V6(ip) => ip.to_ipv4_mapped().map(IpAddr::V4),
        IpAddr::V4(_) => None,
    }
}

/// What an address looks like, for a text that was to be one.
pub fn form(text: &str) -> Option<&'static str> {
    let only = |allowed: fn(&char) -> bool| !text.is_empty() && text.chars().all(|c| allowed(&c));
    if only(|c| c.is_ascii_digit() || *c == '.') {
        return Some("an IPv4 address is four numbers from 0 to 255 with dots between them, for example 10.0.0.11");
    }
    if text.contains('.') && only(|c| c.is_ascii_digit() || matches!(c, '.' | '-')) {
        return Some("each host is an entry of its own, with one address, for example 10.0.0.11");
    }
    let colons = text.matches(':').count();
    (colons > 1 && only(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.'))).then_some(
        "an IPv6 address is eight groups of up to four hexadecimal digits; `::` may stand once for groups of 0",
    )
}

/// `fe80::1%eth0` without `%eth0`, also in brackets.
fn without_zone(text: &str) -> Option<String> {
    let (before, after) = text.split_once('%')?;
    let address = before.strip_prefix('[').unwrap_or(before);
    address.parse::<Ipv6Addr>().ok()?;
    let zone = after.find(']').unwrap_or(after.len());
    Some(format!("{before}{}", &after[zone..]))
}

/// `010.0.0.01` as `10.0.0.1`.
fn without_zeros(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('.').collect();
    let padded = parts.iter().any(|part| part.len() > 1 && part.starts_with('0'));
    if parts.len() != 4 || !padded {
        return None;
    }
    let numbers: Option<Vec<String>> = parts.iter().map(|part| Some(part.parse::<u8>().ok()?.to_string())).collect();
    Some(numbers?.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_an_address_is_taken_away() {
        let hint = |text: &str| peel(text).map(|peeled| peeled.hint("address"));
        for (text, hint_of_it) in [
            ("[fd00::1]", "write `address: fd00::1`"),
            ("[fd00::1]:2222", "write `address: fd00::1`; the SSH port goes into `ssh: {port: 2222}`"),
            ("10.0.0.1:22", "write `address: 10.0.0.1`"),
            ("010.0.0.01", "write `address: 10.0.0.1`: some programs read a number with a leading zero as octal"),
            ("fd00::1%eth0", "write `address: fd00::1`: what follows the `%` is known on one machine only"),
            ("[fd00::1%eth0]", "write `address: fd00::1`: what follows the `%` is known on one machine only"),
            ("10.0.0.1/24", "write `address: 10.0.0.1`"),
            ("https://10.0.0.1:6443/", "write `address: 10.0.0.1`"),
            ("ssh://root@10.0.0.1", "write `address: 10.0.0.1`; the login name goes into `ssh: {user: root}`"),
            ("10.0.0.1.", "write `address: 10.0.0.1`"),
            (" 10.0.0.1 ", "write `address: 10.0.0.1`"),
            ("１0。0.0.1", "write `address: 10.0.0.1`"),
            ("10.0.0.1, fd00::1", "write `address: 10.0.0.1`"),
            ("N1.example.com.", "write `address: n1.example.com`"),
        ] {
            assert_eq!(hint(text).as_deref(), Some(hint_of_it), "{text}");
        }
        for text in ["10.0.0.1", "fd00::1", "n1", "", "10.0.0.256", "10.0.0.1:ssh", "[fd00::1", "a b_c!", "://", "%"] {
            assert_eq!(peel(text).filter(|peeled| peeled.host != "a"), None, "{text}");
        }
    }

    #[test]
    fn networks_too() {
        let net = |text: &str| peel_network(text).map(|net| net.to_string());
        for (text, network) in [
            ("10.244.0.0/255.255.0.0", "10.244.0.0/16"),
            ("010.244.0.0/16", "10.244.0.0/16"),
            ("[fd00::]/56", "fd00::/56"),
            (" 10.244.0.0 / 16", "10.244.0.0/16"),
            ("10.244.0.0／16", "10.244.0.0/16"),
        ] {
            assert_eq!(net(text).as_deref(), Some(network), "{text}");
        }
        assert_eq!(net("10.244.0.0/33"), None);
        assert_eq!(net("10.244.0.0"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_peeled_or_not(text in "[ -~０-９。：／%\\[\\]]{0,40}") {
            let _ = (peel(&text), peel_network(&text), form(&text));
        }
    }
}
