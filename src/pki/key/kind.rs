//! Which keys there are, and which signature fits each.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use yasna::DERWriter;

use crate::error::{Error, Reason, Result};
use crate::pki::encoding::oid;

/// A key algorithm with its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA with this many bits.
    Rsa(u32),
    /// ECDSA on NIST P-256.
    EcdsaP256,
    /// ECDSA on NIST P-384.
    EcdsaP384,
    /// ECDSA on NIST P-521.
    EcdsaP521,
    /// Ed25519.
    Ed25519,
}

/// Key algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyAlgorithm {
    /// RSA.
    Rsa,
    /// ECDSA on a NIST curve.
    Ecdsa,
    /// Ed25519.
    Ed25519,
}

impl KeyKind {
    /// Of an algorithm with a size, or with its usual one.
    pub fn of(algorithm: KeyAlgorithm, size: Option<u32>) -> Result<Self> {
        match (algorithm, size) {
            (KeyAlgorithm::Rsa, size) => Self::from_spec("rsa", size.unwrap_or(2048)),
            (KeyAlgorithm::Ecdsa, size) => Self::from_spec("ecdsa", size.unwrap_or(256)),
            (KeyAlgorithm::Ed25519, None) => Ok(KeyKind::Ed25519),
            (KeyAlgorithm::Ed25519, Some(_)) => {
                Err(Error::pki("ed25519 keys have one size only").hint("leave `size` out"))
            }
        }
    }

    /// The other way; the size only where there are several.
    pub fn algorithm(self) -> (KeyAlgorithm, Option<u32>) {
        match self.spec() {
            (_, 0) => (KeyAlgorithm::Ed25519, None),
            ("rsa", bits) => (KeyAlgorithm::Rsa, Some(bits)),
            (_, bits) => (KeyAlgorithm::Ecdsa, Some(bits)),
        }
    }

    /// From a CSR spec's `key`.
    pub fn from_spec(algo: &str, size: u32) -> Result<Self> {
        match (algo, size) {
            ("rsa", 2048..=8192) if size.is_multiple_of(2) => Ok(KeyKind::Rsa(size)),
            ("rsa", 0..2048) => {
                Err(Error::pki(format!("RSA key of {size} bits is too weak")).hint("use 2048 to 8192 bits"))
            }
            ("rsa", 8193..) => {
                Err(Error::pki(format!("RSA key of {size} bits is too large")).hint("use 2048 to 8192 bits"))
            }
            ("rsa", _) => {
                Err(Error::pki(format!("RSA keys of {size} bits cannot be generated"))
                    .hint("use an even number of bits"))
            }
            ("ecdsa", 256) => Ok(KeyKind::EcdsaP256),
            ("ecdsa", 384) => Ok(KeyKind::EcdsaP384),
            ("ecdsa", 521) => Ok(KeyKind::EcdsaP521),
            ("ecdsa", _) => {
                Err(Error::pki(format!("there is no ECDSA curve of {size} bits")).hint("use 256, 384 or 521"))
            }
            ("ed25519", _) => Ok(KeyKind::Ed25519),
            _ => Err(Error::pki(format!("unknown key algorithm `{algo}`"))
                .because(Reason::Algorithm)
                .hint("use ecdsa, rsa or ed25519")),
        }
    }

    /// The `algo` and `size` of a CSR spec.
    pub fn spec(self) -> (&'static str, u32) {
        match self {
            KeyKind::Rsa(bits) => ("rsa", bits),
            KeyKind::EcdsaP256 => ("ecdsa", 256),
            KeyKind::EcdsaP384 => ("ecdsa", 384),
            KeyKind::EcdsaP521 => ("ecdsa", 521),
            KeyKind::Ed25519 => ("ed25519", 0),
        }
    }

    /// Whether others can encrypt to it: keys of curves sign, and no more (RFC 8813 §3, RFC 8410 §5).
    pub fn enciphers(self) -> bool {
        matches!(self, KeyKind::Rsa(_))
    }

