//! Encryption under a password by its name, and the oldest of it (PBES1, RFC 8018 §6.1), which OpenSSL writes and reads
//! only with what our own build of it has not.

use openssl::hash::{MessageDigest, hash};
use openssl::nid::Nid;
use openssl::symm::{self, Cipher};
use zeroize::Zeroizing;

use crate::pki::encoding::oid;
use crate::pki::encoding::tlv::{self, Tlv};

const SEQUENCE: u8 = 0x30;
const OCTET_STRING: u8 = 0x04;
const INTEGER: u8 = 0x02;
/// How deep encryptions are looked for.
pub(super) const DEPTH: usize = 24;

/// What a key under PBES1 gave.
pub(super) enum Opened {
    /// PKCS#8.
    Key(Zeroizing<Vec<u8>>),
    /// Padding or structure that is none.
    WrongPassword,
}

/// The name of an AlgorithmIdentifier (its content): of PBES2 the cipher's and, where it is no usual one, the derivation's.
pub(crate) fn name(algorithm: &[u8]) -> Option<String> {
    let parts = tlv::all(algorithm)?;
    let scheme = arcs(*parts.first()?)?;
    if scheme != oid::PBES2 {
        return Some(oid::name(&scheme));
    }
    let inner = |at: usize| arcs(*tlv::all(tlv::all(parts.get(1)?.content)?.get(at)?.content)?.first()?);
    let (derivation, cipher) = (inner(0)?, oid::name(&inner(1)?));
    Some(match derivation == oid::PBKDF2 {
        true => cipher,
        false => format!("{cipher} by {}", oid::name(&derivation)),
    })
}

/// The names of all encryptions in bytes, wherever they are: of a store's parts.
pub(crate) fn names_within(der: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    each(der, DEPTH, &mut |scheme, content| {
        let name = name(content).unwrap_or_else(|| oid::name(scheme));
        if !names.contains(&name) {
            names.push(name);
        }
    });
    names
}

/// Calls with the number and the content of each encryption's AlgorithmIdentifier, as deep as `depth`.
pub(super) fn each(der: &[u8], depth: usize, found: &mut impl FnMut(&[u64], &[u8])) {
    let Some((values, deeper)) = tlv::all(der).zip(depth.checked_sub(1)) else { return };
    for value in values {
        if value.tag == SEQUENCE
            && let Some(scheme) = tlv::all(value.content).and_then(|parts| arcs(*parts.first()?))
            && matches!(scheme.as_slice(), [1, 2, 840, 113549, 1, 5, 1..=13] | [1, 2, 840, 113549, 1, 12, 1, _])
            && scheme != oid::PBKDF2
        {
            found(&scheme, value.content);
            continue;
        }
        // What a store holds is in octet strings.
        if value.tag & 0x20 != 0 || value.tag == OCTET_STRING {
            each(value.content, deeper, found);
        }
    }
}

/// Opens an EncryptedPrivateKeyInfo under PBES1 with MD5 or SHA-1 and DES or RC2; none where it is under another scheme.
pub(super) fn open_pbes1(der: &[u8], password: &[u8]) -> Option<Opened> {
    let parts = tlv::all(tlv::only(der, SEQUENCE)?)?;
    let [algorithm, data] = parts[..] else { return None };
    let [scheme, parameters] = tlv::all(algorithm.content)?[..] else { return None };
    let (digest, cipher) = match arcs(scheme)?.as_slice() {
        [1, 2, 840, 113549, 1, 5, 3] => (MessageDigest::md5(), Cipher::des_cbc()),
        [1, 2, 840, 113549, 1, 5, 6] => (MessageDigest::md5(), Cipher::from_nid(Nid::RC2_64_CBC)?),
        [1, 2, 840, 113549, 1, 5, 10] => (MessageDigest::sha1(), Cipher::des_cbc()),
        [1, 2, 840, 113549, 1, 5, 11] => (MessageDigest::sha1(), Cipher::from_nid(Nid::RC2_64_CBC)?),
        _ => return None,
    };
    let [salt, rounds] = tlv::all(parameters.content)?[..] else { return None };
    if (salt.tag, rounds.tag, data.tag) != (OCTET_STRING, INTEGER, OCTET_STRING) {
        return None;
    }
    let rounds = rounds.content.iter().try_fold(0u32, |n, byte| n.checked_mul(256)?.checked_add((*byte).into()))?;
    // PBKDF1: 8 bytes of key, 8 bytes of initialisation vector.
    let mut derived = Zeroizing::new([password, salt.content].concat());
    for _ in 0..rounds.max(1) {
        let next = hash(digest, &derived).ok()?;
        derived = Zeroizing::new(next.to_vec());
    }
    let plain = symm::decrypt(cipher, &derived[..8], Some(&derived[8..16]), data.content).map(Zeroizing::new);
    let is_key = |plain: &[u8]| tlv::is_whole(plain) && tlv::only(plain, SEQUENCE).is_some();
    Some(match plain {
        Ok(plain) if is_key(&plain) => Opened::Key(plain),
        _ => Opened::WrongPassword,
    })
}

fn arcs(value: Tlv<'_>) -> Option<Vec<u64>> {
    (value.tag == 0x06).then(|| oid::arcs(value.content))?
}
