//! The JSON that `cfssl certinfo -csr` prints: what Go's `x509.CertificateRequest` holds, without the key's numbers and
//! the raw attributes, which nothing reads.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::prelude::FromDer;
use x509_parser::x509::AlgorithmIdentifier;

use crate::cfssl::go;
use crate::error::{Error, Result};
use crate::pki::{self, ExtensionSet, San};

/// Go shows a list that is not there as null.
type List<T> = Option<Vec<T>>;

/// Names and order of the fields are Go's.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    raw: String,
    #[serde(rename = "RawTBSCertificateRequest")]
    raw_tbs: String,
    raw_subject_public_key_info: String,
    raw_subject: String,
    version: u32,
    signature: String,
    signature_algorithm: u8,
    public_key_algorithm: u8,
    subject: Subject,
    extensions: List<Extension>,
    extra_extensions: Option<()>,
    #[serde(rename = "DNSNames")]
    dns_names: List<String>,
    email_addresses: List<String>,
    #[serde(rename = "IPAddresses")]
    ip_addresses: List<String>,
    #[serde(rename = "URIs")]
    uris: List<Url>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Subject {
    country: List<String>,
    organization: List<String>,
    organizational_unit: List<String>,
    locality: List<String>,
    province: List<String>,
    street_address: List<String>,
    postal_code: List<String>,
    serial_number: String,
    common_name: String,
    names: List<Attribute>,
    extra_names: Option<()>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    r#type: Vec<u64>,
    value: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Extension {
    id: Vec<u64>,
    critical: bool,
    value: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Url {
    scheme: String,
    opaque: String,
    user: Option<()>,
    host: String,
    path: String,
    fragment: String,
    raw_query: String,
    raw_path: String,
    raw_fragment: String,
    force_query: bool,
    omit_host: bool,
}

/// Indented JSON with a final newline.
/// Of any CSR that can be parsed: whether it is signed, and by what, is not asked.
pub fn json(der: &[u8]) -> Result<String> {
    let unread = || Error::pki("the CSR cannot be parsed");
    let (rest, parsed) = X509CertificationRequest::from_der(der).map_err(|_| unread())?;
    if !rest.is_empty() {
        return Err(unread());
    }
    let text = serde_json::to_string_pretty(&info(der, &parsed)?);
    let text = text.map_err(|e| Error::internal(format!("write JSON: {e}")))?;
    Ok(go::json::escaped(&text) + "\n")
}

fn info(der: &[u8], parsed: &X509CertificationRequest<'_>) -> Result<Info> {
    let info = &parsed.certification_request_info;
    let (mut extensions, mut sans) = (Vec::new(), Vec::new());
    for attribute in info.attributes() {
        let ParsedCriAttribute::ExtensionRequest(list) = attribute.parsed_attribute() else { continue };
        let set = ExtensionSet::read(&list.extensions);
        sans.extend(set.sans);
        extensions.extend(set.all.into_iter().map(|extension| Extension {
            id: extension.oid,
            critical: extension.critical,
            value: STANDARD.encode(extension.value),
        }));
    }
    let mut lists: [Vec<String>; 3] = Default::default();
    let mut uris = Vec::new();
    for san in &sans {
        match san {
            San::Dns(name) => lists[0].push(name.clone()),
            San::Email(address) => lists[1].push(address.clone()),
            San::Ip(ip) => lists[2].push(ip.to_canonical().to_string()),
            San::Uri(uri) => uris.push(url(uri)),
        }
    }
    let [dns_names, email_addresses, ip_addresses] = lists.map(or_none);
    Ok(Info {
        raw: STANDARD.encode(der),
        raw_tbs: STANDARD.encode(info.raw),
        raw_subject_public_key_info: STANDARD.encode(info.subject_pki.raw),
        raw_subject: STANDARD.encode(info.subject.as_raw()),
        version: info.version.0,
        signature: STANDARD.encode(&parsed.signature_value.data),
        signature_algorithm: signature_number(&parsed.signature_algorithm),
        public_key_algorithm: key_number(&info.subject_pki.algorithm)?,
        subject: subject(&pki::Name::from_raw(info.subject.as_raw())),
        extensions: or_none(extensions),
        extra_extensions: None,
        dns_names,
        email_addresses,
        ip_addresses,
        uris: or_none(uris),
    })
}

/// Go's number of a key's algorithm. Curves that Go does not know it refuses.
fn key_number(algorithm: &AlgorithmIdentifier<'_>) -> Result<u8> {
    let curve = || Some(algorithm.parameters.as_ref()?.as_oid().ok()?.to_id_string());
    Ok(match algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.1" => 1,
        "1.2.840.10040.4.1" => 2,
        "1.2.840.10045.2.1" => match curve().as_deref() {
            Some("1.2.840.10045.3.1.7" | "1.3.132.0.33" | "1.3.132.0.34" | "1.3.132.0.35") => 3,
            _ => return Err(Error::pki("x509: unsupported elliptic curve")),
        },
        "1.3.101.112" => 4,
        _ => 0,
    })
}

/// Go's number of a signature algorithm.
fn signature_number(algorithm: &AlgorithmIdentifier<'_>) -> u8 {
    match algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.4" => 2,
        "1.3.14.3.2.29" => 3,
        "1.2.840.10040.4.3" => 7,
        "2.16.840.1.101.3.4.3.2" => 8,
        "1.2.840.10045.4.1" => 9,
        "1.2.840.113549.1.1.10" => pss_number(algorithm),
        "1.2.840.113549.1.1.5" => 3,
        "1.2.840.113549.1.1.11" => 4,
        "1.2.840.113549.1.1.12" => 5,
        "1.2.840.113549.1.1.13" => 6,
        "1.2.840.10045.4.3.2" => 10,
        "1.2.840.10045.4.3.3" => 11,
        "1.2.840.10045.4.3.4" => 12,
        "1.3.101.112" => 16,
        _ => 0,
    }
}

