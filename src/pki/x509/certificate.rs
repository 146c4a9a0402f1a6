//! A certificate, parsed once: when the value is made.

use std::fmt;
use std::sync::{Arc, OnceLock};

use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::extension::{BasicConstraints, Extension};
use super::extension_set::ExtensionSet;
use super::signature;
use super::usage::CERT_SIGN;
use super::validity::Validity;
use crate::error::{Error, Result};
use crate::pki::encoding::forms::{self, Wanted};
use crate::pki::encoding::{java, oid, pem, tlv};
use crate::pki::key::public_key::PublicKey;
use crate::pki::names::constraints::{Constraints, Names};
use crate::pki::names::name::Name;
use crate::pki::names::san::San;

/// A certificate that could be parsed. Clones share it.
#[derive(Clone)]
pub struct Certificate(Arc<Parsed>);

struct Parsed {
    der: Vec<u8>,
    serial: Vec<u8>,
    issuer: Name,
    validity: Validity,
    subject: Name,
    spki: Vec<u8>,
    /// Checked when it is asked for, which takes longer than all of the parsing; none: it is no good.
    key: OnceLock<Option<PublicKey>>,
    algorithm: Vec<u64>,
    extensions: ExtensionSet,
}

impl Certificate {
    /// Reads a PEM text with exactly one certificate; `what` names the source in errors.
    pub fn from_pem(text: &[u8], what: &str) -> Result<Self> {
        Self::all_from_pem(text, what).and_then(|all| single(all, what))
    }

    /// Reads all certificates of a PEM text, at least one; other blocks are skipped.
    pub fn all_from_pem(text: &[u8], what: &str) -> Result<Vec<Self>> {
        let blocks = pem::decode(text, what)?;
        if blocks.is_empty() {
            let error = Error::pki(format!("{what}: there is no PEM block in it"));
            return Err(forms::to_pem(text, what, Wanted::Certificate).into_iter().fold(error, Error::hint));
        }
        of_blocks(&blocks, what)
    }

    /// Reads a file that a person names, with exactly one certificate: see [`Certificate::read_all`].
    pub fn read(bytes: &[u8], what: &str) -> Result<Self> {
        Self::read_all(bytes, what).and_then(|all| single(all, what))
    }

    /// Reads all certificates of a file that a person names: PEM, with a byte order mark or not, DER, PKCS#7, or Java's
    /// own keystore. Of what else people have, the error names the command that converts it.
    pub fn read_all(bytes: &[u8], what: &str) -> Result<Vec<Self>> {
        if let Some(all) = java::certificates(bytes).filter(|all| !all.is_empty()) {
            return all.into_iter().map(|der| Self::from_der(der, what)).collect();
        }
        of_blocks(&forms::blocks(bytes, what, Wanted::Certificate)?, what)
    }

    /// Takes DER over, once it parses.
    pub fn from_der(der: &[u8], what: &str) -> Result<Self> {
        parse(der.to_vec()).map(|parsed| Certificate(Arc::new(parsed))).map_err(|e| e.context(what))
    }

