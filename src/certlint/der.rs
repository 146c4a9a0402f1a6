//! A lenient look at DER: what is there, even where it should not be. Parsers refuse the very defects that a linter is to
//! name.

use crate::pki::oid;
pub(super) use crate::pki::tlv::{Tlv, all, only};

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// Arcs of an object identifier's content; none where it cannot be read.
pub(super) fn arcs(content: &[u8]) -> Vec<u64> {
    oid::arcs(content).unwrap_or_default()
}
