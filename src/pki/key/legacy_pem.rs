//! OpenSSL's own encryption of PEM blocks (`Proc-Type: 4,ENCRYPTED`): read for keys that are there, never written, as
//! its one round of MD5 protects little.

use aes::{Aes128, Aes192, Aes256};
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, InnerIvInit, KeyInit};
use des::{Des, TdesEde3};
use md5::{Digest, Md5};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::pki::encoding::pem::wrong_password;
use crate::secret::Secret;

/// The plain bytes of a block; `dek_info` is like `AES-256-CBC,0123…`: cipher and initialisation vector, which is the
/// salt too.
pub(super) fn decrypt(bytes: &[u8], dek_info: &str, password: &Secret, what: &str) -> Result<Zeroizing<Vec<u8>>> {
    let (cipher, iv) = dek_info.split_once(',').unwrap_or((dek_info, ""));
    let iv = hex(iv.trim()).filter(|iv| iv.len() >= 8);
    let iv = iv.ok_or_else(|| Error::pki(format!("{what}: the key's DEK-Info line has no initialisation vector")))?;
    let key = |length| derive(password.expose(), &iv[..8], length);
    let plain = match cipher.trim().to_ascii_uppercase().as_str() {
        "AES-128-CBC" => cbc::<Aes128>(&key(16), &iv, bytes),
        "AES-192-CBC" => cbc::<Aes192>(&key(24), &iv, bytes),
        "AES-256-CBC" => cbc::<Aes256>(&key(32), &iv, bytes),
        "DES-CBC" => cbc::<Des>(&key(8), &iv, bytes),
        "DES-EDE3-CBC" => cbc::<TdesEde3>(&key(24), &iv, bytes),
        other => {
            return Err(Error::pki(format!("{what}: the key is encrypted with {other}, which is not supported"))
                .hint("write it anew: openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY -out NEW"));
        }
    };
    // A wrong password gives good padding once in 256 times; but then no SEQUENCE.
    plain.filter(|plain| plain.first() == Some(&0x30)).ok_or_else(|| wrong_password(what))
}

fn cbc<C: BlockCipherDecrypt + KeyInit>(key: &[u8], iv: &[u8], bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let cipher = C::new_from_slice(key).ok()?;
    let decryptor = Decryptor::<C>::inner_iv_slice_init(cipher, iv).ok()?;
    decryptor.decrypt_padded_vec::<Pkcs7>(bytes).ok().map(Zeroizing::new)
}

/// OpenSSL's EVP_BytesToKey with MD5 and one round.
fn derive(password: &[u8], salt: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(length + 16));
    while key.len() < length {
        let mut hash = Md5::new();
        hash.update(&key[key.len().saturating_sub(16)..]);
        hash.update(password);
        hash.update(salt);
        key.extend_from_slice(&hash.finalize());
    }
    key.truncate(length);
    key
}

fn hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).ok()).collect()
}
