//! Name constraints of CAs (RFC 5280 §4.2.1.10): which names of a certificate they do not allow, and what of them is not
//! judged here.
//!
//! openssl and Go read some of them differently. A name is good when both take it: it must be within what is permitted by
//! the narrower reading, and outside of what is excluded by the wider one.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::directory::{self, Rdn};
use super::name::Name;
use super::within::{self, Mailbox};
use crate::pki::encoding::oid;
use crate::pki::encoding::tlv::{self, Tlv};

/// What a CA may issue for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Constraints {
    permitted: Vec<Base>,
    excluded: Vec<Base>,
}

/// One subtree of names.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Base {
    /// In lower case.
    Dns(String),
    Email(Mailbox),
    /// In lower case.
    Uri(String),
    /// Address and mask, both 4 or both 16 bytes.
    Ip(Vec<u8>, Vec<u8>),
    Directory(Vec<Rdn>),
    /// What is not judged here, by its tag, and in words.
    Other(u8, String),
}

/// A name of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    Dns(String),
    /// Where it looks like a host.
    CommonName(String),
    Email(String),
    Uri(String),
    Ip(Vec<u8>),
    Directory(Name),
    Other(u8, String),
}

/// The names of a certificate that constraints speak of.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// Its subject: a directory name, with e-mail addresses in it.
    pub subject: &'a Name,
    /// The value of its subject alternative name extension, DER.
    pub alternative: Option<&'a [u8]>,
    /// Of a CA the CN is no host.
    pub is_ca: bool,
}

const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const DIRECTORY: u8 = 0xa4;
const URI: u8 = 0x86;
const IP: u8 = 0x87;
const OTHER: u8 = 0xa0;
const SEQUENCE: u8 = 0x30;

impl Constraints {
    /// From an extension's value. One that cannot be read is judged by nobody, and says so.
    pub fn from_der(value: &[u8]) -> Self {
        let unreadable = || Constraints {
            permitted: vec![Base::Other(0, "constraints that cannot be read".into())],
            excluded: Vec::new(),
        };
        Self::read(value).unwrap_or_else(unreadable)
    }

    fn read(value: &[u8]) -> Option<Self> {
        let mut read = Constraints::default();
        for list in tlv::all(tlv::only(value, SEQUENCE)?)? {
            let bases = tlv::all(list.content)?.into_iter().map(|subtree| base(&subtree));
            match list.tag {
                0xa0 => read.permitted.extend(bases.collect::<Option<Vec<_>>>()?),
                0xa1 => read.excluded.extend(bases.collect::<Option<Vec<_>>>()?),
                _ => return None,
            }
        }
        Some(read)
    }

    /// The first of a certificate's names that the CA may not issue for, as it is shown: `DNS:a.example`. It takes as long as
    /// [`Constraints::comparisons`] says.
    pub fn violated_by(&self, names: Names<'_>) -> Option<String> {
        let (permitted, excluded) = (by_kind(&self.permitted), by_kind(&self.excluded));
        let allowed = |name: &Named| allows(of_kind(&permitted, name.tag()), of_kind(&excluded, name.tag()), name);
        let name = named(names).into_iter().find(|name| !allowed(name))?;
        Some(match self.reached_by(&name) {
            Some(excluded) => format!("{name} (the wildcard stands for `{excluded}` too, which is excluded)"),
            None => name.to_string(),
        })
    }

    /// What is excluded, and a wildcard does not name but stands for.
    fn reached_by(&self, name: &Named) -> Option<&str> {
        let Named::Dns(name) = name else { return None };
        let name = name.to_ascii_lowercase();
        let reached = |base: &'_ str| within::wildcard_reaches(&name, base) && !within::dns(&name, base);
        self.excluded.iter().find_map(|base| match base {
            Base::Dns(base) if reached(base) => Some(base.as_str()),
            _ => None,
        })
    }

    /// How many comparisons it takes to judge these names: of each with all subtrees of its kind. Either may be a
    /// stranger's, and have as many as he likes.
    pub fn comparisons(&self, names: Names<'_>) -> u64 {
        let mut of_kind: BTreeMap<u8, u64> = BTreeMap::new();
        let bases = || self.permitted.iter().chain(&self.excluded);
        bases().for_each(|base| *of_kind.entry(base.tag()).or_default() += 1);
        let named = named(names);
        let each = named.iter().map(|name| 1 + of_kind.get(&name.tag()).copied().unwrap_or_default());
        bases().count() as u64 + each.sum::<u64>()
    }

