//! A CA's certificate once more: the same key, the same subject byte for byte, a new life. What the CA has issued stays
//! valid.

use time::OffsetDateTime;

use super::authority::Authority;
use super::builder::{self, Content, Issued};
use crate::error::{Error, Result};
use crate::pki::encoding::oid;
use crate::pki::key::private_key::Key;
use crate::pki::names::name::Name;
use crate::pki::rules::Rules;
use crate::pki::spec::profile::Profile;
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::extension::{self, Extension};
use crate::pki::x509::serial::Serial;

/// Who signs.
#[derive(Debug, Clone, Copy)]
pub enum Signer<'a> {
    /// The CA itself: it is a root.
    Itself(&'a Key),
    /// Another CA.
    Other(&'a Authority),
}

/// Issues a CA's certificate anew. Usages, constraint, addresses and life are the profile's; subject, key, subject key
/// identifier and all other extensions (name constraints, policies) are those of the old one.
pub fn reissue(
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
    let (issuer, key, validity): (&Name, &Key, _) = match signer {
        Signer::Itself(key) if key.public() != public_key => {
            return Err(Error::pki("the private key does not belong to the CA certificate"));
        }
        Signer::Itself(key) => (subject, key, profile.validity(now)?),
        Signer::Other(authority) => {
            (authority.subject(), authority.key(), authority.validity(profile, now, &mut warnings)?)
        }
    };
    let mut extensions = extension::usages(&profile.usages);
    extensions.push(extension::basic_constraints(profile.ca_constraint.constraints()));
    let kept = kept(old)?;
    let own_id = kept.iter().find(|e| e.oid == oid::SUBJECT_KEY_ID).cloned();
    extensions.push(own_id.unwrap_or_else(|| extension::subject_key_id(&public_key.key_id())));
    if let Signer::Other(authority) = signer {
        extensions.push(extension::authority_key_id(authority.key_id()));
    }
    extensions.extend(extension::authority_info_access(profile.ocsp_url.as_deref(), &profile.issuer_urls));
    extensions.extend(profile.crl_url.as_deref().map(extension::crl_distribution_point));
    extensions.extend(kept.into_iter().filter(|e| e.oid != oid::SUBJECT_KEY_ID));
    let content = Content { serial: &serial, issuer, validity, subject, public_key, extensions: &extensions };
    let certificate = builder::sign(&content, key)?;
    Ok(Issued { certificate, serial, warnings })
}

/// The extensions that neither the profile nor the signer decides.
fn kept(old: &Certificate) -> Result<Vec<Extension>> {
    const DECIDED: [&[u64]; 6] = [
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
    use crate::pki::{CaConstraint, CsrSpec, Expected, KeyKind, Lifetime, Request, self_signed, verify};
    use time::macros::datetime;

    const THEN: OffsetDateTime = datetime!(2020-11-21 10:00 UTC);
    const NOW: OffsetDateTime = datetime!(2026-11-21 10:00 UTC);

    fn ca_profile(path_length: i64) -> Profile {
        let constraint = CaConstraint { is_ca: true, max_path_len: path_length, max_path_len_zero: path_length == 0 };
        Profile {
            ca_constraint: constraint,
            ..Profile::new(&["cert sign", "crl sign"], Lifetime::hours(87_600)).unwrap()
        }
    }

    #[test]
    fn what_was_issued_before_is_still_good() {
        let key = Key::generate(KeyKind::EcdsaP384).unwrap();
        let spec = CsrSpec { cn: "roöt".into(), ..CsrSpec::default() };
        let root = self_signed(&spec, &key, THEN, Serial::from_random([1; 20])).unwrap();
        let authority =
            Authority::new(root.certificate.clone(), Key::from_pem(key.to_pem().expose(), "x").unwrap(), THEN).unwrap();
        let inner_key = Key::generate(KeyKind::Ed25519).unwrap();
        let request = Request::from_spec(&CsrSpec { cn: "inner".into(), ..spec }, inner_key.public()).unwrap();
        let short = Profile { expiry: Some(Lifetime::hours(8760)), ..ca_profile(0) };
        let inner = authority.issue(&request, &short, THEN, Serial::from_random([2; 20])).unwrap().certificate;

        let again =
            reissue(&root.certificate, Signer::Itself(&key), &ca_profile(-1), NOW, Serial::from_random([3; 20]))
                .unwrap();
        assert_eq!(again.certificate.subject(), root.certificate.subject());
        let at = Expected { authority: &again.certificate, key: None, sans: &[], now: THEN };
        verify(&inner, &at).unwrap();
        assert_eq!(again.certificate.subject_key_id(), root.certificate.subject_key_id());

        let authority = Authority::new(again.certificate, key, NOW).unwrap();
        let inner =
            reissue(&inner, Signer::Other(&authority), &ca_profile(0), NOW, Serial::from_random([4; 20])).unwrap();
        Authority::new(inner.certificate, inner_key, NOW).unwrap();
    }

    #[test]
    fn another_key_cannot_renew_a_root() {
        let key = Key::generate(KeyKind::EcdsaP256).unwrap();
        let spec = CsrSpec { cn: "root".into(), ..CsrSpec::default() };
        let root = self_signed(&spec, &key, NOW, Serial::from_random([1; 20])).unwrap();
        let other = Key::generate(KeyKind::EcdsaP256).unwrap();
        let error =
            reissue(&root.certificate, Signer::Itself(&other), &ca_profile(-1), NOW, Serial::from_random([3; 20]));
        insta::assert_snapshot!(error.unwrap_err(), @"the private key does not belong to the CA certificate");
    }
}
