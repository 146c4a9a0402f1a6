//! A file downloaded whole, and held to its hash.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::http::Client;
use crate::digest::{sha256, sha256_of};
use crate::error::{Error, Result};

/// The downloaded file, whole and with the right hash, of `most` bytes at the most. An earlier attempt is resumed, but where nothing
/// can tell whether it fits.
pub fn verified(
    client: &Client<'_>,
    url: &str,
    expected: Option<&str>,
    (dir, most): (&Path, u64),
    progress: &dyn Fn(u64, u64),
) -> Result<PathBuf> {
    let part = dir.join(format!("{}-{}.part", &sha256(url.as_bytes())[..12], base_name(url).replace(':', "-")));
    if expected.is_none() {
        let _ = fs::remove_file(&part);
    }
    client.file(url, &part, most, progress)?;
    let Some(expected) = expected else { return Ok(part) };
    let io = |e| Error::io(format!("read {}", part.display()), &e);
    let (found, _) = sha256_of(File::open(&part).map_err(io)?).map_err(io)?;
    if found == expected {
        return Ok(part);
    }
    let _ = fs::remove_file(&part);
    Err(Error::artifact(format!("{} is not what the project published", client.address(url)))
        .detail(format!("expected SHA-256 {expected}\nfound    SHA-256 {found}"))
        .hint("run it again; if it stays so, a proxy or mirror in between changes or has damaged the file"))
}

/// The last part of a URL.
pub fn base_name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}
