//! A look at DER as it stands: tags, lengths, contents, whatever they mean.

/// One value: its tag, its content, and both with the length between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// Its tag.
    pub tag: u8,
    /// What is in it.
    pub content: &'a [u8],
    /// All of it.
    pub raw: &'a [u8],
}

/// The first value of the bytes, and what follows it. Tags of several bytes do not occur in certificates and keys.
pub fn first(bytes: &[u8]) -> Option<(Tlv<'_>, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
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
pub fn all(mut bytes: &[u8]) -> Option<Vec<Tlv<'_>>> {
    let mut values = Vec::new();
    while !bytes.is_empty() {
        let (value, rest) = first(bytes)?;
        values.push(value);
        bytes = rest;
    }
    Some(values)
}

/// The only value of the bytes, of this tag: its content.
pub fn only(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    match first(bytes)? {
        (value, []) if value.tag == tag => Some(value.content),
        _ => None,
    }
}

/// Whether all values, those inside others too, are as long as they say.
pub fn is_whole(bytes: &[u8]) -> bool {
    holds_together(bytes, 32)
}

fn holds_together(bytes: &[u8], depth: usize) -> bool {
    let is_constructed = |value: &&Tlv| value.tag & 0x20 != 0;
    let Some((values, deeper)) = all(bytes).zip(depth.checked_sub(1)) else { return false };
    values.iter().filter(is_constructed).all(|value| holds_together(value.content, deeper))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INTEGER: u8 = 2;
    const OCTET_STRING: u8 = 4;

    #[test]
    fn values_of_all_lengths() {
        let long = [&[OCTET_STRING, 0x82, 0x01, 0x00][..], &[7; 256]].concat();
        assert_eq!(only(&long, OCTET_STRING).unwrap().len(), 256);
        assert_eq!(only(&[2, 1, 5, 0], INTEGER), None);
        assert_eq!(all(&[2, 1, 5, 5, 0]).unwrap().len(), 2);
        assert_eq!(all(&[2, 2, 5]), None);
        assert_eq!(all(&[0x1f, 0x81, 1, 0]), None);
    }

    #[test]
    fn every_length_is_looked_at() {
        assert!(is_whole(&[0x30, 5, 2, 1, 1, 0xa0, 0]));
        assert!(!is_whole(&[0x30, 5, 2, 1, 1, 0xa0, 1]), "the inner one is longer than the outer");
        assert!(!is_whole(&[0x30, 10, 0xa0, 0x88, 255, 255, 255, 255, 255, 255, 255, 240]));
        let deep = (0..60u8).rev().fold(Vec::new(), |inner, _| [&[0x30, inner.len() as u8], &*inner].concat());
        assert!(is_whole(&deep[60..]) && !is_whole(&deep));
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = (all(&bytes), is_whole(&bytes));
        }
    }
}
