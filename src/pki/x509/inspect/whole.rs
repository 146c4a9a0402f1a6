//! All that stands in a certificate, CSR or CRL, in names: what `openssl x509 -text`, `req -text` and `crl -text` say.

use super::field::{Field, colons};
use super::values::{
    BIT_STRING, GENERALIZED_TIME, INTEGER, SEQUENCE, UTC_TIME, arcs, moment, number, object_and_name, sequence, shown,
};
use super::{algorithm, extensions, key_text, public_key};
use crate::digest::{sha1, sha256};
use crate::error::{Error, Result};
use crate::pki::encoding::oid;
use crate::pki::encoding::tlv::{self, Tlv};
use crate::pki::names::name::Name;
use crate::pki::x509::certificate::Certificate;

/// Of a certificate.
pub fn certificate(certificate: &Certificate) -> Vec<Field> {
    let der = certificate.der();
    let Some([tbs, signed_with, signature]) = signed(der) else { return fingerprints(der) };
    let mut parts = tlv::all(tbs.content).unwrap_or_default().into_iter().peekable();
    let version = parts.next_if(|part| part.tag == 0xa0).and_then(|part| tlv::only(part.content, INTEGER));
    let mut fields = vec![version_field(version)];
    fields.extend(parts.next().map(|serial| Field::new("serial", number(serial.content))));
    fields.push(algorithm::signature("signature", signed_with));
    // The same once more, as it was signed; where it is another, every verifier refuses the certificate.
    let inside = parts.next().filter(|inside| inside.raw != signed_with.raw);
    fields.extend(inside.map(|inside| algorithm::signature("signature, as signed", inside)));
    fields.extend(parts.next().map(|issuer| name("issuer", issuer)));
    if let Some([begin, end]) = parts.next().and_then(|validity| pair(validity.content)) {
        fields.push(Field::new("not before", moment(begin)));
        fields.push(Field::new("not after", moment(end)));
    }
    fields.extend(parts.next().map(|subject| name("subject", subject)));
    fields.extend(parts.next().map(key));
    for part in parts {
        match part.tag {
            0x81 | 0xa1 => fields.push(Field::new("issuer unique ID", unique_id(part))),
            0x82 | 0xa2 => fields.push(Field::new("subject unique ID", unique_id(part))),
            _ => {}
        }
    }
    if !certificate.extensions().is_empty() {
        fields.push(Field::group("extensions", extensions::fields(certificate.extensions())));
    }
    fields.push(Field::new("signature value", colons(signature.content.get(1..).unwrap_or_default())));
    fields.extend(fingerprints(der));
    fields
}

/// Of a CSR (PKCS#10), whatever its key. `what` names it in errors.
pub fn request(der: &[u8], what: &str) -> Result<Vec<Field>> {
    let broken = || Error::pki(format!("{what}: the CSR cannot be parsed"));
    let [info, signed_with, signature] = signed(der).ok_or_else(broken)?;
    let parts = tlv::all(info.content).ok_or_else(broken)?;
    let [version, subject, public, ref attributes @ ..] = parts[..] else { return Err(broken()) };
    let mut fields = vec![
        version_field(Some(version.content)),
        name("subject", subject),
        key(public),
        algorithm::signature("signature", signed_with),
    ];
    for attribute in attributes.iter().filter_map(|attributes| tlv::all(attributes.content)).flatten() {
        let [kind, values] = tlv::all(attribute.content).ok_or_else(broken)?[..] else { return Err(broken()) };
        fields.push(self::attribute(kind, values));
    }
    fields.push(Field::new("signature value", colons(signature.content.get(1..).unwrap_or_default())));
    Ok(fields)
}

