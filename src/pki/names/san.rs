//! Subject alternative names: what a `hosts` entry of a CSR spec becomes, by cfssl's rules.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use serde::{Serialize, Serializer};
use x509_parser::extensions::GeneralName;
use yasna::Tag;

use super::uri::{self, Class};
use super::within;
use super::word::{self, Meant};
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

    /// The value of a subject alternative name extension with these names, DER.
    pub fn encode(sans: &[San]) -> Vec<u8> {
        encode(sans)
    }

    /// As [`San::classify`], for those who do not want what cfssl makes of a slip: refuses the word of a type before the
    /// host (`DNS:foo`), brackets around an address, and blanks around it.
    pub fn of_host(host: &str) -> Result<Self> {
        if let Some(meant) = word::meant(host) {
            return Err(with_word(host, &meant));
        }
        if let Some(address) = in_brackets(host) {
            return Err(Error::pki(format!("host `{host}` has brackets, as URLs have them around an IPv6 address"))
                .hint(format!("write `{address}`")));
        }
        if host.trim() != host {
            let bare = host.trim();
            return Err(Error::pki(format!("host `{host}` has blanks around it")).hint(format!("write `{bare}`")));
        }
        Self::classify(host)
    }

    /// As [`San::suspicion`], of a name that nobody has written as a host.
    pub(crate) fn own_suspicion(&self) -> Option<String> {
        match self {
            San::Dns(text) | San::Email(text) | San::Uri(text) => self.suspicion(text),
            San::Ip(_) => None,
        }
    }

    /// What a person probably did not mean, as cfssl signs it anyway.
    fn suspicion(&self, host: &str) -> Option<String> {
        if let Some(meant) = word::meant(host) {
            let (hint, shown) = (write_alone(&meant), self.to_string());
            return Some(format!(
                "host `{host}` stands in the certificate as {shown}, with the word for its type, as no client asks for it ({hint})"
            ));
        }
        match self {
            San::Uri(uri) if uri == "*" => Some(
                "host `*` is a URI, and no wildcard: write the domain after it, such as `*.example.com`".to_owned(),
            ),
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
            GeneralName::IPAddress(bytes) => San::Ip(within::address(bytes).ok_or_else(|| name.to_string())?),
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

fn with_word(host: &str, meant: &Meant) -> Error {
    let becomes = San::classify(host).map_or_else(|_| String::new(), |san| format!(" (it would become {san})"));
    Error::pki(format!("host `{host}` has the word for its type before it, as in OpenSSL's configuration{becomes}"))
        .hint(write_alone(meant))
}

fn write_alone(meant: &Meant) -> String {
    match meant {
        Meant::Hosts(hosts) if hosts.is_empty() => "write the name alone, without the word".to_owned(),
        Meant::Hosts(hosts) => {
            let named: Vec<_> = hosts.iter().map(|host| format!("`{host}`")).collect();
            let each = if hosts.len() > 1 { ", each as a host of its own" } else { "" };
            format!("write {}{each}", named.join(", "))
        }
        Meant::Unsupported => {
            "no host is of this type: have openssl make a CSR with it, and sign that under a profile \
                               with \"copy_extensions\""
                .to_owned()
        }
    }
}

/// What hosts come to.
#[derive(Debug, Default)]
pub(crate) struct Classified {
    pub(crate) sans: Vec<San>,
    /// What was changed.
    pub(crate) warnings: Vec<String>,
    /// What was probably not meant: a linter says more of it, once there is a certificate.
    pub(crate) suspicions: Vec<String>,
}

/// All bad hosts at once, before a key is made for them; empty ones, which `"hosts": [""]` in many guides has, are dropped.
pub(crate) fn classify(hosts: &[String], rules: Rules) -> Result<Classified> {
    let (mut all, mut errors) = (Classified::default(), Vec::new());
    for host in hosts {
        let bare = if rules == Rules::Strict { host.trim() } else { host };
        if bare.is_empty() {
            let becomes = "an empty host becomes an empty DNS name: leave the hosts out where there are none";
            all.sans.extend((rules == Rules::Lenient).then(|| San::Dns(String::new())));
            all.warnings.push(if rules == Rules::Lenient { becomes } else { "an empty host is left out" }.to_owned());
            continue;
        }
        let read = if rules == Rules::Strict { San::of_host(bare) } else { San::classify(bare) };
        match read {
            Ok(san) => {
                let blanks = || format!("host `{host}` stands in the certificate without the blanks around it");
                all.warnings.extend((bare != host).then(blanks));
                all.suspicions.extend(san.suspicion(bare));
                all.warnings.extend(san.rewritten(bare));
                all.sans.push(san);
            }
            Err(error) => errors.push(error),
        }
    }
    Error::all(errors)?;
    Ok(all)
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

/// The address in `[fd00::1]`, with a port or without.
fn in_brackets(host: &str) -> Option<Ipv6Addr> {
    let (address, port) = host.strip_prefix('[')?.split_once(']')?;
    let is_port =
        port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()));
    address.parse().ok().filter(|_| is_port)
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
        let suspicious = |host| San::classify(host).unwrap().suspicion(host).is_some();
        for host in
            ["localhost:443", "/etc/passwd", "010.0.0.1", "10.0.0.1:443", "a b", "a,b", "10.0.0.0/8", "*", "IP:1"]
        {
            assert!(suspicious(host), "{host}");
        }
        for host in ["a.b", "*.a.b", "10.0.0.1", "spiffe://d/w", "https://h:443/p", "u@h"] {
            assert!(!suspicious(host), "{host}");
        }
    }

    #[test]
    fn the_word_of_a_type_is_refused_or_named() {
        let refused = |host: &str| {
            let error = San::of_host(host).unwrap_err();
            format!("{error}; {}", error.hints.join("; "))
        };
        insta::assert_snapshot!(refused("DNS:foo"), @"host `DNS:foo` has the word for its type before it, as in OpenSSL's configuration (it would become URI:dns:foo); write `foo`");
        insta::assert_snapshot!(refused("DNS:a,DNS:b"), @"host `DNS:a,DNS:b` has the word for its type before it, as in OpenSSL's configuration (it would become URI:dns:a,DNS:b); write `a`, `b`, each as a host of its own");
        insta::assert_snapshot!(refused("otherName:1.2.3;UTF8:x"), @r#"host `otherName:1.2.3;UTF8:x` has the word for its type before it, as in OpenSSL's configuration (it would become URI:othername:1.2.3;UTF8:x); no host is of this type: have openssl make a CSR with it, and sign that under a profile with "copy_extensions""#);
        insta::assert_snapshot!(refused("[fd00::1]"), @"host `[fd00::1]` has brackets, as URLs have them around an IPv6 address; write `fd00::1`");
        insta::assert_snapshot!(refused("[fd00::1]:443"), @"host `[fd00::1]:443` has brackets, as URLs have them around an IPv6 address; write `fd00::1`");
        assert_eq!(San::of_host("[x]").unwrap(), San::Dns("[x]".into()));
        insta::assert_snapshot!(refused(" b"), @"host ` b` has blanks around it; write `b`");
        let named = classify(&["IP:10.0.0.1".into(), "*".into()], Rules::Lenient).unwrap();
        assert_eq!(named.sans, [San::Uri("ip:10.0.0.1".into()), San::Uri("*".into())], "as cfssl has them");
        insta::assert_snapshot!(named.suspicions.join("\n"), @r"
        host `IP:10.0.0.1` stands in the certificate as URI:ip:10.0.0.1, with the word for its type, as no client asks for it (write `10.0.0.1`)
        host `*` is a URI, and no wildcard: write the domain after it, such as `*.example.com`
        ");
        assert!(classify(&["DNS:foo".into()], Rules::Strict).is_err());
    }

    #[test]
    fn blanks_around_a_host_are_left_out_by_strict_rules_alone() {
        let read = |rules| classify(&[" b".into(), " ".into(), "c ".into()], rules).unwrap();
        assert_eq!(read(Rules::Strict).sans, [San::Dns("b".into()), San::Dns("c".into())]);
        assert_eq!(read(Rules::Strict).warnings.len(), 3);
        assert_eq!(read(Rules::Lenient).sans[0], San::Dns(" b".into()));
    }
}
