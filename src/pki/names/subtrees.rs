//! Which names a CA may issue for, as a person writes it, and as its certificate says it (RFC 5280 §4.2.1.10).

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use yasna::Tag;

use super::within;
use crate::error::{Error, Result};
use crate::pki::encoding::der;

/// Names of a CA's name constraints. A kind without an entry is not constrained.
// Directory names are none of them: Go refuses every chain with such a constraint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Subtrees {
    /// Domains with all names in them (`example.com`), or without the domain itself (`.example.com`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<String>,
    /// Networks: `10.0.0.0/8`, `fd00::/8`, or one address.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ip: Vec<String>,
    /// E-mail addresses (`a@example.com`), all of a host (`example.com`), or of all hosts below a domain (`.example.com`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub email: Vec<String>,
    /// Hosts of URIs (`example.com`), or all hosts below a domain (`.example.com`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub uri: Vec<String>,
}

/// Its tag in a GeneralName, and what it holds.
type Base = (u64, Vec<u8>);

/// One entry: the kind that it stands under, its place there, and its encoding.
pub(crate) struct Entry {
    pub(crate) kind: &'static str,
    pub(crate) index: usize,
    pub(crate) base: Result<Base>,
}

impl Subtrees {
    /// It has no entry.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// All entries, in the order of their kinds.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> {
        let of = |kind: &'static str, list: &'_ [String], read: fn(&str) -> Result<Base>| {
            let all = list.iter().enumerate().map(|(index, text)| Entry { kind, index, base: read(text) });
            all.collect::<Vec<_>>()
        };
        [of("dns", &self.dns, dns), of("ip", &self.ip, ip), of("email", &self.email, email), of("uri", &self.uri, uri)]
            .into_iter()
            .flatten()
    }
}

/// The value of the extension; none where nothing is constrained.
pub(crate) fn encode(permitted: &Subtrees, excluded: &Subtrees) -> Result<Option<Vec<u8>>> {
    let bases = |subtrees: &Subtrees| subtrees.entries().map(|entry| entry.base).collect::<Result<Vec<_>>>();
    let lists = [(0, bases(permitted)?), (1, bases(excluded)?)];
    if lists.iter().all(|(_, list)| list.is_empty()) {
        return Ok(None);
    }
    Ok(Some(der::sequence(|seq| {
        for (number, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
            seq.next().write_tagged_implicit(Tag::context(*number), |w| {
                w.write_sequence(|subtrees| {
                    for (tag, content) in list {
                        subtrees.next().write_sequence(|subtree| {
                            subtree.next().write_tagged_implicit(Tag::context(*tag), |w| w.write_bytes(content));
                        });
                    }
                });
            });
        }
    })))
}

fn dns(text: &str) -> Result<Base> {
    if let Some(rest) = text.strip_prefix("*.") {
        return Err(
            wrong(text, "is no domain: there are no wildcards here").hint(format!("`{rest}` has all names below it"))
        );
    }
    // The empty one has all names in it.
    if text.is_empty() {
        return Ok((2, Vec::new()));
    }
    Ok((2, domain(text)?.into_bytes()))
}

fn email(text: &str) -> Result<Base> {
    match text.rsplit_once('@') {
        Some(("", host)) => Err(wrong(text, "is no address").hint(format!("`{host}` has all addresses of that host"))),
        Some((mailbox, host)) if mailbox.bytes().all(|b| b.is_ascii_graphic()) && !host.starts_with('.') => {
            Ok((1, format!("{mailbox}@{}", domain(host)?).into_bytes()))
        }
        Some(_) => Err(wrong(text, "is no e-mail address")),
        None => Ok((1, domain(text)?.into_bytes())),
    }
}

fn uri(text: &str) -> Result<Base> {
    let host = within::host_of_uri(text);
    if let Some(host) = host.or_else(|| text.split_once(':').map(|(host, _)| host.to_owned())) {
        return Err(wrong(text, "is no host").hint(format!("a constraint on URIs is on their hosts: `{host}`")));
    }
    Ok((6, domain(text)?.into_bytes()))
}

