//! Packages of their distributions that hosts lack.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::session::Session;
use super::survey::survey_those_that_answer;
use crate::artifacts::Store;
use crate::cluster::Cluster;
use crate::error::{Error, Result};
use crate::facts::{self, Found, HostFacts, PackageManager, Questions};
use crate::packages::{self, Host, Options};
use crate::plan::{Desired, Fetch};
use crate::state::{ArtifactRef, Package, PackageFile};

/// Brings what hosts lack into the store, for `artifacts fetch`. Those that do not answer are left out, and named: nobody knows
/// what they have.
pub fn fetch_packages(session: &Session, store: &Store, update_lock: bool) -> Result<Vec<ArtifactRef>> {
    let (catalogue, cluster) = (&session.catalogue, &session.cluster);
    let mut questions = BTreeMap::new();
    for host in &cluster.hosts {
        let packages = catalogue.packages(cluster, host);
        if !packages.is_empty() {
            let packages = packages.into_iter().map(|package| (package.name, package.program)).collect();
            questions.insert(host.name.clone(), Questions { packages, ..Questions::default() });
        }
    }
    if questions.is_empty() {
        return Ok(Vec::new());
    }
    let mut there = cluster.clone();
    there.hosts.retain(|host| questions.contains_key(&host.name));
    let (facts, asked) = survey_those_that_answer(&there, &session.pool, &questions);
    if let Err(error) = asked {
        let silent: Vec<&str> =
            there.hosts.iter().map(|host| host.name.as_str()).filter(|name| !facts.contains_key(*name)).collect();
        session.reporter().warn(&format!(
            "packages of the distribution are not fetched for {}, which cannot be asked what is there: {}",
            silent.join(", "),
            error.message
        ));
    }
    let packages = Packages::ensure(session, store, &lacking(session, &there, &facts)?, update_lock)?;
    let all: BTreeMap<&str, &ArtifactRef> =
        packages.install.values().flatten().map(|file| (file.artifact.sha256.as_str(), &file.artifact)).collect();
    Ok(all.into_values().cloned().collect())
}

/// What hosts get, and what of that is to be fetched.
#[derive(Default)]
pub(super) struct Packages {
    install: BTreeMap<String, Vec<PackageFile>>,
    pub(super) to_fetch: Vec<Fetch>,
}

/// Hosts that lack packages, each with what it has: that is asked here, where it is needed. Where packages cannot be
/// installed, preflight says so.
pub(super) fn lacking(session: &Session, there: &Cluster, facts: &BTreeMap<String, HostFacts>) -> Result<Vec<Host>> {
    let catalogue = &session.catalogue;
    let mut lack = Vec::new();
    for host in &there.hosts {
        let Some(facts) = facts.get(&host.name) else { continue };
        let missing =
            |package: &Package| facts.package(&package.name, &package.program, package.least) == Found::Missing;
        let wanted = catalogue.packages(&session.cluster, host).into_iter().filter(missing);
        let wanted: Vec<String> = wanted.map(|package| package.name).collect();
        if !wanted.is_empty() && facts.packages.manager == Some(PackageManager::Dpkg) {
            lack.push((host.clone(), facts, wanted));
        }
    }
    let hosts: Vec<_> = lack.iter().map(|(host, ..)| host.clone()).collect();
    let answers = session.pool.each_host(&hosts, |host| {
        let arch = facts.get(&host.name).map(|facts| facts.arch.as_str()).unwrap_or_default();
        packages::ask(&mut *session.pool.take(host)?, arch)
    });
    let (mut all, mut errors) = (Vec::new(), Vec::new());
    for ((host, facts, wanted), answer) in lack.into_iter().zip(answers) {
        match answer {
            Ok(installed) => {
                let installed = installed.without(&facts.packages.ours);
                let (name, os, arch) = (host.name, facts.os.clone(), facts.arch.clone());
                all.push(Host { name, os, arch, wanted, installed });
            }
            Err(error) => errors.push(error),
        }
    }
    Error::all(errors)?;
    Ok(all)
}

impl Packages {
    /// Asks no archive, and fetches nothing.
    pub(super) fn look(session: &Session, store: &Store, hosts: &[Host]) -> Result<Self> {
        let (install, fetch) = with(session, store, false, |how| packages::look(hosts, how))?;
        let to_fetch = fetch.into_iter().map(|(arch, artifact)| Fetch { arch, artifact }).collect();
        Ok(Packages { install, to_fetch })
    }

    /// Fetches what is missing.
    pub(super) fn ensure(session: &Session, store: &Store, hosts: &[Host], update_lock: bool) -> Result<Self> {
        let install = with(session, store, update_lock, |how| packages::ensure(hosts, how))?;
        Ok(Packages { install, to_fetch: Vec::new() })
    }

    /// Says it to the hosts' states.
    pub(super) fn add_to(&self, desired: &mut Desired) {
        for (host, files) in &self.install {
            if let Some(state) = desired.hosts.get_mut(host) {
                state.install.clone_from(files);
            }
        }
    }
}

fn with<T>(
    session: &Session,
    store: &Store,
    update_lock: bool,
    work: impl FnOnce(&Options<'_>) -> Result<T>,
) -> Result<T> {
    let lock = session.artifacts_lock();
    let host_files = |host: &str, paths: &[String]| -> Vec<Vec<u8>> {
        let read = || {
            let host = session.cluster.host(host)?;
            let mut transport = session.pool.take(host).ok()?;
            facts::read_files(&mut *transport, paths).ok()
        };
        read().into_iter().flatten().map(|(_, bytes)| bytes.expose().to_vec()).collect()
    };
    work(&Options {
        lock: &lock,
        store,
        named: &session.cluster.packages,
        sources: &session.cluster.sources,
        update_lock,
        host_files: &host_files,
        reporter: session.reporter(),
        interrupt: &session.interrupt,
        now: OffsetDateTime::now_utc(),
    })
}
