//! What a profile lets through: names by a regular expression, and which parts of a CSR count at all.

use std::fmt;

use regex::Regex;
use serde::{Serialize, Serializer};

use super::go_regex;
use crate::error::{Error, Result};
use crate::pki::encoding::oid;
use crate::pki::names::name::Name;
use crate::pki::names::san::San;
use crate::pki::rules::Rules;
use crate::pki::x509::extension::BasicConstraints;
use crate::pki::x509::request::Request;

/// A profile's `name_whitelist`: a regular expression that need not match the whole name (write `^…$` for that).
#[derive(Debug, Clone)]
pub struct NameWhitelist {
    pattern: String,
    regex: Regex,
}

/// A profile's `CSRWhitelist`: what is taken from a CSR.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CsrWhitelist {
    /// The subject.
    pub subject: bool,
    /// The key's algorithm; it comes with the key.
    pub public_key_algorithm: bool,
    /// The key; without it nothing can be issued.
    pub public_key: bool,
    /// Of no effect: the CA's key decides how it signs.
    pub signature_algorithm: bool,
    /// DNS names.
    #[serde(rename = "DNSNames")]
    pub dns_names: bool,
    /// IP addresses.
    #[serde(rename = "IPAddresses")]
    pub ip_addresses: bool,
    /// E-mail addresses.
    pub email_addresses: bool,
    /// URIs.
    #[serde(rename = "URIs")]
    pub uris: bool,
}

impl NameWhitelist {
    /// The syntax is RE2's, as Go's, and means what it means to Go; what would not is refused.
    pub fn new(pattern: &str) -> Result<Self> {
        let unread = |why: String| Error::input(format!("the name_whitelist `{pattern}` cannot be used")).detail(why);
        let translated = go_regex::translate(pattern).map_err(unread)?;
        let regex = Regex::new(&translated).map_err(|e| unread(e.to_string()))?;
        Ok(NameWhitelist { pattern: pattern.to_owned(), regex })
    }

    /// Whether it matches a name, or a part of one.
    pub fn allows(&self, name: &str) -> bool {
        self.regex.is_match(name)
    }

    /// Refuses a request with a name that does not match: all CNs, e-mail addresses of the subject, and alternative names
    /// but IP addresses, as cfssl.
    pub fn check(&self, request: &Request) -> Result<()> {
        let texts = request.sans.iter().filter_map(|san| match san {
            San::Dns(text) | San::Email(text) | San::Uri(text) => Some(text.clone()),
            San::Ip(_) => None,
        });
        let subject = &request.subject;
        let own = JUDGED.into_iter().flat_map(|oid| subject.values(oid));
        let missed: Vec<_> =
            own.filter(|name| !name.is_empty()).chain(texts).filter(|name| !self.allows(name)).collect();
        if missed.is_empty() {
            return Ok(());
        }
        let named = missed.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        Err(Error::pki(format!("the profile's name_whitelist `{self}` does not allow {named}")))
    }

    /// What stands in the certificate although nobody has judged it, in a sentence: IP addresses, the rest of the subject
    /// (an organization is a group to Kubernetes), and names of `other` types.
    pub(crate) fn unjudged(&self, request: &Request, other: Vec<String>) -> Option<String> {
        let ips = request.sans.iter().filter(|san| matches!(san, San::Ip(_))).map(San::to_string);
        let rest = request.subject.text_without(&JUDGED);
        let all: Vec<String> = ips.chain((!rest.is_empty()).then_some(rest)).chain(other).collect();
        (!all.is_empty()).then(|| {
            let all = all.join(", ");
            format!("the profile's name_whitelist does not judge {all}: they stand in the certificate as asked (a CSRWhitelist leaves them out)")
        })
    }
}

/// The attributes of a subject that a whitelist of names judges.
const JUDGED: [&[u64]; 2] = [oid::COMMON_NAME, oid::EMAIL_ADDRESS];

