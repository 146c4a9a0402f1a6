//! The store: each program and image once, by the SHA-256 of its bytes, already compressed.
//!
//! `<sha256>.zst` is one standard zstd frame with content size and checksum, so that files can be sent one after the
//! other as one stream (RFC 8878 §3). `<sha256>.json` beside it says what it is; it is written last, so that its
//! presence means that the file is whole.

pub mod bundle;
mod frame;
pub(super) mod ours;
mod record;
mod verify;

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

use crate::artifacts::lock::{Lock, Locked, LockedPackage};
use crate::artifacts::shape::Shape;
use crate::digest::{is_sha256, sha256_of};
use crate::error::{Error, Reason, Result};
use crate::files;
use crate::state::ArtifactRef;
use frame::{check_contents, compress, damaged, longest, unpacked};

pub use bundle::{Bundled, import, write_bundle};
pub use record::{Label, Origin, OriginKind, Stored};
pub use verify::{Finding, verify};

/// What bundles say of their packages, beside the store.
const PACKAGES: &str = "packages.lock";

/// The folder with all programs and images of this user.
#[derive(Debug, Clone)]
pub struct Store {
    cache: PathBuf,
    dir: PathBuf,
}

impl Store {
    /// The user's: `$KBOOTSTRAP_CACHE`, `$XDG_CACHE_HOME/kbootstrap` or `~/.cache/kbootstrap`.
    pub fn open_default() -> Result<Self> {
        let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let cache = set("KBOOTSTRAP_CACHE")
            .or_else(|| set("XDG_CACHE_HOME").filter(|p| p.is_absolute()).map(|p| p.join("kbootstrap")))
            .or_else(|| set("HOME").map(|p| p.join(".cache/kbootstrap")))
            .ok_or_else(|| {
                Error::local("no folder for the store: HOME is not set").hint("set KBOOTSTRAP_CACHE to a folder")
            })?;
        let store = Self::open(&cache);
        ours::check([store.cache(), store.dir()])?;
        Ok(store)
    }

    /// The store in `cache/store`. Nothing is made before something is put there.
    pub fn open(cache: &Path) -> Self {
        Store { cache: cache.to_owned(), dir: cache.join("store") }
    }

    /// Makes the folders where they are missing.
    pub(super) fn make(&self) -> Result<()> {
        let io = |e: io::Error| Error::io(format!("make {}", self.dir.display()), &e);
        ours::check([self.cache(), self.dir()])?;
        // Whatever the umask: who may write here chooses what hosts run.
        fs::DirBuilder::new().recursive(true).mode(0o755).create(&self.dir).map_err(io)?;
        // Somebody may have been faster.
        ours::check([self.cache(), self.dir()])
    }

    /// A folder of the cache, made where it is missing.
    pub fn folder(&self, below: impl AsRef<Path>) -> Result<PathBuf> {
        self.make()?;
        let folder = self.cache.join(below);
        let io = |e: io::Error| Error::io(format!("make {}", folder.display()), &e);
        fs::DirBuilder::new().recursive(true).mode(0o755).create(&folder).map_err(io)?;
        ours::check(folder.ancestors().take_while(|path| *path != self.cache))?;
        Ok(folder)
    }

    /// The folder above the store, where builds and partial downloads lie too.
    pub fn cache(&self) -> &Path {
        &self.cache
    }
    /// The folder with the files.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether the thing is there, whole as far as lengths tell. A few microseconds.
    pub fn has(&self, artifact: &ArtifactRef) -> bool {
        self.record(&artifact.sha256)
            .is_ok_and(|stored| stored.size == artifact.size && self.check_length(&stored).is_ok())
    }

    /// Whether what a lock pins is there, as with [`Store::has`]. Bytes that are known here as other things only are
    /// refused: then the lock has been changed by hand.
    pub fn pinned(&self, locked: &Locked) -> Result<bool> {
        if !self.has(&locked.artifact()) {
            return Ok(false);
        }
        let labels = self.record(&locked.sha256)?.labels;
        let is_it = |l: &Label| (&l.name, &l.version, &l.arch) == (&locked.name, &locked.version, &locked.arch);
        if labels.iter().any(is_it) {
            return Ok(true);
        }
        let known: Vec<_> = labels.iter().map(Label::title).collect();
        Err(Error::artifact(format!("the lock says {}, and its bytes are {}", locked.title(), known.join(", ")))
            .detail(format!("SHA-256 {}", locked.sha256))
            .hint("bring artifacts.lock back from version control, or pin again: `kbootstrap artifacts fetch --update-lock`"))
    }

