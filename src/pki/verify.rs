//! Is a certificate that lies there the one that is wanted?

use time::OffsetDateTime;
use x509_parser::extensions::ParsedExtension;

use super::certificate::Certificate;
use super::issue::day_and_minute;
use super::public_key::PublicKey;
use super::san::San;
use super::signature;
use crate::error::{Error, Result};

/// What a certificate is to be.
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
    let parsed = certificate.parsed()?;
    let authority = expected.authority.parsed()?;
    let mut errors = Vec::new();
    if parsed.issuer().as_raw() != authority.subject().as_raw() {
        let (issuer, subject) = (super::name::display(parsed.issuer()), super::name::display(authority.subject()));
        errors.push(Error::pki(format!("it was issued by `{issuer}`, not by `{subject}`")));
    } else if let Err(e) = signed_by(certificate, expected.authority) {
        errors.push(e.context("it was not signed by the CA"));
    }
    if expected.key.is_some_and(|key| certificate.public_key().ok().as_ref() != Some(key)) {
        errors.push(Error::pki("it is for another private key"));
    }
    let missing = missing_sans(&parsed, expected.sans);
    if !missing.is_empty() {
        errors.push(Error::pki(format!("it lacks the names {}", missing.join(", "))));
    }
    let validity = certificate.validity()?;
    if expected.now > validity.not_after {
        errors.push(Error::pki(format!("it has expired on {}", day_and_minute(validity.not_after))));
    } else if expected.now < validity.not_before {
        errors.push(Error::pki(format!("it is not valid before {}", day_and_minute(validity.not_before))));
    }
    Error::all(errors)
}

fn signed_by(certificate: &Certificate, authority: &Certificate) -> Result<()> {
    let parsed = certificate.parsed()?;
    let key = authority.public_key()?;
    signature::check(&key, &parsed.signature_algorithm, parsed.tbs_certificate.as_ref(), &parsed.signature_value.data)
}

fn missing_sans(certificate: &x509_parser::certificate::X509Certificate<'_>, wanted: &[San]) -> Vec<String> {
    let mut present = Vec::new();
    for extension in certificate.iter_extensions() {
        if let ParsedExtension::SubjectAlternativeName(names) = extension.parsed_extension() {
            present.extend(names.general_names.iter().filter_map(San::of));
        }
    }
    wanted.iter().filter(|san| !present.contains(san)).map(San::to_string).collect()
}
