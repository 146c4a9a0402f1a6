//! Rules about subject alternative names.

use std::net::IpAddr;

use super::rule::Severity::{Error, Notice, Warning};
use super::rule::{Rule, certificate, when};
use super::shapes::is_well_formed;
use super::view::{DNS, EMAIL, IP, SUBJECT_ALT_NAME, URI, View};
use crate::certs::covers;
use crate::pki::has_type_word;

const CN: &[u64] = &[2, 5, 4, 3];
const NO_MATCH: &str = "every client: the name is never matched";
const SAN: &str = "RFC 5280 §4.2.1.6";

pub(super) const RULES: &[Rule] = &[
    certificate(
        "san-missing",
        Error,
        "a server's certificate has no names",
        "Go (\"certificate relies on legacy Common Name field\"), browsers, rustls",
        "RFC 9525 §2, BR §7.1.2.7.12",
        |view, _| {
            when(view.is_server() && view.extension(SUBJECT_ALT_NAME).is_none(), "it has no subject alternative name")
        },
    ),
    certificate(
        "san-empty",
        Error,
        "the extension for names is there and holds none",
        "Go and browsers: it is a server's for no name",
        SAN,
        |view, _| {
            let extension = view.extension(SUBJECT_ALT_NAME);
            let empty = extension.is_some_and(|e| is_well_formed(e) && view.names().is_empty());
            when(empty, "its subject alternative name extension is empty")
        },
    ),
    certificate(
        "san-lacks-cn",
        Warning,
        "the common name is a host that is not among the names",
        "Go, browsers: the common name is not looked at",
        "BR §7.1.4.3, RFC 9525 §2",
        |view, _| {
            if !view.is_server() || view.names().is_empty() {
                return Vec::new();
            }
            let dns: Vec<String> = view.dns_names().iter().map(|name| name.to_ascii_lowercase()).collect();
            let ips = view.ips();
            let lacks = |cn: &String| match cn.parse::<IpAddr>() {
                Ok(ip) => !ips.contains(&ip),
                // A single word may be anybody's name.
                Err(_) => cn.contains('.') && is_host(cn) && !dns.contains(&cn.to_ascii_lowercase()),
            };
            let names = view.subject.values(CN);
            names
                .iter()
                .filter(|cn| lacks(cn))
                .map(|cn| format!("the common name `{cn}` is not among the names"))
                .collect()
        },
    ),
    certificate(
        "san-type-word",
        Error,
        "a name begins with the word for its type, as in OpenSSL's configuration",
        NO_MATCH,
        SAN,
        // What cfssl makes of `DNS:foo`, `IP Address:10.0.0.1` and `otherName:…` among the hosts.
        |view, _| {
            let texts = view.names().into_iter().filter(|name| [DNS, EMAIL, URI].contains(&name.tag));
            let names = texts.map(|name| (name.tag, String::from_utf8_lossy(name.content).into_owned()));
            let wrong = names.filter(|(_, name)| has_type_word(name));
            let kind = |tag| match tag {
                DNS => "DNS name",
                EMAIL => "e-mail address",
                _ => "URI",
            };
            wrong
                .map(|(tag, name)| {
                    format!("the {} `{name}` begins with the word for a type of names: write the name alone", kind(tag))
                })
                .collect()
        },
    ),
    certificate("san-dns-empty", Error, "a DNS name is empty", NO_MATCH, SAN, |view, _| {
        when(view.dns_names().iter().any(String::is_empty), "a DNS name is the empty string")
    }),
    certificate(
        "san-dns-non-ascii",
        Error,
        "a DNS name has characters outside ASCII",
        "Go (\"SAN dNSName is malformed\"), rustls",
        "RFC 5280 §4.2.1.6, RFC 9549",
        |view, _| each(view, |name| !name.is_ascii(), "is not ASCII: it must be written as xn--…"),
    ),
    certificate(
        "san-ip-as-dns",
        Error,
        "an IP address is written as a DNS name",
        NO_MATCH,
        "RFC 9525 §4.1",
        |view, _| each(view, is_address, "is an IP address: it must be an iPAddress"),
    ),
    certificate(
        "san-dns-number",
        Error,
        "a DNS name ends in a number, as addresses do",
        "browsers, rustls: for them it is a broken address, and no name",
        "RFC 1123 §2.1, RFC 3696 §2, WHATWG URL §3.5",
        // `256.1.1.1`, `010.0.0.1`, `*.10.0.0.1`: nobody has such a name, as no top-level domain is a number.
        |view, _| each(view, ends_in_number, "ends in a number, as addresses do: no host is called so"),
    ),
    certificate("san-dns-port", Error, "a DNS name has a port", NO_MATCH, SAN, |view, _| {
        each(view, has_port, "has a port: write the host alone")
    }),
    certificate(
        "san-dns-space",
        Error,
        "a DNS name has white space",
        NO_MATCH,
        "RFC 5280 §4.2.1.6, RFC 1034 §3.5",
        |view, _| each(view, |name| name.contains(|c: char| c.is_ascii_whitespace()), "has white space"),
    ),
    certificate(
        "san-dns-trailing-dot",
        Error,
        "a DNS name ends with a dot",
        "Go: the name is never matched; webpki",
        "RFC 5280 §4.2.1.6, RFC 1034 §3.5",
        |view, _| each(view, |name| name.len() > 1 && name.ends_with('.'), "ends with a dot: leave it out"),
    ),
    certificate(
        "san-dns-underscore",
        Warning,
        "a DNS name has an underscore",
        "nobody that matters; but public CAs may not issue it",
        "BR §7.1.2.7.12, RFC 1034 §3.5",
        |view, _| each(view, |name| name.contains('_'), "has an underscore"),
    ),
    certificate(
        "san-dns-syntax",
        Error,
        "a DNS name has characters or lengths that no host name has",
        NO_MATCH,
        "RFC 1034 §3.5, RFC 1123 §2.1",
        // What no other rule says.
        |view, _| {
            let told = |name: &str| {
                name.is_empty()
                    || !name.is_ascii()
                    || is_address(name)
                    || has_port(name)
                    || name.contains(|c: char| c.is_ascii_whitespace())
                    || name.strip_prefix("*.").unwrap_or(name).contains('*')
            };
            let why = |name: &String| Some((name.clone(), not_a_host(name.strip_prefix("*.").unwrap_or(name))?));
            let names = view.dns_names();
            let wrong = names.iter().filter(|name| !has_type_word(name) && !told(name)).filter_map(why);
            wrong.map(|(name, why)| format!("the DNS name `{name}` is no host name: {why}")).collect()
        },
    ),
    certificate(
        "wildcard-position",
        Error,
        "a wildcard is not the whole leftmost label",
        "Go, browsers: the name is never matched",
        "RFC 9525 §6.3",
        |view, _| {
            let misplaced = |name: &str| match name.strip_prefix("*.") {
                Some(rest) => rest.contains('*'),
                None => name.contains('*') && name != "*",
            };
            each(view, misplaced, "has a wildcard that is not the whole leftmost label")
        },
    ),
    certificate(
        "wildcard-broad",
        Error,
        "a wildcard stands for a whole top-level domain, or for everything",
        "openssl and browsers: the name is never matched",
        "RFC 9525 §7.1, BR §3.2.2.6",
        |view, _| {
            let broad =
                |name: &str| name == "*" || name.strip_prefix("*.").is_some_and(|rest| !rest.contains(['.', '*']));
            each(view, broad, "is too broad: a wildcard needs two labels after it")
        },
    ),
    certificate(
        "san-not-asked",
        Error,
        "a server shows a certificate that is not for what it is asked by",
        "every client (Go: \"certificate is valid for …, not …\"; openssl: error 62 or 64)",
        "RFC 9525 §6.3",
        |view, context| {
            let dns = view.dns_names().into_iter().map(|name| format!("DNS:{name}"));
            let names: Vec<String> = dns.chain(view.ips().iter().map(|ip| format!("IP:{ip}"))).collect();
            let other = context.asked.filter(|asked| !covers(&names, asked));
            other.map(|asked| format!("the server was asked by {asked}, and it is not for that")).into_iter().collect()
        },
    ),
    certificate(
        "san-ip-length",
        Error,
        "an IP address has neither 4 nor 16 bytes",
        "Go (\"cannot parse IP address\")",
        SAN,
        |view, _| {
            let wrong =
                view.names().into_iter().filter(|name| name.tag == IP && ![4, 16].contains(&name.content.len()));
            wrong.map(|name| format!("an IP address has {} bytes", name.content.len())).collect()
        },
    ),
    certificate(
        "san-uri-host-port",
        Error,
        "a host with a port, a path or an address has become a URI",
        NO_MATCH,
        "RFC 5280 §4.2.1.6, RFC 3986 §3",
        // What cfssl makes of `localhost:443`, `/path` and `fe80::1%eth0` among the hosts.
        |view, _| {
            let names = view.names().into_iter().filter(|name| name.tag == URI);
            let uris = names.map(|name| String::from_utf8_lossy(name.content).into_owned());
            let wrong = |uri: &String| {
                let port = uri
                    .split_once(':')
                    .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
                !has_type_word(uri) && (port || !uri.contains(':') || is_address(uri))
            };
            let what = |uri: String| match (uri.as_str(), is_address(&uri)) {
                ("*", _) => {
                    "`*` is a URI, and no wildcard: write the domain after it, such as `*.example.com`".to_owned()
                }
                (_, true) => {
                    format!("`{uri}` is an address and has become a URI: it must be an iPAddress, which has no zone")
                }
                (_, false) => format!("`{uri}` is a URI: a host is written without port and path"),
            };
            uris.filter(wrong).map(what).collect()
        },
    ),
    certificate(
        "san-duplicate",
        Notice,
        "a name is there twice",
        "nobody; it is a slip of whoever wrote the list",
        "BR §7.1.2.7.12",
        |view, _| {
            let names = view.names();
            let twice =
                names.iter().enumerate().filter(|(i, name)| names[..*i].iter().any(|earlier| earlier.raw == name.raw));
            twice
                .map(|(_, name)| match name.tag {
                    DNS => format!("the DNS name `{}` is there twice", String::from_utf8_lossy(name.content)),
                    _ => "a name is there twice".to_owned(),
                })
                .collect()
        },
    ),
    certificate(
        "san-not-critical",
        Error,
        "the subject is empty, and the names are not critical",
        "openssl -x509_strict, and so Python 3.13",
        SAN,
        |view, _| {
            let extension = view.extension(SUBJECT_ALT_NAME);
            let wrong = view.subject.is_empty() && !view.is_ca() && extension.is_some_and(|e| !e.critical);
            when(wrong, "the subject is empty, and its names are not critical")
        },
    ),
];

