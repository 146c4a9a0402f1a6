//! Files that only the owner of a private key can read, in the age format (<https://c2sp.org/age>), which the `age` program
//! reads and writes too: version 1, with X25519 recipients. The cryptography is AWS-LC's.

mod bech32;

use std::fmt;

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::random;
use crate::secret::Secret;

const VERSION: &str = "age-encryption.org/v1";
const STANZA: &str = "-> X25519 ";
const KEY: usize = 32;
const FILE_KEY: usize = 16;
const TAG: usize = 16;
const NONCE: usize = 16;
const CHUNK: usize = 64 << 10;

/// Whom a file is for: a public key, `age1…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient {
    text: String,
    key: [u8; KEY],
}

/// Who can read it: a private key, `AGE-SECRET-KEY-1…`.
pub struct Identity(PrivateKey);

impl Recipient {
    /// Reads `age1…`; none where it is no such key.
    pub fn parse(text: &str) -> Option<Self> {
        let key: [u8; KEY] = bech32::decode("age", text)?.as_slice().try_into().ok()?;
        Some(Recipient { text: text.to_ascii_lowercase(), key })
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl serde::Serialize for Recipient {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Identity {
    /// The identities in a file as `age-keygen` writes it: a line for each, and comments. `what` names the file in
    /// errors, which never show what is in it.
    pub fn all_from_file(bytes: &[u8], what: &str) -> Result<Vec<Self>> {
        let wrong = |line: usize| {
            Error::input(format!("{what}:{line}: a line AGE-SECRET-KEY-1… is expected"))
                .hint("the file is one that age-keygen has written, with the private key of a recoveryKey")
        };
        let text = std::str::from_utf8(bytes).map_err(|_| wrong(1))?;
        let mut all = Vec::new();
        for (n, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = bech32::decode("age-secret-key-", line).ok_or_else(|| wrong(n + 1))?;
            all.push(Identity(PrivateKey::from_private_key(&X25519, &key).map_err(|_| wrong(n + 1))?));
        }
        if all.is_empty() { Err(wrong(1)) } else { Ok(all) }
    }
}

/// Encrypts to all recipients: any one of them can read it.
pub fn encrypt(plain: &[u8], recipients: &[Recipient]) -> Result<Vec<u8>> {
    let file_key = Zeroizing::new(random::bytes::<FILE_KEY>()?);
    let mut header = format!("{VERSION}\n");
    for recipient in recipients {
        let scalar = Zeroizing::new(random::bytes::<KEY>()?);
        let ephemeral = PrivateKey::from_private_key(&X25519, &*scalar).map_err(|_| failed())?;
        let share = ephemeral.compute_public_key().map_err(|_| failed())?;
        let wrap = wrapping_key(&ephemeral, &recipient.key, share.as_ref(), &recipient.key)
            .ok_or_else(|| Error::input(format!("{recipient} is no key that can be encrypted to")))?;
        let body = seal(&wrap, [0; 12], &*file_key)?;
        header.push_str(&format!("{STANZA}{}\n{}\n", unpadded(share.as_ref()), unpadded(&body)));
    }
    header.push_str("---");
    let mac = hmac::sign(&mac_key(&file_key)?, header.as_bytes());
    let mut out = format!("{header} {}\n", unpadded(mac.as_ref())).into_bytes();
    let nonce = random::bytes::<NONCE>()?;
    out.extend(nonce);
    let payload = derive(&*file_key, &nonce, b"payload")?;
    let chunks = plain.chunks(CHUNK).count().max(1);
    for n in 0..chunks {
        let chunk = plain.get(n * CHUNK..).map_or(&[][..], |rest| &rest[..rest.len().min(CHUNK)]);
        out.extend(seal(&payload, chunk_nonce(n, n + 1 == chunks), chunk)?);
    }
    Ok(out)
}

/// What a file says; `what` names it in errors.
pub fn decrypt(bytes: &[u8], identities: &[Identity], what: &str) -> Result<Secret> {
    let damaged = || Error::pki(format!("{what} is damaged, or no file of age's"));
    let file = Encrypted::read(bytes).ok_or_else(damaged)?;
    let file_key = identities.iter().find_map(|identity| file.file_key(identity)).ok_or_else(|| {
        Error::pki(format!("{what} is not encrypted to this identity"))
            .hint("the private key of one of the inventory's recoveryKey is needed, as it was when the copy was made")
    })?;
    hmac::verify(&mac_key(&file_key)?, file.header, &file.mac).map_err(|_| damaged())?;
    let (nonce, mut rest) = file.payload.split_at_checked(NONCE).ok_or_else(damaged)?;
    let payload = derive(&*file_key, nonce, b"payload")?;
    let mut plain = Zeroizing::new(Vec::with_capacity(rest.len()));
    for n in 0.. {
        let (chunk, next) = rest.split_at(rest.len().min(CHUNK + TAG));
        let last = next.is_empty();
        let opened = open(&payload, chunk_nonce(n, last), chunk).ok_or_else(damaged)?;
        // Only a file of nothing may end with an empty chunk.
        if opened.is_empty() && n > 0 {
            return Err(damaged());
        }
        plain.extend_from_slice(&opened);
        if last {
            break;
        }
        rest = next;
    }
    Ok(Secret::new(std::mem::take(&mut *plain)))
}

/// A file's parts.
struct Encrypted<'a> {
    /// Shares and wrapped keys.
    stanzas: Vec<(Vec<u8>, Vec<u8>)>,
    /// What the MAC is over.
    header: &'a [u8],
    mac: Vec<u8>,
    payload: &'a [u8],
}

impl<'a> Encrypted<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut at = 0;
        let mut line = || {
            let rest = bytes.get(at..)?;
            let end = rest.iter().position(|byte| *byte == b'\n')?;
            let from = at;
            at += end + 1;
            Some((from, std::str::from_utf8(&rest[..end]).ok()?))
        };
        if line()?.1 != VERSION {
            return None;
        }
        let mut stanzas = Vec::new();
        let (header, mac) = loop {
            let (from, text) = line()?;
            if let Some(mac) = text.strip_prefix("--- ") {
                break (&bytes[..from + 3], STANDARD_NO_PAD.decode(mac).ok()?);
            }
            text.strip_prefix("-> ")?;
            let mut body = String::new();
            // A body's lines have 64 characters; a shorter one is its last.
            loop {
                let (_, part) = line()?;
                body.push_str(part);
                if part.len() < 64 {
                    break;
                }
            }
            // Other kinds of recipients are not ours to read.
            if let Some(share) = text.strip_prefix(STANZA) {
                stanzas.push((STANDARD_NO_PAD.decode(share).ok()?, STANDARD_NO_PAD.decode(body).ok()?));
            }
        };
        Some(Encrypted { stanzas, header, mac, payload: &bytes[at..] })
    }

