//! The programs and images that a cluster's hosts need, by architecture.

use std::collections::{BTreeMap, BTreeSet};

use super::packages::Packages;
use super::session::Session;
use crate::artifacts::{self, EnsureOptions, Lock, Programs, Store};
use crate::error::{Error, Result};
use crate::facts::HostFacts;
use crate::packages::Host;
use crate::plan::Fetch;
use crate::state::ArtifactRef;

/// Programs of each architecture among the hosts.
#[derive(Default)]
pub(super) struct ByArch {
    programs: BTreeMap<String, Programs>,
    /// Packages of the hosts' distributions.
    pub(super) packages: Packages,
    /// What is not in the store.
    pub(super) to_fetch: Vec<Fetch>,
}

impl ByArch {
    /// Fetches what is missing.
    pub(super) fn ensure(
        session: &Session,
        store: &Store,
        facts: &BTreeMap<String, HostFacts>,
        lacking: &[Host],
    ) -> Result<Self> {
        let options = EnsureOptions { interrupt: Some(&session.interrupt), ..EnsureOptions::default() };
        let (cluster, lock) = (&session.cluster, session.artifacts_lock());
        let mut all = ByArch::default();
        for arch in archs(facts) {
            let programs =
                artifacts::ensure(&session.catalogue, cluster, arch, &lock, store, session.reporter(), options)?;
            all.programs.insert(arch.to_owned(), programs);
        }
        all.packages = Packages::ensure(session, store, lacking, false)?;
        Ok(all)
    }

    /// Fetches nothing.
    pub(super) fn look(
        session: &Session,
        store: &Store,
        facts: &BTreeMap<String, HostFacts>,
        lacking: &[Host],
    ) -> Result<Self> {
        let lock = session.artifacts_lock();
        let mut all = ByArch::default();
        for arch in archs(facts) {
            let (programs, to_fetch) = artifacts::look(&session.catalogue, &session.cluster, arch, &lock, store)?;
            all.programs.insert(arch.to_owned(), programs);
            all.to_fetch.extend(to_fetch.into_iter().map(|artifact| Fetch { arch: arch.to_owned(), artifact }));
        }
        all.packages = Packages::look(session, store, lacking)?;
        all.to_fetch.append(&mut all.packages.to_fetch);
        Ok(all)
    }

    /// A program by architecture and name.
    pub(super) fn find(&self) -> impl Fn(&str, &str) -> Result<ArtifactRef> {
        |arch, name| match self.programs.get(arch) {
            Some(programs) => programs.get(name).cloned(),
            None => Err(Error::internal(format!("no programs for {arch}"))),
        }
    }
}

/// Architectures that are fetched and built for without a question: those that the lock has, at first that which
/// `artifacts fetch` takes by default.
pub(super) fn expected(session: &Session) -> Result<BTreeSet<String>> {
    let lock = Lock::read(&session.artifacts_lock())?;
    let pinned: BTreeSet<String> = lock.artifacts.iter().map(|locked| locked.arch.clone()).collect();
    Ok(if pinned.is_empty() { BTreeSet::from([artifacts::ARCHITECTURES[0].to_owned()]) } else { pinned })
}

fn archs(facts: &BTreeMap<String, HostFacts>) -> BTreeSet<&str> {
    facts.values().map(|f| f.arch.as_str()).collect()
}
