//! What is in the bytes of a file: certificates in PEM, DER, a kubeconfig or a PKCS#12 store, or nothing of ours.

use std::path::Path;

use super::{Found, Trust, kubeconfig, was_certificate};
use crate::error::{Error, Result};
use crate::pki::{Certificate, Passwords, is_certificate, is_pkcs12, pem, pkcs12};
use crate::secret::Secret;

/// What a file was.
#[derive(Debug)]
pub(super) enum Content {
    /// It holds these certificates; and these could not be read.
    Certificates(Vec<Found>, Vec<Error>),
    /// A key, a CSR, a text: nothing to show. The error says so where the file was named by a person.
    Nothing(Error),
    /// A store whose password nobody gave, or a file that we may not read.
    Locked(Error),
}

/// Tells a file's form by its bytes, not by its name. `folder` is the file's, for paths inside it.
pub(super) fn read(bytes: &[u8], what: &str, folder: &Path, passwords: &dyn Passwords) -> Result<Content> {
    if is_pkcs12(bytes) {
        return store(bytes, what, passwords);
    }
    if bytes.starts_with(&[0x30]) {
        return Ok(match Certificate::from_der(bytes, what) {
            Ok(certificate) => Content::Certificates(vec![found(certificate, what)], Vec::new()),
            Err(_) => Content::Nothing(Error::pki(format!("{what}: it is DER, but no certificate"))),
        });
    }
    if bytes.starts_with(&[0xfe, 0xed, 0xfe, 0xed]) {
        return Ok(Content::Nothing(
            Error::pki(format!("{what}: Java's own keystore format cannot be read")).hint(
                "convert it: keytool -importkeystore -srckeystore FILE -destkeystore x.p12 -deststoretype pkcs12",
            ),
        ));
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && kubeconfig::is_kubeconfig(text)
    {
        let (found, errors) = kubeconfig::read(text, what, folder)?;
        if found.is_empty() && errors.is_empty() {
            return Ok(Content::Nothing(Error::pki(format!("{what}: the kubeconfig has no certificates"))));
        }
        return Ok(Content::Certificates(found, errors));
    }
    Ok(of_pem(bytes, what))
}

/// A damaged block hides no other. What never was a certificate is no damage: it is reported where a person named the file.
fn of_pem(bytes: &[u8], what: &str) -> Content {
    let (mut all, mut damaged, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for block in pem::each(bytes, what) {
        let (base64, error) = match block {
            Ok(block) if is_certificate(&block.label) => match Certificate::from_der(&block.der, what) {
                Ok(certificate) => {
                    all.push(found(certificate, what));
                    continue;
                }
                Err(error) => (block.base64, error),
            },
            Err(block) if is_certificate(&block.label) => (block.base64, *block.error),
            _ => continue,
        };
        if was_certificate(Path::new(what), &base64) { damaged.push(error) } else { others.push(error) }
    }
    if !all.is_empty() || !damaged.is_empty() {
        return Content::Certificates(all, damaged);
    }
    let none = || Certificate::all_from_pem(bytes, what).map_or_else(|e| e, |_| Error::internal("a lost certificate"));
    Content::Nothing(others.into_iter().next().unwrap_or_else(none))
}

fn store(bytes: &[u8], what: &str, passwords: &dyn Passwords) -> Result<Content> {
    let open = |all: Vec<Certificate>| match all.is_empty() {
        true => Content::Nothing(Error::pki(format!("{what}: there is no certificate in it"))),
        false => Content::Certificates(all.into_iter().map(|c| found(c, what)).collect(), Vec::new()),
    };
    // Many stores have an empty one, and many truststores Java's own, which hides nothing.
    for common in ["", "changeit"] {
        if let Ok(all) = pkcs12::certificates(bytes, what, &Secret::new(common)) {
            return Ok(open(all));
        }
    }
    match passwords.of(what)? {
        Some(password) => pkcs12::certificates(bytes, what, &password).map(open),
        None => Ok(Content::Locked(
            Error::input(format!("{what}: the PKCS#12 store has a password"))
                .hint("name a file with it (--password-file FILE), or set KBOOTSTRAP_PASSWORD"),
        )),
    }
}

fn found(certificate: Certificate, what: &str) -> Found {
    Found { place: what.to_owned(), certificate, trust: Trust::SelfSigned, host: None }
}
