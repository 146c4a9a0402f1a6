//! The one encoder that makes every certificate.

use yasna::{DERWriter, Tag};

use crate::error::{Error, Result};
use crate::pki::key::private_key::Key;
use crate::pki::key::public_key::PublicKey;
use crate::pki::names::name::Name;
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::extension::Extension;
use crate::pki::x509::serial::Serial;
use crate::pki::x509::signature;
use crate::pki::x509::validity::{Validity, write_time};

/// A new certificate, and what a person should know about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The certificate.
    pub certificate: Certificate,
    /// Its serial number.
    pub serial: Serial,
    /// One line each.
    pub warnings: Vec<String>,
}

/// What is signed (TBSCertificate, RFC 5280 §4.1).
pub(crate) struct Content<'a> {
    pub(crate) serial: &'a Serial,
    pub(crate) issuer: &'a Name,
    pub(crate) validity: Validity,
    pub(crate) subject: &'a Name,
    pub(crate) public_key: &'a PublicKey,
    pub(crate) extensions: &'a [Extension],
}

/// Encodes and signs; the result is read back and its signature checked before anybody gets it.
pub(crate) fn sign(content: &Content<'_>, key: &Key) -> Result<Certificate> {
    encode(content, key, check)
}

/// As [`sign`], for a key that has been seen to sign well: the result is read back, its signature is not checked, which
/// takes more time than everything else together.
pub(crate) fn sign_with_proven(content: &Content<'_>, key: &Key) -> Result<Certificate> {
    encode(content, key, |certificate, content, _| read_back(certificate, content))
}

fn encode(
    content: &Content<'_>,
    key: &Key,
    check: impl Fn(&Certificate, &Content<'_>, &Key) -> Result<()>,
) -> Result<Certificate> {
    let tbs = yasna::construct_der(|writer| write_content(writer, content, key));
    let der = signature::signed(&tbs, key)?;
    let broken = |e| Error::internal(format!("the new certificate is not what it should be: {e}"));
    let certificate = Certificate::from_der(&der, "it").map_err(broken)?;
    check(&certificate, content, key).map_err(broken)?;
    Ok(certificate)
}

fn write_content(writer: DERWriter<'_>, content: &Content<'_>, key: &Key) {
    writer.write_sequence(|seq| {
        seq.next().write_tagged(Tag::context(0), |w| w.write_u8(2));
        seq.next().write_bigint_bytes(content.serial.bytes(), true);
        key.kind().write_signature_algorithm(seq.next());
        seq.next().write_der(content.issuer.der());
        seq.next().write_sequence(|seq| {
            write_time(seq.next(), content.validity.not_before);
            write_time(seq.next(), content.validity.not_after);
        });
        seq.next().write_der(content.subject.der());
        seq.next().write_der(content.public_key.spki());
        seq.next().write_tagged(Tag::context(3), |w| {
            w.write_sequence(|seq| content.extensions.iter().for_each(|e| e.write(seq.next())));
        });
    });
}

fn check(certificate: &Certificate, content: &Content<'_>, key: &Key) -> Result<()> {
    read_back(certificate, content)?;
    certificate.signed_by(key.public())
}

fn read_back(certificate: &Certificate, content: &Content<'_>) -> Result<()> {
    let same = certificate.issuer() == content.issuer
        && certificate.subject() == content.subject
        && certificate.spki() == content.public_key.spki()
        && certificate.extensions() == content.extensions
        && certificate.validity().not_after.unix_timestamp() == content.validity.not_after.unix_timestamp();
    if !same {
        return Err(Error::internal("it reads back differently"));
    }
    Ok(())
}
