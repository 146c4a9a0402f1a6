//! Signatures of version 4 (RFC 9580, section 5.2).

use aws_lc_rs::signature::{
    ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaParameters,
    RsaPublicKeyComponents, UnparsedPublicKey,
};

use super::key::{Key, Material};
use super::packet::{Packet, Reader, SIGNATURE};
use crate::digest::{self, hex};

/// What a signature is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// A text, or bytes.
    Text,
    /// A key and one of its names.
    Name,
    /// A key by itself.
    Key,
    /// A key and a subkey: the key says that it is its own.
    Subkey,
    /// The same: the subkey says so.
    Primary,
    /// A key is revoked.
    KeyRevoked,
    /// A subkey is revoked.
    SubkeyRevoked,
    /// Something else.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// A signature that may be verified here.
#[derive(Debug, Clone)]
pub struct Signature {
    pub over: Over,
    hash: Hash,
    algorithm: u8,
    /// What of the signature itself is signed.
    hashed: Vec<u8>,
    /// Of the subpackets that are signed.
    facts: Facts,
    issuer: Option<Vec<u8>>,
    value: Vec<u8>,
}

/// What signed subpackets say.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Seconds since 1970.
    pub made: u64,
    /// Seconds that the signature lives; 0: for ever.
    pub lives: u64,
    /// Seconds that the key lives after it was made; 0: for ever.
    pub key_lives: u64,
    /// What the key may be used for; none where it is not said.
    pub flags: Option<u8>,
    /// The signature of the subkey over the key.
    pub embedded: Option<Vec<u8>>,
}

/// May sign texts.
const MAY_SIGN: u8 = 0x02;

const MADE: u8 = 2;
const LIVES: u8 = 3;
const KEY_LIVES: u8 = 9;
const ISSUER: u8 = 16;
const FLAGS: u8 = 27;
const EMBEDDED: u8 = 32;
const ISSUER_FINGERPRINT: u8 = 33;
/// What says nothing that matters here: preferences, names, reasons, features.
const HARMLESS: [u8; 13] = [4, 5, 7, 11, 21, 22, 23, 24, 25, 26, 28, 29, 30];

impl Facts {
    pub fn may_sign(&self) -> bool {
        self.flags.is_none_or(|flags| flags & MAY_SIGN != 0)
    }
}

impl Signature {
    /// Of a packet; nothing where it is none, or of a kind that is not known here.
    pub fn of_packet(packet: &Packet<'_>) -> Option<Self> {
        if packet.tag == SIGNATURE { Self::read(packet.body) } else { None }
    }

    /// A packet's body.
    pub fn read(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let (version, kind, algorithm, hash) = (reader.u8()?, reader.u8()?, reader.u8()?, reader.u8()?);
        if version != 4 {
            return None;
        }
        let length = usize::from(reader.u16()?);
        let signed = reader.take(length)?;
        let hashed = body.get(..6 + length)?.to_vec();
        let length = usize::from(reader.u16()?);
        let unsigned = reader.take(length)?;
        // The first two bytes of the hash, which tell nothing that the signature does not.
        reader.u16()?;
        let hash = match hash {
            8 => Hash::Sha256,
            9 => Hash::Sha384,
            10 => Hash::Sha512,
            _ => return None,
        };
        let over = match kind {
            0x00 | 0x01 => Over::Text,
            0x10..=0x13 => Over::Name,
            0x18 => Over::Subkey,
            0x19 => Over::Primary,
            0x1f => Over::Key,
            0x20 => Over::KeyRevoked,
            0x28 => Over::SubkeyRevoked,
            _ => Over::Other,
        };
        let (mut facts, mut issuer) = (Facts::default(), None);
        subpackets(signed, &mut facts, &mut issuer, true)?;
        // Who it is by is only a hint, which may stand where it is not signed.
        subpackets(unsigned, &mut facts, &mut issuer, false)?;
        let value = value(algorithm, reader)?;
        Some(Signature { over, hash, algorithm, hashed, facts, issuer, value })
    }

    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    pub fn is_over_text(&self) -> bool {
        self.over == Over::Text
    }

