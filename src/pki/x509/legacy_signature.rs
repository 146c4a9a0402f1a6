//! Signatures of certificates that others make and we do not: checked with OpenSSL, as AWS-LC knows few of them.
//!
//! MD2, MD4 and MD5 are left out on purpose: whoever likes forges them, so that a match says nothing.

use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Public};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};

use crate::pki::encoding::oid;
use crate::pki::encoding::tlv::{all, first, only};
use crate::pki::key::public_key::PublicKey;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OBJECT: u8 = 0x06;

/// How it was signed.
#[derive(Clone, Copy)]
struct Scheme {
    /// With RSA; else with ECDSA.
    rsa: bool,
    digest: MessageDigest,
    pss: Option<Pss>,
}

/// Parameters of RSASSA-PSS (RFC 4055 §3.1).
#[derive(Clone, Copy)]
struct Pss {
    mask: MessageDigest,
    salt: u8,
}

/// Whether the key made the signature; none where the algorithm (AlgorithmIdentifier, DER) is not known here either.
pub(super) fn check(key: &PublicKey, algorithm: &[u8], message: &[u8], signature: &[u8]) -> Option<bool> {
    let scheme = scheme(algorithm)?;
    let key = PKey::public_key_from_der(key.spki()).ok()?;
    let fits = if scheme.rsa { key.rsa().is_ok() } else { key.ec_key().is_ok() };
    Some(fits && matches(&key, scheme, message, signature).unwrap_or(false))
}

fn matches(
    key: &PKey<Public>,
    scheme: Scheme,
    message: &[u8],
    signature: &[u8],
) -> Result<bool, openssl::error::ErrorStack> {
    let mut verifier = Verifier::new(scheme.digest, key)?;
    if let Some(pss) = scheme.pss {
        verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
        verifier.set_rsa_mgf1_md(pss.mask)?;
        verifier.set_rsa_pss_saltlen(RsaPssSaltlen::custom(pss.salt.into()))?;
    }
    verifier.verify_oneshot(signature, message)
}

fn scheme(algorithm: &[u8]) -> Option<Scheme> {
    let parts = all(only(algorithm, SEQUENCE)?)?;
    let (name, parameters) = parts.split_first()?;
    let plain = |rsa, digest| Some(Scheme { rsa, digest, pss: None });
    match oid::arcs(name.content)?.as_slice() {
        oid::RSA_SHA224 => plain(true, MessageDigest::sha224()),
        oid::RSA_PSS => {
            let (digest, pss) = pss(parameters.first().map_or(&[], |p| p.content))?;
            Some(Scheme { rsa: true, digest, pss: Some(pss) })
        }
        oid::ECDSA_SHA1 => plain(false, MessageDigest::sha1()),
        oid::ECDSA_SHA224 => plain(false, MessageDigest::sha224()),
        // The same four hashes in a row: first with ECDSA, then with RSA.
        [2, 16, 840, 1, 101, 3, 4, 3, last @ 9..=16] => {
            let digests = [
                MessageDigest::sha3_224(),
                MessageDigest::sha3_256(),
                MessageDigest::sha3_384(),
                MessageDigest::sha3_512(),
            ];
            plain(*last >= 13, *digests.get(usize::try_from((last - 9) % 4).ok()?)?)
        }
        _ => None,
    }
}

/// Hash and the rest; what is not written has its default.
fn pss(parameters: &[u8]) -> Option<(MessageDigest, Pss)> {
    let (mut digest, mut mask, mut salt) = (MessageDigest::sha1(), MessageDigest::sha1(), 20);
    for part in all(parameters)? {
        match part.tag {
            0xa0 => digest = hash(part.content)?,
            0xa1 => {
                let parts = all(only(part.content, SEQUENCE)?)?;
                let [name, hashed] = parts.as_slice() else { return None };
                if oid::arcs(name.content)?.as_slice() != oid::MGF1 {
                    return None;
                }
                mask = hash(hashed.raw)?;
            }
            0xa2 => salt = small(only(part.content, INTEGER)?)?,
            // The only trailer that there is.
            0xa3 => _ = Some(small(only(part.content, INTEGER)?)?).filter(|&trailer| trailer == 1)?,
            _ => return None,
        }
    }
    Some((digest, Pss { mask, salt }))
}

/// 0 to 255: no salt is longer than the largest modulus allows that OpenSSL takes by itself.
fn small(integer: &[u8]) -> Option<u8> {
    match *integer {
        [byte @ 0..0x80] | [0, byte @ 0x80..=0xff] => Some(byte),
        _ => None,
    }
}

/// Of an AlgorithmIdentifier.
fn hash(algorithm: &[u8]) -> Option<MessageDigest> {
    let (name, _) = first(only(algorithm, SEQUENCE)?)?;
    if name.tag != OBJECT {
        return None;
    }
    match oid::arcs(name.content)?.as_slice() {
        [1, 3, 14, 3, 2, 26] => Some(MessageDigest::sha1()),
        [2, 16, 840, 1, 101, 3, 4, 2, 1] => Some(MessageDigest::sha256()),
        [2, 16, 840, 1, 101, 3, 4, 2, 2] => Some(MessageDigest::sha384()),
        [2, 16, 840, 1, 101, 3, 4, 2, 3] => Some(MessageDigest::sha512()),
        [2, 16, 840, 1, 101, 3, 4, 2, 4] => Some(MessageDigest::sha224()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::encoding::der;
    use crate::pki::{Key, KeyKind};
    use proptest::prelude::*;

    #[test]
    fn small_numbers_are_not_negative() {
        assert_eq!(
            [small(&[32]), small(&[0, 0xde]), small(&[0xde]), small(&[1, 0])],
            [Some(32), Some(222), None, None]
        );
    }

    #[test]
    fn an_algorithm_of_another_kind_of_key_is_no_match() {
        let key = Key::generate(KeyKind::EcdsaP256).unwrap();
        let algorithm = |arcs: &[u64]| der::sequence(|seq| seq.next().write_oid(&oid::oid(arcs)));
        let of = |arcs| check(key.public(), &algorithm(arcs), b"message", b"signature");
        assert_eq!((of(oid::RSA_SHA224), of(oid::ECDSA_SHA1)), (Some(false), Some(false)));
        assert_eq!((of(oid::RSA_MD5), of(oid::ECDSA_SHA256)), (None, None), "not for here");
    }

    proptest! {
        #[test]
        fn parameters_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = (pss(&bytes).is_some(), scheme(&bytes).is_some());
        }
    }
}
