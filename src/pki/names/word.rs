//! Hosts with the word of a type before them, `DNS:foo`, as OpenSSL's configuration wants them. Here a host's type is
//! found by what it is, and such a word becomes a part of it: of a URI or a DNS name that no client asks for.

/// What somebody meant who wrote such a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meant {
    /// These hosts, each by itself and without the word.
    Hosts(Vec<String>),
    /// A name of a type that no host can be.
    Unsupported,
}

enum Type {
    Host,
    /// Of the whole list of names: `subjectAltName=DNS:a,DNS:b`.
    List,
    Unsupported,
}

/// As openssl, certreq, keytool and their guides write them, in small letters and without what stands between words.
const WORDS: [(&[&str], Type); 3] = [
    (
        &[
            "dns",
            "dnsname",
            "host",
            "hostname",
            "fqdn",
            "cn",
            "commonname",
            "ip",
            "ipaddress",
            "ipaddr",
            "ipv4",
            "ipv6",
            "email",
            "emailaddress",
            "mailto",
            "rfc822",
            "rfc822name",
            "smtp",
            "uri",
            "url",
            "uniformresourceidentifier",
        ],
        Type::Host,
    ),
    (&["san", "subjectaltname", "subjectalternativename", "altname", "altnames"], Type::List),
    (
        &[
            "othername",
            "upn",
            "dirname",
            "directoryname",
            "rid",
            "registeredid",
            "x400name",
            "x400address",
            "edipartyname",
            "srv",
            "srvname",
        ],
        Type::Unsupported,
    ),
];

/// What was meant by a host with the word of a type before it, or by a list of which one has such a word; none where
/// there is none.
pub(crate) fn meant(host: &str) -> Option<Meant> {
    let Some((kind, rest)) = split(host) else {
        let listed = host.contains(',') && !host.contains("://") && host.split(',').any(|part| split(part).is_some());
        return listed.then(|| each(host, &Type::Host));
    };
    Some(if matches!(kind, Type::Unsupported) { Meant::Unsupported } else { each(rest, kind) })
}

fn each(list: &str, kind: &Type) -> Meant {
    let mut hosts = Vec::new();
    for part in list.split([',', '&']).map(bare).filter(|part| !part.is_empty()) {
        match split(part).map(|_| meant(part)) {
            Some(Some(Meant::Hosts(inner))) => hosts.extend(inner),
            Some(_) => return Meant::Unsupported,
            // OpenSSL's own, for the extension as a whole, and for the address that stands in the subject.
            None if matches!((kind, part), (Type::List, "critical") | (_, "copy" | "move")) => {}
            None => hosts.push(part.to_owned()),
        }
    }
    Meant::Hosts(hosts)
}

/// Without blanks and quotes around it.
fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'')
}

/// Whether a name begins with such a word.
pub(crate) fn has_type_word(name: &str) -> bool {
    split(name).is_some()
}

/// The word's type and what follows it. `DNS.1`, of a section of OpenSSL's, is `DNS` too.
fn split(host: &str) -> Option<(&'static Type, &str)> {
    let host = bare(host);
    let at = host.find([':', '='])?;
    let (word, rest) = (&host[..at], bare(&host[at + 1..]));
    let word = word.trim_end().trim_end_matches(|c: char| c.is_ascii_digit()).strip_suffix('.').unwrap_or(word);
    let word: String = word.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).collect::<String>().to_ascii_lowercase();
    let (_, kind) = WORDS.iter().find(|(words, _)| words.contains(&word.as_str()))?;
    // `dns:53` is a host with a port; `dns://server/name` and `dns:name?type=A` are URIs.
    let port = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit());
    let uri = rest.starts_with("//") || (word == "dns" && rest.contains('?'));
    let colon = host[at..].starts_with(':');
    (!colon || !(port || uri)).then_some((kind, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_of_a_type_is_told_from_a_name() {
        let hosts = |host: &str| match meant(host) {
            Some(Meant::Hosts(hosts)) => hosts.join(" "),
            Some(Meant::Unsupported) => "unsupported".to_owned(),
            None => "none".to_owned(),
        };
        for (host, expected) in [
            ("DNS:foo", "foo"),
            ("dns:foo.example", "foo.example"),
            ("DNS: foo", "foo"),
            ("DNS.1:foo", "foo"),
            ("DNS.12 = foo", "foo"),
            ("dNSName=foo", "foo"),
            ("DNS Name=foo", "foo"),
            ("IP:10.0.0.1", "10.0.0.1"),
            ("IP Address:10.0.0.1", "10.0.0.1"),
            ("iPAddress:fd00::1", "fd00::1"),
            ("email:a@b", "a@b"),
            ("mailto:a@b", "a@b"),
            ("RFC822 Name=a@b", "a@b"),
            ("URI:https://a/b", "https://a/b"),
            ("CN=foo", "foo"),
            ("DNS:a,DNS:b, IP:10.0.0.1", "a b 10.0.0.1"),
            ("dns=a&dns=b", "a b"),
            ("subjectAltName=critical,DNS:a,b", "a b"),
            ("DNS:", ""),
            ("\"DNS:foo\"", "foo"),
            (" DNS :foo", "foo"),
            ("a,DNS:b", "a b"),
            ("email:copy", ""),
            ("SMTP:a@b", "a@b"),
            ("email=a@b", "a@b"),
            ("SRV:_x._y", "unsupported"),
            ("a,dirName:section", "unsupported"),
            ("otherName:1.2.3;UTF8:x", "unsupported"),
            ("DNS:a,dirName:section", "unsupported"),
            ("RID:1.2.3.4", "unsupported"),
        ] {
            assert_eq!(hosts(host), expected, "{host}");
        }
        for host in [
            "foo",
            "10.0.0.1",
            "fd00::1",
            "dns:53",
            "host:443",
            "ip:8080",
            "dns://10.0.0.1/a",
            "dns:a?type=A",
            "a@b",
            "",
            "urn:uuid:1",
            "spiffe://d/w",
            "https://ip:443/",
            "dns.example.com:443",
            "tag:a@b,2026:x",
            "a,b",
            "https://a/b,dns:c",
            ":",
            "=",
        ] {
            assert_eq!(meant(host), None, "{host}");
        }
    }
}
