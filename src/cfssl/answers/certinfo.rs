//! The JSON that `cfssl certinfo -cert` prints.

use serde::Serialize;
use time::format_description::well_known::Rfc3339;

use crate::error::{Error, Result};
use crate::pki::{self, Certificate, CertificateInfo, San};

/// Field names, order and omissions are cfssl's.
#[derive(Debug, Serialize)]
struct Info {
    subject: Name,
    issuer: Name,
    serial_number: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sans: Vec<String>,
    not_before: String,
    not_after: String,
    sigalg: String,
    authority_key_id: String,
    subject_key_id: String,
    pem: String,
}

#[derive(Debug, Serialize)]
struct Name {
    #[serde(skip_serializing_if = "String::is_empty")]
    common_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    serial_number: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    country: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    organization: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    organizational_unit: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    locality: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    province: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    street_address: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    postal_code: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
}

/// Indented JSON with a final newline; `& < >` escaped as Go does.
pub fn json(certificate: &Certificate) -> Result<String> {
    let value = info(certificate)?;
    let text = serde_json::to_string_pretty(&value).map_err(|e| Error::internal(format!("write JSON: {e}")))?;
    Ok(text.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e") + "\n")
}

fn info(certificate: &Certificate) -> Result<Info> {
    let info = CertificateInfo::of(certificate);
    let time = |t: time::OffsetDateTime| t.format(&Rfc3339).map_err(|e| Error::internal(format!("write a time: {e}")));
    Ok(Info {
        subject: name(certificate.subject()),
        issuer: name(certificate.issuer()),
        serial_number: info.serial_number,
        sans: dns_then_ip(certificate.sans()),
        not_before: time(info.not_before)?,
        not_after: time(info.not_after)?,
        sigalg: signature_name(certificate),
        authority_key_id: info.authority_key_id,
        subject_key_id: info.subject_key_id,
        pem: certificate.to_pem(),
    })
}

/// cfssl has no identifiers for what it does not know.
pub fn signature_name(certificate: &Certificate) -> String {
    certificate.go_algorithm().unwrap_or("Unknown Signature").to_owned()
}

/// cfssl shows no others, and Go an IPv4 address in IPv6 form as IPv4.
fn dns_then_ip(sans: &[San]) -> Vec<String> {
    let dns = sans.iter().filter_map(|san| if let San::Dns(name) = san { Some(name.clone()) } else { None });
    let ips =
        sans.iter().filter_map(|san| if let San::Ip(ip) = san { Some(ip.to_canonical().to_string()) } else { None });
    dns.chain(ips).collect()
}

fn name(name: &pki::Name) -> Name {
    let values = |kind| name.values(&[2, 5, 4, kind]);
    let last = |kind| values(kind).pop().unwrap_or_default();
    let joined = |kind| values(kind).join(",");
    Name {
        common_name: last(3),
        serial_number: last(5),
        country: joined(6),
        organization: joined(10),
        organizational_unit: joined(11),
        locality: joined(7),
        province: joined(8),
        street_address: joined(9),
        postal_code: joined(17),
        names: name.attributes().into_iter().map(|attribute| attribute.value).collect(),
    }
}
