//! Private keys under a password: PKCS#8 with PBES2 in and out (RFC 8018), and OpenSSL's older encryptions in. OpenSSL,
//! which is there for SSH, reads what people have; the password is handed to it, so that it never asks the terminal.

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkcs5::pbkdf2_hmac;
use openssl::pkey::PKey;
use openssl::provider::Provider;
use openssl::symm;
use yasna::DERWriter;
use zeroize::Zeroizing;

use super::private_key::Key;
use super::scheme::{self, Opened};
use crate::error::{Error, Reason, Result};
use crate::pki::encoding::forms;
use crate::pki::encoding::{der, oid, pem, tlv};
use crate::random;
use crate::secret::Secret;

/// Rounds of PBKDF2-SHA256 for keys that we write: what OWASP asks for, some tenths of a second.
const ROUNDS: u32 = 600_000;

/// Rounds of PBKDF2, or N·r·p of scrypt, above which a file is not a key but an attempt to keep us busy: OpenSSL and
/// Java use thousands.
pub(crate) const MOST_WORK: u64 = 20_000_000;

/// The longest password that OpenSSL has room for.
const LONGEST: usize = 1024;

/// Who knows the passwords of keys and stores.
pub trait Passwords: Sync {
    /// How a person gives it: the option and the variable of the command that is run; none where there is no way.
    fn ways(&self) -> Option<String>;
    /// The password of a file, or none where nobody knows it.
    fn of(&self, file: &str) -> Result<Option<Secret>>;
    /// The password of a file that can be read without it: nobody is asked.
    fn unasked(&self, _file: &str) -> Result<Option<Secret>> {
        Ok(None)
    }
}

/// The text with its first private key decrypted, if it is encrypted. Where nobody knows its password, the error says
/// how to give it.
pub fn opened(text: Zeroizing<Vec<u8>>, what: &str, passwords: &dyn Passwords) -> Result<Zeroizing<Vec<u8>>> {
    if !is_encrypted(&text) {
        return Ok(text);
    }
    match passwords.of(what)? {
        Some(password) => decrypt(&text, what, &password),
        None => {
            let error = Error::pki(format!("{what}: the private key is encrypted")).because(Reason::Password);
            let error =
                passwords.ways().into_iter().fold(error, |e, ways| e.hint(format!("give its password: {ways}")));
            Err(error.hint("decrypt it: openssl pkey -in KEY -out PLAIN"))
        }
    }
}

impl Key {
    /// As [`Key::from_pem`], also where the key is encrypted.
    pub fn from_pem_with_password(text: &[u8], what: &str, password: &[u8]) -> Result<Self> {
        Self::from_pem(&decrypt(text, what, &Secret::new(password))?, what)
    }
}

/// Whether the first private key of a file (PEM or DER) is encrypted.
pub fn is_encrypted(text: &[u8]) -> bool {
    forms::each(text, "")
        .into_iter()
        .flatten()
        .find(|b| b.label.ends_with("PRIVATE KEY"))
        .is_some_and(|block| is_encrypted_block(&block))
}

/// The text with its first private key decrypted; one that is not encrypted comes back as it is. `what` names the
/// source in errors.
pub fn decrypt(text: &[u8], what: &str, password: &Secret) -> Result<Zeroizing<Vec<u8>>> {
    let blocks = forms::each(text, what).into_iter().collect::<Result<Vec<_>, _>>().map_err(|e| *e.error)?;
    let Some(block) = blocks.iter().find(|b| b.label.ends_with("PRIVATE KEY")).filter(|b| is_encrypted_block(b)) else {
        return Ok(Zeroizing::new(text.to_vec()));
    };
    Ok(Zeroizing::new(pem::encode("PRIVATE KEY", &plain(block, what, password)?).as_bytes().to_vec()))
}

/// `ENCRYPTED PRIVATE KEY`: PKCS#8 under PBES2, AES-256-CBC, PBKDF2 with SHA-256, as openssl, Go's ecosystem and Java
/// read it.
pub fn encrypt(key: &Key, password: &Secret) -> Result<Secret> {
    encrypt_with(key, password, random::bytes()?, random::bytes()?, ROUNDS)
}

