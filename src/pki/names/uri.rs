//! Which hosts are URIs, by the rules of Go's `net/url`: cfssl asks these, and Go refuses a certificate with a URI that
//! it cannot read.

use std::net::Ipv6Addr;

use crate::error::{Error, Result};

/// What a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Class {
    /// A URI, as it is to stand in a certificate.
    Uri(String),
    /// One that no verifier written in Go would read in a certificate.
    Unreadable(&'static str),
    /// Something else.
    Other,
}

/// As Go's `url.ParseRequestURI`: it has a scheme, or begins with a slash. `text` is ASCII without control characters.
pub(crate) fn classify(text: &str) -> Class {
    let Some((scheme, rest)) = split_scheme(text) else { return Class::Other };
    if text == "*" {
        return Class::Uri(text.to_owned());
    }
    let (hierarchy, query) = rest.find('?').map_or((rest, ""), |at| rest.split_at(at));
    if !hierarchy.starts_with('/') {
        // Without a slash after its scheme it is opaque, and may be anything.
        return match scheme {
            "" => Class::Other,
            _ => readable(scheme, "", rest),
        };
    }
    let (authority, path) = match hierarchy.strip_prefix("//").filter(|_| !scheme.is_empty()) {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", hierarchy),
    };
    if !escapes_are_whole(path) || !authority_is_valid(scheme, authority) {
        return Class::Other;
    }
    // Go leaves out the slashes before a host and a path that are not there.
    let has_host = hierarchy.len() > authority.len() + path.len() && hierarchy.len() > 2;
    let slashes = if has_host { "//" } else { "" };
    readable(scheme, authority, &format!("{slashes}{authority}{}{query}", escaped(path)))
}

/// What stands in a certificate must be a URI that every reader of certificates reads: Go refuses the whole certificate
/// for one that it cannot.
pub(crate) fn check(uri: &str) -> Result<()> {
    let why = match classify(uri) {
        Class::Uri(_) => return Ok(()),
        Class::Unreadable(why) => why,
        Class::Other => "it is not one by the rules of RFC 3986",
    };
    Err(Error::pki(format!("`{uri}` is a URI that verifiers refuse: {why}")))
}

/// Scheme and the rest; without a scheme it is empty. None where Go finds fault with it.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    for (i, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if i > 0 => {}
            ':' if i == 0 => return None,
            ':' => return Some((&text[..i], &text[i + 1..])),
            _ => return Some(("", text)),
        }
    }
    Some(("", text))
}

fn authority_is_valid(scheme: &str, authority: &str) -> bool {
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let user_char = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
    user.is_none_or(|user| user.bytes().all(user_char) && escapes_are_whole(user)) && host_is_valid(scheme, host)
}

fn host_is_valid(scheme: &str, host: &str) -> bool {
    let port_is_valid =
        |port: &str| port.strip_prefix(':').map_or(port.is_empty(), |p| p.bytes().all(|b| b.is_ascii_digit()));
    match host.rfind('[') {
        Some(0) => {
            let Some((inner, port)) = host[1..].rsplit_once(']') else { return false };
            let address =
                inner.split_once("%25").map_or(inner, |(address, zone)| if zone.is_empty() { "" } else { address });
            port_is_valid(port) && address.parse::<Ipv6Addr>().is_ok() && host_chars(host)
        }
        Some(_) => false,
        None => {
            let strict = ["http", "https"].iter().any(|name| scheme.eq_ignore_ascii_case(name));
            let colon = if strict { host.find(':') } else { host.rfind(':') };
            colon.is_none_or(|at| port_is_valid(&host[at..])) && host_chars(host)
        }
    }
}

/// In a host only a percent sign and what is not ASCII may be escaped.
fn host_chars(host: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"%".contains(&b);
    let escapes = host.match_indices('%').map(|(at, _)| &host[at + 1..]);
    host.bytes().all(allowed)
        && escapes_are_whole(host)
        && escapes.into_iter().all(|e| e.starts_with("25") || e.as_bytes()[0] > b'7')
}

fn escapes_are_whole(text: &str) -> bool {
    let bytes = text.as_bytes();
    text.match_indices('%')
        .all(|(at, _)| bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)))
}

/// As Go writes a path that it has read: as it was, unless it has characters that must not stand in one.
fn escaped(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&b);
    if path.bytes().all(|b| plain(b) || b"!'()*[]%".contains(&b)) {
        return path.to_owned();
    }
    let (bytes, mut text, mut at) = (path.as_bytes(), String::new(), 0);
    while let Some(&byte) = bytes.get(at) {
        let hex = path.get(at + 1..at + 3).filter(|_| byte == b'%');
        let value = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        at += if value.is_some() { 3 } else { 1 };
        match value.unwrap_or(byte) {
            b if plain(b) => text.push(char::from(b)),
            b => text.push_str(&format!("%{b:02X}")),
        }
    }
    text
}

/// Whether Go reads it again in a certificate: the parts after `#` and the labels of the host.
fn readable(scheme: &str, authority: &str, rest: &str) -> Class {
    let colon = if scheme.is_empty() { "" } else { ":" };
    let text = format!("{}{colon}{rest}", scheme.to_ascii_lowercase());
    let whole = text.split_once('#').is_none_or(|(_, fragment)| escapes_are_whole(fragment));
    // Without a scheme, two slashes begin a host all the same when it is read again.
    let authority = match text.strip_prefix("//") {
        Some(rest) => rest.split(['/', '?', '#']).next().unwrap_or_default(),
        None => authority,
    };
    let host = authority.rsplit('@').next().unwrap_or_default();
    if !whole {
        return Class::Unreadable("it has a broken percent escape");
    }
    if !authority_is_valid(scheme, authority) {
        return Class::Unreadable("it has an invalid host");
    }
    if !host.is_empty() && host.split('.').any(str::is_empty) {
        return Class::Unreadable("its host has an empty label");
    }
    if host.match_indices('%').any(|(at, _)| !host[at + 1..].starts_with("25")) {
        return Class::Unreadable("its host is not ASCII: write it in Punycode (xn--…)");
    }
    Class::Uri(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn agrees_with_go() {
        for (text, expected) in [
            ("localhost:443", "localhost:443"),
            ("/etc/passwd", "/etc/passwd"),
            ("HTTPS://H/p", "https://H/p"),
            ("https://h/a b\"", "https://h/a%20b%22"),
            ("spiffe://d/w", "spiffe://d/w"),
            ("urn:a:b", "urn:a:b"),
            ("https://[::1]:8443/", "https://[::1]:8443/"),
            ("x://a:b:1", "x://a:b:1"),
            ("*", "*"),
        ] {
            assert_eq!(classify(text), Class::Uri(expected.to_owned()), "{text}");
        }
        for text in
            ["a.b", "10.0.0.1:443", ":a", "http://a:b", "http://a:1:2", "http://[a]/", "http://a%2fb", "/%zz", "-a:b"]
        {
            assert_eq!(classify(text), Class::Other, "{text}");
        }
        assert!(matches!(classify("https://a./"), Class::Unreadable(_)));
        assert!(matches!(classify("x://a%EDb/"), Class::Unreadable(_)));
        assert!(matches!(classify("x:a#%z"), Class::Unreadable(_)));
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a-z0-9:/@?#%\\[\\]. \"]{0,20}") {
            let _ = classify(&text);
        }
    }
}
