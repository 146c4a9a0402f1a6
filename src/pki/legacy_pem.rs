//! Keys in PEM that is encrypted the old way (RFC 1421 headers, OpenSSL's key derivation), as cfssl takes them with
//! `CFSSL_CA_PK_PASSWORD`. The scheme is weak, so it is only read.

use aes::cipher::{BlockModeDecrypt, InnerIvInit, KeyIvInit, block_padding::Pkcs7};
use md5::{Digest, Md5};
use zeroize::Zeroizing;

use super::key::Key;
use crate::error::{Error, Result};

impl Key {
    /// As [`Key::from_pem`], also where the key is encrypted with RFC 1421 headers.
    pub fn from_pem_with_password(text: &[u8], what: &str, password: &[u8]) -> Result<Self> {
        let encrypted = find(text).map_err(|e| e.context(what))?;
        let Some(block) = encrypted else { return Self::from_pem(text, what) };
        Self::from_der(&block.decrypt(password).map_err(|e| e.context(what))?, what)
    }
}

/// A block with a `DEK-Info` header.
struct Encrypted {
    cipher: String,
    iv: Vec<u8>,
    bytes: Zeroizing<Vec<u8>>,
}

/// The first private key, when it is encrypted in this way.
fn find(text: &[u8]) -> Result<Option<Encrypted>> {
    let Ok(blocks) = ::pem::parse_many(text) else { return Ok(None) };
    let Some(block) = blocks.into_iter().find(|b| b.tag().ends_with("PRIVATE KEY")) else { return Ok(None) };
    let header = |name: &str| block.headers().get(name).map(str::to_owned);
    if !header("Proc-Type").is_some_and(|value| value.contains("ENCRYPTED")) {
        return Ok(None);
    }
    let info = header("DEK-Info").unwrap_or_default();
    let (cipher, iv) = info.split_once(',').ok_or_else(|| Error::pki("the encrypted key lacks its DEK-Info"))?;
    let iv = unhex(iv.trim()).ok_or_else(|| Error::pki("the encrypted key's DEK-Info is broken"))?;
    let cipher = cipher.trim().to_owned();
    Ok(Some(Encrypted { cipher, iv, bytes: Zeroizing::new(block.into_contents()) }))
}

impl Encrypted {
    fn decrypt(&self, password: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        match self.cipher.as_str() {
            "AES-128-CBC" => self.cbc::<aes::Aes128>(16, password),
            "AES-192-CBC" => self.cbc::<aes::Aes192>(24, password),
            "AES-256-CBC" => self.cbc::<aes::Aes256>(32, password),
            "DES-EDE3-CBC" => self.cbc::<des::TdesEde3>(24, password),
            "DES-CBC" => self.cbc::<des::Des>(8, password),
            other => Err(Error::pki(format!("the key is encrypted with `{other}`, which is not supported"))),
        }
    }

    fn cbc<C>(&self, key_length: usize, password: &[u8]) -> Result<Zeroizing<Vec<u8>>>
    where
        C: aes::cipher::BlockCipherDecrypt + aes::cipher::KeyInit,
        cbc::Decryptor<C>: KeyIvInit + BlockModeDecrypt + InnerIvInit,
    {
        let wrong = || Error::pki("the password does not decrypt the private key");
        // The first eight bytes of the IV are the salt.
        let salt = self.iv.get(..8).ok_or_else(|| Error::pki("the encrypted key's DEK-Info is broken"))?;
        let key = derive(password, salt, key_length);
        let cipher = cbc::Decryptor::<C>::new_from_slices(&key, &self.iv)
            .map_err(|_| Error::pki("the encrypted key's DEK-Info is broken"))?;
        let mut bytes = self.bytes.clone();
        let length = cipher.decrypt_padded::<Pkcs7>(&mut bytes).map_err(|_| wrong())?.len();
        bytes.truncate(length);
        Ok(bytes)
    }
}

/// OpenSSL's `EVP_BytesToKey` with MD5 and one round.
fn derive(password: &[u8], salt: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(48));
    let mut last = Zeroizing::new(Vec::new());
    while key.len() < length {
        let digest = Md5::new().chain_update(&*last).chain_update(password).chain_update(salt).finalize();
        last = Zeroizing::new(digest.to_vec());
        key.extend_from_slice(&last);
    }
    key.truncate(length);
    key
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn says_what_is_wrong() {
        let error = |headers: &str| {
            let text = format!(
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n{headers}\n\nAAECAwQFBgcICQoLDA0ODw==\n-----END RSA PRIVATE KEY-----\n"
            );
            Key::from_pem_with_password(text.as_bytes(), "k.pem", b"x").unwrap_err().message
        };
        insta::assert_snapshot!(error("DEK-Info: AES-128-CBC,000102030405060708090A0B0C0D0E0F"), @"k.pem: the password does not decrypt the private key");
        insta::assert_snapshot!(error("DEK-Info: AES-128-CBC,00"), @"k.pem: the encrypted key's DEK-Info is broken");
        insta::assert_snapshot!(error("DEK-Info: RC2-CBC,0001020304050607"), @"k.pem: the key is encrypted with `RC2-CBC`, which is not supported");
    }

    proptest! {
        #[test]
        fn never_panics(iv in "[0-9A-Fa-fé]{0,40}", bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let block = Encrypted { cipher: "AES-256-CBC".into(), iv: unhex(&iv).unwrap_or_default(), bytes: Zeroizing::new(bytes) };
            let _ = block.decrypt(b"secret");
        }
    }
}
