//! What every source has in common: it is asked for things, and puts what it has into the store.

mod build;
mod bundle;
mod download;
mod folder;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::lock::Lock;
use super::requirements::Requirement;
use super::shape::Shape;
use super::store::{Label, Origin, OriginKind, Store};
use crate::error::{Reason, Result};
use crate::state::ArtifactRef;
use crate::ui::Reporter;

pub use build::BuildSource;
pub use download::{Client, DownloadSource, from_sites, verified};
pub use folder::FolderSource;

/// How the message begins when the lock pins other bytes.
pub const REFUSED: &str = "the lock file refuses it";

/// A place that programs and images come from.
pub trait Supplier {
    /// For messages: `folder /srv/k8s`, `download`, `build`.
    fn title(&self) -> String;
    /// Its sort.
    fn kind(&self) -> OriginKind;
    /// Tries to bring each thing; the answers may come in any order, one for each.
    fn supply(&self, wanted: &[Requirement], job: &Job<'_>) -> Vec<(Requirement, Result<Supplied>)>;
}

/// Something that was brought and is in the store.
#[derive(Debug, Clone)]
pub struct Supplied {
    /// The bytes.
    pub artifact: ArtifactRef,
    /// Where they came from.
    pub from: String,
}

/// What a source needs to do its work.
pub struct Job<'a> {
    /// Where things go.
    pub store: &'a Store,
    /// Where progress is reported.
    pub reporter: &'a dyn Reporter,
    /// Pins that must hold; empty when the lock is being updated.
    pub lock: &'a Lock,
    /// Take what plain HTTP brings though nothing vouches for it.
    pub trust_plain_http: bool,
    /// The wish to stop.
    pub interrupt: &'a AtomicBool,
}

impl Job<'_> {
    /// Checks that a file can be what is wanted, and takes it into the store.
    pub fn accept(&self, wanted: &Requirement, path: &Path, origin: Origin) -> Result<Supplied> {
        let what = format!("{} from {}", wanted.name, origin.from);
        Shape::of(wanted).check_file(path, &wanted.arch, &what)?;
        let label = Label {
            name: wanted.name.clone(),
            version: wanted.version.clone(),
            arch: wanted.arch.clone(),
            origin: origin.clone(),
        };
        let pin = self.lock.get(wanted).map(|locked| locked.sha256.as_str());
        let artifact =
            self.store.put(path, label, pin).map_err(|e| if e.is(Reason::Pinned) { e.context(REFUSED) } else { e })?;
        Ok(Supplied { artifact, from: origin.from })
    }
}
