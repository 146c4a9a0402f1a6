//! Certificate signing requests (PKCS#10, RFC 2986): written, and read with their signature checked.
//!
//! The key is taken from the CSR's own SubjectPublicKeyInfo, never guessed from the signature algorithm: a P-384 key
//! may sign with SHA-256.

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;
use yasna::Tag;

use super::extension::{self, Extension};
use super::signature;
use crate::error::{Error, Reason, Result};
use crate::pki::encoding::{oid, pem};
use crate::pki::key::private_key::Key;
use crate::pki::key::public_key::PublicKey;
use crate::pki::names::name::Name;
use crate::pki::names::san::San;
use crate::pki::x509::request::Request;

/// A CSR whose signature was found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csr {
    der: Vec<u8>,
    request: Request,
}

impl Csr {
    /// Makes and signs one.
    pub fn create(request: &Request, key: &Key) -> Result<Self> {
        if *key.public() != request.public_key {
            return Err(Error::internal("a CSR must be signed with the key that it is for"));
        }
        let info = encode_info(request);
        let der = signature::signed(&info, key)?;
        // What we cannot read ourselves is not handed out.
        let read = Self::from_der(&der, "the new CSR")?;
        Ok(Csr { der: read.der, request: request.clone() })
    }

    /// Reads `CERTIFICATE REQUEST` (or `NEW CERTIFICATE REQUEST`); `what` names the source in errors.
    pub fn from_pem(text: &[u8], what: &str) -> Result<Self> {
        let blocks = pem::decode(text, what)?;
        let mut csrs =
            blocks.iter().filter(|b| matches!(b.label.as_str(), "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST"));
        match (csrs.next(), csrs.next()) {
            (Some(block), None) => Self::from_der(&block.der, what),
            (Some(_), Some(_)) => Err(Error::pki(format!("{what}: there are several CSRs in it, expected one"))),
            (None, _) => Err(match blocks.first() {
                None => Error::pki(format!("{what}: not a CSR: there is no PEM block in it")),
                Some(block) => Error::pki(format!("{what}: not a CSR: it holds a {}", block.label)),
            }),
        }
    }

    /// Reads DER and checks the signature.
    pub fn from_der(der: &[u8], what: &str) -> Result<Self> {
        read(der).map_err(|e| e.context(what))
    }

    /// What it asks for.
    pub fn request(&self) -> &Request {
        &self.request
    }
    /// DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }
    /// `-----BEGIN CERTIFICATE REQUEST-----`.
    pub fn to_pem(&self) -> String {
        pem::encode("CERTIFICATE REQUEST", &self.der).to_string()
    }
    /// Parsed anew, for showing it.
    pub(crate) fn parsed(&self) -> Result<X509CertificationRequest<'_>> {
        parse(&self.der)
    }
}

fn encode_info(request: &Request) -> Vec<u8> {
    let mut extensions: Vec<_> =
        extension::subject_alt_name(&request.sans, request.subject.is_empty()).into_iter().collect();
    extensions.extend(request.ca.map(|path_length| extension::basic_constraints(Some(path_length))));
    extensions.extend(request.extensions.iter().cloned());
    yasna::construct_der(|writer| {
        writer.write_sequence(|seq| {
            seq.next().write_u8(0);
            seq.next().write_der(request.subject.der());
            seq.next().write_der(request.public_key.spki());
            seq.next().write_tagged_implicit(Tag::context(0), |w| {
                w.write_set_of(|attributes| {
                    if !extensions.is_empty() {
                        attributes.next().write_sequence(|attribute| {
                            attribute.next().write_oid(&oid::oid(oid::EXTENSION_REQUEST));
                            attribute.next().write_set_of(|values| {
                                values
                                    .next()
                                    .write_sequence(|list| extensions.iter().for_each(|e| e.write(list.next())));
                            });
                        });
                    }
                });
            });
        });
    })
}

fn parse(der: &[u8]) -> Result<X509CertificationRequest<'_>> {
    match X509CertificationRequest::from_der(der) {
        Ok(([], csr)) => Ok(csr),
        Ok((rest, _)) => Err(Error::pki(format!("not a CSR: {} bytes follow it", rest.len()))),
        Err(_) => Err(Error::pki("not a CSR: it cannot be parsed")),
    }
}

fn read(der: &[u8]) -> Result<Csr> {
    let csr = parse(der)?;
    let info = &csr.certification_request_info;
    let public_key = PublicKey::from_spki(info.subject_pki.raw)?;
    signature::check(&public_key, &csr.signature_algorithm, info.raw, &csr.signature_value.data)
        .map_err(|e| e.context("the CSR is not signed with its own key").because(Reason::Signature))?;
    let mut request = Request {
        subject: Name::from_raw(info.subject.as_raw()),
        public_key,
        sans: Vec::new(),
        names: None,
        ca: None,
        extensions: Vec::new(),
        warnings: Vec::new(),
    };
    read_extensions(&csr, &mut request)?;
    Ok(Csr { der: der.to_vec(), request })
}

fn read_extensions(csr: &X509CertificationRequest<'_>, request: &mut Request) -> Result<()> {
    use x509_parser::cri_attributes::ParsedCriAttribute;
    for attribute in csr.certification_request_info.attributes() {
        let ParsedCriAttribute::ExtensionRequest(list) = attribute.parsed_attribute() else { continue };
        for extension in &list.extensions {
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(names) => {
                    request.sans.extend(names.general_names.iter().filter_map(San::of));
                    request.names = Some((Extension::read(extension)?, request.extensions.len()));
                }
                ParsedExtension::BasicConstraints(constraints) => {
                    request.ca = constraints.ca.then_some(constraints.path_len_constraint);
                }
                ParsedExtension::ParseError { .. } => {
                    return Err(Error::pki(format!(
                        "the CSR's extension {} cannot be parsed",
                        extension.oid.to_id_string()
                    )));
                }
                _ => request.extensions.push(Extension::read(extension)?),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{CsrSpec, KeyKind};
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
            assert_eq!(read.request().ca, Some(Some(2)));
            assert_eq!(read.request().extensions, sorted.extensions);
        }
    }

    #[test]
    fn a_broken_signature_is_refused() {
        let (csr, _) = csr(r#"{"CN":"aaaa"}"#, KeyKind::EcdsaP256);
        let mut der = csr.der().to_vec();
        let at = der.windows(4).position(|w| w == b"aaaa").unwrap();
        der[at] = b'b';
        insta::assert_snapshot!(Csr::from_der(&der, "x.csr").unwrap_err(), @"x.csr: the CSR is not signed with its own key: the signature does not match");
    }

    #[test]
    fn says_what_is_no_csr() {
        let error = |text: &str| Csr::from_pem(text.as_bytes(), "x.csr").unwrap_err().message;
        insta::assert_snapshot!(error("junk"), @"x.csr: not a CSR: there is no PEM block in it");
        insta::assert_snapshot!(error("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"), @"x.csr: not a CSR: it holds a CERTIFICATE");
        insta::assert_snapshot!(error("-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----"), @"x.csr: not a CSR: it cannot be parsed");
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..400, to in any::<u8>()) {
            let _ = Csr::from_der(&bytes, "x");
            let (csr, _) = csr(r#"{"CN":"a","hosts":["b"]}"#, KeyKind::EcdsaP256);
            let mut der = csr.der().to_vec();
            let at = at % der.len();
            der[at] = to;
            let _ = Csr::from_der(&der, "x");
        }
    }
}