    /// The kinds of names that it constrains, and that are not judged here: some of them, where there are many.
    pub fn unjudged(&self) -> Vec<Cow<'_, str>> {
        const SHOWN: usize = 8;
        let mut seen = BTreeSet::new();
        let others = self.permitted.iter().chain(&self.excluded).filter_map(|base| match base {
            Base::Other(_, what) => Some(what.as_str()),
            _ => None,
        });
        let mut all: Vec<Cow<'_, str>> = others.filter(|what| seen.insert(*what)).map(Cow::from).collect();
        if all.len() > SHOWN + 1 {
            let more = all.len() - SHOWN;
            all.truncate(SHOWN);
            all.push(format!("{more} other kinds").into());
        }
        all
    }

    /// Whether the certificate has names of a kind that it constrains, and that is not judged here.
    pub fn leaves_open(&self, names: Names<'_>) -> bool {
        let tags: BTreeSet<u8> = named(names).iter().map(Named::tag).collect();
        let open = |base: &Base| matches!(base, Base::Other(tag, _) if *tag == 0 || tags.contains(tag));
        self.permitted.iter().chain(&self.excluded).any(open)
    }

    /// Whether it has a constraint on directory names: Go knows none.
    pub fn on_directory_names(&self) -> bool {
        self.permitted.iter().chain(&self.excluded).any(|base| matches!(base, Base::Directory(_)))
    }
}

/// Subtrees that are judged, by the tag of their names.
type ByKind<'a> = BTreeMap<u8, Vec<&'a Base>>;

fn by_kind(bases: &[Base]) -> ByKind<'_> {
    let mut all = ByKind::new();
    for base in bases.iter().filter(|base| !matches!(base, Base::Other(..))) {
        all.entry(base.tag()).or_default().push(base);
    }
    all
}

fn of_kind<'b, 'a>(all: &'b ByKind<'a>, tag: u8) -> &'b [&'a Base] {
    all.get(&tag).map_or(&[], Vec::as_slice)
}

/// Of subtrees of the name's own kind.
fn allows(permitted: &[&Base], excluded: &[&Base], name: &Named) -> bool {
    let folded = Folded::of(name);
    if excluded.iter().any(|base| covers(base, &folded, Reading::Wide)) {
        return false;
    }
    if !permitted.is_empty() && !permitted.iter().any(|base| covers(base, &folded, Reading::Narrow)) {
        return false;
    }
    // Neither openssl nor Go says of these that they are outside of what is excluded.
    let of_no_host = match &folded {
        Folded::Uri(hosts) => hosts.is_empty(),
        Folded::Email(mailbox) => mailbox.local.is_none(),
        _ => false,
    };
    !of_no_host || excluded.is_empty()
}

/// A name as it is compared, taken apart once.
enum Folded<'a> {
    Dns(String),
    Email(Mailbox),
    /// As each reader takes it.
    Uri(Vec<String>),
    Ip(&'a [u8]),
    Directory(Vec<Rdn>),
    Other,
}

impl<'a> Folded<'a> {
    fn of(name: &'a Named) -> Self {
        match name {
            Named::Dns(name) | Named::CommonName(name) => Folded::Dns(name.to_ascii_lowercase()),
            Named::Email(address) => Folded::Email(Mailbox::of(address)),
            Named::Uri(uri) => Folded::Uri(within::hosts_of_uri(uri)),
            Named::Ip(bytes) => Folded::Ip(bytes),
            Named::Directory(name) => Folded::Directory(directory::rdns(name)),
            Named::Other(..) => Folded::Other,
        }
    }
}

/// Who reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Whoever takes the fewest names for members.
    Narrow,
    /// Whoever takes the most.
    Wide,
}

fn covers(base: &Base, name: &Folded<'_>, reading: Reading) -> bool {
    let wide = reading == Reading::Wide;
    match (base, name) {
        (Base::Dns(base), Folded::Dns(name)) => within::dns(name, base) || wide && within::wildcard_reaches(name, base),
        (Base::Email(base), Folded::Email(address)) => {
            within::email(address, base) || wide && within::email_below(address, base)
        }
        (Base::Uri(base), Folded::Uri(hosts)) => {
            let inside = |host: &String| within::host(host, base) || wide && within::dns(host, base);
            !hosts.is_empty() && if wide { hosts.iter().any(inside) } else { hosts.iter().all(inside) }
        }
        (Base::Ip(address, mask), Folded::Ip(bytes)) => {
            address.len() == bytes.len() && (0..bytes.len()).all(|i| bytes[i] & mask[i] == address[i] & mask[i])
        }
        (Base::Directory(base), Folded::Directory(name)) => directory::is_below(name, base),
        _ => false,
    }
}