/// With a dot in front: what is below it.
fn domain(text: &str) -> Result<String> {
    let bare = text.strip_prefix('.').unwrap_or(text);
    if bare.parse::<IpAddr>().is_ok() {
        return Err(wrong(text, "is an address, and no domain").hint("addresses stand under `ip`"));
    }
    let ascii = match bare.is_ascii() {
        true => Some(bare.to_owned()),
        false => idna::domain_to_ascii_strict(bare).ok(),
    };
    let label = |label: &str| {
        let plain = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        (1..=63).contains(&label.len()) && plain && !label.starts_with('-') && !label.ends_with('-')
    };
    match ascii.filter(|name| name.len() <= 253 && name.split('.').all(label)) {
        Some(name) => Ok(format!("{}{name}", &text[..text.len() - bare.len()])),
        None => Err(wrong(text, "is no domain").hint("write for example `example.com`")),
    }
}

fn ip(text: &str) -> Result<Base> {
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let no_network = || wrong(text, "is no network").hint("write for example `10.0.0.0/8` or `fd00::/8`");
    let bytes = match address.parse::<IpAddr>().map_err(|_| no_network())? {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let most = bytes.len() * 8;
    let length = length.map_or(Ok(most), |length| length.parse::<usize>().map_err(|_| no_network()))?;
    if length > most {
        return Err(no_network());
    }
    let mask: Vec<u8> = (0..bytes.len()).map(|i| (0xff00u16 >> length.saturating_sub(i * 8).min(8)) as u8).collect();
    let network: Vec<u8> = bytes.iter().zip(&mask).map(|(byte, mask)| byte & mask).collect();
    if network != bytes {
        let network = within::address(&network).map(|ip| format!("{ip}/{length}")).unwrap_or_default();
        return Err(wrong(text, "has an address in it that is not the network's").hint(format!("write `{network}`")));
    }
    Ok((7, [network, mask].concat()))
}

fn wrong(text: &str, why: &str) -> Error {
    Error::input(format!("`{text}` {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(read: fn(&str) -> Result<Base>, text: &str) -> String {
        match read(text) {
            Ok((_, bytes)) if bytes.iter().all(u8::is_ascii_graphic) => String::from_utf8(bytes).unwrap(),
            Ok((_, bytes)) => bytes.iter().map(|b| format!("{b:02x}")).collect(),
            Err(error) => format!("refused: {error}; {}", error.hints.join("; ")),
        }
    }

    #[test]
    fn entries_are_read_or_explained() {
        for (text, expected) in [
            ("10.0.0.0/8", "0a000000ff000000"),
            ("10.0.0.1", "0a000001ffffffff"),
            ("10.1.2.0/23", "0a010200fffffe00"),
            ("0.0.0.0/0", "0000000000000000"),
            ("fd00::/8", "fd000000000000000000000000000000ff000000000000000000000000000000"),
        ] {
            assert_eq!(encoded(ip, text), expected, "{text}");
        }
        insta::assert_snapshot!(encoded(ip, "10.0.0.1/8"), @"refused: `10.0.0.1/8` has an address in it that is not the network's; write `10.0.0.0/8`");
        insta::assert_snapshot!(encoded(ip, "10.0.0.0/33"), @"refused: `10.0.0.0/33` is no network; write for example `10.0.0.0/8` or `fd00::/8`");
        assert_eq!(encoded(dns, "example.com"), "example.com");
        assert_eq!(encoded(dns, ".bücher.de"), ".xn--bcher-kva.de");
        assert_eq!(encoded(dns, ""), "");
        insta::assert_snapshot!(encoded(dns, "*.example.com"), @"refused: `*.example.com` is no domain: there are no wildcards here; `example.com` has all names below it");
        insta::assert_snapshot!(encoded(dns, "10.0.0.1"), @"refused: `10.0.0.1` is an address, and no domain; addresses stand under `ip`");
        insta::assert_snapshot!(encoded(dns, "a..b"), @"refused: `a..b` is no domain; write for example `example.com`");
        assert_eq!(encoded(email, "a@example.com"), "a@example.com");
        assert_eq!(encoded(email, ".example.com"), ".example.com");
        insta::assert_snapshot!(encoded(email, "@example.com"), @"refused: `@example.com` is no address; `example.com` has all addresses of that host");
        insta::assert_snapshot!(encoded(uri, "https://example.com/p"), @"refused: `https://example.com/p` is no host; a constraint on URIs is on their hosts: `example.com`");
        insta::assert_snapshot!(encoded(uri, "example.com:443"), @"refused: `example.com:443` is no host; a constraint on URIs is on their hosts: `example.com`");
        assert_eq!(encoded(uri, "example.com"), "example.com");
        assert!(encoded(uri, "").starts_with("refused"));
    }
}
