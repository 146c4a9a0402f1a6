//! Signing, and checking a signature for every key kind that there is (x509-parser knows neither P-521 nor ECDSA with
//! SHA-512).

use aws_lc_rs::signature::{self as algorithms, UnparsedPublicKey, VerificationAlgorithm};
use x509_parser::x509::AlgorithmIdentifier;

use super::legacy_signature;
use crate::error::{Error, Result};
use crate::pki::encoding::{der, oid};
use crate::pki::key::kind::KeyKind;
use crate::pki::key::private_key::Key;
use crate::pki::key::public_key::PublicKey;

/// The content with the key's signature over it, as certificates, CRLs (RFC 5280 §4.1.1, §5.1.1) and CSRs (RFC 2986
/// §4.2) are.
pub(crate) fn signed(content: &[u8], key: &Key) -> Result<Vec<u8>> {
    let signature = key.sign(content)?;
    Ok(der::sequence(|seq| {
        seq.next().write_der(content);
        key.kind().write_signature_algorithm(seq.next());
        seq.next().write_bitvec_bytes(&signature, signature.len() * 8);
    }))
}

/// `Ok` when `signature` over `message` was made with the key.
pub(crate) fn check(
    key: &PublicKey,
    algorithm: &AlgorithmIdentifier<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<()> {
    let arcs = oid::of(&algorithm.algorithm).unwrap_or_default();
    let verifier = verifier(key.kind(), &arcs).ok_or_else(|| {
        Error::pki(format!("signature algorithm {} does not go with a key of kind {}", oid::dotted(&arcs), key.kind()))
    })?;
    UnparsedPublicKey::new(verifier, key.bits())
        .verify(message, signature)
        .map_err(|_| Error::pki("the signature does not match"))
}

/// Whether the key made a certificate's signature, the algorithm given as DER; none where it cannot be checked here.
pub(crate) fn check_signature(key: &PublicKey, algorithm: &[u8], message: &[u8], signature: &[u8]) -> Option<bool> {
    use x509_parser::prelude::FromDer;
    let (_, parsed) = AlgorithmIdentifier::from_der(algorithm).ok()?;
    let arcs = oid::of(&parsed.algorithm)?;
    if verifier(key.kind(), &arcs).is_some() {
        return Some(check(key, &parsed, message, signature).is_ok());
    }
    // An algorithm that goes with another kind of key only was not this key's.
    let known = [KeyKind::Rsa(2048), KeyKind::EcdsaP256, KeyKind::Ed25519];
    if known.iter().any(|kind| verifier(*kind, &arcs).is_some()) {
        return Some(false);
    }
    legacy_signature::check(key, algorithm, message, signature)
}

/// As Go prints it; where Go has no name for it, OpenSSL's, or the identifier.
pub(super) fn algorithm_name(algorithm: &[u64]) -> String {
    go_name(algorithm).map_or_else(|| oid::name(algorithm), str::to_owned)
}

/// As Go prints it, without parameters.
pub(super) fn go_name(algorithm: &[u64]) -> Option<&'static str> {
    Some(match algorithm {
        oid::RSA_MD5 => "MD5WithRSA",
        oid::RSA_SHA1 | [1, 3, 14, 3, 2, 29] => "SHA1WithRSA",
        oid::RSA_SHA256 => "SHA256WithRSA",
        oid::RSA_SHA384 => "SHA384WithRSA",
        oid::RSA_SHA512 => "SHA512WithRSA",
        [1, 2, 840, 10040, 4, 3] => "DSAWithSHA1",
        [2, 16, 840, 1, 101, 3, 4, 3, 2] => "DSAWithSHA256",
        oid::ECDSA_SHA1 => "ECDSAWithSHA1",
        oid::ECDSA_SHA256 => "ECDSAWithSHA256",
        oid::ECDSA_SHA384 => "ECDSAWithSHA384",
        oid::ECDSA_SHA512 => "ECDSAWithSHA512",
        oid::ED25519 => "Ed25519",
        _ => return None,
    })
}

fn verifier(kind: KeyKind, algorithm: &[u64]) -> Option<&'static dyn VerificationAlgorithm> {
    use KeyKind::{EcdsaP256, EcdsaP384, EcdsaP521, Ed25519, Rsa};
    let is = |arcs: &[u64]| algorithm == arcs;
    let verifier: &'static dyn VerificationAlgorithm = match kind {
        Rsa(_) if is(oid::RSA_SHA1) => &algorithms::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        Rsa(_) if is(oid::RSA_SHA256) => &algorithms::RSA_PKCS1_2048_8192_SHA256,
        Rsa(_) if is(oid::RSA_SHA384) => &algorithms::RSA_PKCS1_2048_8192_SHA384,
        Rsa(_) if is(oid::RSA_SHA512) => &algorithms::RSA_PKCS1_2048_8192_SHA512,
        EcdsaP256 if is(oid::ECDSA_SHA256) => &algorithms::ECDSA_P256_SHA256_ASN1,
        EcdsaP256 if is(oid::ECDSA_SHA384) => &algorithms::ECDSA_P256_SHA384_ASN1,
        EcdsaP256 if is(oid::ECDSA_SHA512) => &algorithms::ECDSA_P256_SHA512_ASN1,
        EcdsaP384 if is(oid::ECDSA_SHA256) => &algorithms::ECDSA_P384_SHA256_ASN1,
        EcdsaP384 if is(oid::ECDSA_SHA384) => &algorithms::ECDSA_P384_SHA384_ASN1,
        EcdsaP384 if is(oid::ECDSA_SHA512) => &algorithms::ECDSA_P384_SHA512_ASN1,
        EcdsaP521 if is(oid::ECDSA_SHA256) => &algorithms::ECDSA_P521_SHA256_ASN1,
        EcdsaP521 if is(oid::ECDSA_SHA384) => &algorithms::ECDSA_P521_SHA384_ASN1,
        EcdsaP521 if is(oid::ECDSA_SHA512) => &algorithms::ECDSA_P521_SHA512_ASN1,
        Ed25519 if is(oid::ED25519) => &algorithms::ED25519,
        _ => return None,
    };
    Some(verifier)
}
