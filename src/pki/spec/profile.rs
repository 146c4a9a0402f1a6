//! Signing profiles: what an issued certificate may do and how long it lives.

use serde::{Serialize, Serializer};
use time::OffsetDateTime;

use super::whitelist::{CsrWhitelist, NameWhitelist};
use crate::error::{Error, Result};
use crate::lifetime::Lifetime;
use crate::pki::encoding::oid;
use crate::pki::key::kind::KeyKind;
use crate::pki::names::subtrees::Subtrees;
use crate::pki::rules::Rules;
use crate::pki::x509::extension::{self, BasicConstraints, Extension, Policy};
use crate::pki::x509::usage::Usage;
use crate::pki::x509::validity::{Validity, backdated, beyond_9999};

/// A signing profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// Key usages and extended key usages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub usages: Vec<Usage>,
    /// Life; a profile without one has that of the default profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry: Option<Lifetime>,
    /// How long before now it begins; default five minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backdate: Option<Lifetime>,
    /// When it begins, in place of now and `backdate`.
    #[serde(skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub not_before: Option<OffsetDateTime>,
    /// When it ends, in place of `expiry`.
    #[serde(skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub not_after: Option<OffsetDateTime>,
    /// Where the CA's certificate is found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub issuer_urls: Vec<String>,
    /// The CA's OCSP responder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ocsp_url: Option<String>,
    /// The CA's revocation list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crl_url: Option<String>,
    /// For OCSP responders: do not check this certificate itself by OCSP.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ocsp_no_check: bool,
    /// Makes it a profile for intermediate CAs.
    #[serde(skip_serializing_if = "CaConstraint::is_leaf")]
    pub ca_constraint: CaConstraint,
    /// Copy the CSR's other extensions into the certificate.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub copy_extensions: bool,
    /// With `copy_extensions`: only these types; empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "dotted_list")]
    pub allowed_extensions: Vec<Vec<u64>>,
    /// Certificate policies.
    #[serde(rename = "Policies", skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Policy>,
    /// What the CN and every name but IP addresses must match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_whitelist: Option<NameWhitelist>,
    /// What is taken from a CSR; without one: everything.
    #[serde(rename = "CSRWhitelist", skip_serializing_if = "Option::is_none")]
    pub csr_whitelist: Option<CsrWhitelist>,
    /// Whoever asks for the certificate gives its serial number.
    #[serde(rename = "ClientProvidesSerialNumbers", skip_serializing_if = "std::ops::Not::not")]
    pub client_provides_serial_numbers: bool,
    /// The key that requests over a network must be signed with; signing with the CA's files asks for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_key: Option<String>,
    /// The server that signs in place of this program, by its name in `remotes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
}

/// Whether certificates of a profile are CAs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CaConstraint {
    /// They are.
    pub is_ca: bool,
    /// How many CAs may stand below; 0 and -1 mean no limit, unless `max_path_len_zero`.
    #[serde(skip_serializing_if = "is_unset")]
    pub max_path_len: i64,
    /// No CA may stand below.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub max_path_len_zero: bool,
    /// The only names that they may issue for, by kinds.
    #[serde(skip_serializing_if = "Subtrees::is_empty")]
    pub permitted: Subtrees,
    /// Names that they may not issue for.
    #[serde(skip_serializing_if = "Subtrees::is_empty")]
    pub excluded: Subtrees,
}

impl Profile {
    /// A profile with these usages (cfssl's names) and life.
    pub fn new(usages: &[&str], expiry: Lifetime) -> Result<Self> {
        let usages = usages.iter().map(|u| Usage::parse(u)).collect::<Result<_>>()?;
        Ok(Profile { usages, expiry: Some(expiry), ..Profile::default() })
    }

    /// For a key of this kind: without the encipherment that it cannot do.
    pub fn for_key(mut self, key: KeyKind) -> Self {
        if !key.enciphers() {
            self.usages.retain(|usage| !usage.is_encipherment());
        }
        self
    }

    /// When a certificate issued now is valid: from now rounded to the minute, less five minutes or `backdate`.
    pub fn validity(&self, now: OffsetDateTime) -> Result<Validity> {
        let not_before = match self.not_before {
            Some(fixed) => fixed,
            None => backdated(now, self.backdate)?,
        };
        let not_after = match (self.not_after, self.expiry) {
            (Some(fixed), _) => fixed,
            (None, Some(expiry)) => not_before.checked_add(expiry.duration()).ok_or_else(beyond_9999)?,
            (None, None) => return Err(Error::pki("the profile has no expiry")),
        };
        Validity::new(not_before, not_after)
    }

