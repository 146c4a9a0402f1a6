//! The lock file: which bytes a cluster runs, so that the next run and the next person get the same.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::requirements::Requirement;
use crate::digest::is_sha256;
use crate::error::{Error, Result};
use crate::files;
use crate::state::{ArtifactRef, package_artifact};

/// Bytes that a program, an image or an archive of them has at the most. The largest today has 140 million.
pub const LARGEST: u64 = 1 << 30;

/// How the source of what was built here begins.
pub const BUILT: &str = "built from ";

/// `artifacts.lock`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Sorted by name and architecture, each pair once.
    pub artifacts: Vec<Locked>,
    /// Packages of distributions, sorted by release, architecture and name, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<LockedPackage>,
}

/// A package of a distribution, pinned for one of its releases.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LockedPackage {
    /// Distribution and release: `debian/bookworm`.
    pub release: String,
    /// Architecture of the hosts.
    pub arch: String,
    /// Name, as the distribution calls it.
    pub name: String,
    /// Version, as the distribution calls it.
    pub version: String,
    /// SHA-256 of the file, lower-case hex.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
    /// Where it came from: a URL or a path.
    pub source: String,
    /// What it says of others, in the distribution's words, so that an archive that has moved on need not be asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pre_depends: String,
    /// As above.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub depends: String,
    /// As above.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub provides: String,
    /// As above.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub conflicts: String,
}

/// One program or image, pinned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// Artifact name.
    pub name: String,
    /// Architecture.
    pub arch: String,
    /// Version.
    pub version: String,
    /// SHA-256 of the bytes, lower-case hex.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
    /// Where it came from: a URL, a path, or what it was built from.
    pub source: String,
}

impl Lock {
    /// Reads the file; one that is not there is empty.
    pub fn read(path: &Path) -> Result<Self> {
        match files::bounded::bytes(path) {
            Ok(bytes) => Self::parse(&bytes, &path.display().to_string()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Lock::default()),
            Err(e) => Err(Error::io(format!("read {}", path.display()), &e)),
        }
    }

    /// Parses the file's bytes; `name` is for messages.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self> {
        let lock: Lock = serde_json::from_slice(bytes).map_err(|e| {
            Error::input(format!("{name}:{}:{}: {e}", e.line(), e.column())).hint(
                "the lock file is written by kbootstrap; bring it back from version control, or remove it to pin again",
            )
        })?;
        let all = lock.everything();
        if let Some(bad) = all.iter().find(|l| !is_sha256(&l.sha256)) {
            return Err(Error::input(format!("{name}: {:?}: {:?} is not a SHA-256", bad.name, bad.sha256)));
        }
        let texts = |l: &Locked| [l.name.clone(), l.arch.clone(), l.version.clone(), l.source.clone()];
        let more = lock.packages.iter().flat_map(LockedPackage::texts);
        if let Some(bad) = all.iter().flat_map(texts).chain(more).find(|text| text.chars().any(char::is_control)) {
            return Err(Error::input(format!("{name}: {bad:?} has control characters in it")));
        }
        if let Some(bad) = all.iter().find(|l| l.size > LARGEST) {
            let text = format!("{name}: {}: {} bytes are more than any program or image has", bad.title(), bad.size);
            return Err(Error::input(text));
        }
        // Who looks for a pin finds the first, and would not look at another.
        let mut seen = BTreeSet::new();
        if let Some(second) = lock.artifacts.iter().find(|l| !seen.insert((&l.name, &l.arch))) {
            let text = format!("{name}: {} ({}) is pinned more than once", second.name, second.arch);
            return Err(
                Error::input(text).hint("keep the pin that is right, or bring the lock back from version control")
            );
        }
        let mut seen = BTreeSet::new();
        if let Some(second) = lock.packages.iter().find(|l| !seen.insert((&l.release, &l.arch, &l.name))) {
            let text = format!(
                "{name}: package {} ({}, {}) is pinned more than once",
                second.name, second.release, second.arch
            );
            return Err(
                Error::input(text).hint("keep the pin that is right, or bring the lock back from version control")
            );
        }
        Ok(lock)
    }

    /// Packages, too, each as the store knows it.
    pub fn everything(&self) -> Vec<Locked> {
        self.artifacts.iter().cloned().chain(self.packages.iter().map(LockedPackage::locked)).collect()
    }

    /// Pins of packages for a release and an architecture.
    pub fn packages_of<'a>(&'a self, release: &'a str, arch: &'a str) -> impl Iterator<Item = &'a LockedPackage> {
        self.packages.iter().filter(move |pin| (pin.release.as_str(), pin.arch.as_str()) == (release, arch))
    }

    /// Pins a package; another version of it for the same release and architecture goes.
    pub fn set_package(&mut self, pin: LockedPackage) {
        self.packages.retain(|old| (&old.release, &old.arch, &old.name) != (&pin.release, &pin.arch, &pin.name));
        self.packages.push(pin);
        self.packages.sort();
    }

    /// Writes the file, whole or not at all. A symlink in its place is replaced.
    pub fn write(&self, path: &Path) -> Result<()> {
        let dir = files::folder_of(path);
        fs::create_dir_all(&dir).map_err(|e| Error::io(format!("make {}", dir.display()), &e))?;
        files::write_own(path, &self.bytes()?)
    }

    /// The file's bytes.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|e| Error::internal(format!("write a lock: {e}")))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The pin of just this name, architecture and version.
    pub fn get(&self, wanted: &Requirement) -> Option<&Locked> {
        self.artifacts.iter().find(|l| (&l.name, &l.arch, &l.version) == (&wanted.name, &wanted.arch, &wanted.version))
    }

    /// Pins; another version of the same name and architecture goes.
    pub fn set(&mut self, locked: Locked) {
        self.artifacts.retain(|l| (&l.name, &l.arch) != (&locked.name, &locked.arch));
        self.artifacts.push(locked);
        self.artifacts.sort();
    }
}

