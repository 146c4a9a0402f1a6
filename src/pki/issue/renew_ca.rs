//! A root CA's certificate anew: the same name, key and length of life, from now on, and the same extensions but those
//! that point at the certificate it replaces or at another CA.

use time::OffsetDateTime;

use super::authority::Authority;
use super::builder::{self, Content, Issued};
use crate::error::{Error, Result};
use crate::pki::encoding::oid;
use crate::pki::key::private_key::Key;
use crate::pki::rules::Rules;
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::extension::Extension;
use crate::pki::x509::serial::Serial;
use crate::pki::x509::validity::{Validity, backdated, beyond_9999};

/// Renews a self-signed CA. Its subject stays byte for byte, as do the extensions that speak of itself: whatever it has
/// issued still chains to it. That it has expired is no reason against it.
pub fn renewed(
    certificate: &Certificate,
    key: Key,
    now: OffsetDateTime,
    serial: Serial,
    rules: Rules,
) -> Result<Issued> {
    let old = certificate.validity();
    let mut warnings = Vec::new();
    let own_root = certificate.is_self_issued();
    if !own_root {
        let doubt = Error::pki("the certificate was issued by another CA: renewed here, it would be a root")
            .hint("have the other CA sign it again");
        rules.doubt(doubt, &mut warnings)?;
    }
    // As of a moment when it was valid.
    let authority = Authority::with_rules(certificate.clone(), key, old.not_after, Rules::Strict)?;
    let not_before = backdated(now, None)?;
    let not_after = not_before.checked_add(old.not_after - old.not_before).ok_or_else(beyond_9999)?;
    let mut extensions: Vec<_> = certificate.extensions().iter().map(Extension::copied).collect::<Result<_>>()?;
    extensions.retain(|extension| stays(extension, own_root));
    let content = Content {
        serial: &serial,
        issuer: authority.subject(),
        validity: Validity::new(not_before, not_after)?,
        subject: authority.subject(),
        public_key: authority.key().public(),
        extensions: &extensions,
    };
    let certificate = builder::sign(&content, authority.key())?;
    Ok(Issued { certificate, serial, warnings })
}

/// The authority key identifier may name the old serial number, or another CA: verifiers then do not take the new root for
/// its own issuer. Of one that another CA had issued, that CA's places go too.
fn stays(extension: &Extension, own_root: bool) -> bool {
    match extension.oid.as_slice() {
        oid::AUTHORITY_KEY_ID => false,
        oid::AUTHORITY_INFO_ACCESS | oid::CRL_DISTRIBUTION_POINTS => own_root,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{CsrSpec, KeyKind, self_signed};
    use time::macros::datetime;

    #[test]
    fn everything_but_serial_and_dates_stays() {
        let key = || Key::from_pem(KEY.with(|k| k.clone()).expose(), "x").unwrap();
        thread_local!(static KEY: crate::secret::Secret = Key::generate(KeyKind::EcdsaP256).unwrap().to_pem());
        let spec = CsrSpec::from_json(br#"{"CN":"ca","names":[{"O":"b"},{"O":"a"}],"ca":{"expiry":"1h"}}"#, "x");
        let made = datetime!(2020-01-01 0:00 UTC);
        let old = self_signed(&spec.unwrap(), &key(), made, Serial::from_random([1; 20])).unwrap().certificate;
        let now = datetime!(2026-11-21 10:00 UTC);
        let new = renewed(&old, key(), now, Serial::from_random([2; 20]), Rules::Strict).unwrap().certificate;
        assert_eq!(old.subject(), new.subject());
        assert_eq!(old.extensions(), new.extensions());
        let validity = new.validity();
        assert_eq!(
            (validity.not_before, validity.not_after),
            (now - 5 * time::Duration::MINUTE, now + 55 * time::Duration::MINUTE)
        );
        let other = Key::generate(KeyKind::EcdsaP256).unwrap();
        let error = renewed(&old, other, now, Serial::from_random([2; 20]), Rules::Strict).unwrap_err();
        insta::assert_snapshot!(error, @"the private key does not belong to the CA certificate");
    }

    #[test]
    fn what_points_at_another_certificate_goes() {
        let kept = |own_root| {
            let all =
                [oid::AUTHORITY_KEY_ID, oid::AUTHORITY_INFO_ACCESS, oid::CRL_DISTRIBUTION_POINTS, oid::SUBJECT_KEY_ID];
            all.map(|oid| stays(&Extension { oid: oid.to_vec(), critical: false, value: Vec::new() }, own_root))
        };
        assert_eq!(kept(true), [false, true, true, true]);
        assert_eq!(kept(false), [false, false, false, true]);
    }
}
