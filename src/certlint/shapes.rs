//! Rules about the bytes of extensions: what is in them must be what their type is made of (RFC 5280 §4.2).

use super::der::{self, Tlv};
use super::rule::Severity::{Error, Warning};
use super::rule::{Rule, certificate};
use super::view::{
    AUTHORITY_INFO_ACCESS, AUTHORITY_KEY_ID, BASIC_CONSTRAINTS, CERTIFICATE_POLICIES, CRL_DISTRIBUTION_POINTS, DNS,
    EMAIL, EXTENDED_KEY_USAGE, Extension, IP, KEY_USAGE, NAME_CONSTRAINTS, SUBJECT_ALT_NAME, SUBJECT_KEY_ID, URI, View,
};
use crate::pki::tlv;

const ISSUER_ALT_NAME: &[u64] = &[2, 5, 29, 18];

/// Types of general names beside those that [`super::view`] names.
const OTHER_NAME: u8 = 0xa0;
const X400: u8 = 0xa3;
const DIRECTORY: u8 = 0xa4;
const EDI: u8 = 0xa5;
const REGISTERED_ID: u8 = 0x88;

/// What an extension is called, and whether a value is what it is made of.
type Shape = (&'static [u64], &'static str, fn(Tlv<'_>) -> bool);

const SHAPES: [Shape; 11] = [
    (SUBJECT_KEY_ID, "subject key identifier", |value| value.tag == der::OCTET_STRING),
    (AUTHORITY_KEY_ID, "authority key identifier", |value| parts(value, &[0x80, 0xa1, 0x82]).is_some()),
    (KEY_USAGE, "key usage", is_bits),
    (BASIC_CONSTRAINTS, "basic constraints", is_constraints),
    (EXTENDED_KEY_USAGE, "extended key usage", |value| list(value, is_oid).is_some_and(|count| count > 0)),
    (SUBJECT_ALT_NAME, "subject alternative name", |value| list(value, is_name).is_some()),
    (ISSUER_ALT_NAME, "issuer alternative name", |value| list(value, is_name).is_some()),
    (NAME_CONSTRAINTS, "name constraints", is_name_constraints),
    (AUTHORITY_INFO_ACCESS, "authority information access", |value| {
        list(value, is_access).is_some_and(|count| count > 0)
    }),
    (CRL_DISTRIBUTION_POINTS, "CRL distribution points", |value| {
        list(value, |point| parts(point, &[0xa0, 0x81, 0xa2]).is_some()).is_some_and(|count| count > 0)
    }),
    (CERTIFICATE_POLICIES, "certificate policies", |value| list(value, is_policy).is_some_and(|count| count > 0)),
];

pub(super) const RULES: &[Rule] = &[
    certificate(
        "extension-malformed",
        Error,
        "the bytes of an extension are not what it is made of",
        "Go (\"invalid …\"), openssl (\"invalid or inconsistent certificate extension\")",
        "RFC 5280 §4.2.1",
        |view, _| each(view, |extension| !is_well_formed(extension), "cannot be decoded"),
    ),
    certificate(
        "extension-trailing",
        Warning,
        "bytes follow what an extension is made of",
        "strict readers; Go and openssl pass over some of them",
        "X.690 §8.1, RFC 5280 §4.2",
        |view, _| each(view, has_more, "is followed by other bytes"),
    ),
];

fn each(view: &View<'_>, wrong: impl Fn(&Extension<'_>) -> bool, what: &str) -> Vec<String> {
    let named = view.extensions.iter().filter(|extension| wrong(extension));
    named.filter_map(|extension| Some(format!("its {} {what}", shape(&extension.oid)?.1))).collect()
}

fn shape(oid: &[u64]) -> Option<&'static Shape> {
    SHAPES.iter().find(|(known, ..)| *known == oid)
}

/// Whether an extension, where its type is known, begins with what it is made of.
pub(super) fn is_well_formed(extension: &Extension<'_>) -> bool {
    let Some((.., is_right)) = shape(&extension.oid) else { return true };
    tlv::first(extension.value).is_some_and(|(value, _)| is_right(value))
}

fn has_more(extension: &Extension<'_>) -> bool {
    shape(&extension.oid).is_some() && tlv::first(extension.value).is_some_and(|(_, rest)| !rest.is_empty())
}

/// How many there are in a SEQUENCE of such values.
fn list(value: Tlv<'_>, is_right: impl Fn(Tlv<'_>) -> bool) -> Option<usize> {
    let all = der::all(value.content).filter(|_| value.tag == der::SEQUENCE)?;
    all.iter().all(|one| is_right(*one)).then_some(all.len())
}

