//! What is in a certificate, CSR or CRL, as values to show: in short ([`CertificateInfo`] and its like), and all of it
//! ([`whole`]).

mod algorithm;
mod extensions;
mod field;
pub(crate) mod general_name;
mod points;
mod policies;
mod public_key;
mod sct;
mod summary;
mod values;
pub(crate) mod whole;

pub use field::Field;
pub use summary::{CrlInfo, RequestInfo};
pub(crate) use values::second;

use field::colons;
use serde::Serialize;
use time::OffsetDateTime;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey as AnyKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::digest::sha256;
use crate::pki::encoding::oid;
use crate::pki::key::kind::KeyKind;
use crate::pki::names::name::Name;
use crate::pki::names::san::San;
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::csr::Csr;
use crate::pki::x509::serial;
use crate::pki::x509::usage;

/// A certificate's contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateInfo {
    /// Subject.
    pub subject: NameInfo,
    /// Issuer.
    pub issuer: NameInfo,
    /// The issuer is the subject itself.
    pub self_issued: bool,
    /// Serial number, decimal.
    pub serial_number: String,
    /// First moment.
    #[serde(with = "time::serde::rfc3339")]
    pub not_before: OffsetDateTime,
    /// Last moment.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// `ecdsa-256`, `rsa-2048`, `ed25519`, or an identifier.
    pub key: String,
    /// Signature algorithm as Go names it: `ECDSAWithSHA256`.
    pub signature_algorithm: String,
    /// Names of every type, as openssl shows them.
    pub sans: Vec<String>,
    /// cfssl's names of its key usages and extended key usages.
    pub usages: Vec<String>,
    /// It is a CA.
    pub is_ca: bool,
    /// How many CAs may stand below.
    pub path_length: Option<u32>,
    /// `AA:BB…`, or empty.
    pub subject_key_id: String,
    /// `AA:BB…`, or empty.
    pub authority_key_id: String,
    /// Types of all other extensions.
    pub other_extensions: Vec<String>,
    /// SHA-256 of the certificate, lower-case hex.
    pub sha256: String,
}

/// A CSR's contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CsrInfo {
    /// Subject.
    pub subject: NameInfo,
    /// `ecdsa-256`, `rsa-2048`, `ed25519`.
    pub key: String,
    /// Signature algorithm as Go names it.
    pub signature_algorithm: String,
    /// Names.
    pub sans: Vec<String>,
    /// It asks for a CA certificate.
    pub is_ca: bool,
    /// Types of other extensions that it asks for.
    pub other_extensions: Vec<String>,
}

/// A distinguished name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NameInfo {
    /// `O=system:masters, CN=admin`, in the order of its encoding.
    pub text: String,
    /// Common name, the last if there are several.
    pub common_name: String,
    /// Organizations: the groups of a Kubernetes user.
    pub organizations: Vec<String>,
}

impl CertificateInfo {
    /// Of a certificate, whatever its algorithms.
    pub fn of(certificate: &Certificate) -> Self {
        let (extensions, validity) = (certificate.extension_set(), certificate.validity());
        CertificateInfo {
            subject: NameInfo::of(certificate.subject()),
            issuer: NameInfo::of(certificate.issuer()),
            self_issued: certificate.is_self_issued(),
            serial_number: serial::signed_decimal(certificate.serial()),
            not_before: validity.not_before,
            not_after: validity.not_after,
            key: key_text(certificate.spki()),
            signature_algorithm: certificate.algorithm(),
            sans: extensions.names.clone(),
            usages: extensions.usages(),
            is_ca: certificate.is_ca(),
            path_length: certificate.basic_constraints().path_length(),
            subject_key_id: colons(certificate.subject_key_id().unwrap_or_default()),
            authority_key_id: colons(certificate.authority_key_id().unwrap_or_default()),
            other_extensions: extensions.others().map(|e| oid::dotted(&e.oid)).collect(),
            sha256: sha256(certificate.der()),
        }
    }

    /// Whole days until it ends; once it has, the whole days since then, negative.
    pub fn days_left(&self, now: OffsetDateTime) -> i64 {
        (self.not_after - now).whole_days()
    }
}

impl CsrInfo {
    /// Of a CSR.
    pub fn of(csr: &Csr) -> Self {
        let request = csr.request();
        CsrInfo {
            subject: NameInfo::of(&request.subject),
            key: request.public_key.kind().to_string(),
            signature_algorithm: csr.algorithm(),
            sans: request.sans.iter().map(San::to_string).collect(),
            is_ca: request.ca.is_ca(),
            other_extensions: request.extensions.iter().map(|e| oid::dotted(&e.oid)).collect(),
        }
    }
}

impl NameInfo {
    fn of(name: &Name) -> Self {
        NameInfo {
            text: name.to_string(),
            common_name: name.values(oid::COMMON_NAME).pop().unwrap_or_default(),
            organizations: name.values(oid::ORGANIZATION),
        }
    }
}

/// Whether a name in [`CertificateInfo::usages`] is a key usage, and not an extended one.
pub fn is_key_usage(name: &str) -> bool {
    usage::KEY_USAGE_NAMES.contains(&name)
}

/// By what is written, without loading the key: whether its point is on its curve is another matter.
fn key_text(spki: &[u8]) -> String {
    let Ok((_, spki)) = SubjectPublicKeyInfo::from_der(spki) else { return "?".to_owned() };
    if oid::of(&spki.algorithm.algorithm).as_deref() == Some(oid::ED25519) {
        return KeyKind::Ed25519.to_string();
    }
    let curve = spki.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    let curve = curve.and_then(|curve| KeyKind::from_curve(&oid::of(&curve)?));
    match (spki.parsed(), curve) {
        (Ok(AnyKey::RSA(key)), _) => format!("rsa-{}", modulus_bits(key.modulus)),
        (Ok(AnyKey::EC(_)), Some(kind)) => kind.to_string(),
        (Ok(AnyKey::EC(point)), None) => format!("ec-{}", point.key_size()),
        (Ok(AnyKey::DSA(_)), _) => "dsa".to_owned(),
        _ => oid::of(&spki.algorithm.algorithm).map_or_else(|| "?".to_owned(), |arcs| oid::name(&arcs)),
    }
}

fn modulus_bits(modulus: &[u8]) -> usize {
    let zeros = modulus.iter().take_while(|&&b| b == 0).count();
    let first = modulus.get(zeros).map_or(0, |first| first.leading_zeros() as usize);
    (modulus.len() - zeros) * 8 - first
}
