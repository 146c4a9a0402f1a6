//! Programs and images: which are wanted, where they come from, which bytes they are.
//!
//! [`ensure`] is the door: it answers from the lock file and the [`Store`] within milliseconds, and otherwise asks the
//! cluster's sources one after the other (a folder or bundle, download, building from source). `docs/artifacts.md`
//! tells the whole story.

mod elf;
mod ensure;
mod image;
mod known;
mod lock;
mod release;
mod requirements;
mod sbom;
mod shape;
mod source;
mod store;

pub use crate::recipes::Project;
pub use ensure::{EnsureOptions, Programs, ensure, ensure_requirements, hold, look, select};
pub use known::{Published, modules, published, table as checksum_table};
pub use lock::{Lock, Locked, LockedPackage};
pub use requirements::{ARCHITECTURES, Requirement, everything};
pub use sbom::sbom;
pub use shape::Shape;
pub use source::{Client, from_sites, verified};
pub use store::bundle::{from as bundle_source, read_lock as bundle_lock, unpack as unpack_bundle};
pub use store::{Bundled, Finding, Label, Origin, OriginKind, Store, Stored, import, verify, write_bundle};
