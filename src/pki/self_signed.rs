//! Self-signed root CAs.

use time::OffsetDateTime;

use super::certificate::{self, Content};
use super::issue::{Issued, Validity, sans_of_ca};
use super::key::Key;
use super::profile::{backdated, beyond_9999};
use super::request::Request;
use super::rules::as_warning;
use super::serial::Serial;
use super::spec::CsrSpec;
use super::usage::Usage;
use super::{extension, oid, san};
use crate::error::{Error, Result};
use crate::lifetime::Lifetime;

/// cfssl's default: five years.
const LIFE: Lifetime = Lifetime::hours(43_800);

/// A root CA's certificate from its CSR spec, as `cfssl gencert -initca`: it may sign certificates and CRLs, and has no
/// authority key identifier.
pub fn self_signed(spec: &CsrSpec, key: &Key, now: OffsetDateTime, serial: Serial) -> Result<Issued> {
    if !spec.subject().is_somebody() {
        return Err(
            Error::pki("a CA needs a subject").hint("give it a \"CN\", or \"names\" with something in each entry")
        );
    }
    let request = Request::from_spec(spec, key.public())?;
    let ca = spec.ca.clone().unwrap_or_default();
    let not_before = backdated(now, ca.backdate)?;
    let life = ca.expiry.unwrap_or(LIFE).duration();
    let validity = Validity::new(not_before, not_before.checked_add(life).ok_or_else(beyond_9999)?)?;
    let mut warnings = request.warnings.clone();
    warnings.extend(validity.ended(now).as_ref().map(as_warning));
    let mut extensions = extension::usages(&[Usage::parse("cert sign")?, Usage::parse("crl sign")?]);
    extensions.push(extension::basic_constraints(Some(ca.path_length())));
    extensions.push(extension::subject_key_id(&key.public().key_id()));
    extensions.extend(san::extension(&sans_of_ca(&request.sans, &mut warnings), request.subject.is_empty()));
    if !spec.crl_url.is_empty() {
        if !spec.crl_url.is_ascii() {
            return Err(Error::input("crl_url: a URL is plain ASCII"));
        }
        extensions.push(extension::crl_distribution_point(&spec.crl_url));
    }
    if spec.delegation_enabled {
        extensions.push(extension::null(oid::DELEGATION));
    }
    let content = Content {
        serial: &serial,
        issuer: &request.subject,
        validity,
        subject: &request.subject,
        public_key: key.public(),
        extensions: &extensions,
    };
    let certificate = certificate::sign(&content, key)?;
    Ok(Issued { certificate, serial, warnings })
}