/// The hash of RSASSA-PSS is in the parameters; Go knows those with a salt as long as the hash.
fn pss_number(algorithm: &AlgorithmIdentifier<'_>) -> u8 {
    let Some(parameters) = algorithm.parameters.as_ref() else { return 0 };
    let Ok(pss) = x509_parser::signature_algorithm::RsaSsaPssParams::try_from(parameters) else { return 0 };
    match (pss.hash_algorithm_oid().to_id_string().as_str(), pss.salt_length()) {
        ("2.16.840.1.101.3.4.2.1", 32) => 13,
        ("2.16.840.1.101.3.4.2.2", 48) => 14,
        ("2.16.840.1.101.3.4.2.3", 64) => 15,
        _ => 0,
    }
}

fn subject(name: &pki::Name) -> Subject {
    let values = |kind| name.values(&[2, 5, 4, kind]);
    let last = |kind| values(kind).pop().unwrap_or_default();
    let names = name.attributes().into_iter().map(|a| Attribute { r#type: a.oid, value: a.value });
    Subject {
        country: or_none(values(6)),
        organization: or_none(values(10)),
        organizational_unit: or_none(values(11)),
        locality: or_none(values(7)),
        province: or_none(values(8)),
        street_address: or_none(values(9)),
        postal_code: or_none(values(17)),
        serial_number: last(5),
        common_name: last(3),
        names: or_none(names.collect()),
        extra_names: None,
    }
}

fn or_none<T>(list: Vec<T>) -> List<T> {
    Some(list).filter(|list| !list.is_empty())
}

/// The parts that Go's `net/url` finds.
fn url(uri: &str) -> Url {
    let (rest, fragment) = uri.split_once('#').unwrap_or((uri, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (scheme, rest) = rest.split_once(':').unwrap_or(("", rest));
    let (host, path, opaque) = match rest.strip_prefix("//") {
        Some(rest) => {
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            (host, path, "")
        }
        None if rest.starts_with('/') => ("", rest, ""),
        None => ("", "", rest),
    };
    Url {
        scheme: scheme.to_owned(),
        opaque: opaque.to_owned(),
        user: None,
        host: host.to_owned(),
        path: path.to_owned(),
        fragment: fragment.to_owned(),
        raw_query: query.to_owned(),
        raw_path: String::new(),
        raw_fragment: String::new(),
        force_query: false,
        omit_host: false,
    }
}
