//! A private key: generated or loaded, signs, and is written in the formats that cfssl, openssl and Go read.

use std::fmt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use rcgen::{KeyPair, RsaKeySize, SigningKey};
use rustls_pki_types::PrivatePkcs8KeyDer;

use super::key_format;
use super::key_kind::KeyKind;
use super::public_key::PublicKey;
use super::{oid, pem};
use crate::error::{Error, Result};
use crate::secret::Secret;

/// A private key. `Debug` shows its kind only.
pub struct Key {
    pair: KeyPair,
    public: PublicKey,
}

impl Key {
    /// A new key. RSA of 2048 bits takes some 50 ms, of 4096 half a second; the others take microseconds.
    pub fn generate(kind: KeyKind) -> Result<Self> {
        let failed = |e: rcgen::Error| Error::internal(format!("generate a key of kind {kind}: {e}"));
        let algorithm = algorithm(kind);
        match kind {
            KeyKind::Rsa(2048) => {
                Self::new(kind, KeyPair::generate_rsa_for(algorithm, RsaKeySize::_2048).map_err(failed)?)
            }
            KeyKind::Rsa(3072) => {
                Self::new(kind, KeyPair::generate_rsa_for(algorithm, RsaKeySize::_3072).map_err(failed)?)
            }
            KeyKind::Rsa(4096) => {
                Self::new(kind, KeyPair::generate_rsa_for(algorithm, RsaKeySize::_4096).map_err(failed)?)
            }
            KeyKind::Rsa(8192) => Self::from_pkcs8(kind, &rsa_8192()?),
            KeyKind::Rsa(bits) => {
                KeyKind::from_spec("rsa", bits).and_then(|_| Err(Error::internal("unreachable size")))
            }
            KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::EcdsaP521 => {
                Self::new(kind, KeyPair::generate_for(algorithm).map_err(failed)?)
            }
            KeyKind::Ed25519 => {
                // It comes as PKCS#8 version 2, which OpenSSL 3.0 cannot read; loading makes it version 1.
                let pair = KeyPair::generate_for(algorithm).map_err(failed)?;
                Self::from_der(pair.serialized_der(), "the new key")
            }
        }
    }

    /// Loads PKCS#1, SEC1 (an `EC PARAMETERS` block before it is fine) or PKCS#8; `what` names the source in errors.
    pub fn from_pem(text: &[u8], what: &str) -> Result<Self> {
        let (kind, pkcs8) = key_format::from_pem(text, what)?;
        Self::from_pkcs8(kind, &pkcs8).map_err(|e| e.context(what))
    }

    /// Loads the DER of PKCS#1, SEC1 or PKCS#8.
    pub fn from_der(der: &[u8], what: &str) -> Result<Self> {
        let (kind, pkcs8) = key_format::from_der(der, None).map_err(|e| e.context(what))?;
        Self::from_pkcs8(kind, &pkcs8).map_err(|e| e.context(what))
    }

    /// As cfssl labels them: `EC PRIVATE KEY`, `RSA PRIVATE KEY`; Ed25519 as `PRIVATE KEY`, which openssl reads too.
    pub fn to_pem(&self) -> Secret {
        let (label, der) = key_format::traditional(self.kind(), self.pair.serialized_der());
        Secret::new(pem::encode(label, &der).as_bytes())
    }

    /// PKCS#8, `PRIVATE KEY`, whatever the algorithm.
    pub fn to_pkcs8_pem(&self) -> Secret {
        Secret::new(pem::encode("PRIVATE KEY", self.pair.serialized_der()).as_bytes())
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }
    /// Algorithm and size.
    pub fn kind(&self) -> KeyKind {
        self.public.kind()
    }

    /// Signs with [`KeyKind`]'s signature algorithm.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        self.pair.sign(message).map_err(|e| Error::internal(format!("sign with a key of kind {}: {e}", self.kind())))
    }

    fn from_pkcs8(kind: KeyKind, pkcs8: &[u8]) -> Result<Self> {
        let pair = KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(pkcs8), algorithm(kind))
            .map_err(|_| Error::pki(format!("the {kind} private key is broken: its parts do not fit together")))?;
        Self::new(kind, pair)
    }

    fn new(kind: KeyKind, pair: KeyPair) -> Result<Self> {
        let public = PublicKey::from_bits(kind, pair.public_key_raw());
        Ok(Key { pair, public })
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<private key, {}>", self.kind())
    }
}

fn algorithm(kind: KeyKind) -> &'static rcgen::SignatureAlgorithm {
    match kind {
        KeyKind::Rsa(_) if kind.signature() == oid::RSA_SHA512 => &rcgen::PKCS_RSA_SHA512,
        KeyKind::Rsa(_) if kind.signature() == oid::RSA_SHA384 => &rcgen::PKCS_RSA_SHA384,
        KeyKind::Rsa(_) => &rcgen::PKCS_RSA_SHA256,
        KeyKind::EcdsaP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
        KeyKind::EcdsaP384 => &rcgen::PKCS_ECDSA_P384_SHA384,
        KeyKind::EcdsaP521 => &rcgen::PKCS_ECDSA_P521_SHA512,
        KeyKind::Ed25519 => &rcgen::PKCS_ED25519,
    }
}

/// rcgen stops at 4096 bits.
fn rsa_8192() -> Result<zeroize::Zeroizing<Vec<u8>>> {
    let failed = |_| Error::internal("generate a key of kind rsa-8192");
    let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa8192).map_err(failed)?;
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
    Ok(zeroize::Zeroizing::new(der.as_ref().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [KeyKind; 5] =
        [KeyKind::Rsa(2048), KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::EcdsaP521, KeyKind::Ed25519];

    #[test]
    fn what_is_written_can_be_loaded() {
        for kind in KINDS {
            let key = Key::generate(kind).unwrap();
            for pem in [key.to_pem(), key.to_pkcs8_pem()] {
                let loaded = Key::from_pem(pem.expose(), "key.pem").unwrap();
                assert_eq!(loaded.public(), key.public(), "{kind}");
                assert_eq!(loaded.to_pem(), key.to_pem(), "{kind}");
                assert_eq!(loaded.to_pkcs8_pem(), key.to_pkcs8_pem(), "{kind}");
            }
        }
    }

    #[test]
    fn labels_are_those_of_cfssl() {
        let label = |kind| String::from_utf8(Key::generate(kind).unwrap().to_pem().expose()[..30].to_vec()).unwrap();
        assert!(label(KeyKind::Rsa(2048)).starts_with("-----BEGIN RSA PRIVATE KEY-"));
        assert!(label(KeyKind::EcdsaP256).starts_with("-----BEGIN EC PRIVATE KEY-"));
        assert!(label(KeyKind::Ed25519).starts_with("-----BEGIN PRIVATE KEY-"));
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", Key::generate(KeyKind::EcdsaP256).unwrap()), "<private key, ecdsa-256>");
    }
}
