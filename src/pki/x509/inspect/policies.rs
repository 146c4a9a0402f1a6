//! Certificate policies with their qualifiers, mappings and constraints (RFC 5280 §4.2.1.4, .5, .11).

use super::extensions::{list, said, string};
use super::field::{Field, colons};
use super::values::{SEQUENCE, arcs, decimal, object, object_and_name, sequence};
use crate::pki::encoding::oid;
use crate::pki::encoding::tlv::{self, Tlv};

pub(super) fn policies(der: &[u8]) -> Option<Field> {
    let mut fields = Vec::new();
    for policy in sequence(der)? {
        let parts = tlv::all(policy.content)?;
        let qualifiers = match parts.get(1) {
            Some(qualifiers) => tlv::all(qualifiers.content)?.into_iter().map(qualifier).collect::<Option<_>>()?,
            None => Vec::new(),
        };
        fields.push(Field::item(object_and_name(parts.first()?.content)).with(qualifiers));
    }
    Some(list(fields))
}

fn qualifier(qualifier: Tlv<'_>) -> Option<Field> {
    let [kind, value] = tlv::all(qualifier.content)?[..] else { return None };
    match arcs(kind)?.as_slice() {
        oid::POLICY_CPS => Some(Field::new("practice statement", string(value)?)),
        oid::POLICY_NOTICE => notice(value),
        _ => Some(Field::new(object(kind.content), colons(value.raw))),
    }
}

/// UserNotice: who says it, by which numbers of theirs, and a text.
fn notice(value: Tlv<'_>) -> Option<Field> {
    let mut fields = Vec::new();
    for part in tlv::all(value.content)? {
        if part.tag != SEQUENCE {
            fields.push(Field::new("text", string(part)?));
            continue;
        }
        let [organization, numbers] = tlv::all(part.content)?[..] else { return None };
        let numbers: Vec<_> = tlv::all(numbers.content)?.iter().map(|number| decimal(number.content)).collect();
        fields.push(Field::new("organization", string(organization)?));
        fields.push(Field::new("numbers", numbers.join(", ")));
    }
    Some(Field::group("notice", fields))
}

pub(super) fn mappings(der: &[u8]) -> Option<Field> {
    let mapping = |mapping: Tlv<'_>| {
        let [issuers, subjects] = tlv::all(mapping.content)?[..] else { return None };
        Some(Field::item(format!("{} counts as {}", object(issuers.content), object(subjects.content))))
    };
    Some(list(sequence(der)?.into_iter().map(mapping).collect::<Option<_>>()?))
}

pub(super) fn constraints(der: &[u8]) -> Option<Field> {
    let constraint = |part: Tlv<'_>| match part.tag {
        0x80 => Some(format!("require explicit policy {}", decimal(part.content))),
        0x81 => Some(format!("inhibit policy mapping {}", decimal(part.content))),
        _ => None,
    };
    Some(said(sequence(der)?.into_iter().map(constraint).collect::<Option<Vec<_>>>()?.join(", ")))
}