fn encrypt_with(key: &Key, password: &Secret, salt: [u8; 16], iv: [u8; 16], rounds: u32) -> Result<Secret> {
    if password.expose().is_empty() {
        return Err(Error::input("the password for the private key is empty"));
    }
    let mut aes = Zeroizing::new([0; 32]);
    let data = pbkdf2_hmac(password.expose(), &salt, rounds as usize, MessageDigest::sha256(), &mut *aes)
        .and_then(|()| symm::encrypt(symm::Cipher::aes_256_cbc(), &*aes, Some(&iv), &key.pkcs8()))
        .map_err(|_| Error::internal("encrypt the private key"))?;
    let der = der::sequence(|writer| {
        algorithm(writer.next(), oid::PBES2, |writer| {
            writer.write_sequence(|writer| {
                algorithm(writer.next(), oid::PBKDF2, |writer| {
                    writer.write_sequence(|writer| {
                        writer.next().write_bytes(&salt);
                        writer.next().write_u32(rounds);
                        algorithm(writer.next(), oid::HMAC_SHA256, |writer| writer.write_null());
                    })
                });
                algorithm(writer.next(), oid::AES_256_CBC, |writer| writer.write_bytes(&iv));
            })
        });
        writer.next().write_bytes(&data);
    });
    Ok(Secret::new(pem::encode("ENCRYPTED PRIVATE KEY", &der).as_bytes()))
}

fn algorithm(writer: DERWriter<'_>, arcs: &[u64], parameters: impl FnOnce(DERWriter<'_>)) {
    writer.write_sequence(|writer| {
        writer.next().write_oid(&oid::oid(arcs));
        parameters(writer.next());
    });
}

fn is_encrypted_block(block: &pem::Block) -> bool {
    block.encrypted || block.label == "ENCRYPTED PRIVATE KEY"
}

/// The PKCS#8 of an encrypted block.
fn plain(block: &pem::Block, what: &str, password: &Secret) -> Result<Zeroizing<Vec<u8>>> {
    let password = password.expose();
    if password.len() > LONGEST {
        return Err(Error::input(format!("{what}: the password is longer than {LONGEST} bytes")));
    }
    // OpenSSL keeps DES and RC2 apart from the rest; they are there until this is dropped.
    let _old = Provider::try_load(None, "legacy", true);
    let answer = |room: &mut [u8]| {
        room[..password.len()].copy_from_slice(password);
        Ok(password.len())
    };
    let key = match &block.dek_info {
        Some(dek_info) => {
            let header = format!("-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: {dek_info}\n\n");
            let text = pem::encode(&block.label, &block.der).replacen("-----\n", &header, 1);
            PKey::private_key_from_pem_callback(text.as_bytes(), answer)
        }
        None if block.encrypted => return Err(Error::pki(format!("{what}: the key's DEK-Info line is missing"))),
        None if !tlv::is_whole(&block.der) => return Err(Error::pki(format!("{what}: the encrypted key is damaged"))),
        None if work(&block.der) > MOST_WORK => {
            return Err(Error::pki(format!("{what}: deriving the key from its password would take too long")));
        }
        None => match scheme::open_pbes1(&block.der, password) {
            Some(Opened::Key(key)) => return Ok(key),
            Some(Opened::WrongPassword) => return Err(pem::wrong_password(what)),
            None => PKey::private_key_from_pkcs8_callback(&block.der, answer),
        },
    };
    key.and_then(|key| key.private_key_to_pkcs8()).map(Zeroizing::new).map_err(|errors| refusal(&errors, block, what))
}

/// What OpenSSL does not know differs from what it could not decrypt in its error numbers (openssl/err.h, pemerr.h): a
/// wrong password fails in the cipher, or gives what is no key.
fn refusal(errors: &ErrorStack, block: &pem::Block, what: &str) -> Error {
    const EVP: i32 = 6;
    const PEM: i32 = 9;
    let unknown = |e: &openssl::error::Error| match e.library_code() {
        EVP => true,
        PEM => e.reason_code() != 101,
        _ => false,
    };
    if !errors.errors().iter().any(unknown) {
        return pem::wrong_password(what);
    }
    let scheme = || tlv::first(tlv::only(&block.der, 0x30)?).and_then(|(algorithm, _)| scheme::name(algorithm.content));
    let way = match &block.dek_info {
        Some(dek_info) => cipher_of(dek_info),
        None => scheme(),
    };
    let way = way.map_or_else(|| "in a way that".to_owned(), |name| format!("with {name}, which"));
    Error::pki(format!("{what}: the key is encrypted {way} is not supported")).hint(
        "write it again: openssl pkcs8 -provider legacy -provider default -topk8 -v2 aes-256-cbc -in KEY -out NEW",
    )
}

/// The cipher of a DEK-Info line, where it can be the name of one: anything else there may be a piece of a key.
fn cipher_of(dek_info: &str) -> Option<String> {
    let name = dek_info.split(',').next().unwrap_or_default();
    let fits = name.len() <= 24 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (fits && !name.is_empty()).then(|| name.to_owned())
}

