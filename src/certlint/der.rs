//! A lenient look at DER: what is there, even where it should not be. Parsers refuse the very defects that a linter is to
//! name.

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

/// Arcs of an object identifier's content.
pub(super) fn arcs(content: &[u8]) -> Vec<u64> {
    let (mut arcs, mut arc) = (Vec::new(), 0u64);
    for &byte in content {
        arc = arc << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if arcs.is_empty() {
                arcs.push((arc / 40).min(2));
                arc -= arcs[0] * 40;
            }
            arcs.push(arc);
            arc = 0;
        }
    }
    arcs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn arcs_are_read_as_they_stand() {
        assert_eq!(crate::pki::dotted(&arcs(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d])), "1.2.840.113549");
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = arcs(&bytes);
        }
    }
}
