//! In what a certificate differs from the one that would be issued now: subject, names, usages, constraints, addresses.

use std::collections::BTreeSet;

use crate::pki::encoding::oid;
use crate::pki::key::kind::KeyKind;
use crate::pki::names::name::Name;
use crate::pki::names::san::San;
use crate::pki::spec::profile::Profile;
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::extension::{self, Extension};
use crate::pki::x509::usage::{KEY_USAGE_NAMES, purpose_name};

/// What a specification says of a certificate.
#[derive(Debug, Clone, Copy)]
pub struct Specified<'a> {
    /// Subject, byte for byte, or as Go encodes it.
    pub subject: &'a Name,
    /// All its names; their order does not matter. Of a CA they do not count.
    pub sans: &'a [San],
    /// Usages, CA constraint, addresses. When it begins and ends does not count.
    pub profile: &'a Profile,
    /// The kind of its key.
    pub key: KeyKind,
}

/// One sentence for each thing in which it differs; none where it is as specified.
pub fn differences(certificate: &Certificate, specified: &Specified<'_>) -> Vec<String> {
    let mut all = Vec::new();
    // Of older versions, and of cfssl, e-mail addresses have another string type: no reason for a new one.
    if certificate.subject() != specified.subject && *certificate.subject() != specified.subject.as_go() {
        let of = |name: &Name| if name.is_empty() { "empty".to_owned() } else { name.to_string() };
        let (present, text) = (of(certificate.subject()), of(specified.subject));
        all.push(match present == text {
            true => format!("its subject is `{present}` in another encoding"),
            false => format!("its subject is `{present}`, `{text}` is wanted"),
        });
    }
    match certificate.public_key() {
        Ok(key) if key.kind() == specified.key => {}
        Ok(key) => all.push(format!("its key is {}, {} is wanted", key.kind(), specified.key)),
        Err(_) => all.push(format!("its key is of a kind that is not known, {} is wanted", specified.key)),
    }
    if !specified.profile.ca_constraint.is_ca {
        all.extend(set(
            "names",
            &certificate.extension_set().names.iter().cloned().collect(),
            &specified.sans.iter().map(San::to_string).collect(),
        ));
    }
    all.extend(set(
        "usages",
        &certificate.extension_set().usages().into_iter().collect(),
        &wanted_usages(specified.profile),
    ));
    let expected = extension::basic_constraints(specified.profile.ca_constraint.constraints());
    all.extend(value(certificate, "CA constraint", oid::BASIC_CONSTRAINTS, Some(expected)));
    let profile = specified.profile;
    // Where nothing is said of them, those that are there stay.
    if let Ok(Some(names)) = profile.ca_constraint.names() {
        all.extend(value(certificate, "name constraints", oid::NAME_CONSTRAINTS, Some(names)));
    }
    let access = extension::authority_info_access(profile.ocsp_url.as_deref(), &profile.issuer_urls);
    all.extend(value(certificate, "OCSP and issuer addresses", oid::AUTHORITY_INFO_ACCESS, access));
    let crl = profile.crl_url.as_deref().map(extension::crl_distribution_point);
    all.extend(value(certificate, "CRL address", oid::CRL_DISTRIBUTION_POINTS, crl));
    let no_check = profile.ocsp_no_check.then(|| extension::null(oid::OCSP_NO_CHECK));
    all.extend(value(certificate, "OCSP exception", oid::OCSP_NO_CHECK, no_check));
    all
}

/// What the one has and the other has not.
fn set(what: &str, present: &BTreeSet<String>, wanted: &BTreeSet<String>) -> Option<String> {
    let list =
        |of: &BTreeSet<String>, other: &BTreeSet<String>| of.difference(other).cloned().collect::<Vec<_>>().join(", ");
    let (lacks, has) = (list(wanted, present), list(present, wanted));
    match (lacks.is_empty(), has.is_empty()) {
        (true, true) => None,
        (false, true) => Some(format!("it lacks the {what} {lacks}")),
        (true, false) => Some(format!("it has the {what} {has}, which are not wanted")),
        (false, false) => Some(format!("it lacks the {what} {lacks}, and has {has}, which are not wanted")),
    }
}

