//! Certificate serial numbers.

use std::fmt;

use super::certificate::Certificate;
use crate::error::{Error, Result};
use crate::random;
use crate::secret::quoted;

/// A positive serial number of at most 20 bytes, big-endian (RFC 5280 §4.1.2.2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Serial(Vec<u8>);

impl Serial {
    /// From 20 random bytes: the top bit is cleared, so that it is positive and never longer than 20 bytes.
    pub fn from_random(mut bytes: [u8; 20]) -> Self {
        bytes[0] &= 0x7f;
        let zeros = bytes.iter().take_while(|&&b| b == 0).count();
        match zeros {
            20 => Serial(vec![1]),
            _ => Serial(bytes[zeros..].to_vec()),
        }
    }
    /// That of a certificate, where it is one that may be given again: positive, and of at most 20 bytes.
    pub fn of(certificate: &Certificate) -> Option<Self> {
        let bytes = certificate.serial();
        let is_negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
        let zeros = bytes.iter().take_while(|&&b| b == 0).count();
        let rest = &bytes[zeros..];
        (!is_negative && !rest.is_empty() && bytes.len() <= 20).then(|| Serial(rest.to_vec()))
    }
    /// From the operating system's randomness.
    pub fn random() -> Result<Self> {
        Ok(Self::from_random(random::bytes()?))
    }
    /// 63 random bits, as `cfssl selfsign` numbers its certificates.
    pub fn random_short() -> Result<Self> {
        let Serial(bytes) = Self::random()?;
        let mut short = [0; 20];
        short[12..].copy_from_slice(&bytes[bytes.len().saturating_sub(8)..][..8.min(bytes.len())]);
        short[12] &= 0x7f;
        Ok(Self::from_random(short))
    }
    /// From decimal digits, or hexadecimal ones after `0x` or between colons (`0A:1B`), as certinfo, openssl and
    /// browsers show them. Refuses zero, and what is longer than 159 bits.
    pub fn parse(text: &str) -> Result<Self> {
        let bytes = digits(text)?;
        if bytes[0] & 0x80 != 0 {
            return Err(wrong(text, "it is longer than 159 bits: with its sign it takes more than 20 bytes"));
        }
        let zeros = bytes.iter().take_while(|&&b| b == 0).count();
        if zeros == 20 {
            return Err(wrong(text, "it is zero"));
        }
        Ok(Serial(bytes[zeros..].to_vec()))
    }
    /// As [`Serial::parse`], of a certificate that is there: others have given zero, and 20 bytes with the highest bit set,
    /// and that can be revoked, too.
    pub fn of_revoked(text: &str) -> Result<Self> {
        let bytes = digits(text)?;
        let zeros = bytes.iter().take_while(|&&b| b == 0).count();
        Ok(Serial(bytes[zeros.min(19)..].to_vec()))
    }
    /// Big-endian, without leading zeros.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What a person wrote, as 20 bytes.
fn digits(text: &str) -> Result<[u8; 20]> {
    let lower = text.trim().to_ascii_lowercase();
    let (digits, base) = match lower.strip_prefix("0x") {
        Some(hex) => (hex.to_owned(), 16),
        None if lower.contains(':') => (lower.replace(':', ""), 16),
        None => (lower, 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(base)) {
        return Err(wrong(text, "it has other characters than digits"));
    }
    let mut bytes = [0u8; 20];
    for digit in digits.chars().filter_map(|c| c.to_digit(base)) {
        let mut carry = digit;
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * base;
            *byte = (carry & 0xff) as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return Err(wrong(text, "it is longer than 20 bytes"));
        }
    }
    Ok(bytes)
}

fn wrong(text: &str, why: &str) -> Error {
    let text = text.trim();
    // A longer text is something else, and may be nobody's business.
    let shown = match text.chars().count() > 50 || quoted::is_suspect(text) {
        true => "what stands there".to_owned(),
        false => format!("`{text}`"),
    };
    Error::input(format!("{shown} is no serial number: {why}"))
        .hint("write it in decimal digits, or in hexadecimal ones after 0x")
}

impl fmt::Display for Serial {
    /// Decimal, as cfssl and Go show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal(&self.0))
    }
}

