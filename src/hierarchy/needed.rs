//! What is to be done about an item that must do what is needed of it, and need not be as it would be issued now. Where a
//! person's own does not, that is a problem; an end that has come is left to a person either way.

use time::OffsetDateTime;

use super::found::Found;
use super::item::{Item, Upkeep};
use super::plan::{Action, State};
use super::step::{Future, Verdict};
use crate::error::{Error, Result};
use crate::pki::{Certificate, CertificateInfo, Expected, Rules, San, Validity, day_and_minute, verify};

/// A CA: where there is none it is made, and one that is there must be one.
pub(super) fn authority(item: &Item, found: &Found, now: OffsetDateTime) -> Result<Verdict> {
    let Some(certificate) = &found.certificate else { return Ok(Verdict::missing(found)) };
    let path = item.files.certificate.display();
    let validity = certificate.validity();
    let mut errors = Vec::new();
    if !certificate.is_ca() {
        errors.push(Error::pki("the certificate is not a CA (its basic constraints do not say CA:TRUE)"));
    } else if !certificate.may_sign_certificates() {
        errors.push(Error::pki("the CA may not sign certificates (its key usage lacks `cert sign`)"));
    }
    if now > validity.not_after {
        let text = format!("{path} has expired on {}", day_and_minute(validity.not_after));
        errors.push(Error::pki(text).hint("renew the CA, or delete its certificate and key to have a new one made"));
    } else if now < validity.not_before {
        let text = format!("{path} is not valid before {}", day_and_minute(validity.not_before));
        errors.push(Error::pki(text).hint("is the clock of this machine right?"));
    }
    if found.key.as_ref().is_some_and(|key| certificate.public_key().ok() != Some(key)) {
        errors.push(Error::pki("the private key does not belong to the CA certificate"));
    }
    errors.extend(locked(item, found));
    let mut verdict = Verdict::default();
    errors.into_iter().for_each(|error| verdict.refuse(error.context(item.title())));
    Ok(verdict)
}

/// A certificate that is no CA.
pub(super) fn certificate(item: &Item, found: &Found, issuer: &Future<'_>, now: OffsetDateTime) -> Result<Verdict> {
    let Some(certificate) = &found.certificate else { return Ok(Verdict::missing(found)) };
    let mut verdict = Verdict::default();
    let Err(error) = fits(item, found, certificate, issuer, now) else { return Ok(verdict) };
    // Its specification or its CA has changed since it was issued.
    if item.upkeep == Upkeep::Needed && certificate.validity().contains(now) {
        let action = if found.key.is_some() { Action::Issue } else { Action::Make };
        for reason in error.each() {
            verdict.set(State::Changed, action, reason.message.clone());
        }
    } else {
        verdict.refuse(error);
    }
    Ok(verdict)
}

/// Whether the certificate that is there does what is needed.
fn fits(item: &Item, found: &Found, certificate: &Certificate, issuer: &Future<'_>, now: OffsetDateTime) -> Result<()> {
    let path = item.files.certificate.display();
    let Some(key) = &found.key else {
        let key = item.files.key.file_name().unwrap_or_default().display();
        return Err(Error::pki(format!("{path} is there, but its key {key} is not"))
            .hint("put the key beside it, or delete the certificate to have both made again"));
    };
    if let Some(error) = locked(item, found) {
        return Err(error);
    }
    let sans = item.spec.hosts.iter().map(|host| San::classify(host)).collect::<Result<Vec<_>>>()?;
    let checked = match issuer.certificate {
        Some(authority) => verify(certificate, &Expected { authority, key: Some(key), sans: &sans, now }),
        None => Err(Error::pki("its CA is new")),
    };
    checked
        .and_then(|()| subject(item, certificate))
        .map_err(|e| e.context(&path).hint(format!("delete {path} to have it issued again")))
}

/// Who a client is stands in its subject: a certificate with another one would be somebody else.
fn subject(item: &Item, certificate: &Certificate) -> Result<()> {
    let info = CertificateInfo::of(certificate).subject;
    if info.common_name != item.spec.cn {
        let (is, wanted) = (info.common_name, &item.spec.cn);
        return Err(Error::pki(format!("its common name is `{is}`, `{wanted}` is needed")));
    }
    let groups = item.spec.names.iter().map(|name| &name.o).filter(|group| !group.is_empty());
    match groups.into_iter().find(|group| !info.organizations.contains(group)) {
        Some(group) => Err(Error::pki(format!("its subject lacks the organization (group) `{group}`"))),
        None => Ok(()),
    }
}

/// Keys that are brought elsewhere, too, must be readable without a password.
fn locked(item: &Item, found: &Found) -> Option<Error> {
    let error = || {
        Error::pki(format!("{} is encrypted", item.files.key.display()))
            .hint("decrypt it: openssl pkey -in KEY -out PLAIN")
    };
    found.locked.then(error)
}

/// Whether the CA can issue it now; where not, why and what to do.
pub(super) fn signable(item: &Item, issuer: &Future<'_>, issuer_name: &str, now: OffsetDateTime) -> Result<Validity> {
    let (title, name) = (item.title(), &item.name);
    if issuer.cannot_sign.is_some() {
        let spec = item.files.certificate.with_file_name(format!("{name}-csr.json"));
        return Err(Error::pki(format!("{title} is missing, and so is the key of its CA")).hint(format!(
            "sign {} with your CA ({issuer_name}) and put the result there as {name}.pem and {name}-key.pem",
            spec.display()
        )));
    }
    let wanted = item.profile.validity(now).map_err(|e| e.context(&title))?;
    match &issuer.validity {
        Some(ca) => wanted.within(ca, Rules::Strict, &mut Vec::new()).map_err(|e| e.context(title)),
        None => Ok(wanted),
    }
}