/// The values of a SEQUENCE of optional ones, which have these tags in this order.
fn parts<'a>(value: Tlv<'a>, tags: &[u8]) -> Option<Vec<Tlv<'a>>> {
    let all = der::all(value.content).filter(|_| value.tag == der::SEQUENCE)?;
    let places: Option<Vec<usize>> = all.iter().map(|part| tags.iter().position(|tag| *tag == part.tag)).collect();
    places.is_some_and(|places| places.is_sorted_by(|a, b| a < b)).then_some(all)
}

fn is_oid(value: Tlv<'_>) -> bool {
    value.tag == der::OID && !der::arcs(value.content).is_empty()
}

/// A BIT STRING says first how many bits of its last byte do not count.
fn is_bits(value: Tlv<'_>) -> bool {
    let unused = value.content.first().copied();
    value.tag == der::BIT_STRING && unused.is_some_and(|unused| unused < 8 && (unused == 0 || value.content.len() > 1))
}

fn is_constraints(value: Tlv<'_>) -> bool {
    let of_length = |part: &Tlv<'_>| match part.tag {
        der::BOOLEAN => part.content.len() == 1,
        _ => part.content.first().is_some_and(|first| first & 0x80 == 0),
    };
    parts(value, &[der::BOOLEAN, der::INTEGER]).is_some_and(|all| all.iter().all(of_length))
}

fn is_name(name: Tlv<'_>) -> bool {
    match name.tag {
        EMAIL | DNS | URI | IP => true,
        REGISTERED_ID => !der::arcs(name.content).is_empty(),
        OTHER_NAME | X400 | EDI => tlv::is_whole(name.content),
        DIRECTORY => der::only(name.content, der::SEQUENCE).is_some() && tlv::is_whole(name.content),
        _ => false,
    }
}

fn is_access(value: Tlv<'_>) -> bool {
    let both = der::all(value.content).filter(|_| value.tag == der::SEQUENCE);
    matches!(both.as_deref(), Some([method, place]) if is_oid(*method) && is_name(*place))
}

fn is_policy(value: Tlv<'_>) -> bool {
    let all = der::all(value.content).filter(|_| value.tag == der::SEQUENCE).unwrap_or_default();
    match all.as_slice() {
        [id] => is_oid(*id),
        [id, qualifiers] => is_oid(*id) && qualifiers.tag == der::SEQUENCE && tlv::is_whole(qualifiers.content),
        _ => false,
    }
}

fn is_name_constraints(value: Tlv<'_>) -> bool {
    let subtree = |subtree: Tlv<'_>| {
        let base = Some(subtree.content).filter(|_| subtree.tag == der::SEQUENCE).and_then(tlv::first);
        base.is_some_and(|(base, _)| is_name(base))
    };
    let subtrees = |part: &Tlv<'_>| der::all(part.content).is_some_and(|all| all.iter().all(|one| subtree(*one)));
    parts(value, &[0xa0, 0xa1]).is_some_and(|all| all.iter().all(subtrees))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_told_from_what_only_looks_so() {
        let good = |oid: &[u64], value: &[u8]| is_well_formed(&Extension { oid: oid.to_vec(), critical: false, value });
        assert!(
            good(SUBJECT_KEY_ID, &[4, 1, 7]) && !good(SUBJECT_KEY_ID, &[3, 1, 7]) && !good(SUBJECT_KEY_ID, &[4, 9])
        );
        assert!(good(AUTHORITY_KEY_ID, &[0x30, 3, 0x80, 1, 7]) && good(AUTHORITY_KEY_ID, &[0x30, 0]));
        assert!(!good(AUTHORITY_KEY_ID, &[0x30, 6, 0x82, 1, 7, 0x80, 1, 7]), "in the wrong order");
        assert!(!good(AUTHORITY_KEY_ID, &[0x30, 6, 0x80, 1, 7, 0x80, 1, 7]), "twice");
        assert!(good(KEY_USAGE, &[3, 2, 5, 0xa0]) && !good(KEY_USAGE, &[3, 0]) && !good(KEY_USAGE, &[3, 2, 8, 0xa0]));
        assert!(good(BASIC_CONSTRAINTS, &[0x30, 6, 1, 1, 255, 2, 1, 0]) && good(BASIC_CONSTRAINTS, &[0x30, 0]));
        assert!(!good(BASIC_CONSTRAINTS, &[0x30, 3, 2, 1, 0xff]) && !good(BASIC_CONSTRAINTS, &[0x30, 2, 1, 0]));
        assert!(
            good(SUBJECT_ALT_NAME, &[0x30, 3, 0x82, 1, b'a']) && !good(SUBJECT_ALT_NAME, &[0x30, 3, 0x0c, 1, b'a'])
        );
        assert!(good(&[1, 2, 3], &[9]), "nobody knows what it is made of");
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            for (oid, ..) in SHAPES {
                let extension = Extension { oid: oid.to_vec(), critical: false, value: &bytes };
                let _ = (is_well_formed(&extension), has_more(&extension));
            }
        }
    }
}
