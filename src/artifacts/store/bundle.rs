//! Bundles for sites without a way out: the lock, and the store's files as they are, in one tar.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use serde::Serialize;
use tar::{EntryType, Header};
use tempfile::NamedTempFile;

use super::Store;
use super::record::{Label, Origin, OriginKind, Stored};
use crate::artifacts::lock::{Lock, Locked};
use crate::digest::is_sha256;
use crate::error::{Error, Result};
use crate::files;
use crate::state::ArtifactRef;
use crate::ui::Reporter;
use crate::ui::step::{self, megabytes};

const LOCK: &str = "artifacts.lock";
/// A record or lock larger than this is not one of ours.
const SMALL: u64 = 1 << 20;

/// What went into or came out of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bundled {
    /// Programs and images.
    pub artifacts: Vec<Locked>,
    /// Bytes, compressed.
    pub bytes: u64,
}

/// Writes the locked things to a tar, beside and renamed. All of them must be in the store.
pub fn write_bundle(lock: &Lock, store: &Store, out: &Path, reporter: &dyn Reporter) -> Result<Bundled> {
    let absent: Vec<_> = lock.artifacts.iter().filter_map(|l| store.compressed(&l.artifact()).err()).collect();
    Error::all(absent)?;
    step::run(reporter, "", format!("write {}", out.display()), |step| {
        let failed = |e: io::Error| Error::io(format!("write {}", out.display()), &e);
        let mut tar = tar::Builder::new(files::scratch(&files::folder_of(out))?);
        append(&mut tar, LOCK, &lock.bytes()?).map_err(failed)?;
        let hashes: BTreeSet<_> = lock.artifacts.iter().map(|l| l.sha256.as_str()).collect();
        let records = hashes.into_iter().map(|sha256| store.record(sha256)).collect::<Result<Vec<_>>>()?;
        let total = records.iter().map(|r| r.compressed_size).sum();
        let mut done = 0;
        for record in &records {
            let json = serde_json::to_vec(record).map_err(|e| Error::internal(format!("write a record: {e}")))?;
            append(&mut tar, &format!("store/{}.json", record.sha256), &json).map_err(failed)?;
            let path = store.file(&record.sha256);
            let file = File::open(&path).map_err(|e| Error::io(format!("open {}", path.display()), &e))?;
            let name = format!("store/{}.zst", record.sha256);
            tar.append_data(&mut header(record.compressed_size), name, file).map_err(failed)?;
            done += record.compressed_size;
            step.progress(done, total);
        }
        let mut beside = tar.into_inner().map_err(failed)?;
        beside.flush().map_err(failed)?;
        files::put(beside, out)?;
        let bundled = Bundled { artifacts: lock.artifacts.clone(), bytes: total };
        Ok((bundled, megabytes(total)))
    })
}

/// Takes everything in a bundle into the store, after reading and hashing all of it.
pub fn import(path: &Path, store: &Store, reporter: &dyn Reporter) -> Result<Bundled> {
    step::run(reporter, "", format!("import {}", path.display()), |_| {
        let (lock, bytes) = unpack(path, store, OriginKind::Import, |_| true)?;
        Ok((Bundled { artifacts: lock.artifacts, bytes }, megabytes(bytes)))
    })
}

/// The lock that a bundle begins with.
pub fn read_lock(path: &Path) -> Result<Lock> {
    let mut archive = open(path)?;
    let mut entries = archive.entries().map_err(|e| broken(path, &e))?;
    let first = entries.next().ok_or_else(|| not_a_bundle(path))?.map_err(|e| broken(path, &e))?;
    lock_entry(path, first)
}

fn lock_entry<R: Read>(path: &Path, mut entry: tar::Entry<'_, R>) -> Result<Lock> {
    if entry.path().map_err(|e| broken(path, &e))?.as_ref() != Path::new(LOCK) {
        return Err(not_a_bundle(path));
    }
    Lock::parse(&small(path, &mut entry)?, &format!("{} in {}", LOCK, path.display()))
}

