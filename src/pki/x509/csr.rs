//! Certificate signing requests (PKCS#10, RFC 2986): written, and read with their signature checked.
//!
//! The key is taken from the CSR's own SubjectPublicKeyInfo, never guessed from the signature algorithm: a P-384 key
//! may sign with SHA-256.

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::prelude::FromDer;
use yasna::Tag;

use super::extension;
use super::extension_set::ExtensionSet;
use super::request::Request;
use super::signature;
use crate::error::{Error, Reason, Result};
use crate::pki::encoding::forms::{self, Wanted};
use crate::pki::encoding::{der, oid, pem, tlv};
use crate::pki::key::private_key::Key;
use crate::pki::key::public_key::PublicKey;
use crate::pki::names::name::Name;

/// A CSR whose signature was found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csr {
    der: Vec<u8>,
    algorithm: Vec<u64>,
    request: Request,
}

impl Csr {
    /// Makes and signs one.
    pub fn create(request: &Request, key: &Key) -> Result<Self> {
        Self::made(request, key, Signature::Checked)
    }

    /// As [`Csr::create`], for one that is handed out beside the certificate, whose signature is checked: this one's is not.
    pub fn create_beside(request: &Request, key: &Key) -> Result<Self> {
        Self::made(request, key, Signature::Unchecked)
    }

    fn made(request: &Request, key: &Key, signature: Signature) -> Result<Self> {
        if *key.public() != request.public_key {
            return Err(Error::internal("a CSR must be signed with the key that it is for"));
        }
        let info = encode_info(request);
        let der = signature::signed(&info, key)?;
        // What we cannot read ourselves is not handed out.
        let read = read(&der, signature).map_err(|e| e.context("the new CSR"))?;
        Ok(Csr { request: request.clone(), ..read })
    }

    /// Reads `CERTIFICATE REQUEST` (or `NEW CERTIFICATE REQUEST`); `what` names the source in errors.
    pub fn from_pem(text: &[u8], what: &str) -> Result<Self> {
        let blocks = pem::decode(text, what)?;
        if blocks.is_empty() {
            return Err(Error::pki(format!("{what}: not a CSR: there is no PEM block in it")));
        }
        of_blocks(&blocks, what)
    }

    /// Reads a file that a person names: PEM, with a byte order mark or not, or DER.
    pub fn read(bytes: &[u8], what: &str) -> Result<Self> {
        let blocks = forms::blocks(bytes, what, Wanted::Request)?;
        of_blocks(&blocks, what)
    }

    /// Reads DER and checks the signature.
    pub fn from_der(der: &[u8], what: &str) -> Result<Self> {
        read(der, Signature::Checked).map_err(|e| e.context(what))
    }

    /// What it asks for.
    pub fn request(&self) -> &Request {
        &self.request
    }
    /// `-----BEGIN CERTIFICATE REQUEST-----`.
    pub fn to_pem(&self) -> String {
        pem::encode("CERTIFICATE REQUEST", &self.der).to_string()
    }
    /// Its signature algorithm as Go names it, or its identifier.
    pub fn algorithm(&self) -> String {
        signature::algorithm_name(&self.algorithm)
    }
}

/// Whether a PEM block with this label is one.
pub(crate) fn is_request(label: &str) -> bool {
    matches!(label, "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST")
}

fn of_blocks(blocks: &[pem::Block], what: &str) -> Result<Csr> {
    let mut csrs = blocks.iter().filter(|block| is_request(&block.label));
    match (csrs.next(), csrs.next()) {
        (Some(block), None) => Csr::from_der(&block.der, what),
        (Some(_), Some(_)) => Err(Error::pki(format!("{what}: there are several CSRs in it, expected one"))),
        (None, _) => {
            let label = blocks.first().map_or("nothing", |block| block.label.as_str());
            Err(Error::pki(format!("{what}: there is no CSR in it, only {label}")))
        }
    }
}

fn encode_info(request: &Request) -> Vec<u8> {
    let mut extensions: Vec<_> =
        extension::subject_alt_name(&request.sans, request.subject.is_empty()).into_iter().collect();
    extensions.extend(request.ca.is_ca().then(|| extension::basic_constraints(request.ca)));
    extensions.extend(request.extensions.iter().cloned());
    der::sequence(|seq| {
        seq.next().write_u8(0);
        seq.next().write_der(request.subject.der());
        seq.next().write_der(request.public_key.spki());
        seq.next().write_tagged_implicit(Tag::context(0), |w| {
            w.write_set_of(|attributes| {
                if !extensions.is_empty() {
                    attributes.next().write_sequence(|attribute| {
                        attribute.next().write_oid(&oid::oid(oid::EXTENSION_REQUEST));
                        attribute.next().write_set_of(|values| {
                            values.next().write_sequence(|list| extensions.iter().for_each(|e| e.write(list.next())));
                        });
                    });
                }
            });
        });
    })
}

/// Whether a CSR's signature is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Signature {
    Checked,
    Unchecked,
}