fn value(certificate: &Certificate, what: &str, oid: &[u64], wanted: Option<Extension>) -> Option<String> {
    match (certificate.extension(oid), wanted) {
        (None, None) => None,
        (Some(present), Some(wanted)) if present == wanted.value => None,
        (None, Some(_)) => Some(format!("it has no {what}")),
        (Some(_), None) => Some(format!("it has a {what} that is not wanted")),
        (Some(_), Some(_)) if ["addresses", "constraints"].iter().any(|end| what.ends_with(end)) => {
            Some(format!("its {what} are others"))
        }
        (Some(_), Some(_)) => Some(format!("its {what} is another")),
    }
}

fn wanted_usages(profile: &Profile) -> BTreeSet<String> {
    let name = |usage: &crate::pki::x509::usage::Usage| match (usage.key_usage_bit(), usage.extended()) {
        (Some(bit), _) => KEY_USAGE_NAMES[usize::from(bit)].to_owned(),
        (None, purpose) => purpose_name(purpose.unwrap_or_default()),
    };
    profile.usages.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::fixtures::{self, authority, key};
    use crate::pki::{CaConstraint, CsrSpec, Lifetime};

    const LEAF: &str = r#"{"CN":"leaf","hosts":["a","10.0.0.1","https://h/p","u@h"],"names":[{"O":"x"}]}"#;

    fn issued(profile: &Profile) -> Certificate {
        let leaf = CsrSpec::from_json(LEAF.as_bytes(), "x").unwrap();
        fixtures::issued(&authority("ca"), &leaf, profile, &key())
    }

    fn profile() -> Profile {
        let usages = ["signing", "s/mime", "server auth", "decipher only"];
        Profile { crl_url: Some("http://c".into()), ..Profile::new(&usages, Lifetime::hours(24)).unwrap() }
    }

    fn compared(certificate: &Certificate, spec: &str, profile: &Profile, key: KeyKind) -> String {
        let spec = CsrSpec::from_json(spec.as_bytes(), "x").unwrap();
        let sans: Vec<_> = spec.hosts.iter().map(|h| San::classify(h).unwrap()).collect();
        let subject = spec.subject().to_name().unwrap();
        differences(certificate, &Specified { subject: &subject, sans: &sans, profile, key }).join("\n")
    }

    #[test]
    fn what_was_issued_is_as_specified_also_in_another_order() {
        let certificate = issued(&profile());
        assert_eq!(compared(&certificate, LEAF, &profile(), KeyKind::EcdsaP256), "");
        let mut other = profile();
        other.usages.reverse();
        other.expiry = Some(Lifetime::hours(1));
        let turned = LEAF.replace(r#""a","10.0.0.1""#, r#""10.0.0.1","a""#);
        assert_eq!(compared(&certificate, &turned, &other, KeyKind::EcdsaP256), "");
    }

    #[test]
    fn every_difference_is_named() {
        let certificate = issued(&profile());
        let other = Profile {
            usages: Profile::new(&["signing", "client auth", "cert sign"], Lifetime::hours(1)).unwrap().usages,
            ca_constraint: CaConstraint::default(),
            ocsp_url: Some("http://o".into()),
            crl_url: Some("http://d".into()),
            ocsp_no_check: true,
            ..Profile::default()
        };
        insta::assert_snapshot!(compared(&certificate, r#"{"CN":"x","hosts":["a","b"]}"#, &other, KeyKind::Rsa(2048)), @r"
        its subject is `O=x, CN=leaf`, `CN=x` is wanted
        its key is ecdsa-256, rsa-2048 is wanted
        it lacks the names DNS:b, and has IP:10.0.0.1, URI:https://h/p, email:u@h, which are not wanted
        it lacks the usages cert sign, client auth, and has decipher only, email protection, server auth, which are not wanted
        it has no OCSP and issuer addresses
        its CRL address is another
        it has no OCSP exception
        ");
        let ca = Profile { ca_constraint: CaConstraint { is_ca: true, ..CaConstraint::default() }, ..profile() };
        assert_eq!(compared(&certificate, LEAF, &ca, KeyKind::EcdsaP256), "its CA constraint is another");
    }
}
