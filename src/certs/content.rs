//! What is in the bytes of a file: certificates, CSRs and CRLs in PEM, DER or PKCS#7, the certificates of a kubeconfig, a
//! PKCS#12 store or one of Java's own; or nothing of ours.

use std::path::Path;

use super::{Found, Related, Sort, Trust, kubeconfig, was_certificate};
use crate::error::{Error, Result};
use crate::pki::forms::{self, Wanted};
use crate::pki::{Certificate, Passwords, is_certificate, is_pkcs12, is_request, java, pkcs12};
use crate::secret::Secret;
use crate::text::unmarked;

/// What a file was.
#[derive(Debug)]
pub(super) enum Content {
    /// It holds something to show.
    Held(Held),
    /// A key, a text: nothing to show. The error says so where the file was named by a person.
    Nothing(Error),
    /// A store whose password nobody gave, or a file that we may not read.
    Locked(Error),
}

/// What there is to show of a file.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Its certificates.
    pub(super) certificates: Vec<Found>,
    /// Its CSRs and CRLs.
    pub(super) related: Vec<Related>,
    /// What of it could not be read.
    pub(super) errors: Vec<Error>,
}

/// Tells a file's form by its bytes, not by its name. `folder` is the file's, for paths inside it.
pub(super) fn read(bytes: &[u8], what: &str, folder: &Path, passwords: &dyn Passwords) -> Result<Content> {
    if is_pkcs12(bytes) {
        // Of a part of a store no password is the right one.
        if let Some(declared) = forms::cut_off(bytes) {
            return Err(Error::pki(format!(
                "{what}: the PKCS#12 store is cut off: {} of {declared} bytes",
                bytes.len()
            ))
            .hint("fetch it once more"));
        }
        return store(bytes, what, passwords);
    }
    if let Some(all) = java::certificates(bytes) {
        let intact = |password: Secret| java::is_intact(bytes, &String::from_utf8_lossy(password.expose()));
        if passwords.unasked(what)?.is_some_and(|password| !intact(password)) {
            return Err(Error::pki(format!("{what}: the password is not the right one, or the keystore was changed")));
        }
        let all = all.into_iter().map(|der| Certificate::from_der(der, what)).collect::<Result<Vec<_>>>()?;
        return Ok(certificates(all, what));
    }
    if let Ok(text) = std::str::from_utf8(unmarked(bytes))
        && kubeconfig::is_kubeconfig(text)
    {
        let (certificates, errors) = kubeconfig::read(text, what, folder)?;
        if certificates.is_empty() && errors.is_empty() {
            return Ok(Content::Nothing(Error::pki(format!("{what}: the kubeconfig has no certificates"))));
        }
        return Ok(Content::Held(Held { certificates, errors, ..Held::default() }));
    }
    Ok(of_blocks(bytes, what))
}

/// A damaged block hides no other. What never was a certificate is no damage: it is reported where a person named the file.
fn of_blocks(bytes: &[u8], what: &str) -> Content {
    let (mut held, mut others, mut labels) = (Held::default(), Vec::new(), Vec::new());
    for block in forms::each(bytes, what) {
        let (base64, error) = match block {
            Ok(block) if is_certificate(&block.label) => match Certificate::from_der(&block.der, what) {
                Ok(certificate) => {
                    held.certificates.push(found(certificate, what));
                    continue;
                }
                Err(error) => (block.base64, error),
            },
            Ok(block) => {
                let sort = match block.label.as_str() {
                    "X509 CRL" => Some(Sort::Crl),
                    label if is_request(label) => Some(Sort::Request),
                    _ => None,
                };
                let place = what.to_owned();
                held.related.extend(sort.map(|sort| Related { place, sort, der: block.der.to_vec() }));
                labels.push(block.label);
                continue;
            }
            Err(block) if is_certificate(&block.label) => (block.base64, *block.error),
            Err(block) => {
                others.push(*block.error);
                continue;
            }
        };
        if was_certificate(Path::new(what), &base64) { held.errors.push(error) } else { others.push(error) }
    }
    if !held.certificates.is_empty() || !held.related.is_empty() || !held.errors.is_empty() {
        return Content::Held(held);
    }
    Content::Nothing(match (others.into_iter().next(), labels.first()) {
        (Some(error), _) => error,
        (None, Some(label)) => Error::pki(format!("{what}: there is no certificate in it, only {label}")),
        (None, None) => forms::none(bytes, what, Wanted::Certificate),
    })
}

fn store(bytes: &[u8], what: &str, passwords: &dyn Passwords) -> Result<Content> {
    let open = |all: Vec<Certificate>| certificates(all, what);
    // Many stores have an empty one, and many truststores Java's own, which hides nothing.
    for common in ["", "changeit"] {
        if let Ok(all) = pkcs12::certificates(bytes, what, &Secret::new(common)) {
            return Ok(open(all));
        }
    }
    match passwords.of(what)? {
        Some(password) => pkcs12::certificates(bytes, what, &password).map(open),
        None => {
            let error = Error::pki(format!("{what}: the PKCS#12 store has a password"));
            Ok(Content::Locked(passwords.ways().into_iter().fold(error, |e, ways| e.hint(format!("give it: {ways}")))))
        }
    }
}

/// Those of a store, which may be none.
fn certificates(all: Vec<Certificate>, what: &str) -> Content {
    match all.is_empty() {
        true => Content::Nothing(Error::pki(format!("{what}: there is no certificate in it"))),
        false => Content::Held(Held {
            certificates: all.into_iter().map(|certificate| found(certificate, what)).collect(),
            ..Held::default()
        }),
    }
}

fn found(certificate: Certificate, what: &str) -> Found {
    Found { place: what.to_owned(), certificate, trust: Trust::SelfSigned, host: None }
}