    /// DER.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }
    /// `-----BEGIN CERTIFICATE-----`.
    pub fn to_pem(&self) -> String {
        pem::encode("CERTIFICATE", self.der()).to_string()
    }
    /// The INTEGER's bytes; as others make them, it may be negative.
    pub fn serial(&self) -> &[u8] {
        &self.0.serial
    }
    /// Whom it is for.
    pub fn subject(&self) -> &Name {
        &self.0.subject
    }
    /// Who issued it.
    pub fn issuer(&self) -> &Name {
        &self.0.issuer
    }
    /// It names itself as its issuer.
    pub fn is_self_issued(&self) -> bool {
        self.issuer() == self.subject()
    }
    /// When it is valid.
    pub fn validity(&self) -> Validity {
        self.0.validity
    }
    /// The SubjectPublicKeyInfo as it stands, DER, of whatever algorithm: what a CA is known by, however often it is renewed.
    pub fn spki(&self) -> &[u8] {
        &self.0.spki
    }
    /// The key it certifies, where it is of a kind that is known here, and whole.
    pub fn public_key(&self) -> Result<&PublicKey> {
        let key = self.0.key.get_or_init(|| PublicKey::from_spki(self.spki()).ok());
        match key {
            Some(key) => Ok(key),
            None => {
                Err(PublicKey::from_spki(self.spki()).err().unwrap_or_else(|| Error::internal("read a public key")))
            }
        }
    }
    /// Whether it is for this key.
    pub fn is_for(&self, key: &PublicKey) -> bool {
        self.spki() == key.spki() || self.public_key().is_ok_and(|own| own == key)
    }
    /// `Ok` when its signature was made with this key; names and dates are not looked at.
    pub fn signed_by(&self, issuer: &PublicKey) -> Result<()> {
        match self.made_with(issuer) {
            Some(true) => Ok(()),
            Some(false) => Err(Error::pki("the signature does not match")),
            None => Err(Error::pki(format!("its signature algorithm {} cannot be checked here", self.algorithm()))),
        }
    }
    /// Whether its signature was made with this key; none where its algorithm cannot be checked here.
    pub fn made_with(&self, issuer: &PublicKey) -> Option<bool> {
        let parts = tlv::all(tlv::only(self.der(), 0x30)?)?;
        let [tbs, algorithm, signature] = parts.as_slice() else { return None };
        // The first byte of a BIT STRING counts unused bits: a signature has none.
        signature::check_signature(issuer, algorithm.raw, tbs.raw, signature.content.get(1..)?)
    }
    /// Its signature algorithm as Go names it, or its identifier.
    pub fn algorithm(&self) -> String {
        signature::algorithm_name(&self.0.algorithm)
    }
    /// The same; none where Go has no name for it, or none without its parameters.
    pub fn go_algorithm(&self) -> Option<&'static str> {
        signature::go_name(&self.0.algorithm)
    }
    /// It names itself as its issuer, and is signed with its own key.
    pub fn is_self_signed(&self) -> bool {
        self.is_self_issued() && self.public_key().is_ok_and(|key| self.signed_by(key).is_ok())
    }
    /// Whether it is a CA.
    pub fn basic_constraints(&self) -> BasicConstraints {
        self.0.extensions.constraints
    }
    /// Whether its basic constraints say that it is a CA (RFC 5280, 4.2.1.9).
    pub fn is_ca(&self) -> bool {
        self.basic_constraints().is_ca()
    }
    /// Its key usage, where it has one, allows it to sign certificates (RFC 5280 §4.2.1.3).
    pub fn may_sign_certificates(&self) -> bool {
        self.may(CERT_SIGN)
    }
    /// Whether its key usage, where it has one, has this bit.
    pub(crate) fn may(&self, bit: u8) -> bool {
        self.0.extensions.key_usage.is_none_or(|usage| usage >> bit & 1 == 1)
    }
    /// Its subject alternative names, but those of types that there is nothing for here.
    pub fn sans(&self) -> &[San] {
        &self.0.extensions.sans
    }
    /// Its subject key identifier.
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.0.extensions.subject_key_id.as_deref()
    }
    /// The key identifier of its issuer.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.0.extensions.authority_key_id.as_deref()
    }
    /// The serial number of its issuer's certificate, where its authority key identifier names one.
    pub fn authority_serial(&self) -> Option<&[u8]> {
        self.0.extensions.authority_serial.as_deref()
    }
    /// Whether its authority key identifier allows this certificate of its issuer, as openssl asks.
    pub fn names_serial_of(&self, issuer: &Certificate) -> bool {
        self.authority_serial().is_none_or(|named| significant(named) == significant(issuer.serial()))
    }
    /// Its name constraints; none where it has none.
    pub fn name_constraints(&self) -> Option<&Constraints> {
        self.0.extensions.name_constraints.as_ref()
    }
    /// A critical extension that verifiers do not know, as a dotted object identifier: Go and openssl (error 34) refuse it
    /// and whatever it has issued (RFC 5280 §4.2).
    pub fn unknown_critical(&self) -> Option<String> {
        let unknown = |e: &&Extension| e.critical && !oid::UNDERSTOOD.contains(&e.oid.as_slice());
        self.extensions().iter().find(unknown).map(|extension| oid::dotted(&extension.oid))
    }
    /// Whether it is only for some purposes (extended key usage).
    pub fn has_purposes(&self) -> bool {
        !self.0.extensions.purposes.is_empty()
    }
    /// The names that constraints of CAs above it speak of.
    pub fn constrained_names(&self) -> Names<'_> {
        Names { subject: self.subject(), alternative: self.extension(oid::SUBJECT_ALT_NAME), is_ca: self.is_ca() }
    }
    /// Its extensions as they stand.
    pub fn extensions(&self) -> &[Extension] {
        &self.0.extensions.all
    }
    /// The value of an extension.
    pub fn extension(&self, oid: &[u64]) -> Option<&[u8]> {
        self.extensions().iter().find(|extension| extension.oid == oid).map(|extension| extension.value.as_slice())
    }
    /// What its extensions say.
    pub(crate) fn extension_set(&self) -> &ExtensionSet {
        &self.0.extensions
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<certificate of {}, {}>", self.subject(), pem::encode("CERTIFICATE", self.der()).as_str())
    }
}