/// The bytes of an INTEGER in decimal; as others make them, it may be negative.
pub(crate) fn signed_decimal(bytes: &[u8]) -> String {
    if bytes.first().is_none_or(|first| *first < 0x80) {
        return decimal(bytes);
    }
    let mut positive: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
    for byte in positive.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            break;
        }
    }
    format!("-{}", decimal(&positive))
}

/// Big-endian bytes in decimal.
pub(crate) fn decimal(bytes: &[u8]) -> String {
    let mut rest: Vec<u32> = bytes.iter().map(|&b| u32::from(b)).collect();
    let mut digits = Vec::new();
    while rest.iter().any(|&b| b != 0) {
        let mut remainder = 0;
        for byte in &mut rest {
            let value = remainder * 256 + *byte;
            *byte = value / 10;
            remainder = value % 10;
        }
        digits.push(char::from_digit(remainder, 10).unwrap_or('0'));
    }
    if digits.is_empty() { "0".to_owned() } else { digits.iter().rev().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_positive_and_twenty_bytes_at_most() {
        assert_eq!(Serial::from_random([0xff; 20]).bytes()[0], 0x7f);
        assert_eq!(Serial::from_random([0xff; 20]).bytes().len(), 20);
        assert_eq!(Serial::from_random([0; 20]).bytes(), [1]);
        let mut small = [0; 20];
        small[0] = 0x80;
        small[19] = 0x80;
        assert_eq!(Serial::from_random(small).bytes(), [0x80]);
        assert_ne!(Serial::random().unwrap(), Serial::random().unwrap());
    }

    #[test]
    fn people_write_serial_numbers_in_several_ways() {
        let parsed = |text: &str| Serial::parse(text).map_or_else(|e| e.message, |s| s.to_string());
        for (text, expected) in [("42", "42"), ("0x2a", "42"), ("0X2A ", "42"), ("01:00", "256"), ("007", "7")] {
            assert_eq!(parsed(text), expected);
        }
        let long = "730750818665451459101842416358141509827966271487";
        assert_eq!(parsed(long), long);
        insta::assert_snapshot!(parsed("abc"), @"`abc` is no serial number: it has other characters than digits");
        insta::assert_snapshot!(parsed("0x"), @"`0x` is no serial number: it has other characters than digits");
        insta::assert_snapshot!(parsed("-1"), @"`-1` is no serial number: it has other characters than digits");
        insta::assert_snapshot!(parsed(&format!("0x8{}", "0".repeat(39))), @"`0x8000000000000000000000000000000000000000` is no serial number: it is longer than 159 bits: with its sign it takes more than 20 bytes");
        assert!(Serial::parse(&format!("0x7{}", "f".repeat(39))).is_ok());
        insta::assert_snapshot!(parsed("0"), @"`0` is no serial number: it is zero");
        assert_eq!(Serial::of_revoked("0").unwrap().bytes(), [0]);
        assert_eq!(Serial::of_revoked(&format!("0x{}", "ff".repeat(20))).unwrap().bytes(), [0xff; 20]);
        assert!(Serial::of_revoked(&format!("0x1{}", "0".repeat(40))).is_err());
        insta::assert_snapshot!(parsed(&"9".repeat(60)), @"what stands there is no serial number: it is longer than 20 bytes");
        assert!(Serial::random_short().unwrap().bytes().len() <= 8);
    }

    #[test]
    fn decimal_is_right() {
        assert_eq!(decimal(&[]), "0");
        assert_eq!(decimal(&[1, 0]), "256");
        for (bytes, shown) in [
            (&[0xfb][..], "-5"),
            (&[0x80], "-128"),
            (&[0xff, 0], "-256"),
            (&[0x80, 0], "-32768"),
            (&[0, 0x80], "128"),
            (&[], "0"),
        ] {
            assert_eq!(signed_decimal(bytes), shown);
        }
        assert_eq!(Serial::from_random([0xff; 20]).to_string(), "730750818665451459101842416358141509827966271487");
    }
}
