//! Reading a suite of an archive: its signature, then its indexes by the hashes that were signed.

use std::io::{self, Read};
use std::sync::atomic::AtomicBool;

use time::OffsetDateTime;

use super::index;
use super::known::Archive;
use super::openpgp::Keyring;
use super::release::Release;
use super::universe::Candidate;
use crate::artifacts::{Client, Store, verified};
use crate::error::{Error, Reason, Result};
use crate::files;
use crate::ui::Reporter;
use crate::ui::step::{self, megabytes};

/// The largest index, of all of Debian, has 10 MB packed, and 50 MB unpacked.
const PACKED: u64 = 64 << 20;
const UNPACKED: u64 = 512 << 20;

/// What reading an archive needs.
pub struct Reading<'a> {
    /// Where what is downloaded lies meanwhile.
    pub store: &'a Store,
    /// Where progress is reported.
    pub reporter: &'a dyn Reporter,
    /// The wish to stop.
    pub interrupt: &'a AtomicBool,
    /// The present.
    pub now: OffsetDateTime,
}

/// The packages of a suite for an architecture.
///
/// # Errors
/// Artifact: it cannot be had, is signed by nobody who is trusted, or is not what was asked for.
pub fn read(archive: &Archive, arch: &str, keys: &Keyring, how: &Reading<'_>) -> Result<Vec<Candidate>> {
    let Archive { address, suite, components } = archive;
    step::run(how.reporter, "", format!("read the archive {suite}"), |step| {
        let client = Client::new(Some(address), how.interrupt)?;
        let place = format!("dists/{suite}");
        let release = client.small(&format!("{place}/InRelease"), "*/*").map_err(unreachable)?;
        let release = release_of(&String::from_utf8_lossy(&release), archive, keys, how.now)?;
        let dir = how.store.folder("download")?;
        let mut all = Vec::new();
        let mut bytes = 0;
        for component in *components {
            let path = format!("{component}/binary-{arch}/Packages");
            let packed =
                [".xz", ".gz", ""].iter().find_map(|kind| Some((kind, release.files.get(&format!("{path}{kind}"))?)));
            let Some((kind, (sha256, size))) = packed else {
                let why = format!("{address}: the suite {suite} has no {component} for {arch}");
                return Err(Error::artifact(why).hint("is it an archive of another architecture?"));
            };
            if *size > PACKED {
                return Err(Error::artifact(format!("{address}: {path}{kind} has {size} bytes, and no index has")));
            }
            let by_hash = format!("{place}/{component}/binary-{arch}/by-hash/SHA256/{sha256}");
            let url = if release.by_hash { by_hash } else { format!("{place}/{path}{kind}") };
            let progress = |done: u64, total: u64| step.progress(done, total);
            let file = verified(&client, &url, Some(sha256.as_str()), (dir.as_path(), *size), &progress)
                .map_err(unreachable)?;
            let text = unpack(kind, &file).map_err(|e| Error::artifact(format!("{address}: {path}{kind}: {e}")));
            let _ = std::fs::remove_file(&file);
            all.extend(index::read(&text?, address));
            bytes += size;
        }
        Ok((all, megabytes(bytes)))
    })
}

/// What was signed, by somebody who is trusted, of that suite and of now.
fn release_of(message: &str, archive: &Archive, keys: &Keyring, now: OffsetDateTime) -> Result<Release> {
    let Archive { address, suite, .. } = archive;
    let seconds = u64::try_from(now.unix_timestamp()).unwrap_or(0);
    let signed = keys.verify(message, seconds).map_err(|reasons| {
        let error = Error::artifact(format!("{address}: the suite {suite} is signed by nobody who is trusted here"))
            .because(Reason::Signature);
        reasons.into_iter().fold(error, Error::detail)
            .hint("keys are taken from this machine's keyrings and from the host's: the packages debian-archive-keyring and ubuntu-keyring have them")
            .hint("an archive with a key of its own: `packages: {ID: {mirror: URL, keyring: FILE}}` in the inventory")
    })?;
    Release::read(&signed.text, suite, now)
        .map_err(|why| Error::artifact(format!("{address}: the suite {suite}: {why}")))
}

/// What to do where an archive is out of reach.
pub(super) fn unreachable(error: Error) -> Error {
    Error { hints: Vec::new(), ..error }
        .hint("name a mirror that this machine reaches: `packages: {debian: {mirror: URL}}` in the inventory; HTTPS_PROXY names a proxy")
        .hint("or lay the .deb files into a folder that `artifacts` names, or install the packages on the hosts by hand")
}

fn unpack(kind: &str, file: &std::path::Path) -> Result<String, String> {
    let io = |e: io::Error| e.to_string();
    let packed = files::bounded::bytes(file).map_err(io)?;
    let mut text = Vec::new();
    let limited = |from: &mut dyn Read, text: &mut Vec<u8>| from.take(UNPACKED + 1).read_to_end(text);
    let packed = packed.as_slice();
    match kind {
        ".xz" => limited(&mut lzma_rust2::XzReader::new(packed, true), &mut text).map_err(io)?,
        ".gz" => limited(&mut flate2::read::MultiGzDecoder::new(packed), &mut text).map_err(io)?,
        _ => limited(&mut &*packed, &mut text).map_err(io)?,
    };
    if text.len() as u64 > UNPACKED {
        return Err("it unpacks to more than any index".into());
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}
