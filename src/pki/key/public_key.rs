//! A public key that openssl and Go can read: the point is on its curve, the modulus long enough.

use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use yasna::ASN1Result;

use super::kind::KeyKind;
use crate::digest::sha1;
use crate::error::{Error, Result};
use crate::pki::encoding::{der, oid, pem, tlv};

/// A public key with its SubjectPublicKeyInfo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: KeyKind,
    spki: Vec<u8>,
    bits: Vec<u8>,
}

impl PublicKey {
    /// From the bytes inside the BIT STRING: an EC point, an RSAPublicKey, or Ed25519's 32 bytes.
    pub(crate) fn from_bits(kind: KeyKind, bits: &[u8]) -> Self {
        let spki = der::sequence(|seq| {
            kind.write_key_algorithm(seq.next());
            seq.next().write_bitvec_bytes(bits, bits.len() * 8);
        });
        PublicKey { kind, spki, bits: bits.to_vec() }
    }

    /// From a SubjectPublicKeyInfo, checked whole: algorithm, curve, point or modulus.
    pub fn from_spki(spki: &[u8]) -> Result<Self> {
        let (algorithm, curve, bits) =
            read_spki(spki).map_err(|_| Error::pki("the public key is not a valid SubjectPublicKeyInfo"))?;
        let kind = kind_of(&algorithm, curve.as_deref(), &bits)?;
        ParsedPublicKey::new(loader(kind), &bits)
            .map_err(|_| Error::pki(format!("the {kind} public key is broken: no verifier could load it")))?;
        // Encoded again: parameters in an odd encoding do not get into a certificate.
        Ok(Self::from_bits(kind, &bits))
    }

    /// Algorithm and size.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }
    /// SubjectPublicKeyInfo, DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }
    /// The bytes inside the BIT STRING.
    pub fn bits(&self) -> &[u8] {
        &self.bits
    }
    /// The public exponent of an RSA key, big-endian without leading zeros.
    pub(crate) fn rsa_exponent(&self) -> Option<Vec<u8>> {
        let numbers = tlv::all(tlv::only(&self.bits, 0x30)?).filter(|_| matches!(self.kind, KeyKind::Rsa(_)))?;
        let exponent = numbers.get(1)?.content;
        Some(exponent.iter().copied().skip_while(|byte| *byte == 0).collect())
    }
    /// Key identifier: SHA-1 of the BIT STRING's bytes (RFC 5280 §4.2.1.2, method 1), as cfssl and OpenSSL.
    pub fn key_id(&self) -> Vec<u8> {
        sha1(&self.bits)
    }
    /// `-----BEGIN PUBLIC KEY-----`, as kube-apiserver reads service-account keys.
    pub fn to_pem(&self) -> String {
        pem::encode("PUBLIC KEY", &self.spki).to_string()
    }
}

type Spki = (Vec<u64>, Option<Vec<u64>>, Vec<u8>);

fn read_spki(spki: &[u8]) -> ASN1Result<Spki> {
    der::read(spki, |reader| {
        reader.read_sequence(|seq| {
            let (algorithm, curve) = seq.next().read_sequence(read_algorithm)?;
            let (bits, length) = seq.next().read_bitvec_bytes()?;
            if length != bits.len() * 8 {
                return Err(yasna::ASN1Error::new(yasna::ASN1ErrorKind::Invalid));
            }
            Ok((algorithm, curve, bits))
        })
    })
}

/// The inside of an AlgorithmIdentifier: the algorithm, and the curve where the parameters are an identifier.
pub(crate) fn read_algorithm(seq: &mut yasna::BERReaderSeq<'_, '_>) -> ASN1Result<(Vec<u64>, Option<Vec<u64>>)> {
    let algorithm = seq.next().read_oid()?.into_components();
    let parameters = seq.read_optional(|reader| reader.read_der())?;
    let curve = parameters.and_then(|der| der::read(&der, |r| r.read_oid()).ok());
    Ok((algorithm, curve.map(|c| c.into_components())))
}

fn kind_of(algorithm: &[u64], curve: Option<&[u64]>, bits: &[u8]) -> Result<KeyKind> {
    if algorithm == oid::ED25519 {
        return Ok(KeyKind::Ed25519);
    }
    if algorithm == oid::EC_PUBLIC_KEY {
        return kind_of_curve(curve);
    }
    if algorithm != oid::RSA_ENCRYPTION {
        return Err(Error::pki(format!("keys of algorithm {} are not supported", oid::dotted(algorithm)))
            .hint("use ecdsa, rsa or ed25519"));
    }
    let modulus = der::read(bits, |reader| {
        reader.read_sequence(|seq| {
            let (modulus, positive) = seq.next().read_bigint_bytes()?;
            seq.next().read_bigint_bytes()?;
            Ok(if positive { modulus } else { Vec::new() })
        })
    });
    rsa_kind(&modulus.map_err(|_| Error::pki("the RSA public key cannot be read"))?)
}

/// By the curve of an EC key's parameters.
pub(crate) fn kind_of_curve(curve: Option<&[u64]>) -> Result<KeyKind> {
    let hint = "use a key on P-256, P-384 or P-521";
    match curve {
        None => Err(Error::pki("the EC key spells its curve out instead of naming it").hint(hint)),
        Some(arcs) => KeyKind::from_curve(arcs)
            .ok_or_else(|| Error::pki(format!("EC curve {} is not supported", oid::dotted(arcs))).hint(hint)),
    }
}

/// By the length of a modulus (big-endian).
pub(crate) fn rsa_kind(modulus: &[u8]) -> Result<KeyKind> {
    let significant: Vec<_> = modulus.iter().skip_while(|&&b| b == 0).collect();
    let bits = match significant.first() {
        Some(first) => significant.len() * 8 - first.leading_zeros() as usize,
        None => 0,
    };
    match u32::try_from(bits) {
        Ok(bits @ 2048..=8192) => Ok(KeyKind::Rsa(bits)),
        _ => Err(Error::pki(format!("RSA key of {bits} bits is refused")).hint("use 2048 to 8192 bits")),
    }
}

fn loader(kind: KeyKind) -> &'static dyn VerificationAlgorithm {
    match kind {
        KeyKind::Rsa(_) => &signature::RSA_PKCS1_2048_8192_SHA256,
        KeyKind::EcdsaP256 => &signature::ECDSA_P256_SHA256_ASN1,
        KeyKind::EcdsaP384 => &signature::ECDSA_P384_SHA384_ASN1,
        KeyKind::EcdsaP521 => &signature::ECDSA_P521_SHA512_ASN1,
        KeyKind::Ed25519 => &signature::ED25519,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::Key;

    #[test]
    fn a_point_of_another_curve_is_refused() {
        let key = Key::generate(KeyKind::EcdsaP384).unwrap();
        let bogus = PublicKey::from_bits(KeyKind::EcdsaP256, key.public().bits());
        insta::assert_snapshot!(PublicKey::from_spki(bogus.spki()).unwrap_err(), @"the ecdsa-256 public key is broken: no verifier could load it");
    }
}
