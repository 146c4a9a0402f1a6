//! What the store knows of some bytes: sizes, hashes, what they are and where they came from.

use serde::{Deserialize, Serialize};

/// Which sort of source brought something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OriginKind {
    /// A folder or bundle named in the inventory.
    Folder,
    /// The project's release page or a mirror of it.
    Download,
    /// Built from source here.
    Build,
    /// A bundle that a person imported.
    Import,
}

/// Where something came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Sort of source.
    pub kind: OriginKind,
    /// URL, path, or module, version and Go version.
    pub from: String,
}

/// What some bytes are. The same bytes can be more than one thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// Artifact name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Architecture.
    pub arch: String,
    /// Source.
    pub origin: Origin,
}

impl Label {
    /// `kubelet 1.36.3 (amd64)`, for messages.
    pub fn title(&self) -> String {
        format!("{} {} ({})", self.name, self.version, self.arch)
    }
}

/// The record beside each file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stored {
    /// SHA-256 of the raw bytes.
    pub sha256: String,
    /// Raw bytes.
    pub size: u64,
    /// SHA-256 of the compressed file.
    pub compressed_sha256: String,
    /// Bytes of the compressed file.
    pub compressed_size: u64,
    /// What it is; the newest last.
    pub labels: Vec<Label>,
}
