//! Bundles for sites without a way out: the lock, and the store's files as they are, in one tar.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use serde::Serialize;
use tar::{EntryType, Header};

use super::Store;
use super::frame::{damaged, longest};
use super::record::{Label, Origin, OriginKind};
use crate::artifacts::lock::{Lock, Locked};
use crate::artifacts::shape::Shape;
use crate::components::Catalogue;
use crate::error::{Error, Result};
use crate::files::Piecewise;
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

/// Writes the locked things to a tar, beside and renamed, or into the device or pipe that is there. All of them must be in the
/// store.
pub fn write_bundle(lock: &Lock, store: &Store, out: &Path, reporter: &dyn Reporter) -> Result<Bundled> {
    let all = lock.everything();
    let absent = all.iter().filter_map(|l| match store.pinned(l) {
        Ok(true) => store.check(&l.artifact()).err(),
        Ok(false) => store.compressed(&l.artifact()).err(),
        Err(error) => Some(error),
    });
    let absent: Vec<_> = absent.collect();
    Error::all(absent)?;
    step::run(reporter, "", format!("write {}", out.display()), |step| {
        let failed = |e: io::Error| Error::io(format!("write {}", out.display()), &e);
        let mut tar = tar::Builder::new(Piecewise::begin(out)?);
        append(&mut tar, LOCK, &lock.bytes()?).map_err(failed)?;
        let hashes: BTreeSet<_> = all.iter().map(|l| l.sha256.as_str()).collect();
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
        tar.into_inner().map_err(failed)?.finish()?;
        let bundled = Bundled { artifacts: all.clone(), bytes: total };
        Ok((bundled, megabytes(total)))
    })
}

/// Takes what a bundle's lock names into the store, after reading and hashing all of it.
pub fn import(path: &Path, store: &Store, catalogue: &Catalogue, reporter: &dyn Reporter) -> Result<Bundled> {
    step::run(reporter, "", format!("import {}", path.display()), |_| {
        let (lock, bytes) = unpack(path, store, OriginKind::Import, |locked| Some(Shape::named(locked, catalogue)))?;
        store.keep_packages(&lock.packages, path)?;
        Ok((Bundled { artifacts: lock.everything(), bytes }, megabytes(bytes)))
    })
}

/// The lock that a bundle begins with.
pub fn read_lock(path: &Path) -> Result<Lock> {
    let mut archive = open(path)?;
    let mut entries = entries(&mut archive).map_err(|e| broken(path, &e))?;
    let first = entries.next().ok_or_else(|| not_a_bundle(path))?.map_err(|e| broken(path, &e))?;
    lock_entry(path, first)
}

fn lock_entry<R: Read>(path: &Path, mut entry: tar::Entry<'_, R>) -> Result<Lock> {
    let is_file = entry.header().entry_type() == EntryType::Regular;
    if !is_file || entry.path().map_err(|e| broken(path, &e))?.as_ref() != Path::new(LOCK) {
        return Err(not_a_bundle(path));
    }
    Lock::parse(&small(path, &mut entry)?, &format!("{} in {}", LOCK, path.display()))
}

/// Takes what `take` chooses of the bundle's lock into the store: it says what shape each thing must have. Goes through
/// the bundle once. Nothing but the lock says what things are, and what else the bundle holds is passed by.
pub fn unpack(
    path: &Path,
    store: &Store,
    kind: OriginKind,
    take: impl Fn(&Locked) -> Option<Shape>,
) -> Result<(Lock, u64)> {
    let mut archive = open(path)?;
    let mut entries = entries(&mut archive).map_err(|e| broken(path, &e))?;
    let first = entries.next().ok_or_else(|| not_a_bundle(path))?.map_err(|e| broken(path, &e))?;
    let lock = lock_entry(path, first)?;
    let mut wanted: BTreeMap<&str, Vec<(&Locked, Shape)>> = BTreeMap::new();
    let all = lock.everything();
    for locked in &all {
        if let Some(shape) = take(locked) {
            wanted.entry(&locked.sha256).or_default().push((locked, shape));
        }
    }
    let mut bytes = 0;
    for entry in entries {
        let entry = entry.map_err(|e| broken(path, &e))?;
        let name = entry.path().map_err(|e| broken(path, &e))?.display().to_string();
        let Some(sha256) = name.strip_prefix("store/").and_then(|n| n.strip_suffix(".zst")) else { continue };
        let things = wanted.get(sha256).into_iter().flatten();
        if entry.header().entry_type() == EntryType::Regular && things.clone().next().is_some() {
            bytes += adopt(path, store, entry, things, kind)?;
        }
    }
    let lost = wanted.values().flatten().filter_map(|(locked, _)| store.compressed(&locked.artifact()).err());
    Error::all(lost.map(|e| e.context(format!("{} is cut short", path.display()))))?;
    Ok((lock, bytes))
}

/// One file with all that it is. What was downloaded or built here keeps that origin.
fn adopt<'l, R: Read>(
    path: &Path,
    store: &Store,
    mut entry: tar::Entry<'_, R>,
    things: impl Iterator<Item = &'l (&'l Locked, Shape)>,
    kind: OriginKind,
) -> Result<u64> {
    let length = entry.size();
    for (locked, shape) in things {
        let artifact = locked.artifact();
        let label = label(path, locked, kind);
        if store.has(&artifact) {
            shape.check(store.raw_reader(&artifact)?, &label.arch, &label.title())?;
            let known = store.record(&locked.sha256)?.labels;
            let is_known = |k: &Label| (&k.name, &k.version, &k.arch) == (&label.name, &label.version, &label.arch);
            if !known.iter().any(is_known) {
                store.add_label(&locked.sha256, label)?;
            }
            continue;
        }
        if length > longest(locked.size) {
            return Err(damaged(path, &format!("{} is longer than what it holds", locked.title())));
        }
        let mut beside = store.scratch()?;
        io::copy(&mut entry, beside.as_file_mut()).map_err(|e| broken(path, &e))?;
        let adopted = store.adopt(beside, &artifact, shape, label);
        adopted.map_err(|e| e.context(format!("{} is damaged", path.display())))?;
    }
    Ok(length)
}

/// What the bundle's lock says that it is, and that the bundle says so.
fn label(path: &Path, locked: &Locked, kind: OriginKind) -> Label {
    let Locked { name, version, arch, .. } = locked.clone();
    Label { name, version, arch, origin: Origin { kind, from: from(path, locked) } }
}

/// Where something that came in a bundle is from. What the bundle says of it is the word of whoever made the bundle.
pub fn from(path: &Path, locked: &Locked) -> String {
    format!("imported from {}, which says: {}", path.display(), locked.source)
}

fn open(path: &Path) -> Result<tar::Archive<BufReader<File>>> {
    let file = File::open(path).map_err(|e| Error::input(format!("cannot open the bundle {}: {e}", path.display())))?;
    Ok(tar::Archive::new(BufReader::with_capacity(1 << 18, file)))
}

/// As they stand in the file: what tar's extensions say, names of gigabytes for instance, would be read into memory.
fn entries<R: Read>(archive: &mut tar::Archive<R>) -> io::Result<tar::Entries<'_, R>> {
    Ok(archive.entries()?.raw(true))
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

fn append(tar: &mut tar::Builder<Piecewise>, name: &str, bytes: &[u8]) -> io::Result<()> {
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