fn each(view: &View<'_>, wrong: impl Fn(&str) -> bool, what: &str) -> Vec<String> {
    let names = view.dns_names();
    // Of a name with a word before it, that word says it all.
    names
        .iter()
        .filter(|name| !has_type_word(name) && wrong(name))
        .map(|name| format!("the DNS name `{name}` {what}"))
        .collect()
}

/// As people write them: with a prefix length, in brackets, with a zone.
fn is_address(name: &str) -> bool {
    let plain = |text: &str| {
        let text = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text);
        text.split_once('%').map_or(text, |(address, _)| address).parse::<IpAddr>().is_ok()
    };
    plain(name) || name.split_once('/').is_some_and(|(address, length)| plain(address) && length.parse::<u8>().is_ok())
}

fn has_port(name: &str) -> bool {
    let port = name.rsplit_once(':').map(|(_, port)| port);
    !is_address(name) && port.is_some_and(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

fn ends_in_number(name: &str) -> bool {
    let last = name.strip_suffix('.').unwrap_or(name).rsplit('.').next().unwrap_or_default();
    let number = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit());
    number && !is_address(name) && !has_port(name)
}

/// Letters, digits and hyphens in labels of 1 to 63, 253 characters in all.
fn is_host(name: &str) -> bool {
    !name.contains('_') && not_a_host(name).is_none()
}

/// Why it is no host name; underscores are taken, of which another rule speaks.
fn not_a_host(name: &str) -> Option<String> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.len() > 253 {
        return Some(format!("it has {} characters, more than 253", name.len()));
    }
    name.split('.').find_map(|label| {
        let bad = label.chars().find(|c| !(c.is_ascii_alphanumeric() || *c == '-' || *c == '_'));
        match (label, bad) {
            ("", _) => Some("a part of it between dots is empty".to_owned()),
            (_, Some(bad)) => Some(format!("it has the character `{bad}`")),
            _ if label.len() > 63 => Some(format!("a part of it has {} characters, more than 63", label.len())),
            _ if label.starts_with('-') || label.ends_with('-') => {
                Some(format!("its part `{label}` begins or ends with a hyphen"))
            }
            _ => None,
        }
    })
}
