//! Subject alternative names: what a `hosts` entry of a CSR spec becomes, by cfssl's rules.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Serialize, Serializer};
use x509_parser::extensions::GeneralName;
use yasna::Tag;

use super::uri::{self, Class};
use crate::error::{Error, Result};
use crate::pki::encoding::der;
use crate::pki::rules::Rules;

/// A subject alternative name. Shown, and serialised, as openssl shows it: `DNS:a`, `IP:10.0.0.1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum San {
    /// dNSName.
    Dns(String),
    /// rfc822Name.
    Email(String),
    /// iPAddress.
    Ip(IpAddr),
    /// uniformResourceIdentifier.
    Uri(String),
}

impl San {
    /// Tried in cfssl's order: IP address, e-mail address, URI, else a DNS name. What cannot stand in a certificate
    /// (empty, control characters) is refused; an internationalised name takes its ASCII form.
    pub fn classify(host: &str) -> Result<Self> {
        if host.is_empty() {
            return Err(Error::pki("a host is the empty string")
                .hint("remove it; a certificate without names has no hosts at all"));
        }
        if !host.is_ascii() {
            return Self::classify(&in_ascii(host)?);
        }
        if let Some(bad) = host.chars().find(char::is_ascii_control) {
            return Err(refuse_character(host, bad));
        }
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(San::Ip(plain(ip)));
        }
        if let Some(address) = email(host) {
            return Ok(San::Email(address.to_owned()));
        }
        match uri::classify(host) {
            Class::Uri(uri) => Ok(San::Uri(uri)),
            Class::Other => Ok(San::Dns(host.to_owned())),
            Class::Unreadable(why) => Err(Error::pki(format!("host `{host}` is a URI that verifiers refuse: {why}"))),
        }
    }

    /// What a person probably did not mean, as cfssl signs it anyway.
    pub fn suspicion(&self) -> Option<String> {
        match self {
            San::Uri(uri) => {
                let port =
                    uri.rsplit_once(':').is_some_and(|(_, p)| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
                let path = uri.starts_with('/');
                (path || (port && !uri.contains('/')))
                    .then(|| format!("host `{uri}` is taken for a URI: write the name without port or path"))
            }
            San::Dns(name) if name.bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
                Some(format!("host `{name}` is no valid IP address and is taken for a DNS name"))
            }
            San::Dns(name) if name.bytes().any(|b| b" ,/:;\"\\".contains(&b)) => {
                Some(format!("host `{name}` is taken for a DNS name, but no DNS name has such characters"))
            }
            San::Dns(_) | San::Email(_) | San::Ip(_) => None,
        }
    }

    /// Says what an internationalised host became.
    pub(crate) fn rewritten(&self, host: &str) -> Option<String> {
        (!host.is_ascii()).then(|| format!("host `{host}` stands in the certificate as {self}"))
    }

    /// From a parsed certificate or CSR; types that cfssl does not know, and what is no ASCII, as text.
    pub(crate) fn of(name: &GeneralName<'_>) -> Result<Self, String> {
        let san = match name {
            GeneralName::DNSName(dns) => San::Dns((*dns).to_owned()),
            GeneralName::RFC822Name(email) => San::Email((*email).to_owned()),
            GeneralName::URI(uri) => San::Uri((*uri).to_owned()),
            GeneralName::IPAddress(bytes) => {
                let v4 = <[u8; 4]>::try_from(*bytes).map(|b| IpAddr::V4(Ipv4Addr::from(b)));
                let v6 = || <[u8; 16]>::try_from(*bytes).map(|b| IpAddr::V6(Ipv6Addr::from(b)));
                San::Ip(v4.or_else(|_| v6()).map_err(|_| name.to_string())?)
            }
            _ => return Err(name.to_string()),
        };
        if san.to_string().is_ascii() { Ok(san) } else { Err(name.to_string()) }
    }

    fn rank(&self) -> u8 {
        match self {
            San::Dns(_) => 0,
            San::Email(_) => 1,
            San::Ip(_) => 2,
            San::Uri(_) => 3,
        }
    }
}

