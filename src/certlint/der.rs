//! A lenient look at DER: what is there, even where it should not be. Parsers refuse the very defects that a linter is to
//! name.

/// One value: its tag, its content, and both with the length between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tlv<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    pub(super) raw: &'a [u8],
}

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// The first value of the bytes, and what follows it. Tags of several bytes do not occur in certificates.
pub(super) fn first(bytes: &[u8]) -> Option<(Tlv<'_>, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (digits.iter().fold(0usize, |n, &digit| n << 8 | usize::from(digit)), rest)
        }
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((Tlv { tag, content, raw: &bytes[..bytes.len() - after.len()] }, after))
}

/// All values in a row; none where the last is cut off.
pub(super) fn all(mut bytes: &[u8]) -> Option<Vec<Tlv<'_>>> {
    let mut values = Vec::new();
    while !bytes.is_empty() {
        let (value, rest) = first(bytes)?;
        values.push(value);
        bytes = rest;
    }
    Some(values)
}

/// The only value of the bytes, of this tag: its content.
pub(super) fn only(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    match first(bytes)? {
        (value, []) if value.tag == tag => Some(value.content),
        _ => None,
    }
}

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
    fn values_of_all_lengths() {
        let long = [&[0x04, 0x82, 0x01, 0x00][..], &[7; 256]].concat();
        assert_eq!(only(&long, OCTET_STRING).unwrap().len(), 256);
        assert_eq!(only(&[2, 1, 5, 0], INTEGER), None);
        assert_eq!(all(&[2, 1, 5, 5, 0]).unwrap().len(), 2);
        assert_eq!(all(&[2, 2, 5]), None);
        assert_eq!(crate::pki::dotted(&arcs(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d])), "1.2.840.113549");
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = all(&bytes);
            let _ = arcs(&bytes);
        }
    }
}
