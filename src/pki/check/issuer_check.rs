//! Why a CA cannot stand above the certificates of a chain, in a person's words.

use time::OffsetDateTime;

use crate::error::Result;
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::inspect::CertificateInfo;
use crate::pki::x509::validity::day_and_minute;

/// What is against `ca` above the chain `below`, which begins with the certificate that it is for. That the last one
/// names the CA as its issuer is known.
pub(super) fn fault(below: &[Certificate], ca: &Certificate, now: OffsetDateTime) -> Result<Option<String>> {
    let info = CertificateInfo::of(ca)?;
    let name = &info.subject.text;
    let Some(subject) = below.last() else { return Ok(None) };
    Ok(outside_its_time(&info, now)
        .or_else(|| (!info.is_ca).then(|| format!("the issuer `{name}` is not a CA")))
        .or_else(|| {
            let text = format!("the CA `{name}` may not sign certificates (its key usage lacks `cert sign`)");
            (!info.may_sign_certificates()).then_some(text)
        })
        .or(unsigned(subject, ca, &info)?)
        .or(too_long(below, &info)?)
        .or(outside_its_names(below, ca, name)?))
}

/// An end that has passed, or a beginning that has not.
pub(super) fn outside_its_time(info: &CertificateInfo, now: OffsetDateTime) -> Option<String> {
    let name = &info.subject.text;
    if now > info.not_after {
        return Some(format!("`{name}` has expired on {}", day_and_minute(info.not_after)));
    }
    (now < info.not_before).then(|| format!("`{name}` is not valid before {}", day_and_minute(info.not_before)))
}

fn unsigned(subject: &Certificate, ca: &Certificate, info: &CertificateInfo) -> Result<Option<String>> {
    let name = &info.subject.text;
    let Ok(key) = ca.public_key() else {
        return Ok(Some(format!("signatures of `{name}` cannot be checked: its key is {}", info.key)));
    };
    Ok(match subject.made_with(&key) {
        Some(true) => None,
        Some(false) => {
            let below = CertificateInfo::of(subject)?.subject.text;
            Some(format!("`{below}` was not signed with the key of this `{name}`: another CA has the same name"))
        }
        None => Some(format!("signature algorithm {} cannot be checked here", subject.algorithm())),
    })
}

/// RFC 5280 §4.2.1.9: the last certificate is not counted, and neither are those that a CA issued to itself.
fn too_long(below: &[Certificate], info: &CertificateInfo) -> Result<Option<String>> {
    let Some(allowed) = info.path_length else { return Ok(None) };
    let mut cas = 0;
    for certificate in below.iter().skip(1) {
        cas += u32::from(!CertificateInfo::of(certificate)?.self_issued);
    }
    let name = &info.subject.text;
    Ok((cas > allowed).then(|| format!("the CA `{name}` has path length {allowed}, and {cas} CAs stand below it")))
}

/// RFC 5280 §6.1.3: certificates that a CA issued to itself are left out, save the last.
fn outside_its_names(below: &[Certificate], ca: &Certificate, name: &str) -> Result<Option<String>> {
    let Some(constraints) = ca.name_constraints() else { return Ok(None) };
    for (i, certificate) in below.iter().enumerate() {
        let info = CertificateInfo::of(certificate)?;
        if i > 0 && info.self_issued {
            continue;
        }
        if let Some(wrong) = constraints.violated_by(&info.sans) {
            return Ok(Some(format!("the CA `{name}` may not issue for {wrong} (name constraints)")));
        }
    }
    Ok(None)
}
