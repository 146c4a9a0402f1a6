//! Hosts that belong to another cluster: known by the keys of the CAs that they trust.

use std::collections::BTreeMap;
use std::path::Path;

use super::table::trusted_on;
use super::{Authority, Trust};
use crate::cluster::{Cluster, Host};
use crate::error::{Error, Result};
use crate::facts::HostFacts;

/// Where a host holds the CAs that it trusts: what [`Trust::same_cluster`] must know of it.
pub fn authority_files(cluster: &Cluster, host: &Host) -> impl Iterator<Item = String> {
    let all = [Authority::Kubernetes, Authority::Etcd, Authority::FrontProxy].into_iter();
    all.flat_map(|authority| trusted_on(&cluster.layout, host, authority)).map(|place| place.certificate)
}

impl Trust {
    /// Where hosts trust none of our CAs but others, as `HOST: PATH`. A CA is its key: one whose certificate was renewed
    /// is the same, and where two are trusted one of them is enough. A host without any is none of these, and a CA that
    /// the folder does not have is another matter.
    pub fn foreign_authorities(&self, cluster: &Cluster, facts: &BTreeMap<String, HostFacts>) -> Vec<String> {
        let mut foreign = Vec::new();
        for host in &cluster.hosts {
            let Some(facts) = facts.get(&host.name) else { continue };
            foreign.extend(self.foreign_on(cluster, host, facts).map(|path| format!("{}: {path}", host.name)));
        }
        foreign
    }

    /// The same of one host, which need not be the cluster's any more.
    pub fn foreign_on(&self, cluster: &Cluster, host: &Host, facts: &HostFacts) -> impl Iterator<Item = String> {
        authority_files(cluster, host).filter(|path| facts.files.contains_key(path)).filter(move |path| {
            let theirs = facts.certificates.get(path).map(String::as_str).unwrap_or_default();
            let mut ours = self.bundles_on(host).filter(|(place, _)| place.certificate == *path).peekable();
            ours.peek().is_some() && !ours.any(|(_, ours)| ours.shares_a_key_with(theirs))
        })
    }

    /// Refuses to give hosts other CAs than those that they have: nothing in the cluster would trust anything else.
    /// `dir` is the cluster's folder.
    pub fn same_cluster(&self, cluster: &Cluster, dir: &Path, facts: &BTreeMap<String, HostFacts>) -> Result<()> {
        let others = self.foreign_authorities(cluster, facts);
        if others.is_empty() {
            return Ok(());
        }
        Err(Error::pki(format!("hosts have other CAs than those in {}", dir.join("pki").display()))
            .detail(others.join("\n"))
            .hint("when the cluster runs, this is not its folder: is --state right, or is there a backup of it?")
            .hint("to begin again with the CAs of this folder, `kbootstrap reset` takes the hosts back first"))
    }
}