/// The most rounds that a key derivation in these bytes asks for, which are the first numbers beside its salt; also within
/// what stands in a string of bytes, as the contents of stores do. What cannot be followed may ask for any number.
pub(crate) fn work(der: &[u8]) -> u64 {
    work_within(der, 32)
}

/// The rounds of all encryptions in these bytes together: a store has as many parts as somebody likes, each with its own.
pub(crate) fn work_of_all(der: &[u8]) -> u64 {
    let mut all = 0u64;
    scheme::each(der, scheme::DEPTH, &mut |_, algorithm| all = all.saturating_add(work(algorithm)));
    all
}

fn work_within(der: &[u8], depth: usize) -> u64 {
    let Some((values, deeper)) = tlv::all(der).zip(depth.checked_sub(1)) else { return u64::MAX };
    let numbers = values.iter().filter(|value| value.tag == 2);
    let number =
        |value: &tlv::Tlv| value.content.iter().fold(0u64, |n, &b| n.saturating_mul(256).saturating_add(b.into()));
    let own = match numbers.map(number).collect::<Vec<_>>()[..] {
        [n, r, p, ..] => n.saturating_mul(r).saturating_mul(p),
        [rounds, ..] => rounds,
        [] => 0,
    };
    let is_store =
        |value: &tlv::Tlv| value.tag == 4 && value.content.first() == Some(&0x30) && tlv::is_whole(value.content);
    let deep = values.iter().filter(|value| value.tag & 0x20 != 0 || is_store(value));
    deep.map(|value| work_within(value.content, deeper)).fold(own, u64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As deep as one likes, and within strings of bytes.
    #[test]
    fn work_is_found_wherever_it_stands_and_what_cannot_be_followed_is_too_much() {
        let wrap = |tag: u8, inner: &[u8]| {
            let length = u16::try_from(inner.len()).unwrap().to_be_bytes();
            [&[tag, 0x82, length[0], length[1]], inner].concat()
        };
        let rounds = wrap(0x30, &[4, 1, 0, 2, 4, 0x7f, 0xff, 0xff, 0xff]);
        assert_eq!(work(&rounds), 0x7fff_ffff);
        assert_eq!(work(&wrap(4, &rounds)), 0x7fff_ffff);
        assert_eq!(work(&[0x30, 0x80, 0, 0]), u64::MAX, "an indefinite length");
        let deep = (0..40).fold(rounds, |inner, _| wrap(0x30, &inner));
        assert_eq!(work(&deep), u64::MAX);
    }
    use crate::pki::KeyKind;
    use proptest::prelude::*;

    #[test]
    fn a_key_comes_back_with_its_password_and_with_no_other() {
        for kind in [KeyKind::EcdsaP256, KeyKind::EcdsaP521, KeyKind::Ed25519, KeyKind::Rsa(2048)] {
            let key = Key::generate(kind).unwrap();
            let password = Secret::new(*b"correct horse");
            let text = encrypt_with(&key, &password, [1; 16], [2; 16], 10).unwrap();
            assert!(is_encrypted(text.expose()) && !is_encrypted(key.to_pem().expose()));
            let plain = decrypt(text.expose(), "x", &password).unwrap();
            assert_eq!(Key::from_pem(&plain, "x").unwrap().public(), key.public());
            let loaded = Key::from_pem_with_password(text.expose(), "x", password.expose()).unwrap();
            assert_eq!(loaded.public(), key.public());
            let error = decrypt(text.expose(), "ca-key.pem", &Secret::new(*b"wrong")).unwrap_err();
            assert_eq!(error.message, "ca-key.pem: the password is not the right one, or the file is damaged");
        }
    }

    #[test]
    fn a_key_that_is_not_encrypted_stays_as_it_is() {
        let key = Key::generate(KeyKind::EcdsaP256).unwrap();
        let text = key.to_pem();
        assert_eq!(decrypt(text.expose(), "x", &Secret::new(*b"p")).unwrap().as_slice(), text.expose());
    }

    #[test]
    fn an_empty_password_protects_nothing() {
        let key = Key::generate(KeyKind::EcdsaP256).unwrap();
        assert!(encrypt(&key, &Secret::new(*b"")).is_err());
    }

    #[test]
    fn rounds_that_would_never_end_are_refused() {
        let key = Key::generate(KeyKind::EcdsaP256).unwrap();
        let text = encrypt_with(&key, &Secret::new(*b"p"), [1; 16], [2; 16], 10).unwrap();
        let mut der = pem::decode(text.expose(), "x").unwrap().remove(0).der.to_vec();
        // The rounds are the one-byte INTEGER after the salt: made a four-byte one, all lengths around it grow by 3.
        let at = der.windows(5).position(|w| w == [1, 1, 2, 1, 10]).unwrap() + 2;
        der.splice(at..at + 3, [2, 4, 0x7f, 0xff, 0xff, 0xff]);
        let lengths: Vec<usize> =
            (0..at - 17).filter(|&i| der[i] == 0x30 && usize::from(der[i + 1]) + i + 2 + 3 > at).collect();
        for i in lengths {
            if der[i + 1] == 0x81 {
                der[i + 2] += 3;
            } else if der[i + 1] < 0x80 {
                der[i + 1] += 3;
            }
        }
        let text = pem::encode("ENCRYPTED PRIVATE KEY", &der);
        let error = decrypt(text.as_bytes(), "k.pem", &Secret::new(*b"p")).unwrap_err();
        assert_eq!(error.message, "k.pem: deriving the key from its password would take too long");
    }

    /// Made by OpenSSL 3.5 with the password `pw`: `openssl ec -CIPHER`, and `openssl pkcs8 -topk8` with what is named.
    const OLD: &str = include_str!("encrypted_by_openssl.pem");

    #[test]
    fn what_openssl_has_ever_written_is_read_and_a_wrong_password_is_known_as_one() {
        let texts = OLD.split("# ").skip(1).map(|text| text.split_once('\n').unwrap());
        let mut public = Vec::new();
        for (name, text) in texts {
            let key = Key::from_pem_with_password(text.as_bytes(), name, b"pw").unwrap_or_else(|e| panic!("{e:?}"));
            public.push(key.public().clone());
            for wrong in 0..300 {
                let error = decrypt(text.as_bytes(), name, &Secret::new(wrong.to_string().as_bytes())).unwrap_err();
                assert_eq!(error.message, format!("{name}: the password is not the right one, or the file is damaged"));
            }
        }
        assert_eq!(public.len(), 15);
        assert!(public.iter().all(|key| *key == public[0]));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let text =
            encrypt_with(&Key::generate(KeyKind::EcdsaP256).unwrap(), &Secret::new(*b"pw"), [1; 16], [2; 16], 10);
        let der = pem::decode(text.unwrap().expose(), "").unwrap().remove(0).der;
        let refused = |der: &[u8], password: &[u8]| {
            let text = pem::encode("ENCRYPTED PRIVATE KEY", der);
            decrypt(text.as_bytes(), "k", &Secret::new(password)).unwrap_err().message
        };
        // The last arc of an object identifier made another: PBES2, PBKDF2, HMAC-SHA256, AES-256-CBC.
        for (oid, named) in [
            (&[1, 5, 13][..], "1.2.840.113549.1.5.99"),
            (&[1, 5, 12], "aes-256-cbc by 1.2.840.113549.1.5.99"),
            (&[13, 2, 9], "aes-256-cbc"),
            (&[3, 4, 1, 42], "2.16.840.1.101.3.4.1.99"),
        ] {
            let mut der = der.to_vec();
            let at = der.windows(oid.len()).position(|w| w == oid).unwrap();
            der[at + oid.len() - 1] = 99;
            assert_eq!(refused(&der, b"pw"), format!("k: the key is encrypted with {named}, which is not supported"));
        }
        assert_eq!(refused(&der[..der.len() - 1], b"pw"), "k: the encrypted key is damaged");
        assert_eq!(refused(&der, &[b'x'; 1025]), "k: the password is longer than 1024 bytes");
        assert_eq!(refused(&der, &[b'x'; 1024]), "k: the password is not the right one, or the file is damaged");
        assert_eq!(refused(&der, b""), "k: the password is not the right one, or the file is damaged");
        let old = OLD.split_once("DEK-Info: ").unwrap().1.split_once('\n').unwrap().0;
        for (dek_info, message) in [
            (
                "FOO-128-CBC,00112233445566778899AABBCCDDEEFF",
                "k: the key is encrypted with FOO-128-CBC, which is not supported",
            ),
            ("AES-128-CBC", "k: the key is encrypted with AES-128-CBC, which is not supported"),
        ] {
            let error = decrypt(OLD.replace(old, dek_info).as_bytes(), "k", &Secret::new(*b"pw")).unwrap_err();
            assert_eq!(error.message, message, "{dek_info}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let password = Secret::new(*b"p");
            let _ = decrypt(&bytes, "x", &password);
            let _ = decrypt(pem::encode("ENCRYPTED PRIVATE KEY", &bytes).as_bytes(), "x", &password);
            let old = pem::encode("EC PRIVATE KEY", &bytes).replacen("-----\n", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: DES-CBC,0011223344556677\n\n", 1);
            let _ = decrypt(old.as_bytes(), "x", &password);
        }
    }
}
