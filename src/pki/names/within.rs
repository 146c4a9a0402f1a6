//! Whether a name lies within a subtree of names, as openssl and Go ask (RFC 5280 §4.2.1.10). Hosts are in lower case: each
//! is compared with many.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A DNS name, or a host by Go's reading: below `.example.net`, with a dot in front, the name itself is not.
pub(super) fn dns(name: &str, base: &str) -> bool {
    match name.strip_suffix(base) {
        Some(rest) if base.starts_with('.') => !rest.is_empty(),
        Some(rest) => rest.is_empty() || rest.ends_with('.') || base.is_empty(),
        None => false,
    }
}

/// A wildcard that stands for the very name of a subtree, among others: `*.example.net` for `secret.example.net`.
pub(super) fn wildcard_reaches(name: &str, base: &str) -> bool {
    let (Some(domain), Some((label, above))) = (name.strip_prefix("*."), base.split_once('.')) else { return false };
    !label.is_empty() && domain == above
}

/// A host of an e-mail address or a URI, as openssl and RFC 5280 have it: the very host, or with a dot in front one below.
pub(super) fn host(host: &str, base: &str) -> bool {
    if base.starts_with('.') { host.len() > base.len() && host.ends_with(base) } else { host == base }
}

/// An e-mail address, or a subtree of such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mailbox {
    /// What stands before the last `@`, where there is one; it has small and capital letters.
    pub(super) local: Option<String>,
    /// The rest, in lower case.
    pub(super) host: String,
}

impl Mailbox {
    pub(super) fn of(text: &str) -> Self {
        let (local, host) = text.rsplit_once('@').map_or((None, text), |(local, host)| (Some(local.to_owned()), host));
        Mailbox { local, host: host.to_ascii_lowercase() }
    }
}

/// An e-mail address: the very mailbox `a@b`, all of a host, or with a dot in front all below it.
pub(super) fn email(address: &Mailbox, base: &Mailbox) -> bool {
    let Some(mailbox) = &address.local else { return false };
    match &base.local {
        Some(only) => (only.is_empty() || only == mailbox) && address.host == base.host,
        None => host(&address.host, &base.host),
    }
}

/// Go also takes hosts below that of a subtree for members.
pub(super) fn email_below(address: &Mailbox, base: &Mailbox) -> bool {
    address.local.is_some() && base.local.is_none() && dns(&address.host, &base.host)
}

/// What a URI's host is to its readers: to openssl everything up to a colon or slash, to Go what RFC 3986 says. Empty
/// where one of them finds none, or Go an address, which it does not judge.
pub(super) fn hosts_of_uri(uri: &str) -> Vec<String> {
    host_of_uri(uri).map_or_else(Vec::new, |host| vec![host, openssl_host(uri).unwrap_or_default()])
}

/// As RFC 3986 has it; none where there is none, or an address.
pub(super) fn host_of_uri(uri: &str) -> Option<String> {
    let (_, rest) = uri.split_once(':')?;
    let authority = rest.strip_prefix("//")?.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = if host.starts_with('[') { host } else { host.split(':').next()? };
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() || host.starts_with('[');
    (!host.is_empty() && !address && openssl_host(uri).is_some()).then(|| host.to_ascii_lowercase())
}

fn openssl_host(uri: &str) -> Option<String> {
    let rest = uri.split_once(':')?.1.strip_prefix("//")?;
    let end = rest.find(':').or_else(|| rest.find('/')).unwrap_or(rest.len());
    (end > 0).then(|| rest[..end].to_ascii_lowercase())
}

/// Whether openssl takes a CN for a host: it has a dot, and letters, digits, `_` and `-` in the right places.
pub(super) fn looks_like_a_host(cn: &str) -> bool {
    let label = |label: &str| {
        let plain = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        !label.is_empty() && plain && !label.starts_with('-') && !label.ends_with('-')
    };
    cn.contains('.') && cn.split('.').all(label)
}

/// The address of 4 or 16 bytes (RFC 5280 §4.2.1.6).
pub(crate) fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|b| IpAddr::V4(Ipv4Addr::from(b)));
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(|b| IpAddr::V6(Ipv6Addr::from(b)))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_in_front_leaves_the_name_itself_out() {
        for (name, base, within) in [
            ("a.example", "example", true),
            ("example", "example", true),
            ("anexample", "example", false),
            ("a.example", ".example", true),
            ("example", ".example", false),
            (".example", ".example", false),
            ("anything", "", true),
        ] {
            assert_eq!(dns(name, base), within, "{name} in {base:?}");
        }
        assert!(wildcard_reaches("*.example.net", "secret.example.net"));
        assert!(!wildcard_reaches("*.example.net", "a.secret.example.net"));
        assert!(!wildcard_reaches("*.example.net", ".example.net"));
    }

    #[test]
    fn hosts_of_uris() {
        for (uri, host) in [
            ("https://a.b/p", Some("a.b")),
            ("https://A.b:8443", Some("a.b")),
            ("spiffe://domain/w", Some("domain")),
            ("https://u@a.b/", Some("a.b")),
            ("https://10.0.0.1/", None),
            ("https://[::1]:1/", None),
            ("urn:a:b", None),
            ("https:///p", None),
            ("/p", None),
            ("*", None),
        ] {
            assert_eq!(host_of_uri(uri).as_deref(), host, "{uri}");
        }
        assert_eq!(hosts_of_uri("https://u@a.b/p:1"), ["a.b", "u@a.b/p"], "openssl's is another");
        assert!(looks_like_a_host("www.a_b.example") && !looks_like_a_host("admin") && !looks_like_a_host("a..b"));
    }
}
