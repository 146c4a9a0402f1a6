//! Private keys under a password: PKCS#8 with PBES2 in and out (RFC 8018), and OpenSSL's older PEM encryption in.

use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::{Kdf, Parameters};
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use super::legacy_pem;
use super::private_key::Key;
use crate::error::{Error, Result};
use crate::pki::encoding::pem;
use crate::random;
use crate::secret::Secret;

/// Rounds of PBKDF2-SHA256 for keys that we write: what OWASP asks for, some tenths of a second.
const ROUNDS: u32 = 600_000;

/// Above these a file is not a key but an attempt to keep us busy: OpenSSL and Java use thousands.
const MOST_ROUNDS: u32 = 20_000_000;
const MOST_MEMORY: u64 = 1 << 30;

/// Who knows the passwords of keys and stores.
pub trait Passwords: Sync {
    /// The password of a file, or none where nobody knows it.
    fn of(&self, file: &str) -> Result<Option<Secret>>;
}

/// The text with its first private key decrypted, if it is encrypted and somebody knows its password. Where nobody
/// does, it stays as it is: loading it then says so.
pub fn opened(text: Zeroizing<Vec<u8>>, what: &str, passwords: &dyn Passwords) -> Result<Zeroizing<Vec<u8>>> {
    if !is_encrypted(&text) {
        return Ok(text);
    }
    match passwords.of(what)? {
        Some(password) => decrypt(&text, what, &password),
        None => Ok(text),
    }
}

impl Key {
    /// As [`Key::from_pem`], also where the key is encrypted.
    pub fn from_pem_with_password(text: &[u8], what: &str, password: &[u8]) -> Result<Self> {
        Self::from_pem(&decrypt(text, what, &Secret::new(password))?, what)
    }
}

/// Whether the first private key of a PEM text is encrypted. A text that is not PEM has none.
pub fn is_encrypted(text: &[u8]) -> bool {
    let blocks = pem::decode(text, "").unwrap_or_default();
    blocks.iter().find(|b| b.label.ends_with("PRIVATE KEY")).is_some_and(is_encrypted_block)
}

/// The text with its first private key decrypted; one that is not encrypted comes back as it is. `what` names the
/// source in errors.
pub fn decrypt(text: &[u8], what: &str, password: &Secret) -> Result<Zeroizing<Vec<u8>>> {
    let blocks = pem::decode(text, what)?;
    let Some(block) = blocks.iter().find(|b| b.label.ends_with("PRIVATE KEY")).filter(|b| is_encrypted_block(b)) else {
        return Ok(Zeroizing::new(text.to_vec()));
    };
    let (label, der) = match &block.dek_info {
        None if block.encrypted => return Err(Error::pki(format!("{what}: the key's DEK-Info line is missing"))),
        None => ("PRIVATE KEY", pkcs8_plain(&block.der, what, password)?),
        Some(dek_info) => (block.label.as_str(), legacy_pem::decrypt(&block.der, dek_info, password, what)?),
    };
    Ok(Zeroizing::new(pem::encode(label, &der).as_bytes().to_vec()))
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
    let failed = || Error::internal("encrypt the private key");
    let plain = key.to_pkcs8_pem();
    let blocks = pem::decode(plain.expose(), "the key")?;
    let info =
        PrivateKeyInfoRef::try_from(blocks[0].der.as_slice()).map_err(|_| Error::internal("read our own key"))?;
    let parameters = Parameters::generate_pbkdf2_sha256_aes256cbc(rounds, &salt, iv).map_err(|_| failed())?;
    let document = info.encrypt_with_params(parameters, password.expose()).map_err(|_| failed())?;
    Ok(Secret::new(pem::encode("ENCRYPTED PRIVATE KEY", document.as_bytes()).as_bytes()))
}

fn is_encrypted_block(block: &pem::Block) -> bool {
    block.encrypted || block.label == "ENCRYPTED PRIVATE KEY"
}

fn pkcs8_plain(der: &[u8], what: &str, password: &Secret) -> Result<Zeroizing<Vec<u8>>> {
    let info = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| {
        Error::pki(format!("{what}: the key is encrypted in a way that is not supported"))
            .hint("write it anew: openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY -out NEW")
    })?;
    if is_excessive(&info.encryption_algorithm) {
        return Err(Error::pki(format!("{what}: deriving the key from its password would take too long")));
    }
    let plain = info.decrypt(password.expose()).map_err(|_| pem::wrong_password(what))?;
    Ok(Zeroizing::new(plain.as_bytes().to_vec()))
}

fn is_excessive(scheme: &EncryptionScheme) -> bool {
    let EncryptionScheme::Pbes2(parameters) = scheme else { return false };
    match &parameters.kdf {
        Kdf::Pbkdf2(kdf) => kdf.iteration_count > MOST_ROUNDS,
        Kdf::Scrypt(kdf) => {
            let memory = kdf.cost_parameter.saturating_mul(u64::from(kdf.block_size)).saturating_mul(128);
            memory.saturating_mul(u64::from(kdf.parallelization)) > MOST_MEMORY
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let password = Secret::new(*b"p");
            let _ = decrypt(&bytes, "x", &password);
            let _ = decrypt(pem::encode("ENCRYPTED PRIVATE KEY", &bytes).as_bytes(), "x", &password);
        }
    }
}
