//! One standard zstd frame with content size and checksum (RFC 8878 §3): written, and read whole to see whether it is right.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use crate::digest::{Hashing, sha256_of};
use crate::error::{Error, Result};
use crate::text::sh_path;

/// Level 3 compresses about 3 to 1 at several hundred MB/s; 19 saves a quarter of the bytes for 100 times the time.
const LEVEL: i32 = 3;
/// Compresses a file of that length: SHA-256 and size of the raw bytes, then of the frame.
pub fn compress(raw: File, length: u64, out: &mut File) -> io::Result<(String, u64, String, u64)> {
    let mut raw = Hashing::new(BufReader::with_capacity(1 << 18, raw));
    let mut encoder = zstd::Encoder::new(Hashing::new(out), LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.include_contentsize(true)?;
    encoder.set_pledged_src_size(Some(length))?;
    io::copy(&mut raw, &mut encoder)?;
    let (out, compressed_sha256, compressed_size) = encoder.finish()?.finish();
    out.flush()?;
    let (_, sha256, size) = raw.finish();
    Ok((sha256, size, compressed_sha256, compressed_size))
}

/// Reads the whole compressed file and what comes out of it, which must be just these bytes. Its record is not asked.
pub fn check_contents(path: &Path, sha256: &str, size: u64) -> Result<()> {
    // One byte more tells that it is too long; what a forged frame unpacks to has no end.
    let raw = unpacked(path)?.take(size.saturating_add(1));
    let found = sha256_of(raw).map_err(|e| damaged(path, &e.to_string()))?;
    if (found.0.as_str(), found.1) != (sha256, size) {
        return Err(damaged(path, "what it unpacks to is not what its name says"));
    }
    Ok(())
}

/// What comes out of a compressed file.
pub fn unpacked(path: &Path) -> Result<impl Read + use<>> {
    let file = File::open(path).map_err(|e| Error::io(format!("open {}", path.display()), &e))?;
    zstd::Decoder::new(file).map_err(|e| damaged(path, &e.to_string()))
}

/// The longest that a frame of so many bytes can be: zstd stores what it cannot compress, with a header for each block
/// (`ZSTD_compressBound`, rounded up).
pub fn longest(size: u64) -> u64 {
    size.saturating_add(size >> 8).saturating_add(1024)
}

/// A file of the store that is not what it was, with what to do.
pub fn damaged(path: &Path, why: &str) -> Error {
    Error::artifact(format!("{} is damaged: {why}", path.display()))
        .hint(format!("remove it (rm {}) and run `kbootstrap artifacts fetch` again", sh_path(path)))
}
