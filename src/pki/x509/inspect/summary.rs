//! CSRs and CRLs in short, whatever their algorithms.

use serde::Serialize;
use time::OffsetDateTime;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::field::colons;
use super::{NameInfo, key_text};
use crate::error::{Error, Result};
use crate::pki::encoding::oid;
use crate::pki::names::name::Name;
use crate::pki::x509::csr::Csr;
use crate::pki::x509::extension_set::ExtensionSet;
use crate::pki::x509::signature;

/// A CSR's contents, also of one that nobody would sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestInfo {
    /// Subject.
    pub subject: NameInfo,
    /// `ecdsa-256`, `rsa-2048`, `ed25519`, or a name of OpenSSL's.
    pub key: String,
    /// Signature algorithm as Go or OpenSSL names it.
    pub signature_algorithm: String,
    /// Names of every type.
    pub sans: Vec<String>,
    /// cfssl's names of the usages that it asks for.
    pub usages: Vec<String>,
    /// It asks for a CA certificate.
    pub is_ca: bool,
    /// Types of other extensions that it asks for.
    pub other_extensions: Vec<String>,
    /// Why it would not be signed here; empty where it would.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub problem: String,
}

/// A CRL's contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CrlInfo {
    /// Whose certificates are revoked.
    pub issuer: NameInfo,
    /// Its number, decimal; empty where it has none.
    pub number: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub this_update: OffsetDateTime,
    /// When the next one is due; none where it does not say.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_update: Option<OffsetDateTime>,
    /// How many certificates are revoked.
    pub revoked: usize,
    /// It only says what has changed since the CRL of another number.
    pub is_delta: bool,
    /// Signature algorithm as Go or OpenSSL names it.
    pub signature_algorithm: String,
    /// `AA:BB…`, or empty.
    pub authority_key_id: String,
}

impl RequestInfo {
    /// Of a CSR's DER. `what` names it in errors.
    pub fn read(der: &[u8], what: &str) -> Result<Self> {
        let Ok(([], csr)) = X509CertificationRequest::from_der(der) else {
            return Err(Error::pki(format!("{what}: the CSR cannot be parsed")));
        };
        let info = &csr.certification_request_info;
        let asked = info.attributes().iter().find_map(|attribute| match attribute.parsed_attribute() {
            ParsedCriAttribute::ExtensionRequest(list) => Some(ExtensionSet::read(&list.extensions)),
            _ => None,
        });
        let asked = asked.unwrap_or_default();
        let algorithm = oid::of(&csr.signature_algorithm.algorithm).unwrap_or_default();
        Ok(RequestInfo {
            subject: NameInfo::of(&Name::from_raw(info.subject.as_raw())),
            key: key_text(info.subject_pki.raw),
            signature_algorithm: signature::algorithm_name(&algorithm),
            sans: asked.names.clone(),
            usages: asked.usages(),
            is_ca: asked.constraints.is_ca(),
            other_extensions: asked.others().map(|e| oid::dotted(&e.oid)).collect(),
            problem: Csr::from_der(der, "")
                .err()
                .map_or_else(String::new, |e| e.message.trim_start_matches(": ").to_owned()),
        })
    }
}

impl CrlInfo {
    /// Of a CRL's DER. `what` names it in errors.
    pub fn read(der: &[u8], what: &str) -> Result<Self> {
        let Ok(([], crl)) = CertificateRevocationList::from_der(der) else {
            return Err(Error::pki(format!("{what}: the CRL cannot be parsed")));
        };
        let list = &crl.tbs_cert_list;
        let algorithm = oid::of(&crl.signature_algorithm.algorithm).unwrap_or_default();
        let key_id = list.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| colons(id.0)),
            _ => None,
        });
        let is_delta = list.extensions().iter().any(|e| oid::of(&e.oid).as_deref() == Some(oid::DELTA_CRL));
        Ok(CrlInfo {
            issuer: NameInfo::of(&Name::from_raw(list.issuer.as_raw())),
            number: crl.crl_number().map_or_else(String::new, ToString::to_string),
            this_update: list.this_update.to_datetime(),
            next_update: list.next_update.map(|time| time.to_datetime()),
            revoked: list.revoked_certificates.len(),
            is_delta,
            signature_algorithm: signature::algorithm_name(&algorithm),
            authority_key_id: key_id.unwrap_or_default(),
        })
    }
}
