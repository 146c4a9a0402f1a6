//! Every extension by its name, with what is in it. What is not known is shown as OID and hex.

use super::field::{Field, colons};
use super::general_name::{constraint, text as general_name, texts};
use super::values::{
    BIT_STRING, BOOLEAN, INTEGER, OCTET_STRING, SEQUENCE, arcs, decimal, is_string, moment, named_bits, number, object,
    object_and_name, sequence, shown, text,
};
use super::{points, policies, sct};
use crate::pki::encoding::oid;
use crate::pki::encoding::tlv::{self, Tlv};
use crate::pki::x509::extension::Extension;
use crate::pki::x509::usage::{KEY_USAGE_NAMES, purpose_name};

type Reader = fn(&[u8]) -> Option<Field>;

/// The extensions that are known: identifier, name, and what reads the value. The name goes over the reader's label.
const KNOWN: &[(&[u64], &str, Reader)] = &[
    (oid::SUBJECT_KEY_ID, "subject key identifier", |der| Some(said(colons(tlv::only(der, OCTET_STRING)?)))),
    (oid::AUTHORITY_KEY_ID, "authority key identifier", authority_key_id),
    (oid::KEY_USAGE, "key usage", |der| Some(said(named_bits(tlv::only(der, BIT_STRING)?, &KEY_USAGE_NAMES)))),
    (oid::EXTENDED_KEY_USAGE, "extended key usage", extended_key_usage),
    (oid::BASIC_CONSTRAINTS, "basic constraints", basic_constraints),
    (oid::SUBJECT_ALT_NAME, "subject alternative names", general_names),
    (&[2, 5, 29, 18], "issuer alternative names", general_names),
    (&[2, 5, 29, 29], "certificate issuer", general_names),
    (oid::NAME_CONSTRAINTS, "name constraints", name_constraints),
    (oid::CERTIFICATE_POLICIES, "certificate policies", policies::policies),
    (&[2, 5, 29, 33], "policy mappings", policies::mappings),
    (&[2, 5, 29, 36], "policy constraints", policies::constraints),
    (&[2, 5, 29, 54], "inhibit any policy", whole_number),
    (oid::CRL_DISTRIBUTION_POINTS, "CRL distribution points", points::distribution_points),
    (&[2, 5, 29, 46], "freshest CRL", points::distribution_points),
    (&[2, 5, 29, 28], "issuing distribution point", points::issuing),
    (oid::AUTHORITY_INFO_ACCESS, "authority information access", access),
    (&[1, 3, 6, 1, 5, 5, 7, 1, 11], "subject information access", access),
    (&[1, 3, 6, 1, 5, 5, 7, 1, 24], "TLS feature", tls_feature),
    (&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2], "certificate transparency timestamps", sct::timestamps),
    (&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 5], "certificate transparency timestamps", sct::timestamps),
    (oid::CRL_NUMBER, "CRL number", whole_number),
    (oid::DELTA_CRL, "delta CRL indicator", whole_number),
    (oid::CRL_REASON, "reason", |der| {
        let (value, _) = tlv::first(der)?;
        Some(said(points::reason(*value.content.first()?)))
    }),
    (&[2, 5, 29, 24], "invalid since", single),
    (&[2, 5, 29, 23], "hold instruction", single),
    (&[2, 5, 29, 16], "private key usage period", usage_period),
    (&[2, 16, 840, 1, 113730, 1, 1], "Netscape certificate type", netscape_type),
];

/// All of a list, in its order.
pub(super) fn fields(all: &[Extension]) -> Vec<Field> {
    all.iter().map(field).collect()
}

/// All of a DER list of extensions, as CSRs and CRLs have it.
pub(super) fn of_list(content: &[u8]) -> Vec<Field> {
    tlv::all(content).unwrap_or_default().into_iter().map(|entry| field(&read(entry))).collect()
}

/// One of a DER list; what is broken has an empty type.
fn read(entry: Tlv<'_>) -> Extension {
    let parts = tlv::all(entry.content).unwrap_or_default();
    let critical = parts.iter().any(|part| part.tag == BOOLEAN && part.content != [0]);
    let value = parts.iter().find(|part| part.tag == OCTET_STRING);
    Extension {
        oid: parts.first().copied().and_then(arcs).unwrap_or_default(),
        critical,
        value: value.map_or_else(|| entry.raw.to_vec(), |value| value.content.to_vec()),
    }
}