impl Base {
    fn tag(&self) -> u8 {
        match self {
            Base::Dns(_) => DNS,
            Base::Email(_) => EMAIL,
            Base::Uri(_) => URI,
            Base::Ip(..) => IP,
            Base::Directory(_) => DIRECTORY,
            Base::Other(tag, _) => *tag,
        }
    }
}

impl Named {
    fn tag(&self) -> u8 {
        match self {
            Named::Dns(_) | Named::CommonName(_) => DNS,
            Named::Email(_) => EMAIL,
            Named::Uri(_) => URI,
            Named::Ip(_) => IP,
            Named::Directory(_) => DIRECTORY,
            Named::Other(tag, _) => *tag,
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Named::Dns(name) => write!(f, "DNS:{name}"),
            Named::CommonName(name) => write!(f, "the common name `{name}`"),
            Named::Email(address) => write!(f, "email:{address}"),
            Named::Uri(uri) => write!(f, "URI:{uri}"),
            Named::Ip(bytes) => match within::address(bytes) {
                Some(ip) => write!(f, "IP:{ip}"),
                None => write!(f, "an IP address of {} bytes", bytes.len()),
            },
            Named::Directory(name) => write!(f, "the subject `{name}`"),
            Named::Other(_, what) => f.write_str(what),
        }
    }
}

/// A GeneralSubtree.
fn base(subtree: &Tlv<'_>) -> Option<Base> {
    let parts = tlv::all(subtree.content)?;
    let (base, limits) = parts.split_first()?;
    let text = || String::from_utf8_lossy(base.content).to_ascii_lowercase();
    // A minimum of 0 is the default, and stands for no limit.
    if limits.iter().any(|limit| limit.tag != 0x80 || limit.content != [0]) {
        return Some(Base::Other(base.tag, "subtrees with a minimum or maximum".into()));
    }
    Some(match base.tag {
        DNS => Base::Dns(text()),
        EMAIL => Base::Email(Mailbox::of(&String::from_utf8_lossy(base.content))),
        URI => Base::Uri(text()),
        IP => match (base.content.split_at(base.content.len() / 2), base.content.len()) {
            ((address, mask), 8 | 32) => Base::Ip(address.to_vec(), mask.to_vec()),
            (_, length) => Base::Other(IP, format!("IP addresses of {length} bytes")),
        },
        DIRECTORY => Base::Directory(directory::rdns(&Name::from_der(base.content)?)),
        tag => Base::Other(tag, kind(tag, base.content)),
    })
}

/// Names of other types in words, for people.
fn kind(tag: u8, content: &[u8]) -> String {
    match tag {
        OTHER => {
            let id = tlv::first(content).and_then(|(id, _)| oid::arcs(id.content));
            format!("names of the type otherName {}", oid::dotted(&id.unwrap_or_default()))
        }
        0x88 => "registered IDs".to_owned(),
        0xa3 => "X.400 addresses".to_owned(),
        0xa5 => "EDI party names".to_owned(),
        _ => "names of an unknown type".to_owned(),
    }
}