/// Without the zeros before it.
fn significant(serial: &[u8]) -> &[u8] {
    &serial[serial.iter().take_while(|byte| **byte == 0).count()..]
}

/// Whether a PEM block with this label is one.
pub(crate) fn is_certificate(label: &str) -> bool {
    matches!(label, "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE")
}

fn single(mut all: Vec<Certificate>, what: &str) -> Result<Certificate> {
    match (all.pop(), all.len()) {
        (Some(certificate), 0) => Ok(certificate),
        (_, others) => {
            let text = format!("{what}: there are {} certificates in it, expected one", others + 1);
            Err(Error::pki(text).hint("leave that one in it; `kbootstrap certinfo FILE` shows them"))
        }
    }
}

/// All certificates among blocks, at least one.
fn of_blocks(blocks: &[pem::Block], what: &str) -> Result<Vec<Certificate>> {
    let certificates = blocks.iter().filter(|block| is_certificate(&block.label));
    let all = certificates.map(|block| Certificate::from_der(&block.der, what)).collect::<Result<Vec<_>>>()?;
    if !all.is_empty() {
        return Ok(all);
    }
    let label = blocks.first().map_or("nothing", |block| block.label.as_str());
    Err(Error::pki(format!("{what}: there is no certificate in it, only {label}")))
}

fn parse(der: Vec<u8>) -> Result<Parsed> {
    let (rest, parsed) = X509Certificate::from_der(&der).map_err(|_| Error::pki("the certificate cannot be parsed"))?;
    if !rest.is_empty() {
        return Err(Error::pki(format!("the certificate is followed by {} bytes of something else", rest.len())));
    }
    let validity = parsed.validity();
    Ok(Parsed {
        serial: parsed.raw_serial().to_vec(),
        issuer: Name::from_raw(parsed.issuer().as_raw()),
        validity: Validity {
            not_before: validity.not_before.to_datetime(),
            not_after: validity.not_after.to_datetime(),
        },
        subject: Name::from_raw(parsed.subject().as_raw()),
        spki: parsed.public_key().raw.to_vec(),
        key: OnceLock::new(),
        algorithm: oid::of(&parsed.signature_algorithm.algorithm).unwrap_or_default(),
        extensions: ExtensionSet::read(parsed.extensions()),
        der,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn says_what_is_no_certificate() {
        let error = |text: &str| Certificate::from_pem(text.as_bytes(), "ca.pem").unwrap_err().message;
        insta::assert_snapshot!(error(""), @"ca.pem: there is no PEM block in it");
        insta::assert_snapshot!(error("-----BEGIN EC PRIVATE KEY-----\n-----END EC PRIVATE KEY-----"), @"ca.pem: there is no certificate in it, only EC PRIVATE KEY");
        insta::assert_snapshot!(error("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----"), @"ca.pem: the certificate cannot be parsed");
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Certificate::from_der(&bytes, "x");
        }
    }
}
