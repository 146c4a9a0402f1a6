//! Self-signed root CAs.

use time::OffsetDateTime;

use super::builder::{Builder, Claims, Issued, Issuer};
use super::careful;
use super::leaf::sans_of_ca;
use crate::error::{Error, Result};
use crate::lifetime::Lifetime;
use crate::pki::encoding::oid;
use crate::pki::key::private_key::Key;
use crate::pki::rules::Rules;
use crate::pki::spec::csr_spec::CsrSpec;
use crate::pki::x509::extension;
use crate::pki::x509::request::Request;
use crate::pki::x509::serial::Serial;
use crate::pki::x509::usage::Usage;
use crate::pki::x509::validity::{Validity, backdated, beyond_9999};

/// cfssl's default: five years.
const LIFE: Lifetime = Lifetime::hours(43_800);

/// A root CA's certificate from its CSR spec, as `cfssl gencert -initca`: it may sign certificates and CRLs, and has no
/// authority key identifier.
pub fn self_signed(spec: &CsrSpec, key: &Key, now: OffsetDateTime, serial: Serial) -> Result<Issued> {
    self_signed_by(spec, key, now, serial, Rules::Strict)
}

/// What can be known before there is a key: whether the spec is one of a root CA, and when that would be valid.
///
/// # Errors
/// `Input`: a mistake in the spec.
pub fn check_root(spec: &CsrSpec, now: OffsetDateTime) -> Result<Validity> {
    if !spec.subject().is_somebody() {
        return Err(
            Error::input("a CA needs a subject").hint("give it a \"CN\", or \"names\" with something in each entry")
        );
    }
    if !spec.crl_url.is_ascii() {
        return Err(Error::input("crl_url: a URL is plain ASCII"));
    }
    let (backdate, expiry) = spec.ca.as_ref().map_or((None, None), |ca| (ca.backdate, ca.expiry));
    let not_before = backdated(now, backdate)?;
    let not_after = not_before.checked_add(expiry.unwrap_or(LIFE).duration()).ok_or_else(beyond_9999);
    not_after.and_then(|not_after| Validity::new(not_before, not_after)).map_err(Error::of_file)
}

/// As [`self_signed`]; by lenient rules its subject is encoded as Go does.
pub fn self_signed_by(spec: &CsrSpec, key: &Key, now: OffsetDateTime, serial: Serial, rules: Rules) -> Result<Issued> {
    let validity = check_root(spec, now)?;
    let request = Request { subject: spec.subject().to_name_by(rules)?, ..Request::from_spec(spec, key.public())? };
    let ca = spec.ca.clone().unwrap_or_default();
    let mut warnings = request.warnings.clone();
    warnings.extend(careful::weak_exponent(key.public())?);
    warnings.extend(validity.ended(now).map(|(_, done)| done));
    let mut extensions = Claims {
        usages: &[Usage::parse("cert sign")?, Usage::parse("crl sign")?],
        constraints: ca.constraints(),
        names: extension::name_constraints(&ca.permitted, &ca.excluded)?,
        subject_key_id: &key.public().key_id(),
        authority_key_id: None,
        ocsp_url: None,
        issuer_urls: &[],
    }
    .extensions();
    extensions
        .extend(extension::subject_alt_name(&sans_of_ca(&request.sans, &mut warnings), request.subject.is_empty()));
    if !spec.crl_url.is_empty() {
        extensions.push(extension::crl_distribution_point(&spec.crl_url));
    }
    if spec.delegation_enabled {
        extensions.push(extension::null(oid::DELEGATION));
    }
    let subject = &request.subject;
    let (issuer, public_key) = (Issuer::itself(subject, key), key.public());
    Builder { serial, issuer, validity, subject, public_key, extensions }.issue(warnings)
}
