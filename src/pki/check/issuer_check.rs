//! Why a CA cannot stand above the certificates of a chain, in a person's words.

use time::OffsetDateTime;

use super::budget::{Budget, TooMuch};
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::inspect::CertificateInfo;
use crate::pki::x509::validity::day_and_minute;

/// What is against `ca` above the chain `below`, which begins with the certificate that it is for. That the last one
/// names the CA as its issuer is known. All that is asked about lives as long as the budget.
pub(super) fn fault(
    below: &[Certificate],
    ca: &Certificate,
    now: OffsetDateTime,
    budget: &Budget,
) -> Result<Option<String>, TooMuch> {
    let Some(subject) = below.last() else { return Ok(None) };
    if let Some(why) = of_itself(ca, now) {
        return Ok(Some(why));
    }
    match unsigned(subject, ca, budget)?.or_else(|| too_long(below, ca)) {
        None => outside_its_names(below, ca, budget),
        why => Ok(why),
    }
}

fn of_itself(ca: &Certificate, now: OffsetDateTime) -> Option<String> {
    let name = ca.subject();
    outside_its_time(ca, now)
        .or_else(|| (!ca.is_ca()).then(|| format!("the issuer `{name}` is not a CA")))
        .or_else(|| {
            let text = || format!("the CA `{name}` may not sign certificates (its key usage lacks `cert sign`)");
            (!ca.may_sign_certificates()).then(text)
        })
        .or_else(|| unknown_critical(ca))
}

/// An end that has passed, or a beginning that has not.
pub(super) fn outside_its_time(certificate: &Certificate, now: OffsetDateTime) -> Option<String> {
    let (name, validity) = (certificate.subject(), certificate.validity());
    if now > validity.not_after {
        return Some(format!("`{name}` has expired on {}", day_and_minute(validity.not_after)));
    }
    let begin = || format!("`{name}` is not valid before {}", day_and_minute(validity.not_before));
    (now < validity.not_before).then(begin)
}

/// What every verifier refuses (RFC 5280 §4.2), whether it stands in a CA or in what a CA has issued.
pub(super) fn unknown_critical(certificate: &Certificate) -> Option<String> {
    let oid = certificate.unknown_critical()?;
    Some(format!("`{}` has the critical extension {oid}, which verifiers do not know", certificate.subject()))
}

fn unsigned(subject: &Certificate, ca: &Certificate, budget: &Budget) -> Result<Option<String>, TooMuch> {
    let name = ca.subject();
    let Ok(key) = ca.public_key() else {
        let kind = CertificateInfo::of(ca).key;
        return Ok(Some(format!("signatures of `{name}` cannot be checked: its key is {kind}")));
    };
    // Clones of a certificate share its bytes.
    let at = |certificate: &Certificate| certificate.der().as_ptr() as usize;
    let why = match budget.made_with((at(subject), at(ca)), subject, key)? {
        Some(true) => None,
        Some(false) => {
            let below = subject.subject();
            Some(format!("`{below}` was not signed with the key of this `{name}`: another CA has the same name"))
        }
        None => Some(format!("signature algorithm {} cannot be checked here", subject.algorithm())),
    };
    Ok(why)
}

/// RFC 5280 §4.2.1.9: the last certificate is not counted, and neither are those that a CA issued to itself.
fn too_long(below: &[Certificate], ca: &Certificate) -> Option<String> {
    let allowed = ca.basic_constraints().path_length()?;
    let cas = below.iter().skip(1).filter(|certificate| !certificate.is_self_issued()).count();
    let name = ca.subject();
    let text = || format!("the CA `{name}` has path length {allowed}, and {cas} CAs stand below it");
    (cas > allowed as usize).then(text)
}

/// RFC 5280 §6.1.3: certificates that a CA issued to itself are left out, save the last.
fn outside_its_names(below: &[Certificate], ca: &Certificate, budget: &Budget) -> Result<Option<String>, TooMuch> {
    let Some(constraints) = ca.name_constraints() else { return Ok(None) };
    let counted = below.iter().enumerate().filter(|(i, certificate)| *i == 0 || !certificate.is_self_issued());
    let name = ca.subject();
    for (_, certificate) in counted {
        let names = certificate.constrained_names();
        if let Some(wrong) = budget.violated(constraints, names)? {
            return Ok(Some(format!("the CA `{name}` may not issue for {wrong} (name constraints)")));
        }
        if constraints.leaves_open(names) {
            let kinds = constraints.unjudged().join(", ");
            return Ok(Some(format!("the CA `{name}` constrains {kinds}, which is not judged here")));
        }
    }
    Ok(None)
}
