//! What a host can hold: the vocabulary of desired state, which every later stage shares.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::secret::Secret;

mod kept;
mod package;
mod rollout;

pub use kept::Kept;
pub use package::{PREFIX as PACKAGE_PREFIX, Package, PackageFile, artifact_name as package_artifact};
pub use rollout::{After, Ready, Rolling, Rollout, WAVES, Wave};

/// Names a component of the catalogue, as the inventory writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ComponentId(pub &'static str);

impl std::fmt::Display for ComponentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// Everything that a host must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HostState {
    /// The host's name.
    pub host: String,
    /// System users (and groups of the same name) that must exist.
    pub users: BTreeSet<String>,
    /// Directories by path; parents come first in path order.
    pub dirs: BTreeMap<String, Dir>,
    /// Files by path.
    pub files: BTreeMap<String, File>,
    /// By path: when a program travels. All other files go with the first wave.
    pub waves: BTreeMap<String, Wave>,
    /// Units in the order in which they are started.
    pub units: Vec<Unit>,
    /// Kernel settings.
    pub sysctls: BTreeMap<String, String>,
    /// Kernel modules.
    pub modules: BTreeSet<String>,
    /// Images that containerd must hold.
    pub images: Vec<Image>,
    /// Packages of the distribution that must be there, in the order of their names.
    pub packages: Vec<Package>,
    /// What is installed where the host has not all of them, in that order; decided once it is known what it has.
    pub install: Vec<PackageFile>,
}

/// A directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dir {
    /// Permission bits.
    pub mode: u32,
    /// Owner and group.
    pub owner: String,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its bytes.
    pub content: Content,
    /// Permission bits.
    pub mode: u32,
    /// Owner and group.
    pub owner: String,
}

/// A file's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Configuration: shown in diffs.
    Text(Arc<str>),
    /// Keys and the like: never shown.
    Secret(Secret),
    /// A program or image from the store.
    Artifact(ArtifactRef),
    /// A certificate or key that does not exist yet: plans show it, and `up` makes it before anything else.
    ToIssue,
}

/// A program or image in the store; in a plan also one that is to be fetched, then without hash and size unless they
/// are pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArtifactRef {
    /// For example `kubelet`.
    pub name: String,
    /// Version without `v`.
    pub version: String,
    /// SHA-256 of the bytes, lower-case hex: the key in the store.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sha256: String,
    /// Bytes.
    #[serde(skip_serializing_if = "is_unknown")]
    pub size: u64,
}

fn is_unknown(size: &u64) -> bool {
    *size == 0
}

/// A systemd service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unit {
    /// `etcd.service`.
    pub name: String,
    /// Its file.
    pub file: String,
    /// Which component it runs.
    pub component: ComponentId,
    /// How it is brought up, and changed while it runs.
    #[serde(skip)]
    pub rollout: Rollout,
    /// Files whose change means a restart: its program, unit file, configuration. Files that it reloads by itself are not here.
    pub restart_on: BTreeSet<String>,
    /// Files that it reads again when it is told to, and goes on.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub reload_on: BTreeSet<String>,
    /// Files that it makes when it has started, and which files they are copies of.
    pub makes: BTreeMap<String, String>,
    /// The unit of the same host with which systemd stops and restarts it; that one comes before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part_of: Option<&'static str>,
    /// What is in the kernel and in /run while it runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keeps: Vec<Kept>,
    /// What does not work on the host without that.
    #[serde(skip)]
    pub without: &'static str,
}

/// An image that containerd must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Image {
    /// Full name, `registry/repository:tag`.
    pub name: String,
    /// The OCI tar in the store.
    pub artifact: ArtifactRef,
}

/// A key that Secrets in etcd are encrypted with. What was written with it says its name, so a key keeps its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptionKey {
    /// `key1`.
    pub name: String,
    /// 32 bytes.
    pub secret: Secret,
}
