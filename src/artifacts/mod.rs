//! Programs and images: which are wanted, where they come from, which bytes they are.
//!
//! [`ensure`] is the door: it answers from the lock file and the [`Store`] within milliseconds, and otherwise asks the
//! cluster's sources one after the other (a folder or bundle, download, building from source). `docs/artifacts.md`
//! tells the whole story.

mod build;
mod bundle;
mod download;
mod elf;
mod ensure;
mod folder;
mod frame;
mod image;
mod lock;
mod record;
mod source;
mod store;
mod verify;
mod wanted;

pub use bundle::{Bundled, import, write_bundle};
pub use ensure::{EnsureOptions, Programs, ensure, ensure_wanted, select};
pub use image::image_name;
pub use lock::{Lock, Locked};
pub use record::{Label, Origin, OriginKind, Stored};
pub use store::Store;
pub use verify::{Finding, verify};
pub use wanted::{ARCHITECTURES, Project, Wanted, wanted};
