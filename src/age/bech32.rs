//! Bech32 (BIP 173), as age writes keys: a prefix that says what it is, and a checksum against mistyping.

use zeroize::Zeroizing;

const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const CHECKSUM: usize = 6;

/// The bytes of `text`, which must be of this prefix (in lower case) and wholly in lower or in upper case.
pub(super) fn decode(prefix: &str, text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let lower = Zeroizing::new(text.to_ascii_lowercase());
    if *lower != *text && *text != *Zeroizing::new(text.to_ascii_uppercase()) {
        return None;
    }
    let data = lower.strip_prefix(prefix)?.strip_prefix('1')?;
    let value = |byte: u8| CHARSET.iter().position(|c| *c == byte).map(|at| at as u8);
    let values = Zeroizing::new(data.bytes().map(value).collect::<Option<Vec<u8>>>()?);
    if values.len() < CHECKSUM || polymod(prefix, &values) != 1 {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(values.len()));
    let (mut bits, mut count) = (0_u32, 0);
    for value in &values[..values.len() - CHECKSUM] {
        bits = bits << 5 | u32::from(*value);
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    // What is left over fills up the last character, with zeros.
    (count < 5 && bits == 0).then_some(bytes)
}

fn polymod(prefix: &str, values: &[u8]) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let high = prefix.bytes().map(|byte| byte >> 5);
    let low = prefix.bytes().map(|byte| byte & 31);
    let mut sum = 1_u32;
    for value in high.chain([0]).chain(low).chain(values.iter().copied()) {
        let top = sum >> 25;
        sum = (sum & 0x1ff_ffff) << 5 ^ u32::from(value);
        for (bit, generator) in GENERATOR.iter().enumerate() {
            if top >> bit & 1 == 1 {
                sum ^= generator;
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_whole_is_read() {
        // BIP 173's own.
        assert_eq!(decode("a", "A12UEL5L").unwrap().len(), 0);
        assert_eq!(decode("a", "a12uel5l").unwrap().len(), 0);
        let long = "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw";
        assert_eq!(decode("abcdef", long).unwrap()[..4], [0x00, 0x44, 0x32, 0x14]);
        for text in ["A12uel5l", "a12uel5m", "a1", "12uel5l", "", "b12uel5l", "a12uel5\u{e9}"] {
            assert_eq!(decode("a", text), None, "{text}");
        }
    }
}
