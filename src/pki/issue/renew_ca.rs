//! The certificate of a CA once more: the same key, and the same subject byte for byte, so that what it has issued stays
//! valid. Either everything else stays as it is, too, or a profile decides it.

use time::OffsetDateTime;

use super::authority::Authority;
use super::builder::{Builder, Claims, Issued, Issuer};
use crate::error::{Error, Result};
use crate::pki::encoding::oid;
use crate::pki::key::private_key::Key;
use crate::pki::rules::Rules;
use crate::pki::spec::profile::Profile;
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::extension::{self, Extension};
use crate::pki::x509::serial::Serial;
use crate::pki::x509::validity::{Validity, backdated, beyond_9999};

/// Renews a self-signed CA. Its subject stays byte for byte, as do the extensions that speak of itself: whatever it has
/// issued still chains to it. That it has expired is no reason against it.
pub fn renew_ca(
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
        let done = "the certificate was issued by another CA: renewed here, it is a root now".to_owned();
        rules.doubt_or(doubt, done, &mut warnings)?;
    }
    // As of a moment when it was valid.
    let authority = Authority::with_rules(certificate.clone(), key, old.not_after, Rules::Strict)?;
    let not_before = backdated(now, None)?;
    let not_after = not_before.checked_add(old.not_after - old.not_before).ok_or_else(beyond_9999)?;
    let mut extensions: Vec<_> = certificate.extensions().iter().map(Extension::copied).collect::<Result<_>>()?;
    let same_serial = Serial::of(certificate).as_ref() == Some(&serial);
    extensions.retain(|extension| stays(extension, own_root, same_serial));
    if rules == Rules::Strict {
        let kept = |was| format!("; --serial {was} keeps it");
        warnings.extend(new_serial(certificate, &serial).map(|was| NEW_SERIAL.to_owned() + &kept(was)));
    }
    let (subject, public_key, validity) =
        (certificate.subject(), authority.key().public(), Validity::new(not_before, not_after)?);
    let issuer = Issuer::itself(subject, authority.key());
    Builder { serial, issuer, validity, subject, public_key, extensions }.issue(warnings)
}

/// The authority key identifier may name the old serial number, or another CA: verifiers then do not take the new root for
/// its own issuer. Of one that another CA had issued, that CA's places go too.
fn stays(extension: &Extension, own_root: bool, same_serial: bool) -> bool {
    match extension.oid.as_slice() {
        oid::AUTHORITY_KEY_ID => own_root && same_serial,
        oid::AUTHORITY_INFO_ACCESS | oid::CRL_DISTRIBUTION_POINTS => own_root,
        _ => true,
    }
}

/// The serial number that a renewed root keeps: its authority key identifier names it, so those of the certificates that
/// it has issued do, too (`authorityKeyIdentifier = keyid,issuer` of easy-rsa and OpenVPN), and openssl would refuse
/// them under another one.
pub fn kept_serial(certificate: &Certificate) -> Option<Serial> {
    let names_own = certificate.is_self_issued() && certificate.authority_serial().is_some();
    (names_own && certificate.names_serial_of(certificate)).then(|| Serial::of(certificate)).flatten()
}

const NEW_SERIAL: &str = "the serial number is new: certificates that name the old one in their authority key \
                          identifier (OpenSSL's `keyid,issuer`) are refused by openssl under the new CA";

/// The old serial number, where a new one may break something. A key identifier without a serial number shows that the
/// CA does not name any.
fn new_serial(old: &Certificate, serial: &Serial) -> Option<Serial> {
    let names_none = old.authority_key_id().is_some() && old.authority_serial().is_none();
    Serial::of(old).filter(|was| was != serial && !names_none)
}

