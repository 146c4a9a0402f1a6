//! Hosts with ports, IPv6 addresses in brackets (RFC 3986 §3.2.2).

use std::net::Ipv6Addr;

/// A host as it stands before a port or in a URL: an IPv6 address in brackets, anything else as it is.
pub fn bracketed(host: &str) -> String {
    if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host.to_owned() }
}

/// `host:port`.
pub fn host_port(host: &str, port: u16) -> String {
    format!("{}:{port}", bracketed(host))
}

/// A host without its brackets, and the text of its port where there is one. None where brackets do not match or
/// something else than a port follows them.
pub fn split_host_port(text: &str) -> Option<(&str, Option<&str>)> {
    if text.parse::<Ipv6Addr>().is_ok() {
        return Some((text, None));
    }
    let Some(rest) = text.strip_prefix('[') else {
        return Some(text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))));
    };
    match rest.split_once(']')? {
        (host, "") => Some((host, None)),
        (host, rest) => Some((host, Some(rest.strip_prefix(':')?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_6_is_bracketed_and_nothing_else() {
        assert_eq!(host_port("fd00::1", 443), "[fd00::1]:443");
        assert_eq!(host_port("10.0.0.1", 443), "10.0.0.1:443");
        assert_eq!(bracketed("api.example.com"), "api.example.com");
    }

    #[test]
    fn hosts_and_ports_come_apart_as_they_were_joined() {
        for (text, parts) in [
            ("a", Some(("a", None))),
            ("a:1", Some(("a", Some("1")))),
            ("fd00::1", Some(("fd00::1", None))),
            ("[fd00::1]", Some(("fd00::1", None))),
            ("[fd00::1]:1", Some(("fd00::1", Some("1")))),
            ("[fd00::1]1", None),
            ("[fd00::1", None),
        ] {
            assert_eq!(split_host_port(text), parts, "{text}");
        }
    }
}