fn field(extension: &Extension) -> Field {
    let Extension { oid: arcs, critical, value } = extension;
    let known = KNOWN.iter().find(|(known, ..)| known == arcs);
    let read = known.and_then(|(.., reader)| reader(value));
    let name = match known {
        Some((_, name, _)) => (*name).to_owned(),
        None => match (oid::name(arcs), oid::dotted(arcs)) {
            (name, dotted) if name == dotted => dotted,
            (name, dotted) => format!("{name} ({dotted})"),
        },
    };
    let label = if *critical { format!("{name}, critical") } else { name };
    match read {
        Some(read) => Field { label, ..read },
        None => Field { label, ..unknown(value, oid::name(arcs) == oid::dotted(arcs)) },
    }
}

/// A single value as text where it is one. `nameless` ones are shown as hex, too: who knows what it is.
fn unknown(value: &[u8], nameless: bool) -> Field {
    let hex = nameless.then(|| Field::new("hex", colons(value)));
    match tlv::first(value) {
        Some((single, [])) if single.tag & 0x20 == 0 && (is_string(single.tag) || single.tag == INTEGER) => {
            said(shown(single)).with(hex.into_iter().collect())
        }
        Some((Tlv { tag: super::values::NULL, .. }, [])) => said("null"),
        _ => said(colons(value)),
    }
}

/// A value, whose label is given later.
pub(super) fn said(value: impl Into<String>) -> Field {
    Field::item(value)
}

/// A list, whose label is given later.
pub(super) fn list(inner: Vec<Field>) -> Field {
    Field::group("", inner)
}

fn single(der: &[u8]) -> Option<Field> {
    match tlv::first(der)? {
        (value, []) => Some(said(shown(value))),
        _ => None,
    }
}

fn whole_number(der: &[u8]) -> Option<Field> {
    Some(said(number(tlv::only(der, INTEGER)?)))
}

fn general_names(der: &[u8]) -> Option<Field> {
    Some(list(texts(tlv::only(der, SEQUENCE)?)?.into_iter().map(Field::item).collect()))
}

fn authority_key_id(der: &[u8]) -> Option<Field> {
    let mut fields = Vec::new();
    for part in sequence(der)? {
        match part.tag {
            0x80 => fields.push(Field::new("key identifier", colons(part.content))),
            0xa1 => fields.extend(texts(part.content)?.into_iter().map(|name| Field::new("issuer", name))),
            0x82 => fields.push(Field::new("serial", number(part.content))),
            _ => return None,
        }
    }
    match fields.as_slice() {
        [only] if only.label == "key identifier" => Some(said(only.value.clone())),
        _ => Some(list(fields)),
    }
}

/// cfssl's names, and those of OpenSSL.
fn extended_key_usage(der: &[u8]) -> Option<Field> {
    let name = |purpose: Tlv<'_>| {
        let arcs = arcs(purpose)?;
        let (own, full) = (purpose_name(&arcs), object_and_name(purpose.content));
        Some(Field::item(if own == oid::dotted(&arcs) { full } else { format!("{own}: {full}") }))
    };
    Some(list(sequence(der)?.into_iter().map(name).collect::<Option<_>>()?))
}

fn basic_constraints(der: &[u8]) -> Option<Field> {
    let parts = sequence(der)?;
    let is_ca = parts.iter().any(|part| part.tag == BOOLEAN && part.content != [0]);
    let length = parts.iter().find(|part| part.tag == INTEGER).map(|part| decimal(part.content));
    let ca = if is_ca { "CA: yes" } else { "CA: no" };
    Some(said(length.map_or_else(|| ca.to_owned(), |length| format!("{ca}, path length {length}"))))
}

fn name_constraints(der: &[u8]) -> Option<Field> {
    let mut groups = Vec::new();
    for part in sequence(der)? {
        let label = match part.tag {
            0xa0 => "permitted",
            0xa1 => "excluded",
            _ => return None,
        };
        let base = |subtree: Tlv<'_>| Some(Field::item(constraint(*tlv::all(subtree.content)?.first()?)));
        groups.push(Field::group(label, tlv::all(part.content)?.into_iter().map(base).collect::<Option<_>>()?));
    }
    Some(list(groups))
}

