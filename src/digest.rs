//! Digests: SHA-256 of bytes and of what flows by, and the SHA-1 of formats that know no other.

use std::io::{self, Read, Write};

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512, digest};
use ring::hmac;

/// Hashes and counts what is read from or written to `inner`.
pub struct Hashing<T> {
    inner: T,
    sha256: Sha256,
    bytes: u64,
}

impl<T> Hashing<T> {
    /// Starts at nothing.
    pub fn new(inner: T) -> Self {
        Hashing { inner, sha256: Sha256::default(), bytes: 0 }
    }
    /// What is inside, the SHA-256 in lower-case hex, and the bytes that went through.
    pub fn finish(self) -> (T, String, u64) {
        (self.inner, self.sha256.finish(), self.bytes)
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.sha256.update(&buffer[..n]);
        self.bytes += n as u64;
        Ok(n)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(buffer)?;
        self.sha256.update(&buffer[..n]);
        self.bytes += n as u64;
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// SHA-256 of what is added piece by piece.
pub struct Sha256(Context);

impl Default for Sha256 {
    fn default() -> Self {
        Sha256(Context::new(&SHA256))
    }
}

impl Sha256 {
    /// Adds bytes.
    pub fn update(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.update(bytes.as_ref());
    }
    /// The digest in lower-case hex.
    pub fn finish(self) -> String {
        hex(self.0.finish().as_ref())
    }
}

/// SHA-256 of the bytes, lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&sha256_bytes(bytes))
}

/// SHA-256 of the bytes.
pub fn sha256_bytes(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

/// SHA-384 of the bytes.
pub fn sha384_bytes(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA384, bytes).as_ref().to_vec()
}

/// SHA-512 of the bytes.
pub fn sha512_bytes(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA512, bytes).as_ref().to_vec()
}

/// SHA-1 of the bytes, which names keys (RFC 5280 §4.2.1.2).
pub fn sha1(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec()
}

/// Whether `mac` is the HMAC-SHA-1 of the bytes, which hides names in known_hosts.
pub fn is_hmac_sha1(key: &[u8], bytes: &[u8], mac: &[u8]) -> bool {
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key), bytes, mac).is_ok()
}

/// SHA-256 (lower-case hex) and length of everything that `reader` gives.
pub fn sha256_of(reader: impl Read) -> io::Result<(String, u64)> {
    let mut hashing = Hashing::new(reader);
    io::copy(&mut hashing, &mut io::sink())?;
    let (_, sha256, bytes) = hashing.finish();
    Ok((sha256, bytes))
}

/// Whether the text is a SHA-256 in lower-case hex.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_flows_through_is_hashed_and_counted() {
        // FIPS 180-2, appendix B.1
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), abc);
        assert_eq!(sha256_of(&b"abc"[..]).unwrap(), (abc.to_owned(), 3));
        let mut writer = Hashing::new(Vec::new());
        writer.write_all(b"abc").unwrap();
        assert_eq!(writer.finish(), (b"abc".to_vec(), abc.to_owned(), 3));
        assert!(is_sha256(abc) && !is_sha256("../../etc/passwd") && !is_sha256(&abc.to_uppercase()));
    }
}