/// Of a CRL.
pub fn crl(der: &[u8], what: &str) -> Result<Vec<Field>> {
    let broken = || Error::pki(format!("{what}: the CRL cannot be parsed"));
    let [list, signed_with, signature] = signed(der).ok_or_else(broken)?;
    let mut parts = tlv::all(list.content).ok_or_else(broken)?.into_iter().peekable();
    let version = parts.next_if(|part| part.tag == INTEGER);
    let mut fields = vec![version_field(version.map(|version| version.content))];
    fields.push(algorithm::signature("signature", signed_with));
    parts.next();
    fields.push(name("issuer", parts.next().ok_or_else(broken)?));
    fields.push(Field::new("this update", moment(parts.next().ok_or_else(broken)?)));
    let next = parts.next_if(|part| part.tag == UTC_TIME || part.tag == GENERALIZED_TIME);
    fields.push(Field::new("next update", next.map_or_else(|| "none".to_owned(), moment)));
    let revoked = parts.next_if(|part| part.tag == SEQUENCE).and_then(|all| tlv::all(all.content)).unwrap_or_default();
    if let Some(extensions) = parts.next_if(|part| part.tag == 0xa0).and_then(|part| tlv::only(part.content, SEQUENCE))
    {
        fields.push(Field::group("extensions", extensions::of_list(extensions)));
    }
    let entries = revoked.iter().map(|entry| revoked_entry(*entry)).collect::<Option<Vec<_>>>().ok_or_else(broken)?;
    fields.push(Field { value: entries.len().to_string(), ..Field::group("revoked", entries) });
    fields.push(Field::new("signature value", colons(signature.content.get(1..).unwrap_or_default())));
    fields.extend(fingerprints(der));
    Ok(fields)
}

fn revoked_entry(entry: Tlv<'_>) -> Option<Field> {
    let parts = tlv::all(entry.content)?;
    let [serial, since, ref rest @ ..] = parts[..] else { return None };
    let inner = rest.first().map_or_else(Vec::new, |list| extensions::of_list(list.content));
    let field = Field::new("serial", format!("{}, since {}", number(serial.content), moment(since)));
    Some(field.with(inner))
}

/// An attribute of a CSR: the extensions that it asks for, or values.
fn attribute(kind: Tlv<'_>, values: Tlv<'_>) -> Field {
    let all = tlv::all(values.content).unwrap_or_default();
    let arcs = arcs(kind).unwrap_or_default();
    let asks = arcs == oid::EXTENSION_REQUEST || arcs == MICROSOFT_EXTENSION_REQUEST;
    match all.first().filter(|value| asks && value.tag == SEQUENCE) {
        Some(list) => Field::group("extensions asked for", extensions::of_list(list.content)),
        None => {
            let values: Vec<_> = all.into_iter().map(shown).collect();
            Field::new(object_and_name(kind.content), values.join(", "))
        }
    }
}

/// szOID_CERT_EXTENSIONS, which old Windows writes.
const MICROSOFT_EXTENSION_REQUEST: &[u64] = &[1, 3, 6, 1, 4, 1, 311, 2, 1, 14];

/// What is signed, the algorithm and the signature.
pub(super) fn signed(der: &[u8]) -> Option<[Tlv<'_>; 3]> {
    let all = <[Tlv<'_>; 3]>::try_from(sequence(der)?).ok()?;
    (all[1].tag == SEQUENCE && all[2].tag == BIT_STRING).then_some(all)
}

fn pair(content: &[u8]) -> Option<[Tlv<'_>; 2]> {
    tlv::all(content)?.try_into().ok()
}

/// Versions are written from 0 on, and 0 is left out.
fn version_field(written: Option<&[u8]>) -> Field {
    let shown = match written {
        None => "1".to_owned(),
        Some([small @ 0..0x7f]) => (small + 1).to_string(),
        Some(other) => colons(other),
    };
    Field::new("version", shown)
}

fn name(label: &str, name: Tlv<'_>) -> Field {
    Field::new(label, Name::from_raw(name.raw).to_string())
}

fn key(spki: Tlv<'_>) -> Field {
    Field::new("key", key_text(spki.raw)).with(public_key::fields(spki.raw))
}

/// A BIT STRING under another tag.
fn unique_id(part: Tlv<'_>) -> String {
    colons(part.content.get(1..).unwrap_or_default())
}

fn fingerprints(der: &[u8]) -> Vec<Field> {
    vec![Field::new("sha256", sha256(der)), Field::new("sha1", colons(&sha1(der)))]
}