fn read(der: &[u8], signature: Signature) -> Result<Csr> {
    let csr = match X509CertificationRequest::from_der(der) {
        Ok(([], csr)) => csr,
        Ok((rest, _)) => return Err(Error::pki(format!("not a CSR: {} bytes follow it", rest.len()))),
        Err(_) => return Err(Error::pki("not a CSR: it cannot be parsed")),
    };
    let info = &csr.certification_request_info;
    let public_key = PublicKey::from_spki(info.subject_pki.raw)?;
    if signature == Signature::Checked {
        check_own(der, &csr, &public_key)
            .map_err(|e| e.context("the CSR is not signed with its own key").because(Reason::Signature))?;
    }
    let mut request = Request::new(Name::from_raw(info.subject.as_raw()), public_key);
    for attribute in info.attributes() {
        let ParsedCriAttribute::ExtensionRequest(list) = attribute.parsed_attribute() else { continue };
        ask(&mut request, ExtensionSet::read(&list.extensions))?;
    }
    let algorithm = oid::of(&csr.signature_algorithm.algorithm).unwrap_or_default();
    Ok(Csr { der: der.to_vec(), algorithm, request })
}

/// Checks that the key of a CSR has signed it.
fn check_own(der: &[u8], csr: &X509CertificationRequest<'_>, key: &PublicKey) -> Result<()> {
    let (algorithm, message) = (&csr.signature_algorithm, csr.certification_request_info.raw);
    let signature = &csr.signature_value.data;
    if oid::of(&algorithm.algorithm).as_deref() != Some(oid::RSA_PSS) {
        return signature::check(key, algorithm, message, signature);
    }
    // Hash and salt are in its parameters.
    let parts = tlv::only(der, 0x30).and_then(tlv::all).unwrap_or_default();
    let made = parts.get(1).and_then(|algorithm| signature::check_signature(key, algorithm.raw, message, signature));
    match made {
        Some(true) => Ok(()),
        Some(false) => Err(Error::pki("the signature does not match")),
        None => Err(Error::pki("the parameters of its RSA-PSS signature are not supported")),
    }
}

/// Takes what the extensions ask for.
fn ask(request: &mut Request, set: ExtensionSet) -> Result<()> {
    if let Some(&at) = set.unread.first() {
        return Err(Error::pki(format!("the CSR's extension {} cannot be parsed", oid::dotted(&set.all[at].oid))));
    }
    request.sans.extend(set.sans);
    for extension in set.all {
        match extension.oid.as_slice() {
            oid::SUBJECT_ALT_NAME => request.names = Some((extension, request.extensions.len())),
            oid::BASIC_CONSTRAINTS => request.ca = set.constraints,
            _ => request.extensions.push(extension.copied()?),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{BasicConstraints, CsrSpec, KeyKind, San};
    use proptest::prelude::*;

    fn csr(json: &str, kind: KeyKind) -> (Csr, Key) {
        let key = Key::generate(kind).unwrap();
        let spec = CsrSpec::from_json(json.as_bytes(), "x").unwrap();
        let request = Request::from_spec(&spec, key.public()).unwrap();
        (Csr::create(&request, &key).unwrap(), key)
    }

    #[test]
    fn what_is_written_reads_back() {
        let json = r#"{"CN":"a","hosts":["d","10.0.0.1","e@f","https://g/"],"names":[{"O":"x"},{"O":"y"}],"ca":{"pathlen":2},
            "extensions":[{"Id":[1,2,3,4],"Value":"BQA="}]}"#;
        for kind in [KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::EcdsaP521, KeyKind::Ed25519, KeyKind::Rsa(2048)] {
            let (csr, _) = csr(json, kind);
            let read = Csr::from_pem(csr.to_pem().as_bytes(), "x").unwrap();
            let mut sorted = csr.request().clone();
            sorted.sans.sort_by_key(|san| format!("{}", !matches!(san, San::Dns(_))));
            assert_eq!(read.request().subject, sorted.subject);
            assert_eq!(read.request().sans.len(), 4);
            assert_eq!(read.request().ca, BasicConstraints::Ca { path_length: Some(2) });
            assert_eq!(read.request().extensions, sorted.extensions);
        }
    }

    #[test]
    fn a_broken_signature_is_refused() {
        let (csr, _) = csr(r#"{"CN":"aaaa"}"#, KeyKind::EcdsaP256);
        let mut der = csr.der.clone();
        let at = der.windows(4).position(|w| w == b"aaaa").unwrap();
        der[at] = b'b';
        insta::assert_snapshot!(Csr::from_der(&der, "x.csr").unwrap_err(), @"x.csr: the CSR is not signed with its own key: the signature does not match");
    }

    #[test]
    fn says_what_is_no_csr() {
        let error = |text: &str| Csr::from_pem(text.as_bytes(), "x.csr").unwrap_err().message;
        insta::assert_snapshot!(error("junk"), @"x.csr: not a CSR: there is no PEM block in it");
        insta::assert_snapshot!(error("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"), @"x.csr: there is no CSR in it, only CERTIFICATE");
        insta::assert_snapshot!(error("-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----"), @"x.csr: not a CSR: it cannot be parsed");
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..400, to in any::<u8>()) {
            let _ = Csr::from_der(&bytes, "x");
            let (csr, _) = csr(r#"{"CN":"a","hosts":["b"]}"#, KeyKind::EcdsaP256);
            let mut der = csr.der.clone();
            let at = at % der.len();
            der[at] = to;
            let _ = Csr::from_der(&der, "x");
        }
    }
}
