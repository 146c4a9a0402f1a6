//! Single values of DER as text: numbers, times, strings, identifiers.

use time::OffsetDateTime;
use x509_parser::asn1_rs::{FromDer, GeneralizedTime, UtcTime};

use super::field::colons;
use crate::pki::encoding::oid;
use crate::pki::encoding::tlv::{self, Tlv};
use crate::pki::x509::serial;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
const BMP: u8 = 0x1e;
const T61: u8 = 0x14;
/// Of a number in decimal, bytes.
const LONGEST: usize = 64;

/// What is in a SEQUENCE that is all there is.
pub(super) fn sequence(der: &[u8]) -> Option<Vec<Tlv<'_>>> {
    tlv::all(tlv::only(der, SEQUENCE)?)
}

/// The arcs of an identifier's value.
pub(super) fn arcs(value: Tlv<'_>) -> Option<Vec<u64>> {
    (value.tag == OBJECT).then(|| oid::arcs(value.content))?
}

/// An identifier by its name, or in dotted form.
pub(super) fn object(content: &[u8]) -> String {
    oid::arcs(content).map_or_else(|| colons(content), |arcs| oid::name(&arcs))
}

/// The same with its dotted form behind its name.
pub(super) fn object_and_name(content: &[u8]) -> String {
    let Some(arcs) = oid::arcs(content) else { return colons(content) };
    let (name, dotted) = (oid::name(&arcs), oid::dotted(&arcs));
    if name == dotted { name } else { format!("{name} ({dotted})") }
}

/// The content of an INTEGER: `42 (0x2a)`; of one that is longer than any serial number, its bytes.
pub(super) fn number(content: &[u8]) -> String {
    if content.len() > LONGEST {
        return colons(content);
    }
    let hex: String = match content {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    }
    .iter()
    .map(|byte| format!("{byte:02x}"))
    .collect();
    let negative = content.first().is_some_and(|first| first & 0x80 != 0);
    // Of a negative one the bytes as they stand: nobody writes minus signs in hexadecimal.
    let sign = if negative { "bytes " } else { "0x" };
    format!("{} ({sign}{hex})", serial::signed_decimal(content))
}

/// The same in decimal alone, for what is small.
pub(super) fn decimal(content: &[u8]) -> String {
    if content.len() > LONGEST {
        return colons(content);
    }
    serial::signed_decimal(content)
}

/// A string of whatever type; bytes that are no text become U+FFFD.
pub(super) fn text(tag: u8, content: &[u8]) -> String {
    match tag {
        BMP => {
            let units: Vec<_> = content.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        T61 => content.iter().map(|&b| char::from(b)).collect(),
        _ => String::from_utf8_lossy(content).into_owned(),
    }
}

/// Whether a tag is one of the string types.
pub(super) fn is_string(tag: u8) -> bool {
    matches!(tag, 0x0c | 0x12..=0x16 | 0x19..=0x1b | 0x1e)
}

/// UTCTime or GeneralizedTime; what is none, as it stands.
pub(super) fn moment(value: Tlv<'_>) -> String {
    let read = match value.tag {
        UTC_TIME => UtcTime::from_der(value.raw).ok().and_then(|(_, time)| time.utc_adjusted_datetime().ok()),
        GENERALIZED_TIME => GeneralizedTime::from_der(value.raw).ok().and_then(|(_, time)| time.utc_datetime().ok()),
        _ => None,
    };
    read.map_or_else(|| text(value.tag, value.content), second)
}

/// `2026-11-21 09:55:00 UTC`.
pub(crate) fn second(time: OffsetDateTime) -> String {
    let form = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    time.to_offset(time::UtcOffset::UTC).format(form).unwrap_or_else(|_| time.unix_timestamp().to_string())
}

/// Any value: what can be read as text, a number, a time or an identifier is; the rest is hex.
pub(super) fn shown(value: Tlv<'_>) -> String {
    match value.tag {
        BOOLEAN => if value.content == [0] { "no" } else { "yes" }.to_owned(),
        INTEGER | ENUMERATED => decimal(value.content),
        NULL => "null".to_owned(),
        OBJECT => object_and_name(value.content),
        UTC_TIME | GENERALIZED_TIME => moment(value),
        tag if is_string(tag) => text(tag, value.content),
        _ => colons(value.raw),
    }
}

/// The bits of a BIT STRING that are set, the first of them 0.
pub(super) fn bits(content: &[u8]) -> Vec<usize> {
    let bytes = content.get(1..).unwrap_or_default();
    let set = |at: &usize| bytes[at / 8] >> (7 - at % 8) & 1 == 1;
    (0..bytes.len() * 8).filter(set).collect()
}

/// Names of the bits that are set; those without a name by their number.
pub(super) fn named_bits(content: &[u8], names: &[&str]) -> String {
    let name = |bit: usize| names.get(bit).map_or_else(|| format!("bit {bit}"), |name| (*name).to_owned());
    bits(content).into_iter().map(name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_in_both_forms() {
        assert_eq!(number(&[0x2a]), "42 (0x2a)");
        assert_eq!(number(&[0, 0xff]), "255 (0xff)");
        assert_eq!(number(&[0xff]), "-1 (bytes ff)");
        assert_eq!(number(&[0]), "0 (0x00)");
    }

    #[test]
    fn values_of_each_type_are_text() {
        let of = |der: &[u8]| shown(tlv::first(der).unwrap().0);
        assert_eq!(of(&[0x13, 2, b'h', b'i']), "hi");
        assert_eq!(of(&[0x1e, 4, 0x4e, 0x2d, 0, b'a']), "中a");
        assert_eq!(of(&[6, 3, 0x55, 0x1d, 0x0f]), "X509v3 Key Usage (2.5.29.15)");
        assert_eq!(of(b"\x18\x0f20500102030405Z"), "2050-01-02 03:04:05 UTC");
        assert_eq!(of(b"\x17\x0d261121095500Z"), "2026-11-21 09:55:00 UTC");
        assert_eq!(of(&[0x30, 3, 2, 1, 5]), "30:03:02:01:05");
        assert_eq!(named_bits(&[5, 0b1010_0000], &["a", "b"]), "a, bit 2");
    }
}
