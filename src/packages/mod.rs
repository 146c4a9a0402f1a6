//! Packages of hosts' distributions: signed archives, which packages a host lacks, and where they come from.
//!
//! Hosts are strangers, and so are mirrors: the signature of an archive is verified here, with keys that this program names by
//! their fingerprints. [`resolve()`] is a pure function; [`ensure()`] asks archives. `docs/packages.md` tells the whole story.

mod archive;
mod control;
mod deb;
mod ensure;
mod host;
mod index;
mod keys;
mod known;
mod openpgp;
mod relation;
mod release;
mod resolve;
mod universe;
mod version;

pub use ensure::{Host, HostFiles, Options, ensure, look};
pub use host::{Installed, InstalledPackage, ask};
pub use keys::Keys;
pub use known::{Archive, archives};
pub use resolve::{Refusal, Resolved, resolve};
pub use universe::{Candidate, Origin, Universe};
pub use version::compare as compare_versions;