    /// The record of an artifact whose compressed file is there in its full length.
    pub fn usable(&self, artifact: &ArtifactRef) -> Result<Stored> {
        let stored = self.record(&artifact.sha256).and_then(|stored| self.check_length(&stored).map(|()| stored));
        stored.map_err(|e| e.context(format!("{} is not usable", artifact.name)))
    }

    /// The compressed file and its length in bytes, ready to be sent as it is.
    pub fn compressed(&self, artifact: &ArtifactRef) -> Result<(File, u64)> {
        let stored = self.usable(artifact)?;
        let path = self.file(&artifact.sha256);
        let file = File::open(&path).map_err(|e| Error::io(format!("open {}", path.display()), &e))?;
        Ok((file, stored.compressed_size))
    }

    /// The raw bytes. A broken file shows as an I/O error while reading (the frame has a checksum).
    pub fn raw_reader(&self, artifact: &ArtifactRef) -> Result<impl Read + use<>> {
        let (file, _) = self.compressed(artifact)?;
        zstd::Decoder::new(file).map_err(|e| damaged(&self.file(&artifact.sha256), &e.to_string()))
    }

    /// Reads the file whole: whether what it unpacks to are the bytes of the artifact.
    pub fn check(&self, artifact: &ArtifactRef) -> Result<()> {
        let checked = check_contents(&self.file(&artifact.sha256), &artifact.sha256, artifact.size);
        checked.map_err(|e| e.context(format!("{} is not usable", artifact.name)))
    }

    /// Takes a file in under its label; one that is there already gets the label too.
    /// `expected` refuses other bytes than these.
    pub fn put(&self, path: &Path, label: Label, expected: Option<&str>) -> Result<ArtifactRef> {
        let io = |what: &str, e: &io::Error| Error::io(format!("{what} {}", path.display()), e);
        let file = File::open(path).map_err(|e| io("open", &e))?;
        let length = file.metadata().map_err(|e| io("look at", &e))?.len();
        let mut beside = self.scratch()?;
        let (sha256, size, compressed_sha256, compressed_size) =
            compress(file, length, beside.as_file_mut()).map_err(|e| io("compress", &e))?;
        if let Some(expected) = expected.filter(|expected| *expected != sha256) {
            return Err(Error::artifact(format!("{} {} is not what it was", label.name, label.version))
                .because(Reason::Pinned)
                .detail(format!(
                    "expected SHA-256 {expected}\nfound    SHA-256 {sha256}\nfrom {}",
                    label.origin.from
                )));
        }
        let artifact = ArtifactRef { name: label.name.clone(), version: label.version.clone(), sha256, size };
        if self.has(&artifact) {
            return self.add_label(&artifact.sha256, label).map(|()| artifact);
        }
        files::put(beside, &self.file(&artifact.sha256))?;
        self.write_record(&Stored {
            sha256: artifact.sha256.clone(),
            size,
            compressed_sha256,
            compressed_size,
            labels: vec![label],
        })?;
        Ok(artifact)
    }

    /// Says what else some bytes are.
    pub fn add_label(&self, sha256: &str, label: Label) -> Result<()> {
        let mut stored = self.record(sha256)?;
        stored.labels.retain(|l| (&l.name, &l.version, &l.arch) != (&label.name, &label.version, &label.arch));
        stored.labels.push(label);
        self.write_record(&stored)
    }

    /// Takes a compressed file from elsewhere under its label, after reading all of it: what it unpacks to must be the
    /// artifact, and of that shape.
    pub(super) fn adopt(
        &self,
        beside: NamedTempFile,
        artifact: &ArtifactRef,
        shape: &Shape,
        label: Label,
    ) -> Result<u64> {
        let path = beside.path();
        check_contents(path, &artifact.sha256, artifact.size)?;
        shape.check(unpacked(path)?, &label.arch, &label.title())?;
        let io = |e: io::Error| Error::io(format!("read {}", path.display()), &e);
        let (compressed_sha256, compressed_size) = sha256_of(File::open(path).map_err(io)?).map_err(io)?;
        files::put(beside, &self.file(&artifact.sha256))?;
        let (sha256, size) = (artifact.sha256.clone(), artifact.size);
        self.write_record(&Stored { sha256, size, compressed_sha256, compressed_size, labels: vec![label] })?;
        Ok(compressed_size)
    }