/// Everything in a certificate that constraints are held against, as openssl does: its alternative names, its subject,
/// e-mail addresses in that, and its CN where it looks like a host and no DNS name says more.
fn named(names: Names<'_>) -> Vec<Named> {
    let alternative =
        names.alternative.and_then(|value| tlv::only(value, SEQUENCE)).and_then(tlv::all).unwrap_or_default();
    let text = |name: &Tlv<'_>| String::from_utf8_lossy(name.content).into_owned();
    let mut all: Vec<Named> = alternative
        .iter()
        .map(|name| match name.tag {
            DNS => Named::Dns(text(name)),
            EMAIL => Named::Email(text(name)),
            URI => Named::Uri(text(name)),
            IP => Named::Ip(name.content.to_vec()),
            DIRECTORY => Named::Directory(Name::from_raw(name.content)),
            tag => Named::Other(tag, kind(tag, name.content)),
        })
        .collect();
    let has_dns = all.iter().any(|name| matches!(name, Named::Dns(_)));
    if !names.subject.is_empty() {
        all.push(Named::Directory(names.subject.clone()));
        all.extend(names.subject.values(oid::EMAIL_ADDRESS).into_iter().map(Named::Email));
    }
    if !names.is_ca && !has_dns {
        let hosts = names.subject.values(oid::COMMON_NAME).into_iter().filter(|cn| within::looks_like_a_host(cn));
        all.extend(hosts.map(Named::CommonName));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::encoding::der;
    use crate::pki::names::name::Attribute;
    use crate::pki::names::san::{self, San};
    use proptest::prelude::*;

    /// A GeneralSubtree without limits.
    fn subtree(tag: u8, content: &[u8]) -> Vec<u8> {
        let base = [&[tag, content.len() as u8][..], content].concat();
        [&[SEQUENCE, base.len() as u8][..], &base].concat()
    }

    fn constraints(permitted: &[Vec<u8>], excluded: &[Vec<u8>]) -> Constraints {
        let list = |tag: u8, all: &[Vec<u8>]| {
            let all = all.concat();
            if all.is_empty() { Vec::new() } else { [&[tag, all.len() as u8][..], &all].concat() }
        };
        let both = [list(0xa0, permitted), list(0xa1, excluded)].concat();
        Constraints::from_der(&[&[SEQUENCE, both.len() as u8][..], &both].concat())
    }

    fn subject(attributes: &[(&[u64], &str)]) -> Name {
        let one = |(oid, value): &(&[u64], &str)| vec![Attribute { oid: oid.to_vec(), value: (*value).into() }];
        Name::from_rdns(&attributes.iter().map(one).collect::<Vec<_>>(), crate::pki::Rules::Strict)
    }

    fn wrong(constraints: &Constraints, subject: &Name, hosts: &[&str]) -> String {
        let sans: Vec<San> = hosts.iter().map(|s| San::classify(s).unwrap()).collect();
        let der = san::encode(&sans);
        let alternative = (!sans.is_empty()).then_some(der.as_slice());
        constraints.violated_by(Names { subject, alternative, is_ca: false }).unwrap_or_default()
    }

    #[test]
    fn names_outside_what_is_permitted_or_inside_what_is_excluded() {
        let all = constraints(
            &[subtree(DNS, b"Example.net"), subtree(IP, &[10, 0, 0, 0, 255, 0, 0, 0])],
            &[subtree(DNS, b"secret.example.net")],
        );
        let nobody = subject(&[]);
        let first = |hosts: &[&str]| wrong(&all, &nobody, hosts);
        assert_eq!(first(&["a.example.net", "EXAMPLE.net", "10.1.2.3", "a@b", "https://x/"]), "");
        assert_eq!(first(&["notExample.net"]), "DNS:notExample.net");
        assert_eq!(first(&["x.secret.example.net"]), "DNS:x.secret.example.net");
        // A client could show it as secret.example.net.
        let reaches = "DNS:*.example.net (the wildcard stands for `secret.example.net` too, which is excluded)";
        assert_eq!(first(&["*.example.net"]), reaches);
        assert_eq!(first(&["11.0.0.1"]), "IP:11.0.0.1");
        assert_eq!(first(&["fd00::1"]), "IP:fd00::1");
        assert_eq!(all.unjudged(), [""; 0]);
    }

    #[test]
    fn e_mail_addresses_and_uris_have_hosts_of_their_own() {
        let permitted = constraints(&[subtree(EMAIL, b"example.com"), subtree(URI, b".example.com")], &[]);
        let nobody = subject(&[]);
        let first = |hosts: &[&str]| wrong(&permitted, &nobody, hosts);
        assert_eq!(first(&["a@example.com", "https://a.example.com:8443/p", "anything.dns"]), "");
        assert_eq!(first(&["a@b.example.com"]), "email:a@b.example.com", "Go takes it, openssl does not");
        assert_eq!(first(&["https://example.com/"]), "URI:https://example.com/");
        assert_eq!(first(&["urn:a:b"]), "URI:urn:a:b", "it has no host");
        let mailbox = constraints(&[subtree(EMAIL, b"Root@example.com")], &[subtree(URI, b"example.com")]);
        assert_eq!(wrong(&mailbox, &nobody, &["Root@EXAMPLE.com"]), "");
        assert_eq!(wrong(&mailbox, &nobody, &["root@example.com"]), "email:root@example.com");
        assert_eq!(
            wrong(&mailbox, &nobody, &["https://a.example.com/"]),
            "URI:https://a.example.com/",
            "Go excludes it"
        );
        assert_eq!(wrong(&mailbox, &nobody, &["https://example.org/"]), "");
        assert_eq!(wrong(&mailbox, &nobody, &["urn:a:b"]), "URI:urn:a:b");
    }

    #[test]
    fn the_subject_counts_too() {
        let organization: &[(&[u64], &str)] = &[(oid::COUNTRY, "CN"), (oid::ORGANIZATION, "Example  Org")];
        let all = constraints(
            &[
                subtree(DIRECTORY, subject(organization).der()),
                subtree(EMAIL, b"example.com"),
                subtree(DNS, b"example.com"),
            ],
            &[],
        );
        let person = |extra: &[(&[u64], &str)]| subject(&[organization, extra].concat());
        assert_eq!(wrong(&all, &person(&[(oid::COMMON_NAME, "a")]), &[]), "");
        let spelled = subject(&[(oid::COUNTRY, "cn"), (oid::ORGANIZATION, " example org"), (oid::COMMON_NAME, "a")]);
        assert_eq!(wrong(&all, &spelled, &[]), "", "case and blanks do not count");
        let other = subject(&[(oid::ORGANIZATION, "Example Org"), (oid::COUNTRY, "CN")]);
        assert_eq!(wrong(&all, &other, &[]), "the subject `O=Example Org, C=CN`");
        assert_eq!(wrong(&all, &person(&[(oid::EMAIL_ADDRESS, "a@evil")]), &[]), "email:a@evil");
        assert_eq!(wrong(&all, &person(&[(oid::COMMON_NAME, "www.evil.org")]), &[]), "the common name `www.evil.org`");
        assert_eq!(wrong(&all, &person(&[(oid::COMMON_NAME, "www.evil.org")]), &["A.example.com"]), "");
        assert_eq!(wrong(&all, &person(&[(oid::COMMON_NAME, "system:admin")]), &[]), "");
        assert_eq!(wrong(&all, &subject(&[]), &["a.example.com"]), "", "there is none");
        assert!(all.on_directory_names());
    }

    #[test]
    fn what_is_not_judged_is_said() {
        let upn = der::sequence(|seq| seq.next().write_oid(&oid::oid(&[1, 3, 6, 1, 4, 1, 311, 20, 2, 3])));
        let other = constraints(&[subtree(OTHER, &upn[2..])], &[subtree(0x88, &[0x2a, 3])]);
        assert_eq!(other.unjudged(), ["names of the type otherName 1.3.6.1.4.1.311.20.2.3", "registered IDs"]);
        let nobody = subject(&[]);
        assert_eq!(wrong(&other, &nobody, &["a.example"]), "");
        let names = |der| Names { subject: &nobody, alternative: Some(der), is_ca: false };
        assert!(!other.leaves_open(names(&[SEQUENCE, 3, DNS, 1, b'a'])));
        assert!(other.leaves_open(names(&[SEQUENCE, 4, 0x88, 2, 0x2a, 3])));
        for broken in [&[][..], &[SEQUENCE, 1], &[SEQUENCE, 2, 0xa2, 0], &[SEQUENCE, 4, 0xa0, 2, 5, 0]] {
            let broken = Constraints::from_der(broken);
            assert_eq!(broken.unjudged(), ["constraints that cannot be read"]);
            assert!(broken.leaves_open(names(&[SEQUENCE, 0])));
        }
        let limited = [&[SEQUENCE, 6][..], &[DNS, 1, b'a', 0x81, 1, 3]].concat();
        assert_eq!(constraints(&[limited], &[]).unjudged(), ["subtrees with a minimum or maximum"]);
    }

    #[test]
    fn what_takes_long_is_counted_beforehand_and_many_kinds_are_not_all_shown() {
        let bases: Vec<Vec<u8>> = (0..9u8).map(|i| subtree(DNS, &[b'a' + i])).collect();
        let all = constraints(&bases, &[subtree(IP, &[10, 0, 0, 0, 255, 0, 0, 0])]);
        let (nobody, sans) = (subject(&[]), ["a.a", "b.b", "10.1.2.3"].map(|host| San::classify(host).unwrap()));
        let der = san::encode(&sans);
        let names = Names { subject: &nobody, alternative: Some(&der), is_ca: false };
        assert_eq!(all.comparisons(names), 10 + (1 + 9) + (1 + 9) + (1 + 1), "those of other kinds are not compared");
        let ids: Vec<Vec<u8>> = (0..11u8)
            .map(|i| {
                let id = der::sequence(|seq| seq.next().write_oid(&oid::oid(&[1, 2, u64::from(i)])));
                subtree(OTHER, &id[2..])
            })
            .collect();
        let many = constraints(&ids, &[]);
        let kinds = many.unjudged();
        assert_eq!(
            (kinds.len(), kinds[7].as_ref(), kinds[8].as_ref()),
            (9, "names of the type otherName 1.2.7", "3 other kinds")
        );
    }

    proptest! {
        #[test]
        fn nothing_panics(value in proptest::collection::vec(any::<u8>(), 0..60), names in proptest::collection::vec(any::<u8>(), 0..60)) {
            let constraints = Constraints::from_der(&value);
            let subject = Name::from_raw(&names);
            let names = Names { subject: &subject, alternative: Some(&names), is_ca: false };
            let _ = (constraints.violated_by(names), constraints.leaves_open(names), constraints.unjudged());
        }
    }
}