    /// Takes away from a CSR's request what the profile's whitelist does not name. What is put in place of it (hosts,
    /// a subject) comes after this.
    pub fn admit(&self, request: &mut crate::pki::x509::request::Request) -> Result<()> {
        self.csr_whitelist.as_ref().map_or(Ok(()), |whitelist| whitelist.restrict(request))
    }

    /// Usages there must be, and those of a CA for a CA.
    pub(crate) fn check(&self, rules: Rules, warnings: &mut Vec<String>) -> Result<()> {
        let signs = self.usages.iter().any(|u| u.is_cert_sign());
        if self.usages.is_empty() {
            return Err(Error::pki("the profile has no usages")
                .hint("for example \"usages\": [\"signing\", \"key encipherment\", \"server auth\"]"));
        }
        if self.ca_constraint.is_ca && !signs {
            let doubt = Error::pki(
                "the profile makes CA certificates (is_ca), but its usages lack `cert sign`: they could sign nothing",
            );
            rules.doubt(doubt.hint("add \"cert sign\" and \"crl sign\" to its usages"), warnings)?;
        }
        if !self.ca_constraint.is_ca && self.ca_constraint.names()?.is_some() {
            return Err(Error::pki("the profile has name constraints (permitted, excluded), and makes no CAs")
                .hint("add \"is_ca\": true, or leave them out"));
        }
        Ok(())
    }
}

impl CaConstraint {
    fn is_leaf(&self) -> bool {
        *self == CaConstraint::default()
    }

    /// Its name constraints; none where it has none.
    pub fn names(&self) -> Result<Option<Extension>> {
        extension::name_constraints(&self.permitted, &self.excluded)
    }

    /// What to write.
    pub fn constraints(&self) -> BasicConstraints {
        let path_length = match u32::try_from(self.max_path_len) {
            Ok(0) => self.max_path_len_zero.then_some(0),
            Ok(length) => Some(length),
            Err(_) => None,
        };
        if self.is_ca { BasicConstraints::Ca { path_length } } else { BasicConstraints::EndEntity }
    }
}

fn is_unset(length: &i64) -> bool {
    *length == 0
}

fn dotted_list<S: Serializer>(list: &[Vec<u64>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(list.iter().map(|arcs| oid::dotted(arcs)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn begins_at_the_rounded_minute_less_five() {
        let profile = Profile::new(&["signing"], Lifetime::hours(1)).unwrap();
        let begin = |now| profile.validity(now).unwrap().not_before;
        assert_eq!(begin(datetime!(2026-11-21 09:58:29.9 UTC)), datetime!(2026-11-21 09:53:00 UTC));
        assert_eq!(begin(datetime!(2026-11-21 09:58:30 UTC)), datetime!(2026-11-21 09:54:00 UTC));
        assert_eq!(
            profile.validity(datetime!(2026-11-21 09:58:00 UTC)).unwrap().not_after,
            datetime!(2026-11-21 10:53:00 UTC)
        );
    }

    #[test]
    fn fixed_times_and_backdate_count() {
        let now = datetime!(2026-11-21 10:00:00 UTC);
        let base = Profile::new(&["signing"], Lifetime::hours(1)).unwrap();
        let backdated = Profile { backdate: Some(Lifetime::hours(2)), ..base.clone() };
        assert_eq!(backdated.validity(now).unwrap().not_before, datetime!(2026-11-21 08:00:00 UTC));
        let fixed = Profile { not_after: Some(datetime!(2020-01-01 0:00 UTC)), ..base.clone() };
        insta::assert_snapshot!(fixed.validity(now).unwrap_err(), @"the certificate would end (2020-01-01 00:00 UTC) before it begins (2026-11-21 09:55 UTC)");
        let endless = Profile { expiry: Some("9000y".parse().unwrap()), ..base };
        insta::assert_snapshot!(endless.validity(now).unwrap_err(), @"the certificate would end after the year 9999, which X.509 cannot write");
    }

    #[test]
    fn a_ca_profile_must_be_able_to_sign() {
        let leaf = Profile::new(&["signing"], Lifetime::hours(1)).unwrap();
        let profile = Profile { ca_constraint: CaConstraint { is_ca: true, ..CaConstraint::default() }, ..leaf };
        insta::assert_snapshot!(profile.check(Rules::Strict, &mut Vec::new()).unwrap_err(), @"the profile makes CA certificates (is_ca), but its usages lack `cert sign`: they could sign nothing");
    }
}