    /// A new file in the store's folder that vanishes unless it is taken in.
    pub(super) fn scratch(&self) -> Result<NamedTempFile> {
        self.make()?;
        files::scratch(&self.dir)
    }

    /// Removes what a killed run left half written more than a day ago.
    pub(super) fn sweep(&self) {
        let yesterday = SystemTime::now() - Duration::from_secs(24 * 3600);
        // One that cannot be removed costs room, nothing else.
        files::leftovers(&self.dir, yesterday).iter().for_each(|path| drop(fs::remove_file(path)));
    }

    /// Packages of distributions that came in bundles, and what they say of others.
    pub fn kept_packages(&self) -> Result<Vec<LockedPackage>> {
        Lock::read(&self.cache.join(PACKAGES)).map(|lock| lock.packages)
    }

    /// Keeps what a bundle says of its packages.
    pub(super) fn keep_packages(&self, packages: &[LockedPackage], from: &Path) -> Result<()> {
        if packages.is_empty() {
            return Ok(());
        }
        let path = self.cache.join(PACKAGES);
        let mut lock = Lock::read(&path)?;
        for pin in packages {
            let source = bundle::from(from, &pin.locked());
            lock.set_package(LockedPackage { source, ..pin.clone() });
        }
        self.make()?;
        lock.write(&path)
    }

    /// Records of everything in the store, by hash. Records that cannot be read are left out; [`verify()`] reports them.
    pub fn records(&self) -> Result<Vec<Stored>> {
        let mut records: Vec<_> = self.hashes()?.iter().filter_map(|sha256| self.record(sha256).ok()).collect();
        records.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(records)
    }

    /// Hashes of everything that has a file or a record, in order.
    pub(super) fn hashes(&self) -> Result<Vec<String>> {
        let list = match fs::read_dir(&self.dir) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            list => list.map_err(|e| Error::io(format!("list {}", self.dir.display()), &e))?,
        };
        let names = list.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let hash = |name: String| name.strip_suffix(".json").or(name.strip_suffix(".zst")).map(str::to_owned);
        let mut hashes: Vec<_> = names.filter_map(hash).filter(|name| is_sha256(name)).collect();
        hashes.sort();
        hashes.dedup();
        Ok(hashes)
    }

    /// The record of some bytes.
    pub fn record(&self, sha256: &str) -> Result<Stored> {
        if !is_sha256(sha256) {
            return Err(Error::artifact(format!("{sha256:?} is not a SHA-256")));
        }
        let path = self.dir.join(format!("{sha256}.json"));
        let bytes = files::bounded::bytes(&path).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => missing(&self.file(sha256)),
            _ => Error::io(format!("read {}", path.display()), &e),
        })?;
        match serde_json::from_slice::<Stored>(&bytes) {
            Ok(stored) if stored.sha256 == sha256 => Ok(stored),
            Ok(_) => Err(damaged(&path, "it is the record of another file")),
            Err(e) => Err(damaged(&path, &e.to_string())),
        }
    }

    /// The compressed file of some bytes.
    pub fn file(&self, sha256: &str) -> PathBuf {
        self.dir.join(format!("{sha256}.zst"))
    }

    pub(super) fn check_length(&self, stored: &Stored) -> Result<()> {
        let path = self.file(&stored.sha256);
        match fs::metadata(&path) {
            Ok(meta) if meta.len() > longest(stored.size) => Err(damaged(&path, "it is longer than what it holds")),
            Ok(meta) if meta.len() == stored.compressed_size => Ok(()),
            Ok(meta) => Err(damaged(&path, &format!("{} bytes, should be {}", meta.len(), stored.compressed_size))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(missing(&path)),
            Err(e) => Err(Error::io(format!("look at {}", path.display()), &e)),
        }
    }

    fn write_record(&self, stored: &Stored) -> Result<()> {
        let mut bytes =
            serde_json::to_vec_pretty(stored).map_err(|e| Error::internal(format!("write a record: {e}")))?;
        bytes.push(b'\n');
        files::write_public(&self.dir.join(format!("{}.json", stored.sha256)), &bytes)
    }
}