    /// Who it says that it is by: a key's number, or its fingerprint.
    pub fn issuer(&self) -> Option<String> {
        self.issuer.as_ref().map(|issuer| hex(issuer).to_uppercase())
    }

    /// Whether it says that it is by that key, or says nothing of it.
    pub fn may_be_of(&self, key: &Key) -> bool {
        self.issuer().is_none_or(|issuer| key.fingerprint.ends_with(&issuer))
    }

    /// Whether that key has signed these bytes.
    pub fn verifies(&self, key: &Key, signed: &[u8]) -> bool {
        let mut bytes = signed.to_vec();
        bytes.extend_from_slice(&self.hashed);
        bytes.extend_from_slice(&[4, 0xff]);
        bytes.extend_from_slice(&u32::try_from(self.hashed.len()).unwrap_or(u32::MAX).to_be_bytes());
        match (&key.material, self.algorithm) {
            (Material::Rsa { modulus, exponent }, 1 | 3) => {
                let parameters: &RsaParameters = match self.hash {
                    Hash::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
                    Hash::Sha384 => &RSA_PKCS1_2048_8192_SHA384,
                    Hash::Sha512 => &RSA_PKCS1_2048_8192_SHA512,
                };
                // A number has no zeros in front, and a signature is as long as the modulus.
                let Some(zeros) = modulus.len().checked_sub(self.value.len()) else { return false };
                let value = [vec![0; zeros], self.value.clone()].concat();
                let components = RsaPublicKeyComponents { n: modulus.as_slice(), e: exponent.as_slice() };
                components.verify(parameters, &bytes, &value).is_ok()
            }
            (Material::Ed25519(public), 22 | 27) => {
                let digest = match self.hash {
                    Hash::Sha256 => digest::sha256_bytes(&bytes),
                    Hash::Sha384 => digest::sha384_bytes(&bytes),
                    Hash::Sha512 => digest::sha512_bytes(&bytes),
                };
                UnparsedPublicKey::new(&ED25519, public).verify(&digest, &self.value).is_ok()
            }
            _ => false,
        }
    }
}

/// The number of an RSA signature, or the 64 bytes of one with Ed25519.
fn value(algorithm: u8, mut reader: Reader<'_>) -> Option<Vec<u8>> {
    match algorithm {
        1 | 3 => reader.number().map(<[u8]>::to_vec),
        22 => {
            let mut value = Vec::new();
            for number in [reader.number()?, reader.number()?] {
                value.resize(value.len() + 32usize.checked_sub(number.len())?, 0);
                value.extend_from_slice(number);
            }
            Some(value)
        }
        27 => reader.take(64).map(<[u8]>::to_vec),
        _ => None,
    }
}

/// Reads subpackets; nothing where one must be understood and is not.
fn subpackets(bytes: &[u8], facts: &mut Facts, issuer: &mut Option<Vec<u8>>, signed: bool) -> Option<()> {
    const CRITICAL: u8 = 0x80;
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        let length = usize::try_from(reader.length()?).ok()?;
        let (kind, data) = reader.take(length)?.split_first()?;
        let number = || Reader::new(data).u32().map(u64::from);
        match kind & !CRITICAL {
            ISSUER if data.len() == 8 => *issuer = issuer.take().or_else(|| Some(data.to_vec())),
            // A fingerprint says more than a number.
            ISSUER_FINGERPRINT if data.len() == 21 && data[0] == 4 => *issuer = Some(data[1..].to_vec()),
            // The subkey's own signature is verified by itself, wherever it stands.
            EMBEDDED if signed || facts.embedded.is_none() => facts.embedded = Some(data.to_vec()),
            _ if !signed => {}
            MADE => facts.made = number()?,
            LIVES => facts.lives = number()?,
            KEY_LIVES => facts.key_lives = number()?,
            FLAGS => facts.flags = Some(data.first().copied().unwrap_or(0)),
            other if HARMLESS.contains(&other) => {}
            _ if kind & CRITICAL != 0 => return None,
            _ => {}
        }
    }
    Some(())
}
