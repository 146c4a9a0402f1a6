//! Signature algorithms by name, with the parameters of RSASSA-PSS.

use super::field::{Field, colons};
use super::values::{INTEGER, arcs, decimal, object, sequence};
use crate::pki::encoding::oid;
use crate::pki::encoding::tlv::{self, Tlv};
use crate::pki::x509::signature;

/// An AlgorithmIdentifier, as Go and as OpenSSL name it.
pub(super) fn signature(label: &str, algorithm: Tlv<'_>) -> Field {
    let parts = tlv::all(algorithm.content).unwrap_or_default();
    let Some(arcs) = parts.first().and_then(|first| arcs(*first)) else {
        return Field::new(label, colons(algorithm.raw));
    };
    let (known, name) = (signature::go_name(&arcs), oid::name(&arcs));
    let named = match known {
        Some(known) if known != name => format!("{known} ({name})"),
        _ => name,
    };
    let inner = match arcs.as_slice() {
        oid::RSA_PSS => pss(parts.get(1).map_or(&[], |parameters| parameters.content)),
        _ => Vec::new(),
    };
    Field::new(label, named).with(inner)
}

/// Parameters of RSASSA-PSS (RFC 4055 §3.1); what is not written has its default.
pub(super) fn pss(parameters: &[u8]) -> Vec<Field> {
    let part = |tag| tlv::all(parameters).unwrap_or_default().into_iter().find(|part| part.tag == tag);
    let number = |tag, usual: &str| {
        let written = part(tag).and_then(|part| tlv::only(part.content, INTEGER).map(decimal));
        written.unwrap_or_else(|| format!("{usual} (default)"))
    };
    let name = |algorithm: &[u8]| {
        let parts = sequence(algorithm)?;
        let name = parts.first()?;
        Some((object(name.content), parts.get(1).map(|inner| inner.raw.to_vec())))
    };
    let hash = part(0xa0).map_or_else(
        || "sha1 (default)".to_owned(),
        |part| name(part.content).map_or_else(|| colons(part.content), |(hash, _)| hash),
    );
    let mask = part(0xa1).map_or_else(
        || "mgf1 with sha1 (default)".to_owned(),
        |part| match name(part.content) {
            Some((mask, Some(hashed))) => {
                let with = name(&hashed).map_or_else(|| colons(&hashed), |(hash, _)| hash);
                format!("{mask} with {with}")
            }
            Some((mask, None)) => mask,
            None => colons(part.content),
        },
    );
    vec![
        Field::new("hash", hash),
        Field::new("mask", mask),
        Field::new("salt length", number(0xa2, "20")),
        Field::new("trailer", number(0xa3, "1")),
    ]
}

/// The parameters of an AlgorithmIdentifier (its second part), where it has them.
pub(super) fn parameters(algorithm: Tlv<'_>) -> Option<Tlv<'_>> {
    tlv::all(algorithm.content)?.get(1).copied()
}
