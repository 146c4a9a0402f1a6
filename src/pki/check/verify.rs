//! Is a certificate that lies there the one that is wanted?

use time::OffsetDateTime;

use crate::error::{Error, Result};
use crate::pki::key::public_key::PublicKey;
use crate::pki::names::san::San;
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::validity::day_and_minute;

/// What a certificate must be for its use; how it differs from its specification beyond that does not count.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The CA that must have signed it; its own certificate for a root.
    pub authority: &'a Certificate,
    /// The key that it must be for.
    pub key: Option<&'a PublicKey>,
    /// Names that it must have; it may have more.
    pub sans: &'a [San],
    /// When it must be valid.
    pub now: OffsetDateTime,
}

/// Names everything in which the certificate is not what is expected.
pub fn verify(certificate: &Certificate, expected: &Expected<'_>) -> Result<()> {
    let mut errors = Vec::new();
    let (issuer, subject) = (certificate.issuer(), expected.authority.subject());
    if issuer != subject {
        errors.push(Error::pki(format!("it was issued by `{issuer}`, not by `{subject}`")));
    } else if let Err(e) = signed_by(certificate, expected.authority) {
        errors.push(e.context("it was not signed by the CA"));
    }
    if expected.key.is_some_and(|key| !certificate.is_for(key)) {
        errors.push(Error::pki("it is for another private key"));
    }
    let missing = expected.sans.iter().filter(|san| !certificate.sans().contains(san));
    let missing: Vec<_> = missing.map(San::to_string).collect();
    if !missing.is_empty() {
        errors.push(Error::pki(format!("it lacks the names {}", missing.join(", "))));
    }
    let validity = certificate.validity();
    if expected.now > validity.not_after {
        errors.push(Error::pki(format!("it has expired on {}", day_and_minute(validity.not_after))));
    } else if expected.now < validity.not_before {
        errors.push(Error::pki(format!("it is not valid before {}", day_and_minute(validity.not_before))));
    }
    Error::all(errors)
}

/// `Ok` when the CA's key signed it. Nothing else is looked at.
pub fn signed_by(certificate: &Certificate, authority: &Certificate) -> Result<()> {
    certificate.signed_by(authority.public_key()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::fixtures::{NOW, authority, issued, named};
    use crate::pki::{Authority, CsrSpec, Key, KeyKind, Lifetime, Profile};
    use time::macros::datetime;

    fn leaf(authority: &Authority) -> (Certificate, Key) {
        let key = Key::generate(KeyKind::Ed25519).unwrap();
        let spec = CsrSpec { hosts: vec!["a".into(), "::1".into()], ..named("leaf") };
        (issued(authority, &spec, &Profile::new(&["server auth"], Lifetime::hours(24)).unwrap(), &key), key)
    }

    #[test]
    fn accepts_what_was_issued() {
        let authority = authority("ca");
        let (certificate, key) = leaf(&authority);
        let sans = [San::classify("::1").unwrap(), San::classify("a").unwrap()];
        let expected = Expected { authority: authority.certificate(), key: Some(key.public()), sans: &sans, now: NOW };
        verify(&certificate, &expected).unwrap();
        let root = Expected { key: None, sans: &[], ..expected };
        verify(authority.certificate(), &root).unwrap();
    }

    #[test]
    fn names_everything_that_is_wrong() {
        let issuer = authority("ca");
        let (certificate, _) = leaf(&issuer);
        let (same_name, other_name) = (authority("ca"), authority("other"));
        let key = Key::generate(KeyKind::Ed25519).unwrap();
        let sans = [San::classify("b").unwrap(), San::classify("10.0.0.1").unwrap()];
        let check = |authority: &Authority, now| {
            let expected = Expected { authority: authority.certificate(), key: Some(key.public()), sans: &sans, now };
            verify(&certificate, &expected).unwrap_err().messages()
        };
        insta::assert_snapshot!(check(&other_name, datetime!(2026-11-23 0:00 UTC)), @r"
        it was issued by `CN=ca`, not by `CN=other`
        it is for another private key
        it lacks the names DNS:b, IP:10.0.0.1
        it has expired on 2026-11-22 09:55 UTC
        ");
        insta::assert_snapshot!(check(&same_name, datetime!(2026-11-20 0:00 UTC)), @r"
        it was not signed by the CA: the signature does not match
        it is for another private key
        it lacks the names DNS:b, IP:10.0.0.1
        it is not valid before 2026-11-21 09:55 UTC
        ");
    }
}
