//! CRL distribution points, and what a CRL says of its own (RFC 5280 §4.2.1.13, §5.2.5).

use super::extensions::list;
use super::field::{Field, colons};
use super::general_name::texts;
use super::values::{named_bits, sequence};
use crate::pki::encoding::tlv::{self, Tlv};
use crate::pki::names::name::Name;

/// ReasonFlags, by their bits.
const REASONS: [&str; 9] = [
    "unused",
    "key compromise",
    "CA compromise",
    "affiliation changed",
    "superseded",
    "cessation of operation",
    "certificate hold",
    "privilege withdrawn",
    "AA compromise",
];

/// CRLReason, by its code.
pub(super) fn reason(code: u8) -> String {
    let name = match code {
        0 => "unspecified",
        // The flags leave 7 out, which is no code, and have no removeFromCRL.
        1..=6 => REASONS[usize::from(code)],
        8 => "remove from CRL",
        9 => REASONS[7],
        10 => REASONS[8],
        _ => return format!("code {code}"),
    };
    format!("{name} ({code})")
}

/// A list of points; each has the places where its CRL is.
pub(super) fn distribution_points(der: &[u8]) -> Option<Field> {
    let mut fields = Vec::new();
    for point in sequence(der)? {
        let mut parts = Vec::new();
        for part in tlv::all(point.content)? {
            match part.tag {
                0xa0 => parts.extend(name(part)?),
                0x81 => parts.push(Field::new("reasons", named_bits(part.content, &REASONS))),
                0xa2 => parts.extend(texts(part.content)?.into_iter().map(|name| Field::new("CRL issuer", name))),
                _ => return None,
            }
        }
        fields.push(match <[Field; 1]>::try_from(parts) {
            Ok([single]) => single,
            Err(parts) => Field::item("").with(parts),
        });
    }
    let lone = |field: &Field| field.label.is_empty() && field.value.is_empty();
    // A point of several parts gets a heading of its own.
    let numbered = fields.into_iter().enumerate().map(|(i, field)| match lone(&field) {
        true => Field { label: format!("point {}", i + 1), ..field },
        false => field,
    });
    Some(list(numbered.collect()))
}

/// DistributionPointName: full names, or one that is relative to the issuer.
fn name(part: Tlv<'_>) -> Option<Vec<Field>> {
    let (name, _) = tlv::first(part.content)?;
    match name.tag {
        0xa0 => Some(texts(name.content)?.into_iter().map(Field::item).collect()),
        0xa1 => {
            // One RDN: as a name of its own it is shown as all names are.
            let set = [&[0x31], &length(name.content.len())[..], name.content].concat();
            let whole = [&[0x30], &length(set.len())[..], &set].concat();
            Some(vec![Field::new("relative to the issuer", Name::from_raw(&whole).to_string())])
        }
        _ => Some(vec![Field::item(colons(name.raw))]),
    }
}

/// A length in DER.
fn length(n: usize) -> Vec<u8> {
    match n {
        0..=0x7f => vec![n as u8],
        _ => {
            let bytes: Vec<u8> = n.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            [&[0x80 | bytes.len() as u8], &*bytes].concat()
        }
    }
}

/// IssuingDistributionPoint.
pub(super) fn issuing(der: &[u8]) -> Option<Field> {
    let mut fields = Vec::new();
    for part in sequence(der)? {
        let only = match part.tag {
            0xa0 => {
                fields.extend(name(part)?);
                continue;
            }
            0x83 => {
                fields.push(Field::new("only some reasons", named_bits(part.content, &REASONS)));
                continue;
            }
            0x81 => "only user certificates",
            0x82 => "only CA certificates",
            0x84 => "indirect CRL",
            0x85 => "only attribute certificates",
            _ => return None,
        };
        if part.content != [0] {
            fields.push(Field::item(only));
        }
    }
    Some(list(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_those_of_the_standard() {
        let codes: Vec<_> = [0, 1, 6, 7, 8, 9, 10].into_iter().map(reason).collect();
        assert_eq!(
            codes.join(", "),
            "unspecified (0), key compromise (1), certificate hold (6), code 7, remove from CRL (8), privilege withdrawn (9), AA compromise (10)"
        );
    }

    #[test]
    fn lengths_are_those_of_der() {
        assert_eq!(length(5), [5]);
        assert_eq!(length(200), [0x81, 200]);
        assert_eq!(length(300), [0x82, 1, 44]);
    }
}