impl CsrWhitelist {
    /// Takes away from what a CSR asks for. Extensions and a wish to be a CA are never in the list.
    pub(crate) fn restrict(&self, request: &mut Request) -> Result<()> {
        if !self.public_key {
            return Err(Error::pki("the profile's CSRWhitelist does not take the CSR's public key")
                .hint("add \"PublicKey\": true and \"PublicKeyAlgorithm\": true to it"));
        }
        if !self.subject {
            request.subject = Name::from_rdns(&[], Rules::Strict);
        }
        request.sans.retain(|san| match san {
            San::Dns(_) => self.dns_names,
            San::Ip(_) => self.ip_addresses,
            San::Email(_) => self.email_addresses,
            San::Uri(_) => self.uris,
        });
        request.names = None;
        request.extensions.clear();
        request.ca = BasicConstraints::EndEntity;
        Ok(())
    }
}

impl PartialEq for NameWhitelist {
    fn eq(&self, other: &Self) -> bool {
        self.pattern == other.pattern
    }
}

impl Eq for NameWhitelist {}

impl fmt::Display for NameWhitelist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pattern)
    }
}

impl Serialize for NameWhitelist {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{Attribute, CsrSpec, Key, KeyKind};

    fn request(json: &str) -> Request {
        let key = Key::generate(KeyKind::EcdsaP256).unwrap();
        Request::from_spec(&CsrSpec::from_json(json.as_bytes(), "x").unwrap(), key.public()).unwrap()
    }

    #[test]
    fn a_pattern_may_match_anywhere_and_ip_addresses_are_free() {
        let list = NameWhitelist::new("example|^ok$").unwrap();
        list.check(&request(r#"{"CN":"ok","hosts":["a.example.org","10.0.0.1"]}"#)).unwrap();
        let unjudged = |json: &str| list.unjudged(&request(json), Vec::new());
        insta::assert_snapshot!(unjudged(r#"{"CN":"ok","hosts":["10.0.0.1"],"names":[{"O":"system:masters"}]}"#).unwrap(), @"the profile's name_whitelist does not judge IP:10.0.0.1, O=system:masters: they stand in the certificate as asked (a CSRWhitelist leaves them out)");
        assert_eq!(unjudged(r#"{"CN":"ok","hosts":["a.example"]}"#), None);
        let error = list.check(&request(r#"{"CN":"okay","hosts":["b","https://example/","c@d"]}"#)).unwrap_err();
        insta::assert_snapshot!(error, @"the profile's name_whitelist `example|^ok$` does not allow `okay`, `b`, `c@d`");
        assert!(NameWhitelist::new("(").is_err());
    }

    #[test]
    fn every_common_name_is_judged() {
        let attribute = |oid: &[u64], value: &str| vec![Attribute { oid: oid.to_vec(), value: value.into() }];
        let subject = Name::from_rdns(
            &[
                attribute(oid::COMMON_NAME, "evil"),
                attribute(oid::COMMON_NAME, "ok"),
                attribute(oid::EMAIL_ADDRESS, "root@evil"),
            ],
            Rules::Strict,
        );
        let asked = Request { subject, ..request(r#"{"CN":"x"}"#) };
        let error = NameWhitelist::new("^ok$").unwrap().check(&asked).unwrap_err();
        insta::assert_snapshot!(error, @"the profile's name_whitelist `^ok$` does not allow `evil`, `root@evil`");
    }

    #[test]
    fn a_whitelist_takes_only_what_it_names() {
        let mut asked = request(r#"{"CN":"x","hosts":["a","10.0.0.1","u@h","https://h/"],"delegation_enabled":true}"#);
        let list = CsrWhitelist { public_key: true, ip_addresses: true, ..CsrWhitelist::default() };
        list.restrict(&mut asked).unwrap();
        assert!(asked.subject.is_empty() && asked.extensions.is_empty());
        assert_eq!(asked.sans, [San::Ip("10.0.0.1".parse().unwrap())]);
        assert!(CsrWhitelist::default().restrict(&mut asked).is_err());
    }
}
