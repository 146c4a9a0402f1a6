//! What an authority puts into a certificate.

use time::OffsetDateTime;
use x509_parser::extensions::SubjectAlternativeName;
use x509_parser::prelude::FromDer;

use super::authority::Authority;
use super::builder::{Builder, Claims, Issued};
use super::careful;
use crate::error::{Error, Result};
use crate::pki::encoding::oid;
use crate::pki::names::constraints::Names;
use crate::pki::names::san::San;
use crate::pki::names::uri;
use crate::pki::rules::Rules;
use crate::pki::spec::profile::Profile;
use crate::pki::x509::extension::{self, Extension};
use crate::pki::x509::request::Request;
use crate::pki::x509::serial::Serial;

impl Authority {
    /// Issues a certificate. `serial` must be new: see [`Serial::random`].
    pub fn issue(&self, request: &Request, profile: &Profile, now: OffsetDateTime, serial: Serial) -> Result<Issued> {
        issue(self, request, profile, now, serial)
    }
}

/// Everything is checked before the signature; nothing is dropped or changed without a warning.
fn issue(
    authority: &Authority,
    request: &Request,
    profile: &Profile,
    now: OffsetDateTime,
    serial: Serial,
) -> Result<Issued> {
    let mut warnings = authority.doubts().to_vec();
    warnings.extend(request.warnings.iter().cloned());
    let validity = authority.validity(profile, now, &mut warnings)?;
    let is_ca = profile.ca_constraint.is_ca;
    if request.ca.is_ca() && !is_ca {
        return Err(Error::pki("the CSR asks for a CA certificate, which the profile does not allow")
            .hint("use a profile with \"ca_constraint\": {\"is_ca\": true}"));
    }
    if !is_ca && profile.usages.iter().any(|u| u.is_cert_sign()) {
        warnings
            .push("the usages have `cert sign`, but the certificate is not a CA: strict verifiers refuse it".into());
    }
    if authority.subject() == &request.subject {
        warnings.push("the certificate and its CA have the same subject: give the certificate a CN of its own".into());
    }
    // Those of a CSR, too.
    let uris = request.sans.iter().filter_map(|san| if let San::Uri(uri) = san { Some(uri::check(uri)) } else { None });
    Error::all(uris.filter_map(Result::err))?;
    if let Some(whitelist) = &profile.name_whitelist {
        whitelist.check(request)?;
    }
    let extensions = extensions(authority, request, profile, &mut warnings)?;
    let names = extensions.iter().find(|extension| extension.oid == oid::SUBJECT_ALT_NAME);
    let alternative = names.map(|names| names.value.as_slice());
    if request.subject.is_empty() && alternative.is_none() {
        let doubt = Error::pki("the certificate would name nobody: it has neither a subject nor alternative names")
            .hint("have the request made with a CN or with names, or give it some with -hostname");
        authority.rules().doubt(doubt, &mut warnings)?;
    }
    authority.check_names(Names { subject: &request.subject, alternative, is_ca }, &mut warnings)?;
    careful::look(authority, request, is_ca, &extensions, &mut warnings)?;
    if let Some(whitelist) = &profile.name_whitelist {
        let copied = request.extensions.iter().filter(|asked| extensions.contains(asked));
        let copied = copied.map(|extension| format!("the extension {}", oid::dotted(&extension.oid)));
        let others = careful::other_types(&extensions).into_iter().chain(copied).collect();
        warnings.extend(whitelist.unjudged(request, others));
    }
    let (subject, public_key) = (&request.subject, &request.public_key);
    Builder { serial, issuer: authority.issuer(), validity, subject, public_key, extensions }.issue(warnings)
}

/// In cfssl's order.
fn extensions(
    authority: &Authority,
    request: &Request,
    profile: &Profile,
    warnings: &mut Vec<String>,
) -> Result<Vec<Extension>> {
    let is_ca = profile.ca_constraint.is_ca;
    let mut list = Claims::of(profile, &request.public_key.key_id(), Some(authority.key_id()))?.extensions();
    // The names are one of the extensions that cfssl copies: a CA's names too are then copied whole.
    let copied = profile.copy_extensions && profile.csr_whitelist.is_none();
    let whole = names_as_asked(request, copied, warnings);
    let sans = if is_ca && !copied { sans_of_ca(&request.sans, warnings) } else { request.sans.clone() };
    let names = extension::subject_alt_name(&sans, request.subject.is_empty()).filter(|_| whole.is_none());
    let crl = profile.crl_url.as_deref().map(extension::crl_distribution_point);
    if copied {
        list.extend(crl.into_iter().chain(names));
    } else {
        list.extend(names.into_iter().chain(crl));
    }
    for (place, extension) in request.extensions.iter().enumerate() {
        list.extend(whole.iter().filter(|(_, at)| *at == place).map(|(names, _)| names.clone()));
        if wanted(request, extension, profile, authority.rules(), warnings) {
            copy(extension, &mut list, warnings);
        }
    }
    list.extend(whole.filter(|(_, at)| *at >= request.extensions.len()).map(|(names, _)| names));
    list.extend(extension::policies(&profile.policies));
    if profile.ocsp_no_check {
        list.push(extension::null(oid::OCSP_NO_CHECK));
    }
    refuse_duplicates(&list)?;
    Ok(list)
}