/// Takes what `take` chooses by its SHA-256 into the store. Goes through the bundle once; records come before their files.
pub fn unpack(path: &Path, store: &Store, kind: OriginKind, take: impl Fn(&str) -> bool) -> Result<(Lock, u64)> {
    let mut archive = open(path)?;
    let mut entries = archive.entries().map_err(|e| broken(path, &e))?;
    let first = entries.next().ok_or_else(|| not_a_bundle(path))?.map_err(|e| broken(path, &e))?;
    let lock = lock_entry(path, first)?;
    let mut records: BTreeMap<String, Stored> = BTreeMap::new();
    let mut bytes = 0;
    for entry in entries {
        let mut entry = entry.map_err(|e| broken(path, &e))?;
        let name = entry.path().map_err(|e| broken(path, &e))?.display().to_string();
        let Some((sha256, extension)) = name.strip_prefix("store/").and_then(|n| n.split_once('.')) else { continue };
        if !is_sha256(sha256) || !take(sha256) {
            continue;
        }
        match extension {
            "json" => {
                let record: Stored = serde_json::from_slice(&small(path, &mut entry)?)
                    .map_err(|e| broken(path, &io::Error::other(format!("{name}: {e}"))))?;
                records.insert(sha256.to_owned(), record);
            }
            "zst" => {
                let record = records.get(sha256).filter(|r| r.sha256 == sha256).ok_or_else(|| not_a_bundle(path))?;
                bytes += adopt(path, store, entry, record, kind)?;
            }
            _ => {}
        }
    }
    let lost: Vec<_> = lock.artifacts.iter().filter(|l| take(&l.sha256)).collect();
    let lost = lost.into_iter().filter_map(|l| store.compressed(&l.artifact()).err());
    Error::all(lost.map(|e| e.context(format!("{} is cut short", path.display()))))?;
    Ok((lock, bytes))
}

fn adopt<R: Read>(
    path: &Path,
    store: &Store,
    mut entry: tar::Entry<'_, R>,
    record: &Stored,
    kind: OriginKind,
) -> Result<u64> {
    let labels =
        record.labels.iter().map(|l| Label { origin: Origin { kind, from: l.origin.from.clone() }, ..l.clone() });
    let there =
        ArtifactRef { name: String::new(), version: String::new(), sha256: record.sha256.clone(), size: record.size };
    if store.has(&there) {
        // Already here and whole: only who says so is new. What was downloaded or built keeps its own origin.
        let known = store.record(&record.sha256)?.labels;
        let is_known =
            |l: &Label| known.iter().any(|k| (&k.name, &k.version, &k.arch) == (&l.name, &l.version, &l.arch));
        labels.filter(|l| !is_known(l)).try_for_each(|label| store.add_label(&record.sha256, label))?;
        return Ok(record.compressed_size);
    }
    let mut beside = store.scratch()?;
    io::copy(&mut entry, beside.as_file_mut()).map_err(|e| broken(path, &e))?;
    let stored = Stored { labels: labels.collect(), ..record.clone() };
    store.adopt(beside, &stored).map_err(|e| e.context(format!("{} is damaged", path.display())))?;
    Ok(stored.compressed_size)
}

fn open(path: &Path) -> Result<tar::Archive<BufReader<File>>> {
    let file = File::open(path).map_err(|e| Error::input(format!("cannot open the bundle {}: {e}", path.display())))?;
    Ok(tar::Archive::new(BufReader::with_capacity(1 << 18, file)))
}

fn small(path: &Path, entry: &mut impl Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    entry.take(SMALL).read_to_end(&mut bytes).map_err(|e| broken(path, &e))?;
    Ok(bytes)
}

fn broken(path: &Path, error: &io::Error) -> Error {
    Error::artifact(format!("cannot read the bundle {}: {error}", path.display())).hint("copy it again")
}

fn not_a_bundle(path: &Path) -> Error {
    Error::artifact(format!("{} is not a bundle", path.display()))
        .hint("make one where the programs are: `kbootstrap artifacts bundle -o FILE`")
}

fn append(tar: &mut tar::Builder<NamedTempFile>, name: &str, bytes: &[u8]) -> io::Result<()> {
    tar.append_data(&mut header(bytes.len() as u64), name, bytes)
}

fn header(size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    header
}