impl fmt::Display for San {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            San::Dns(name) => write!(f, "DNS:{name}"),
            San::Email(address) => write!(f, "email:{address}"),
            San::Ip(ip) => write!(f, "IP:{ip}"),
            San::Uri(uri) => write!(f, "URI:{uri}"),
        }
    }
}

impl Serialize for San {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// All bad hosts at once, before a key is made for them; empty ones, which `"hosts": [""]` in many guides has, are dropped.
pub(crate) fn classify(hosts: &[String], rules: Rules) -> Result<(Vec<San>, Vec<String>)> {
    let (mut sans, mut warnings, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for host in hosts {
        match San::classify(host) {
            _ if host.is_empty() && rules == Rules::Lenient => {
                warnings
                    .push("an empty host becomes an empty DNS name: leave the hosts out where there are none".into());
                sans.push(San::Dns(String::new()));
            }
            _ if host.is_empty() => warnings.push("an empty host is left out".to_owned()),
            Ok(san) => {
                warnings.extend(san.suspicion());
                warnings.extend(san.rewritten(host));
                sans.push(san);
            }
            Err(error) => errors.push(error),
        }
    }
    Error::all(errors)?;
    Ok((sans, warnings))
}

/// Order as Go: all DNS names, then e-mail addresses, IP addresses, URIs; the input's order within each; duplicates stay.
pub(crate) fn encode(sans: &[San]) -> Vec<u8> {
    let mut ordered: Vec<_> = sans.iter().collect();
    ordered.sort_by_key(|san| san.rank());
    der::sequence(|seq| {
        for san in ordered {
            let mut text = |tag, text: &str| der::tagged_ia5(seq.next(), tag, text);
            match san {
                San::Dns(name) => text(2, name),
                San::Email(address) => text(1, address),
                San::Uri(uri) => text(6, uri),
                San::Ip(ip) => {
                    let bytes = match ip {
                        IpAddr::V4(ip) => ip.octets().to_vec(),
                        IpAddr::V6(ip) => ip.octets().to_vec(),
                    };
                    seq.next().write_tagged_implicit(Tag::context(7), |w| w.write_bytes(&bytes));
                }
            }
        }
    })
}

/// Go writes an IPv4-mapped IPv6 address as IPv4.
fn plain(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

/// The name with its host part in Punycode (RFC 5891); the other parts of an e-mail address or a URI must be ASCII.
fn in_ascii(host: &str) -> Result<String> {
    // Full-width commas and stops are a slip of the keyboard, and IDNA would take the stops for dots.
    if let Some(bad) = host.chars().find(|c| "，、。：．".contains(*c)) {
        return Err(refuse_character(host, bad));
    }
    let (before, rest) = match (host.split_once("://"), host.rsplit_once('@')) {
        (Some((scheme, rest)), _) => (format!("{scheme}://"), rest),
        (None, Some((local, domain))) => (format!("{local}@"), domain),
        (None, None) => (String::new(), host),
    };
    let end = if before.ends_with("://") { rest.find(['/', ':', '?', '#']).unwrap_or(rest.len()) } else { rest.len() };
    let (name, after) = rest.split_at(end);
    let bad = before.chars().chain(after.chars()).find(|c| !c.is_ascii());
    let (wildcard, name) = name.strip_prefix("*.").map_or(("", name), |name| ("*.", name));
    match (bad, idna::domain_to_ascii_strict(name)) {
        (None, Ok(ascii)) if !ascii.is_empty() => Ok(format!("{before}{wildcard}{ascii}{after}")),
        (bad, _) => Err(refuse_character(host, bad.or_else(|| host.chars().find(|c| !c.is_ascii())).unwrap_or(' '))),
    }
}

fn refuse_character(host: &str, bad: char) -> Error {
    let error =
        Error::pki(format!("host `{}` has the character {bad:?}, which no certificate can hold", host.escape_debug()));
    match bad {
        '，' | '、' | '。' | '：' | '．' => {
            error.hint("it is a full-width character: type it again with an ASCII keyboard")
        }
        c if c.is_ascii_control() => error,
        _ => error.hint("write an internationalised name in its ASCII form (xn--…)"),
    }
}

/// The address in `a@b` or `Some Name <a@b>`, by the ordinary part of RFC 5322.
fn email(host: &str) -> Option<&str> {
    let address = match host.strip_suffix('>').and_then(|h| h.split_once('<')) {
        Some((display, address)) if !display.contains('>') => address,
        Some(_) => return None,
        None => host,
    };
    let (local, domain) = address.rsplit_once('@')?;
    let dot_atom = |text: &str| text.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext));
    (dot_atom(local) && dot_atom(domain)).then_some(address)
}

fn is_atext(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(host: &str) -> String {
        San::classify(host).map_or_else(|e| format!("refused: {e}"), |san| san.to_string())
    }

    #[test]
    fn classification_is_that_of_cfssl() {
        for (host, expected) in [
            ("10.0.0.1", "IP:10.0.0.1"),
            ("::ffff:10.0.0.1", "IP:10.0.0.1"),
            ("fd00::1", "IP:fd00::1"),
            ("010.0.0.1", "DNS:010.0.0.1"),
            ("10.0.0.0/8", "DNS:10.0.0.0/8"),
            ("10.0.0.1:443", "DNS:10.0.0.1:443"),
            ("localhost:443", "URI:localhost:443"),
            ("/etc/passwd", "URI:/etc/passwd"),
            ("fe80::1%eth0", "URI:fe80::1%eth0"),
            ("a b", "DNS:a b"),
            (" 10.0.0.1", "DNS: 10.0.0.1"),
            ("a,b", "DNS:a,b"),
            ("UPPER.Example", "DNS:UPPER.Example"),
            ("*.a.b", "DNS:*.a.b"),
            ("x.svc.cluster.local.", "DNS:x.svc.cluster.local."),
            ("1.2.3", "DNS:1.2.3"),
            ("0x7f.1", "DNS:0x7f.1"),
            ("u@h", "email:u@h"),
            ("Bob <b@x.y>", "email:b@x.y"),
            ("https://h/p", "URI:https://h/p"),
            ("spiffe://d/w", "URI:spiffe://d/w"),
        ] {
            assert_eq!(class(host), expected, "{host}");
        }
    }

    #[test]
    fn refuses_what_no_certificate_can_hold() {
        insta::assert_snapshot!(class(""), @"refused: a host is the empty string");
        insta::assert_snapshot!(class("10.0.0.1，10.0.0.2"), @"refused: host `10.0.0.1，10.0.0.2` has the character '，', which no certificate can hold");
        insta::assert_snapshot!(class("a\nb"), @r"refused: host `a\nb` has the character '\n', which no certificate can hold");
    }

    #[test]
    fn internationalised_names_take_their_ascii_form() {
        for (host, expected) in [
            ("bücher.de", "DNS:xn--bcher-kva.de"),
            ("BÜCHER.de", "DNS:xn--bcher-kva.de"),
            ("*.bücher.de", "DNS:*.xn--bcher-kva.de"),
            ("例え.テスト", "DNS:xn--r8jz45g.xn--zckzah"),
            ("u@bücher.de", "email:u@xn--bcher-kva.de"),
            ("https://bücher.de:8443/p?q", "URI:https://xn--bcher-kva.de:8443/p?q"),
        ] {
            assert_eq!(class(host), expected, "{host}");
        }
        insta::assert_snapshot!(class("ü@b.de"), @"refused: host `ü@b.de` has the character 'ü', which no certificate can hold");
        insta::assert_snapshot!(class("https://b.de/ü"), @"refused: host `https://b.de/ü` has the character 'ü', which no certificate can hold");
        insta::assert_snapshot!(class("bü cher"), @"refused: host `bü cher` has the character 'ü', which no certificate can hold");
    }

    #[test]
    fn warns_of_what_was_probably_not_meant() {
        let suspicious = |host| San::classify(host).unwrap().suspicion().is_some();
        for host in ["localhost:443", "/etc/passwd", "010.0.0.1", "10.0.0.1:443", "a b", "a,b", "10.0.0.0/8"] {
            assert!(suspicious(host), "{host}");
        }
        for host in ["a.b", "*.a.b", "10.0.0.1", "spiffe://d/w", "https://h:443/p", "u@h"] {
            assert!(!suspicious(host), "{host}");
        }
    }
}