fn missing(path: &Path) -> Error {
    Error::artifact(format!("{} is missing", path.display())).hint("`kbootstrap artifacts fetch` brings it back")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(name: &str, version: &str) -> Label {
        Label {
            name: name.into(),
            version: version.into(),
            arch: "amd64".into(),
            origin: Origin { kind: OriginKind::Folder, from: "somewhere".into() },
        }
    }

    fn stored(dir: &Path) -> (Store, ArtifactRef) {
        let store = Store::open(dir);
        let raw = dir.join("kubelet");
        fs::write(&raw, b"kubelet ".repeat(10_000)).unwrap();
        let artifact = store.put(&raw, label("kubelet", "1.36.3"), None).unwrap();
        (store, artifact)
    }

    #[test]
    fn bytes_come_back_as_they_went_in_and_frames_can_be_joined() {
        let dir = tempfile::tempdir().unwrap();
        let (store, artifact) = stored(dir.path());
        assert!(store.has(&artifact));
        let mut raw = Vec::new();
        store.raw_reader(&artifact).unwrap().read_to_end(&mut raw).unwrap();
        assert_eq!(raw, b"kubelet ".repeat(10_000));

        let (mut file, length) = store.compressed(&artifact).unwrap();
        let mut frame = Vec::new();
        file.read_to_end(&mut frame).unwrap();
        assert_eq!(frame.len() as u64, length);
        assert_eq!(zstd::zstd_safe::get_frame_content_size(&frame).ok().flatten(), Some(80_000));
        let joined = [frame.clone(), frame].concat();
        assert_eq!(zstd::decode_all(&joined[..]).unwrap().len(), 160_000);
    }

    #[test]
    fn the_same_bytes_are_kept_once_with_both_labels() {
        let dir = tempfile::tempdir().unwrap();
        let (store, artifact) = stored(dir.path());
        store.put(&dir.path().join("kubelet"), label("kubelet", "1.36.4"), None).unwrap();
        store.put(&dir.path().join("kubelet"), label("kubelet", "1.36.4"), None).unwrap();
        let versions: Vec<_> = store.record(&artifact.sha256).unwrap().labels.into_iter().map(|l| l.version).collect();
        assert_eq!(versions, ["1.36.3", "1.36.4"]);
        assert_eq!(fs::read_dir(store.dir()).unwrap().count(), 2);
    }

    #[test]
    fn a_short_file_is_told_with_its_name_and_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let (store, artifact) = stored(dir.path());
        let path = store.file(&artifact.sha256);
        File::options().write(true).open(&path).unwrap().set_len(10).unwrap();
        assert!(!store.has(&artifact));
        let error = store.compressed(&artifact).unwrap_err();
        assert!(error.message.starts_with(&format!("kubelet is not usable: {} is damaged", path.display())), "{error}");
        assert!(error.hints[0].contains("artifacts fetch"), "{error:?}");
        fs::remove_file(&path).unwrap();
        assert!(store.compressed(&artifact).unwrap_err().message.ends_with("is missing"));
    }

    #[test]
    fn other_bytes_than_expected_are_refused_and_leave_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path());
        let raw = dir.path().join("raw");
        fs::write(&raw, "x").unwrap();
        let error = store.put(&raw, label("runc", "1.5.2"), Some(&"0".repeat(64))).unwrap_err();
        insta::assert_snapshot!(error, @"runc 1.5.2 is not what it was");
        assert_eq!(fs::read_dir(store.dir()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_run_left_is_removed_when_it_is_old() {
        let dir = tempfile::tempdir().unwrap();
        let (store, artifact) = stored(dir.path());
        for (name, hours) in [(".kbootstrap-older1", 25), (".kbootstrap-newer1", 1)] {
            let file = File::create(store.dir().join(name)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
        }
        store.sweep();
        assert!(!store.dir().join(".kbootstrap-older1").exists() && store.dir().join(".kbootstrap-newer1").exists());
        assert!(store.has(&artifact));
    }

    #[test]
    fn a_hash_cannot_lead_out_of_the_store() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path());
        assert!(store.record("../../../etc/passwd").unwrap_err().message.contains("is not a SHA-256"));
    }
}
