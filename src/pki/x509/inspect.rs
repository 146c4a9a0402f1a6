//! What is in a certificate or CSR, as a value to show.

use super::signature::{algorithm_name, signature_name};
use serde::Serialize;
use time::OffsetDateTime;
use x509_parser::extensions::{ExtendedKeyUsage, GeneralName, KeyUsage, ParsedExtension, X509Extension};
use x509_parser::public_key::PublicKey as AnyKey;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

use super::certificate::Certificate;
use super::csr::Csr;
use super::serial;
use super::usage;
use crate::digest::sha256;
use crate::error::Result;
use crate::pki::encoding::oid;
use crate::pki::key::kind::KeyKind;
use crate::pki::names::name;
use crate::pki::names::san::San;

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

/// What the extensions say.
#[derive(Default)]
struct Extensions {
    sans: Vec<String>,
    usages: Vec<String>,
    is_ca: bool,
    path_length: Option<u32>,
    subject_key_id: String,
    authority_key_id: String,
    others: Vec<String>,
}

impl CertificateInfo {
    /// Of a certificate, whatever its algorithms.
    pub fn of(certificate: &Certificate) -> Result<Self> {
        let parsed = certificate.parsed()?;
        let time = |t: x509_parser::time::ASN1Time| t.to_datetime();
        let extensions = Extensions::of(parsed.extensions());
        Ok(CertificateInfo {
            subject: NameInfo::of(parsed.subject()),
            issuer: NameInfo::of(parsed.issuer()),
            self_issued: parsed.subject().as_raw() == parsed.issuer().as_raw(),
            serial_number: serial::signed_decimal(parsed.raw_serial()),
            not_before: time(parsed.validity().not_before),
            not_after: time(parsed.validity().not_after),
            key: key_text(parsed.public_key()),
            signature_algorithm: signature_name(&parsed),
            sans: extensions.sans,
            usages: extensions.usages,
            is_ca: extensions.is_ca,
            path_length: extensions.path_length,
            subject_key_id: extensions.subject_key_id,
            authority_key_id: extensions.authority_key_id,
            other_extensions: extensions.others,
            sha256: sha256(certificate.der()),
        })
    }

    /// Whole days until it ends; negative once it has.
    pub fn days_left(&self, now: OffsetDateTime) -> i64 {
        (self.not_after - now).whole_seconds().div_euclid(86_400)
    }
}

impl CsrInfo {
    /// Of a CSR.
    pub fn of(csr: &Csr) -> Result<Self> {
        let parsed = csr.parsed()?;
        let request = csr.request();
        Ok(CsrInfo {
            subject: NameInfo::of(&parsed.certification_request_info.subject),
            key: request.public_key.kind().to_string(),
            signature_algorithm: algorithm_name(&parsed.signature_algorithm.algorithm),
            sans: request.sans.iter().map(San::to_string).collect(),
            is_ca: request.ca.is_some(),
            other_extensions: request.extensions.iter().map(|e| oid::dotted(&e.oid)).collect(),
        })
    }
}

impl NameInfo {
    fn of(x509_name: &X509Name<'_>) -> Self {
        NameInfo {
            text: name::display(x509_name),
            common_name: x509_name.iter_common_name().last().map(name::attribute_text).unwrap_or_default(),
            organizations: x509_name.iter_organization().map(name::attribute_text).collect(),
        }
    }
}

impl Extensions {
    fn of(extensions: &[X509Extension<'_>]) -> Self {
        let mut info = Extensions::default();
        for extension in extensions {
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(names) => {
                    info.sans.extend(names.general_names.iter().map(general_name));
                }
                ParsedExtension::KeyUsage(key_usage) => info.usages.extend(key_usages(key_usage)),
                ParsedExtension::ExtendedKeyUsage(extended) => info.usages.extend(extended_usages(extended)),
                ParsedExtension::BasicConstraints(constraints) => {
                    info.is_ca = constraints.ca;
                    info.path_length = constraints.path_len_constraint;
                }
                ParsedExtension::SubjectKeyIdentifier(id) => info.subject_key_id = colons(id.0),
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    info.authority_key_id = id.key_identifier.as_ref().map(|id| colons(id.0)).unwrap_or_default();
                }
                _ => info.others.push(extension.oid.to_id_string()),
            }
        }
        info
    }
}

impl CertificateInfo {
    /// Its key usage, where it has one, allows it to sign certificates (RFC 5280 §4.2.1.3).
    pub fn may_sign_certificates(&self) -> bool {
        let limited = self.usages.iter().any(|usage| is_key_usage(usage));
        !limited || self.usages.iter().any(|usage| usage == "cert sign")
    }
}

/// Whether a name in [`CertificateInfo::usages`] is a key usage, and not an extended one.
pub fn is_key_usage(name: &str) -> bool {
    usage::KEY_USAGE_NAMES.contains(&name)
}

fn general_name(name: &GeneralName<'_>) -> String {
    San::of(name).map_or_else(|| name.to_string(), |san| san.to_string())
}

fn key_usages(usage: &KeyUsage) -> impl Iterator<Item = String> {
    let flags = usage.flags;
    let names = usage::KEY_USAGE_NAMES.iter().enumerate();
    names.filter(move |(bit, _)| flags >> bit & 1 == 1).map(|(_, name)| (*name).to_owned())
}

fn extended_usages(usage: &ExtendedKeyUsage<'_>) -> Vec<String> {
    let known = [
        (usage.any, "any"),
        (usage.server_auth, "server auth"),
        (usage.client_auth, "client auth"),
        (usage.code_signing, "code signing"),
        (usage.email_protection, "email protection"),
        (usage.time_stamping, "timestamping"),
        (usage.ocsp_signing, "ocsp signing"),
    ];
    let mut names: Vec<_> = known.iter().filter(|(set, _)| *set).map(|(_, name)| (*name).to_owned()).collect();
    names.extend(usage.other.iter().map(|purpose| usage::purpose_name(&oid::of(purpose).unwrap_or_default())));
    names
}

/// By what is written, without loading the key: whether its point is on its curve is another matter.
fn key_text(spki: &SubjectPublicKeyInfo<'_>) -> String {
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
        _ => spki.algorithm.algorithm.to_id_string(),
    }
}

fn modulus_bits(modulus: &[u8]) -> usize {
    let zeros = modulus.iter().take_while(|&&b| b == 0).count();
    let first = modulus.get(zeros).map_or(0, |first| first.leading_zeros() as usize);
    (modulus.len() - zeros) * 8 - first
}

fn colons(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(":")
}