/// Who signs.
#[derive(Debug, Clone, Copy)]
pub enum Signer<'a> {
    /// The CA itself: it is a root.
    Itself(&'a Key),
    /// The CA itself, with whatever key: to see what would be said.
    Rehearsal(&'a Key),
    /// Another CA.
    Other(&'a Authority),
}

/// Renews a CA by a profile, whoever issued it: usages, constraint, addresses and life are the profile's; subject, key, subject key
/// identifier and all other extensions (name constraints, policies) are those of the old one.
pub fn renew_ca_by(
    old: &Certificate,
    signer: Signer<'_>,
    profile: &Profile,
    now: OffsetDateTime,
    serial: Serial,
) -> Result<Issued> {
    let mut warnings = Vec::new();
    if !profile.ca_constraint.is_ca {
        return Err(Error::internal("only a CA's certificate is issued once more"));
    }
    profile.check(Rules::Strict, &mut warnings)?;
    let public_key = old.public_key()?;
    let subject = old.subject();
    let (issuer, issuer_id, validity) = match signer {
        Signer::Itself(key) if key.public() != public_key => {
            return Err(Error::pki("the private key does not belong to the CA certificate"));
        }
        Signer::Itself(key) | Signer::Rehearsal(key) => (Issuer::itself(subject, key), None, profile.validity(now)?),
        Signer::Other(authority) => {
            let validity = authority.validity(profile, now, &mut warnings)?;
            (authority.issuer(), Some(authority.key_id()), validity)
        }
    };
    let serial = match signer {
        Signer::Itself(_) | Signer::Rehearsal(_) => kept_serial(old).unwrap_or(serial),
        // An issuer gives no number twice.
        Signer::Other(_) => serial,
    };
    let habit = old.authority_serial().and_then(|_| new_serial(old, &serial));
    warnings.extend(habit.map(|_| NEW_SERIAL.to_owned()));
    let own_id = old.subject_key_id().map_or_else(|| public_key.key_id(), <[u8]>::to_vec);
    let mut extensions = Claims::of(profile, &own_id, issuer_id)?.extensions();
    extensions.extend(profile.crl_url.as_deref().map(extension::crl_distribution_point));
    // Where the profile has no name constraints, the old ones stay.
    let constrained = extensions.iter().any(|extension| extension.oid == oid::NAME_CONSTRAINTS);
    extensions.extend(undecided(old)?.into_iter().filter(|e| !constrained || e.oid != oid::NAME_CONSTRAINTS));
    Builder { serial, issuer, validity, subject, public_key, extensions }.issue(warnings)
}

/// The extensions that neither the profile nor the signer decides.
fn undecided(old: &Certificate) -> Result<Vec<Extension>> {
    const DECIDED: [&[u64]; 7] = [
        oid::SUBJECT_KEY_ID,
        oid::KEY_USAGE,
        oid::EXTENDED_KEY_USAGE,
        oid::BASIC_CONSTRAINTS,
        oid::AUTHORITY_KEY_ID,
        oid::AUTHORITY_INFO_ACCESS,
        oid::CRL_DISTRIBUTION_POINTS,
    ];
    let mut all = old.extensions().iter().map(Extension::copied).collect::<Result<Vec<_>>>()?;
    all.retain(|extension| !DECIDED.contains(&extension.oid.as_slice()));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::fixtures::{NOW, key, named, root};
    use crate::pki::{CaConstraint, CsrSpec, Expected, KeyKind, Lifetime, Request, self_signed, verify};
    use time::macros::datetime;

    #[test]
    fn everything_but_serial_and_dates_stays() {
        let same = || Key::from_pem(KEY.with(|k| k.clone()).expose(), "x").unwrap();
        thread_local!(static KEY: crate::secret::Secret = key().to_pem());
        let spec = CsrSpec::from_json(br#"{"CN":"ca","names":[{"O":"b"},{"O":"a"}],"ca":{"expiry":"1h"}}"#, "x");
        let made = datetime!(2020-01-01 0:00 UTC);
        let old = self_signed(&spec.unwrap(), &same(), made, Serial::from_random([1; 20])).unwrap().certificate;
        let new = renew_ca(&old, same(), NOW, Serial::from_random([2; 20]), Rules::Strict).unwrap().certificate;
        assert_eq!(old.subject(), new.subject());
        assert_eq!(old.extensions(), new.extensions());
        let validity = new.validity();
        assert_eq!(
            (validity.not_before, validity.not_after),
            (NOW - 5 * time::Duration::MINUTE, NOW + 55 * time::Duration::MINUTE)
        );
        let error = renew_ca(&old, key(), NOW, Serial::from_random([2; 20]), Rules::Strict).unwrap_err();
        insta::assert_snapshot!(error, @"the private key does not belong to the CA certificate");
    }

    #[test]
    fn what_points_at_another_certificate_goes() {
        let kept = |own_root| {
            let all =
                [oid::AUTHORITY_KEY_ID, oid::AUTHORITY_INFO_ACCESS, oid::CRL_DISTRIBUTION_POINTS, oid::SUBJECT_KEY_ID];
            all.map(|oid| stays(&Extension { oid: oid.to_vec(), critical: false, value: Vec::new() }, own_root, false))
        };
        assert_eq!(kept(true), [false, true, true, true]);
        assert_eq!(kept(false), [false, false, false, true]);
    }

    const THEN: OffsetDateTime = datetime!(2020-11-21 10:00 UTC);

    fn ca_profile(path_length: i64) -> Profile {
        let max_path_len_zero = path_length == 0;
        let constraint =
            CaConstraint { is_ca: true, max_path_len: path_length, max_path_len_zero, ..CaConstraint::default() };
        Profile {
            ca_constraint: constraint,
            ..Profile::new(&["cert sign", "crl sign"], Lifetime::hours(87_600)).unwrap()
        }
    }

    #[test]
    fn what_was_issued_before_is_still_good() {
        let key = Key::generate(KeyKind::EcdsaP384).unwrap();
        let spec = named("roöt");
        let root = self_signed(&spec, &key, THEN, Serial::from_random([1; 20])).unwrap();
        let authority =
            Authority::new(root.certificate.clone(), Key::from_pem(key.to_pem().expose(), "x").unwrap(), THEN).unwrap();
        let inner_key = Key::generate(KeyKind::Ed25519).unwrap();
        let request = Request::from_spec(&CsrSpec { cn: "inner".into(), ..spec }, inner_key.public()).unwrap();
        let short = Profile { expiry: Some(Lifetime::hours(8760)), ..ca_profile(0) };
        let inner = authority.issue(&request, &short, THEN, Serial::from_random([2; 20])).unwrap().certificate;

        let again =
            renew_ca_by(&root.certificate, Signer::Itself(&key), &ca_profile(-1), NOW, Serial::from_random([3; 20]))
                .unwrap();
        assert_eq!(again.certificate.subject(), root.certificate.subject());
        let at = Expected { authority: &again.certificate, key: None, sans: &[], now: THEN };
        verify(&inner, &at).unwrap();
        assert_eq!(again.certificate.subject_key_id(), root.certificate.subject_key_id());

        let authority = Authority::new(again.certificate, key, NOW).unwrap();
        let inner =
            renew_ca_by(&inner, Signer::Other(&authority), &ca_profile(0), NOW, Serial::from_random([4; 20])).unwrap();
        Authority::new(inner.certificate, inner_key, NOW).unwrap();
    }

    #[test]
    fn another_key_cannot_renew_a_root_by_a_profile() {
        let root = root(&named("root"), &key());
        let error = renew_ca_by(&root, Signer::Itself(&key()), &ca_profile(-1), NOW, Serial::from_random([3; 20]));
        insta::assert_snapshot!(error.unwrap_err(), @"the private key does not belong to the CA certificate");
    }
}