/// The names of a CSR byte for byte and their place, where extensions are copied and nothing has replaced the names. Names
/// of other types are then among them; else they are left out, with a warning.
fn names_as_asked(request: &Request, copied: bool, warnings: &mut Vec<String>) -> Option<(Extension, usize)> {
    let (names, place) = request.names.as_ref()?;
    let parsed = SubjectAlternativeName::from_der(&names.value).map(|(_, names)| names.general_names);
    let (mut sans, mut others) = (Vec::new(), Vec::new());
    for name in parsed.unwrap_or_default() {
        match San::of(&name) {
            Ok(san) => sans.push(san),
            Err(other) => others.push(other),
        }
    }
    if !copied || sans != request.sans {
        warnings.extend(others.iter().map(|name| {
            format!("the CSR's alternative name `{name}` is of a type that is not supported, and left out")
        }));
        return None;
    }
    let critical = names.critical || request.subject.is_empty();
    Some((Extension { critical, ..names.clone() }, *place))
}

/// cfssl keeps only the IP addresses of a CA's names.
pub(crate) fn sans_of_ca(sans: &[San], warnings: &mut Vec<String>) -> Vec<San> {
    let kept: Vec<_> = sans.iter().filter(|san| matches!(san, San::Ip(_))).cloned().collect();
    if kept.len() < sans.len() {
        warnings.push("a CA certificate carries no host names: its hosts other than IP addresses are left out".into());
    }
    kept
}

/// Without copy_extensions cfssl takes one from everybody, that for delegation; by our own rules only whoever wrote the
/// specification may ask for it.
fn wanted(
    request: &Request,
    extension: &Extension,
    profile: &Profile,
    rules: Rules,
    warnings: &mut Vec<String>,
) -> bool {
    let is_delegation = extension.oid == oid::DELEGATION;
    if is_delegation && (rules == Rules::Lenient || request.own) {
        return true;
    }
    if !profile.copy_extensions {
        if is_delegation {
            let oid = oid::dotted(&extension.oid);
            warnings.push(format!("the CSR's extension {oid} is left out: the profile has no copy_extensions"));
        }
        return false;
    }
    if profile.allowed_extensions.is_empty() || profile.allowed_extensions.contains(&extension.oid) {
        return true;
    }
    let done = if rules == Rules::Lenient { "copied all the same, as cfssl does" } else { "left out" };
    let oid = oid::dotted(&extension.oid);
    warnings.push(format!("the CSR's extension {oid} is not in allowed_extensions: it is {done}"));
    rules == Rules::Lenient
}

/// What the profile and the CA decide, a CSR cannot override.
fn copy(extension: &Extension, list: &mut Vec<Extension>, warnings: &mut Vec<String>) {
    const DECIDED: [&[u64]; 8] = [
        oid::KEY_USAGE,
        oid::EXTENDED_KEY_USAGE,
        oid::BASIC_CONSTRAINTS,
        oid::SUBJECT_KEY_ID,
        oid::AUTHORITY_KEY_ID,
        oid::AUTHORITY_INFO_ACCESS,
        oid::CRL_DISTRIBUTION_POINTS,
        oid::CERTIFICATE_POLICIES,
    ];
    if DECIDED.contains(&extension.oid.as_slice()) {
        let oid = oid::dotted(&extension.oid);
        warnings.push(format!("the CSR's extension {oid} is not copied: the profile decides it"));
    } else {
        list.push(extension.clone());
    }
}

/// RFC 5280 §4.2: never twice.
fn refuse_duplicates(list: &[Extension]) -> Result<()> {
    for (i, extension) in list.iter().enumerate() {
        if list[..i].iter().any(|earlier| earlier.oid == extension.oid) {
            let oid = oid::dotted(&extension.oid);
            return Err(Error::pki(format!("the certificate would have the extension {oid} twice")));
        }
    }
    Ok(())
}
