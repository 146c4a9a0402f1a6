//! A certificate that could be parsed.

use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::signature;
use super::validity::Validity;
use crate::error::{Error, Result};
use crate::pki::encoding::{pem, tlv};
use crate::pki::key::public_key::PublicKey;
use crate::pki::names::constraints::Constraints;
use crate::pki::names::name::Name;

/// A certificate that could be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate(Vec<u8>);

impl Certificate {
    /// Reads a PEM text with exactly one certificate; `what` names the source in errors.
    pub fn from_pem(text: &[u8], what: &str) -> Result<Self> {
        let mut all = Self::all_from_pem(text, what)?;
        match (all.pop(), all.len()) {
            (Some(certificate), 0) => Ok(certificate),
            (_, others) => {
                Err(Error::pki(format!("{what}: there are {} certificates in it, expected one", others + 1)))
            }
        }
    }

    /// Reads all certificates of a PEM text, at least one; other blocks are skipped.
    pub fn all_from_pem(text: &[u8], what: &str) -> Result<Vec<Self>> {
        let blocks = pem::decode(text, what)?;
        let certificates = blocks.iter().filter(|b| is_certificate(&b.label));
        let all = certificates.map(|b| Self::from_der(&b.der, what)).collect::<Result<Vec<_>>>()?;
        match (all.is_empty(), blocks.first()) {
            (false, _) => Ok(all),
            (true, None) => {
                let error = Error::pki(format!("{what}: there is no PEM block in it"));
                Err(pem::remedy(text).into_iter().fold(error, Error::hint))
            }
            (true, Some(block)) => {
                Err(Error::pki(format!("{what}: there is no certificate in it, only {}", block.label)))
            }
        }
    }

    /// Takes DER over, once it parses.
    pub fn from_der(der: &[u8], what: &str) -> Result<Self> {
        parse(der).map_err(|e| e.context(what))?;
        Ok(Certificate(der.to_vec()))
    }

    /// DER.
    pub fn der(&self) -> &[u8] {
        &self.0
    }
    /// `-----BEGIN CERTIFICATE-----`.
    pub fn to_pem(&self) -> String {
        pem::encode("CERTIFICATE", &self.0).to_string()
    }
    /// Parsed anew: microseconds.
    pub fn parsed(&self) -> Result<X509Certificate<'_>> {
        parse(&self.0)
    }
    /// The subject's bytes.
    pub fn subject(&self) -> Result<Name> {
        Ok(Name::from_raw(self.parsed()?.subject().as_raw()))
    }
    /// The key it certifies.
    pub fn public_key(&self) -> Result<PublicKey> {
        PublicKey::from_spki(self.parsed()?.public_key().raw)
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
        let parts = tlv::all(tlv::only(&self.0, 0x30)?)?;
        let [tbs, algorithm, signature] = parts.as_slice() else { return None };
        // The first byte of a BIT STRING counts unused bits: a signature has none.
        signature::check_signature(issuer, algorithm.raw, tbs.raw, signature.content.get(1..)?)
    }
    /// Its signature algorithm as Go names it, or its identifier.
    pub fn algorithm(&self) -> String {
        self.parsed().map_or_else(|_| String::new(), |parsed| signature::signature_name(&parsed))
    }
    /// It names itself as its issuer, and is signed with its own key.
    pub fn is_self_signed(&self) -> bool {
        let names_itself = self.parsed().is_ok_and(|parsed| parsed.issuer().as_raw() == parsed.subject().as_raw());
        names_itself && self.public_key().is_ok_and(|key| self.signed_by(&key).is_ok())
    }
    /// Whether its basic constraints say that it is a CA (RFC 5280, 4.2.1.9).
    pub fn is_ca(&self) -> bool {
        let says_so = |parsed: X509Certificate| Some(parsed.basic_constraints().ok()??.value.ca);
        self.parsed().ok().and_then(says_so) == Some(true)
    }

    /// Its name constraints; none where it has none.
    pub fn name_constraints(&self) -> Option<Constraints> {
        Constraints::in_parsed(&self.parsed().ok()?)
    }
    /// When it is valid.
    pub fn validity(&self) -> Result<Validity> {
        let parsed = self.parsed()?;
        let time = |t: x509_parser::time::ASN1Time| t.to_datetime();
        Ok(Validity { not_before: time(parsed.validity().not_before), not_after: time(parsed.validity().not_after) })
    }
}

/// Whether a PEM block with this label is one.
pub(crate) fn is_certificate(label: &str) -> bool {
    matches!(label, "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE")
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok((rest, _)) => {
            Err(Error::pki(format!("the certificate is followed by {} bytes of something else", rest.len())))
        }
        Err(_) => Err(Error::pki("the certificate cannot be parsed")),
    }
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
