//! Certificate serial numbers.

use std::fmt;

use ring::rand::{SecureRandom, SystemRandom};

use crate::error::{Error, Result};

/// A positive serial number of at most 20 bytes, big-endian (RFC 5280 §4.1.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// From the operating system's randomness.
    pub fn random() -> Result<Self> {
        let mut bytes = [0; 20];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| Error::internal("the operating system gave no random bytes"))?;
        Ok(Self::from_random(bytes))
    }
    /// Big-endian, without leading zeros.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Serial {
    /// Decimal, as cfssl and Go show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal(&self.0))
    }
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
    fn decimal_is_right() {
        assert_eq!(decimal(&[]), "0");
        assert_eq!(decimal(&[1, 0]), "256");
        assert_eq!(Serial::from_random([0xff; 20]).to_string(), "730750818665451459101842416358141509827966271487");
    }
}