impl LockedPackage {
    /// As the store knows it.
    pub fn locked(&self) -> Locked {
        Locked {
            name: package_artifact(&self.name),
            arch: self.arch.clone(),
            version: self.version.clone(),
            sha256: self.sha256.clone(),
            size: self.size,
            source: self.source.clone(),
        }
    }

    fn texts(&self) -> Vec<String> {
        let all = [&self.release, &self.name, &self.pre_depends, &self.depends, &self.provides, &self.conflicts];
        all.into_iter().cloned().collect()
    }
}

impl Locked {
    /// The row of what is wanted, once its bytes are known.
    pub fn of(thing: &Requirement, sha256: String, size: u64, source: String) -> Self {
        let (name, arch, version) = (thing.name.clone(), thing.arch.clone(), thing.version.clone());
        Locked { name, arch, version, sha256, size, source }
    }
    /// `kubelet 1.36.3 (amd64)`, for messages.
    pub fn title(&self) -> String {
        format!("{} {} ({})", self.name, self.version, self.arch)
    }
    /// The key in the store.
    pub fn artifact(&self) -> ArtifactRef {
        ArtifactRef {
            name: self.name.clone(),
            version: self.version.clone(),
            sha256: self.sha256.clone(),
            size: self.size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(name: &str, arch: &str, version: &str) -> Locked {
        Locked {
            name: name.into(),
            arch: arch.into(),
            version: version.into(),
            sha256: "a".repeat(64),
            size: 1,
            source: "https://dl.k8s.io/x".into(),
        }
    }

    #[test]
    fn a_new_version_replaces_the_old_one_and_order_is_stable() {
        let mut lock = Lock::default();
        for (name, arch, version) in
            [("runc", "amd64", "1"), ("etcd", "arm64", "1"), ("etcd", "amd64", "1"), ("etcd", "amd64", "2")]
        {
            lock.set(locked(name, arch, version));
        }
        let order: Vec<_> = lock.artifacts.iter().map(|l| format!("{} {} {}", l.name, l.arch, l.version)).collect();
        assert_eq!(order, ["etcd amd64 2", "etcd arm64 1", "runc amd64 1"]);
    }

    #[test]
    fn a_thing_that_is_pinned_twice_is_refused() {
        let other =
            |version: &str, sha256: &str| Locked { sha256: sha256.repeat(64), ..locked("etcd", "amd64", version) };
        for second in [other("1", "b"), other("1", "a"), other("2", "a")] {
            let bytes =
                Lock { artifacts: vec![other("1", "a"), locked("etcd", "arm64", "1"), second], ..Lock::default() }
                    .bytes()
                    .unwrap();
            let error = Lock::parse(&bytes, "a.lock").unwrap_err();
            assert_eq!(error.message, "a.lock: etcd (amd64) is pinned more than once");
        }
    }

    #[test]
    fn packages_are_pinned_for_each_release_and_architecture() {
        let pin = |release: &str, arch: &str, version: &str| LockedPackage {
            release: release.into(),
            arch: arch.into(),
            name: "haproxy".into(),
            version: version.into(),
            sha256: "a".repeat(64),
            size: 1,
            source: "https://deb.debian.org/debian/x".into(),
            pre_depends: String::new(),
            depends: "libc6 (>= 2.36)".into(),
            provides: String::new(),
            conflicts: String::new(),
        };
        let mut lock = Lock::default();
        for (release, arch, version) in
            [("debian/trixie", "amd64", "3"), ("debian/bookworm", "amd64", "1"), ("debian/bookworm", "amd64", "2")]
        {
            lock.set_package(pin(release, arch, version));
        }
        let read = Lock::parse(&lock.bytes().unwrap(), "a.lock").unwrap();
        assert_eq!(read, lock);
        let versions: Vec<_> = read.packages_of("debian/bookworm", "amd64").map(|pin| pin.version.as_str()).collect();
        assert_eq!(versions, ["2"]);
        assert_eq!(read.everything()[0].name, "package-haproxy");
        lock.packages.push(pin("debian/trixie", "amd64", "4"));
        let error = Lock::parse(&lock.bytes().unwrap(), "a.lock").unwrap_err();
        assert_eq!(error.message, "a.lock: package haproxy (debian/trixie, amd64) is pinned more than once");
    }

    #[test]
    fn it_reads_what_it_wrote_and_explains_what_it_cannot() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/artifacts.lock");
        let mut lock = Lock::default();
        assert_eq!(Lock::read(&path).unwrap(), lock);
        lock.set(locked("etcd", "amd64", "3.6.14"));
        lock.write(&path).unwrap();
        assert_eq!(Lock::read(&path).unwrap(), lock);
        insta::assert_snapshot!(Lock::parse(b"{\n\"artifacts\": 3}", "a.lock").unwrap_err(), @"a.lock:2:14: invalid type: integer `3`, expected a sequence at line 2 column 14");
        let elsewhere = dir.path().join("elsewhere");
        fs::rename(&path, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        Lock::default().write(&path).unwrap();
        assert_eq!((Lock::read(&elsewhere).unwrap(), Lock::read(&path).unwrap()), (lock.clone(), Lock::default()));
        let evil = String::from_utf8(lock.bytes().unwrap()).unwrap().replace(&"a".repeat(64), "../x");
        insta::assert_snapshot!(Lock::parse(evil.as_bytes(), "a.lock").unwrap_err(), @r#"a.lock: "etcd": "../x" is not a SHA-256"#);
    }
}
