//! Fake programs, folders with them, and what is wanted.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use kbootstrap::artifacts::{EnsureOptions, Programs, Requirement, Store, ensure_requirements};
use kbootstrap::cluster::versions::fitting;
use kbootstrap::cluster::{Source, Versions};
use kbootstrap::components::Catalogue;
use kbootstrap::error::Result;
use kbootstrap::inventory::Download;
use kbootstrap::ui::{Event, Reporter};
use semver::Version;
use serde_json::json;

/// Bytes that look like a program for amd64, different for each name, hard to compress.
pub fn program(name: &str, size: usize) -> Vec<u8> {
    let mut bytes = vec![0u8; 20];
    bytes[..4].copy_from_slice(b"\x7fELF");
    bytes[18] = 62;
    let mut state = name.bytes().fold(0x9e37_79b9_7f4a_7c15u64, |s, b| s.rotate_left(7) ^ u64::from(b));
    while bytes.len() < size.max(20) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes
}

pub fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

pub fn versions() -> Versions {
    fitting(&Version::new(1, 36, 3))
}

/// Everything that a cluster with the test images wants.
pub fn everything() -> Vec<Requirement> {
    kbootstrap::artifacts::everything(&Catalogue::standard(), &versions(), "amd64", true)
}

/// Those of the names.
pub fn some(names: &[&str]) -> Vec<Requirement> {
    let found: Vec<_> = everything().into_iter().filter(|w| names.contains(&w.name.as_str())).collect();
    assert_eq!(found.len(), names.len());
    found
}

/// A folder `bin` with a fake of everything, by name.
pub fn bin_in(folder: &Path) -> PathBuf {
    let bin = folder.join("bin");
    fs::create_dir(&bin).unwrap();
    fill(&bin);
    bin
}

/// A fake of everything, by name.
pub fn fill(folder: &Path) {
    for thing in everything() {
        match &thing.image {
            Some(reference) => {
                fs::write(folder.join(format!("{}.tar", thing.name)), image(&[reference], &thing.arch)).unwrap()
            }
            None => fs::write(folder.join(&thing.name), program(&thing.name, 3000)).unwrap(),
        }
    }
}

/// A tar with a small image under each of the names.
pub fn image(names: &[&str], arch: &str) -> Vec<u8> {
    let blob = |bytes: &[u8]| json!({"digest": format!("sha256:{}", sha256(bytes)), "size": bytes.len()});
    let (layer, config) = (program(names[0], 3000), json!({"architecture": arch, "os": "linux"}).to_string());
    let manifest = json!({"config": blob(config.as_bytes()), "layers": [blob(&layer)]}).to_string();
    let entry = |name: &&str| {
        let mut entry = blob(manifest.as_bytes());
        entry["annotations"] = json!({"io.containerd.image.name": name});
        entry
    };
    let index = json!({"manifests": names.iter().map(entry).collect::<Vec<_>>()}).to_string();
    let path = |bytes: &[u8]| format!("blobs/sha256/{}", sha256(bytes));
    let files = [
        ("oci-layout".to_owned(), &br#"{"imageLayoutVersion":"1.0.0"}"#[..]),
        ("index.json".to_owned(), index.as_bytes()),
        (path(config.as_bytes()), config.as_bytes()),
        (path(manifest.as_bytes()), manifest.as_bytes()),
        (path(&layer), &layer[..]),
    ];
    tar_of(&files.map(|(path, bytes)| (path, bytes.to_vec())))
}

/// A tar of these files.
pub fn tar_of(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, &bytes[..]).unwrap();
    }
    tar.into_inner().unwrap()
}

pub fn folder(path: &Path) -> Source {
    Source { folder: Some(path.into()), ..Source::default() }
}

pub fn download(mirror: &str) -> Source {
    Source { download: Some(Download { mirror: Some(mirror.into()) }), ..Source::default() }
}

/// The test's servers speak plain HTTP.
pub fn trusting() -> EnsureOptions<'static> {
    EnsureOptions { trust_plain_http: true, ..EnsureOptions::default() }
}

/// Collects events.
#[derive(Default)]
pub struct Events(Mutex<Vec<Event>>);

impl Reporter for Events {
    fn report(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl Events {
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A private cache with a lock file.
pub struct Place {
    pub dir: tempfile::TempDir,
    pub store: Store,
    pub events: Events,
}

impl Place {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("cache"));
        Place { dir, store, events: Events::default() }
    }
    pub fn lock(&self) -> std::path::PathBuf {
        self.dir.path().join("artifacts.lock")
    }
    pub fn ensure(&self, wanted: &[Requirement], sources: &[Source]) -> Result<Programs> {
        self.ensure_with(wanted, sources, trusting())
    }
    pub fn ensure_with(
        &self,
        wanted: &[Requirement],
        sources: &[Source],
        options: EnsureOptions<'_>,
    ) -> Result<Programs> {
        ensure_requirements(wanted, sources, Some(&self.lock()), &self.store, &self.events, options)
    }
    /// The raw bytes of a thing in the store.
    pub fn bytes(&self, programs: &Programs, name: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut reader = self.store.raw_reader(programs.get(name).unwrap()).unwrap();
        std::io::Read::read_to_end(&mut reader, &mut bytes).unwrap();
        bytes
    }
    /// Files in the store's folder.
    pub fn stored(&self) -> usize {
        fs::read_dir(self.store.dir()).unwrap().count()
    }
}
