//! CAs and certificates for unit tests.

use time::OffsetDateTime;
use time::macros::datetime;

use super::{
    Authority, CaConstraint, Certificate, CsrSpec, Key, KeyKind, Lifetime, Profile, Request, Serial, self_signed,
};

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-21 10:00 UTC);

pub(crate) fn named(cn: &str) -> CsrSpec {
    CsrSpec { cn: cn.into(), ..CsrSpec::default() }
}

pub(crate) fn key() -> Key {
    Key::generate(KeyKind::EcdsaP256).unwrap()
}

/// Its certificate, made at [`NOW`].
pub(crate) fn root(spec: &CsrSpec, key: &Key) -> Certificate {
    self_signed(spec, key, NOW, Serial::from_random([1; 20])).unwrap().certificate
}

/// A root with a key of its own.
pub(crate) fn authority(cn: &str) -> Authority {
    let key = key();
    Authority::new(root(&named(cn), &key), key, NOW).unwrap()
}

/// What it issues at [`NOW`] for that key.
pub(crate) fn issued(authority: &Authority, spec: &CsrSpec, profile: &Profile, key: &Key) -> Certificate {
    let request = Request::from_spec(spec, key.public()).unwrap();
    authority.issue(&request, profile, NOW, Serial::random().unwrap()).unwrap().certificate
}

/// A certificate below CAs of one name that have signed each other, and these; a root is not among them.
pub(crate) fn tangle() -> (Certificate, Vec<Certificate>) {
    let authorities: Vec<Authority> = (0..12).map(|_| authority("tangle")).collect();
    let mut profile = Profile::new(&["cert sign", "server auth"], Lifetime::hours(24)).unwrap();
    let leaf = issued(&authorities[0], &named("leaf"), &profile, &key());
    profile.ca_constraint = CaConstraint { is_ca: true, ..CaConstraint::default() };
    let mut cas = Vec::new();
    for (i, above) in authorities.iter().enumerate() {
        let others = authorities.iter().enumerate().filter(|(j, _)| *j != i);
        cas.extend(others.map(|(_, below)| issued(above, &named("tangle"), &profile, below.key())));
    }
    (leaf, cas)
}
