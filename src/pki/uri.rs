//! URIs that every reader of certificates can read. Go refuses a whole certificate for one URI that it cannot parse, and
//! so whatever is written in Go does: such a URI is refused before it gets into one.

use std::net::Ipv6Addr;

use crate::error::{Error, Result};

/// Authority, path and escapes must be those of RFC 3986. What stands behind the colon of a URI without `//` is its
/// scheme's affair.
pub(crate) fn check(uri: &str) -> Result<()> {
    let hierarchical = match uri.split_once(':') {
        _ if uri.starts_with('/') => uri,
        Some((_, rest)) => rest,
        None => "",
    };
    if !hierarchical.starts_with('/') {
        return Ok(());
    }
    let wrong = |why: &str| Error::pki(format!("host `{uri}` is not a URI that programs can read: {why}"));
    let path = match hierarchical.strip_prefix("//") {
        None => hierarchical,
        Some(rest) => {
            let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
            host(authority).map_err(wrong)?;
            path
        }
    };
    if path
        .split('%')
        .skip(1)
        .any(|after| !after.as_bytes().get(..2).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)))
    {
        return Err(wrong("`%` must be followed by two hexadecimal digits"));
    }
    Ok(())
}

/// `[userinfo@]host[:port]`, or nothing.
fn host(authority: &str) -> Result<(), &'static str> {
    let host = match authority.rsplit_once('@') {
        None => authority,
        Some((_, "")) => return Err("it has no host"),
        Some((user, host)) => {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:".contains(&b);
            if !user.bytes().all(plain) {
                return Err("its user has characters that are not allowed there");
            }
            host
        }
    };
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or("the bracket before its address is not closed")?;
            if address.parse::<Ipv6Addr>().is_err() {
                return Err("there is no IPv6 address between the brackets");
            }
            ("", port)
        }
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    if !port.is_empty() && !port.strip_prefix(':').is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit())) {
        return Err("its port is no number");
    }
    let label =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_~".contains(&b));
    if !name.is_empty() && !name.split('.').all(label) {
        return Err("its host is no name");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_of_all_sorts_are_taken() {
        for uri in [
            "https://h/p",
            "spiffe://cluster.local/ns/a/sa/b",
            "https://user:pw@a-b_c.example:443/p?q=%20#f",
            "https://[fd00::1]:8443/",
            "https://10.0.0.1",
            "file:///etc/x",
            "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "fe80::1%eth0",
            "localhost:443",
            "/etc/passwd",
            "https://",
            "x:/a%2f",
        ] {
            assert_eq!(check(uri), Ok(()), "{uri}");
        }
    }

    #[test]
    fn what_go_cannot_parse_is_refused() {
        for uri in [
            "https://a..b/",
            "https://a.",
            "https://.a",
            "https://a:b",
            "https://[::1",
            "https://[x]",
            "https://[::1]x",
            "https://a]",
            "https://a b@c",
            "https://u@",
            "https://%41/",
            "https://a/%4",
            "https://a/%zz",
            "/%",
            "//a..b",
            "l+://t,{]Rzh?%<@B",
        ] {
            assert!(check(uri).is_err(), "{uri}");
        }
        insta::assert_snapshot!(check("https://a..b/").unwrap_err(), @"host `https://a..b/` is not a URI that programs can read: its host is no name");
    }
}