    /// The curve's identifier, of ECDSA keys.
    pub(crate) fn curve(self) -> Option<&'static [u64]> {
        match self {
            KeyKind::EcdsaP256 => Some(oid::P256),
            KeyKind::EcdsaP384 => Some(oid::P384),
            KeyKind::EcdsaP521 => Some(oid::P521),
            KeyKind::Rsa(_) | KeyKind::Ed25519 => None,
        }
    }

    pub(crate) fn from_curve(curve: &[u64]) -> Option<Self> {
        [KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::EcdsaP521].into_iter().find(|k| k.curve() == Some(curve))
    }

    /// The signature algorithm that a key of this kind signs with: the hash is as strong as the key, as cfssl does.
    pub(crate) fn signature(self) -> &'static [u64] {
        match self {
            KeyKind::Rsa(4096..) => oid::RSA_SHA512,
            KeyKind::Rsa(3072..) => oid::RSA_SHA384,
            KeyKind::Rsa(_) => oid::RSA_SHA256,
            KeyKind::EcdsaP256 => oid::ECDSA_SHA256,
            KeyKind::EcdsaP384 => oid::ECDSA_SHA384,
            KeyKind::EcdsaP521 => oid::ECDSA_SHA512,
            KeyKind::Ed25519 => oid::ED25519,
        }
    }

    /// AlgorithmIdentifier of a signature. RSA has NULL parameters (RFC 4055), the others have none (RFC 5758, 8410).
    pub(crate) fn write_signature_algorithm(self, writer: DERWriter<'_>) {
        writer.write_sequence(|seq| {
            seq.next().write_oid(&oid::oid(self.signature()));
            if let KeyKind::Rsa(_) = self {
                seq.next().write_null();
            }
        });
    }

    /// AlgorithmIdentifier of a key, as in SubjectPublicKeyInfo and PKCS#8.
    pub(crate) fn write_key_algorithm(self, writer: DERWriter<'_>) {
        writer.write_sequence(|seq| match self {
            KeyKind::Rsa(_) => {
                seq.next().write_oid(&oid::oid(oid::RSA_ENCRYPTION));
                seq.next().write_null();
            }
            KeyKind::Ed25519 => seq.next().write_oid(&oid::oid(oid::ED25519)),
            KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::EcdsaP521 => {
                seq.next().write_oid(&oid::oid(oid::EC_PUBLIC_KEY));
                seq.next().write_oid(&oid::oid(self.curve().unwrap_or_default()));
            }
        });
    }
}

impl Serialize for KeyKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for KeyKind {
    /// As cfssl's log names it: `ecdsa-256`, `rsa-2048`, `ed25519`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.spec() {
            (algo, 0) => f.write_str(algo),
            (algo, size) => write!(f, "{algo}-{size}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_fits_the_key() {
        let signature = |algo, size| KeyKind::from_spec(algo, size).unwrap().signature();
        assert_eq!(signature("rsa", 2048), oid::RSA_SHA256);
        assert_eq!(signature("rsa", 3072), oid::RSA_SHA384);
        assert_eq!(signature("rsa", 4096), oid::RSA_SHA512);
        assert_eq!(signature("rsa", 8192), oid::RSA_SHA512);
        assert_eq!(signature("ecdsa", 521), oid::ECDSA_SHA512);
    }

    #[test]
    fn refuses_what_it_cannot_make() {
        let error = |algo, size| KeyKind::from_spec(algo, size).unwrap_err().message;
        insta::assert_snapshot!(error("rsa", 1024), @"RSA key of 1024 bits is too weak");
        insta::assert_snapshot!(error("rsa", 16384), @"RSA key of 16384 bits is too large");
        insta::assert_snapshot!(error("rsa", 2049), @"RSA keys of 2049 bits cannot be generated");
        insta::assert_snapshot!(error("ecdsa", 512), @"there is no ECDSA curve of 512 bits");
        insta::assert_snapshot!(error("dsa", 1024), @"unknown key algorithm `dsa`");
    }
}
