//! Certificates that sign themselves, for tests: `cfssl selfsign`.

use time::{Duration, OffsetDateTime};

use super::builder::{Builder, Claims, Issued, Issuer};
use crate::error::Result;
use crate::lifetime::Lifetime;
use crate::pki::key::private_key::Key;
use crate::pki::spec::profile::Profile;
use crate::pki::x509::extension::{self, BasicConstraints};
use crate::pki::x509::request::Request;
use crate::pki::x509::serial::Serial;
use crate::pki::x509::validity::{Validity, beyond_9999};

/// A quarter of a year.
const LIFE: Lifetime = Lifetime::hours(2190);

/// Signs a request with its own key, under a profile. It begins five minutes ago, to the second, and ends when the
/// profile's expiry has passed from now. It is a CA where the profile or the request wants one, and has all the names
/// and extensions of the request, as with cfssl.
pub fn selfsign(
    request: &Request,
    key: &Key,
    profile: &Profile,
    now: OffsetDateTime,
    serial: Serial,
) -> Result<Issued> {
    let life = profile.expiry.unwrap_or(LIFE).duration();
    let validity = Validity::new(now - Duration::minutes(5), now.checked_add(life).ok_or_else(beyond_9999)?)?;
    let constraints = match profile.ca_constraint.is_ca {
        true => BasicConstraints::Ca { path_length: None },
        false => BasicConstraints::EndEntity,
    };
    let key_id = request.public_key.key_id();
    let mut extensions = Claims { constraints, ocsp_url: None, ..Claims::of(profile, &key_id, None)? }.extensions();
    extensions.extend(extension::subject_alt_name(&request.sans, request.subject.is_empty()));
    // Whatever the CSR has is in the certificate too, and goes before what the profile says: also whether it is a CA.
    let asked = request.ca.is_ca().then(|| extension::basic_constraints(request.ca));
    let own: Vec<_> = asked.into_iter().chain(request.extensions.iter().cloned()).collect();
    extensions.retain(|extension| own.iter().all(|other| other.oid != extension.oid));
    extensions.extend(own);
    let (subject, warnings) = (&request.subject, request.warnings.clone());
    let (issuer, public_key) = (Issuer::itself(subject, key), key.public());
    Builder { serial, issuer, validity, subject, public_key, extensions }.issue(warnings)
}
