//! Signed certificate timestamps (RFC 6962 §3.3).

use time::OffsetDateTime;

use super::extensions::list;
use super::field::{Field, colons};
use super::values::OCTET_STRING;
use crate::pki::encoding::tlv;

/// A TLS vector of vectors in an OCTET STRING.
pub(super) fn timestamps(der: &[u8]) -> Option<Field> {
    let (all, rest) = vector(tlv::only(der, OCTET_STRING)?)?;
    if !rest.is_empty() {
        return None;
    }
    let (mut rest, mut fields) = (all, Vec::new());
    while !rest.is_empty() {
        let (entry, after) = vector(rest)?;
        fields.push(timestamp(entry, fields.len() + 1)?);
        rest = after;
    }
    Some(list(fields))
}

fn timestamp(entry: &[u8], number: usize) -> Option<Field> {
    let label = format!("timestamp {number}");
    let (&version, rest) = entry.split_first()?;
    if version != 0 {
        return Some(Field::new(label, format!("of version {}: {}", u16::from(version) + 1, colons(entry))));
    }
    let (log, rest) = rest.split_at_checked(32)?;
    let (time, rest) = rest.split_at_checked(8)?;
    let (extensions, rest) = vector(rest)?;
    let ([hash, signature], rest) = (<[u8; 2]>::try_from(rest.get(..2)?).ok()?, rest.get(2..)?);
    let (signed, []) = vector(rest)? else { return None };
    let mut fields =
        vec![Field::new("version", "1"), Field::new("log", colons(log)), Field::new("time", moment(time)?)];
    if !extensions.is_empty() {
        fields.push(Field::new("extensions", colons(extensions)));
    }
    fields.push(Field::new("signed with", algorithm(hash, signature)));
    fields.push(Field::new("signature", colons(signed)));
    Some(Field::group(label, fields))
}

/// Milliseconds since 1970.
fn moment(bytes: &[u8]) -> Option<String> {
    let milliseconds = u64::from_be_bytes(bytes.try_into().ok()?);
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000).ok()?;
    let form =
        time::macros::format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3] UTC");
    time.format(form).ok()
}

/// SignatureAndHashAlgorithm of TLS 1.2, as OpenSSL names it.
fn algorithm(hash: u8, signature: u8) -> String {
    match (hash, signature) {
        (4, 3) => "ecdsa-with-SHA256".to_owned(),
        (4, 1) => "sha256WithRSAEncryption".to_owned(),
        _ => format!("hash {hash}, signature {signature}"),
    }
}

/// What a length of two bytes stands before, and what follows it.
fn vector(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(2)?;
    rest.split_at_checked(usize::from(u16::from_be_bytes([length[0], length[1]])))
}