/// OCSP, issuers' certificates and others: what, and where.
fn access(der: &[u8]) -> Option<Field> {
    let entry = |entry: Tlv<'_>| {
        let [method, location] = tlv::all(entry.content)?[..] else { return None };
        Some(Field::new(object(method.content), general_name(location)))
    };
    Some(list(sequence(der)?.into_iter().map(entry).collect::<Option<_>>()?))
}

/// RFC 7633: TLS extensions that the server must offer.
fn tls_feature(der: &[u8]) -> Option<Field> {
    let name = |feature: Tlv<'_>| match feature.content {
        [5] => "status_request (5)".to_owned(),
        [17] => "status_request_v2 (17)".to_owned(),
        other => decimal(other),
    };
    Some(said(sequence(der)?.into_iter().map(name).collect::<Vec<_>>().join(", ")))
}

fn usage_period(der: &[u8]) -> Option<Field> {
    // Both are GeneralizedTime under another tag.
    let time = |part: Tlv<'_>| {
        let raw = [&[0x18, u8::try_from(part.content.len()).ok()?], part.content].concat();
        let shown = tlv::first(&raw).map(|(value, _)| moment(value))?;
        Some(Field::new(if part.tag == 0x80 { "not before" } else { "not after" }, shown))
    };
    Some(list(sequence(der)?.into_iter().map(time).collect::<Option<_>>()?))
}

fn netscape_type(der: &[u8]) -> Option<Field> {
    const NAMES: [&str; 8] =
        ["SSL client", "SSL server", "S/MIME", "object signing", "unused", "SSL CA", "S/MIME CA", "object signing CA"];
    Some(said(named_bits(tlv::only(der, BIT_STRING)?, &NAMES)))
}

/// The text of a string value.
pub(super) fn string(value: Tlv<'_>) -> Option<String> {
    is_string(value.tag).then(|| text(value.tag, value.content))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said_of(arcs: &[u64], critical: bool, value: &[u8]) -> String {
        let field = field(&Extension { oid: arcs.to_vec(), critical, value: value.to_vec() });
        let inner: String = field.inner.iter().map(|inner| format!(" [{}={}]", inner.label, inner.value)).collect();
        format!("{}: {}{inner}", field.label, field.value)
    }

    #[test]
    fn what_is_not_known_or_broken_is_shown_as_it_stands() {
        assert_eq!(said_of(&[1, 2, 3, 4], true, &[0x30, 0]), "1.2.3.4, critical: 30:00");
        assert_eq!(said_of(&[1, 2, 3, 4], false, b"\x0c\x02hi"), "1.2.3.4: hi [hex=0C:02:68:69]");
        assert_eq!(said_of(oid::KEY_USAGE, true, &[4, 1, 7]), "key usage, critical: 04:01:07");
        assert_eq!(said_of(oid::OCSP_NO_CHECK, false, &[5, 0]), "OCSP No Check (1.3.6.1.5.5.7.48.1.5): null");
        assert_eq!(said_of(&[], false, &[1]), "?: 01");
    }

    #[test]
    fn what_is_known_is_in_words() {
        assert_eq!(
            said_of(oid::BASIC_CONSTRAINTS, true, &[0x30, 6, 1, 1, 255, 2, 1, 0]),
            "basic constraints, critical: CA: yes, path length 0"
        );
        assert_eq!(
            said_of(&[1, 3, 6, 1, 5, 5, 7, 1, 24], false, &[0x30, 6, 2, 1, 5, 2, 1, 17]),
            "TLS feature: status_request (5), status_request_v2 (17)"
        );
        assert_eq!(said_of(oid::AUTHORITY_KEY_ID, false, &[0x30, 4, 0x80, 2, 1, 2]), "authority key identifier: 01:02");
        assert_eq!(said_of(oid::CRL_NUMBER, false, &[2, 2, 16, 0]), "CRL number: 4096 (0x1000)");
    }

    proptest! {
        #[test]
        fn nothing_panics(at in 0..KNOWN.len(), bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let (oid, ..) = KNOWN[at];
            for value in [bytes.clone(), [&[0x30, bytes.len() as u8], bytes.as_slice()].concat()] {
                field(&Extension { oid: oid.to_vec(), critical: false, value });
            }
            of_list(&bytes);
        }
    }
}