    fn file_key(&self, identity: &Identity) -> Option<Zeroizing<[u8; FILE_KEY]>> {
        let own = identity.0.compute_public_key().ok()?;
        self.stanzas.iter().filter(|(_, body)| body.len() == FILE_KEY + TAG).find_map(|(share, body)| {
            let wrap = wrapping_key(&identity.0, share, share, own.as_ref())?;
            let key = open(&wrap, [0; 12], body)?;
            Some(Zeroizing::new(<[u8; FILE_KEY]>::try_from(key.as_slice()).ok()?))
        })
    }
}

/// What wraps the file's key: from the secret that both sides have, and both public keys.
fn wrapping_key(mine: &PrivateKey, theirs: &[u8], share: &[u8], recipient: &[u8]) -> Option<Zeroizing<[u8; KEY]>> {
    let salt = [share, recipient].concat();
    let label = format!("{VERSION}/X25519");
    agree(mine, UnparsedPublicKey::new(&X25519, theirs), (), |shared| {
        derive(shared, &salt, label.as_bytes()).map_err(|_| ())
    })
    .ok()
}

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        KEY
    }
}

fn derive(secret: &[u8], salt: &[u8], label: &[u8]) -> Result<Zeroizing<[u8; KEY]>> {
    let mut key = Zeroizing::new([0; KEY]);
    let extracted = Salt::new(HKDF_SHA256, salt).extract(secret);
    extracted.expand(&[label], Length).and_then(|okm| okm.fill(&mut *key)).map_err(|_| failed())?;
    Ok(key)
}

fn mac_key(file_key: &[u8; FILE_KEY]) -> Result<hmac::Key> {
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &*derive(file_key, &[], b"header")?))
}

/// Eleven bytes count the chunks, the last one says whether it is the last.
fn chunk_nonce(n: usize, last: bool) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&(n as u64).to_be_bytes());
    nonce[11] = last.into();
    nonce
}

fn cipher(key: &[u8; KEY]) -> Result<LessSafeKey> {
    UnboundKey::new(&CHACHA20_POLY1305, key).map(LessSafeKey::new).map_err(|_| failed())
}

fn seal(key: &[u8; KEY], nonce: [u8; 12], plain: &[u8]) -> Result<Vec<u8>> {
    let mut buffer = Vec::with_capacity(plain.len() + TAG);
    buffer.extend_from_slice(plain);
    let sealed = cipher(key)?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut buffer);
    sealed.map_err(|_| failed())?;
    Ok(buffer)
}

fn open(key: &[u8; KEY], nonce: [u8; 12], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut buffer = Zeroizing::new(sealed.to_vec());
    let opened = cipher(key).ok()?.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut buffer);
    let length = opened.ok()?.len();
    buffer.truncate(length);
    Some(buffer)
}

fn unpadded(bytes: &[u8]) -> String {
    STANDARD_NO_PAD.encode(bytes)
}

fn failed() -> Error {
    Error::internal("a cryptographic operation failed")
}

#[cfg(test)]
mod tests;
