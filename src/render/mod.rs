//! What each host must hold: pure functions of cluster, facts, certificates and templates.
//!
//! `service.rs` renders one component of the catalogue; `host.rs` puts a host together.
//! Templates hold configuration, Rust holds decisions.

mod balancing;
mod context;
mod encryption;
mod filters;
mod flags;
mod host;
mod job;
mod manifests;
mod node;
mod programs;
mod service;
mod templates;
mod yaml;

use std::collections::BTreeMap;

use crate::cluster::{Cluster, Host};
use crate::components::Catalogue;
use crate::error::Result;
use crate::facts::HostFacts;
use crate::state::{ArtifactRef, EncryptionKey, File};

pub use context::Common;
pub use encryption::configuration as encryption_configuration;
pub use host::host_state;
pub use job::{Job, LARGEST, Renderer};
pub use manifests::manifests;
pub use node::{node_labels, node_taints};
pub use templates::Templates;

/// Everything that a host's state is made from.
pub struct Inputs<'a> {
    /// What runs where.
    pub catalogue: &'a Catalogue,
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The same for all of its hosts.
    pub common: &'a Common,
    /// The host, one of the cluster's.
    pub host: &'a Host,
    /// What is known of it.
    pub facts: &'a HostFacts,
    /// A program or image of the store by the artifact's name.
    pub programs: &'a dyn Fn(&str) -> Result<ArtifactRef>,
    /// Certificates and keys by their path on this host, made elsewhere: included as they are.
    pub pki_files: &'a BTreeMap<String, File>,
    /// What Secrets in etcd are encrypted with: the first writes, all read.
    pub encryption_keys: &'a [EncryptionKey],
    /// Ours, and the inventory's overrides.
    pub templates: &'a Templates,
}

#[cfg(test)]
mod tests;
