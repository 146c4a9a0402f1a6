//! Certificates that sign themselves and are no CAs, for tests: `cfssl selfsign`.

use time::{Duration, OffsetDateTime};

use super::certificate::{self, Content};
use super::issue::{Issued, Validity, sans_of_ca};
use super::key::Key;
use super::profile::{Profile, beyond_9999};
use super::request::Request;
use super::serial::Serial;
use super::{extension, san};
use crate::error::Result;
use crate::lifetime::Lifetime;

/// A quarter of a year.
const LIFE: Lifetime = Lifetime::hours(2190);

/// Signs a request with its own key, under a profile. It begins five minutes ago, to the second, and ends when the
/// profile's expiry has passed from now.
pub fn self_issued(
    request: &Request,
    key: &Key,
    profile: &Profile,
    now: OffsetDateTime,
    serial: Serial,
) -> Result<Issued> {
    let mut warnings = request.warnings.clone();
    let life = profile.expiry.unwrap_or(LIFE).duration();
    let validity = Validity::new(now - Duration::minutes(5), now.checked_add(life).ok_or_else(beyond_9999)?)?;
    let is_ca = profile.ca_constraint.is_ca;
    let mut extensions = extension::usages(&profile.usages);
    extensions.push(extension::basic_constraints(is_ca.then_some(None)));
    extensions.push(extension::subject_key_id(&request.public_key.key_id()));
    extensions.extend(extension::authority_info_access(None, &profile.issuer_urls));
    let sans = if is_ca { sans_of_ca(&request.sans, &mut warnings) } else { request.sans.clone() };
    extensions.extend(san::extension(&sans, request.subject.is_empty()));
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
