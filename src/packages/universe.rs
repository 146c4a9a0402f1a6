//! All packages that could be had, wherever from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::control::{Fields, joined, value};
use super::relation::{Relation, provided};
use super::version::compare;
use crate::artifacts::LockedPackage;
use crate::digest::is_sha256;
use crate::facts::is_package_name;

/// A package that could be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// What must be configured before it is unpacked.
    pub pre_depends: String,
    /// What must be there for it.
    pub depends: String,
    /// Names that it goes by, too.
    pub provides: String,
    /// What must not be there, or not in that version (`Conflicts` and `Breaks`).
    pub conflicts: String,
    /// SHA-256 of the file, lower-case hex.
    pub sha256: String,
    /// Bytes of the file.
    pub size: u64,
    /// Where the file is.
    pub from: Origin,
}

/// Where a package's file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In an archive: its address, and the path below it.
    Archive(String, String),
    /// The lock pins it; the source that it names.
    Lock(String),
    /// On the operator's machine.
    File(PathBuf),
    /// In a bundle on the operator's machine.
    Bundle(PathBuf),
}

impl Candidate {
    /// Of a paragraph; nothing where it lacks what every package has.
    pub fn of(fields: &Fields<'_>, sha256: &str, size: u64, from: Origin) -> Option<Self> {
        let (name, version) = (value(fields, "package"), value(fields, "version"));
        let is_version = !version.is_empty() && version.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
        if !is_package_name(name) || !is_version || !is_sha256(sha256) {
            return None;
        }
        let conflicts = [joined(fields, "conflicts"), joined(fields, "breaks")];
        Some(Candidate {
            name: name.to_owned(),
            version: version.to_owned(),
            pre_depends: joined(fields, "pre-depends"),
            depends: joined(fields, "depends"),
            provides: joined(fields, "provides"),
            conflicts: conflicts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", "),
            sha256: sha256.to_owned(),
            size,
            from,
        })
    }

    /// As the lock pins it, for a release (`debian/bookworm`) and an architecture.
    pub fn locked(&self, release: &str, arch: &str, source: String) -> LockedPackage {
        LockedPackage {
            release: release.to_owned(),
            arch: arch.to_owned(),
            name: self.name.clone(),
            version: self.version.clone(),
            sha256: self.sha256.clone(),
            size: self.size,
            source,
            pre_depends: self.pre_depends.clone(),
            depends: self.depends.clone(),
            provides: self.provides.clone(),
            conflicts: self.conflicts.clone(),
        }
    }

    /// Of a pin.
    pub fn pinned(pin: &LockedPackage, from: Origin) -> Self {
        Candidate {
            name: pin.name.clone(),
            version: pin.version.clone(),
            pre_depends: pin.pre_depends.clone(),
            depends: pin.depends.clone(),
            provides: pin.provides.clone(),
            conflicts: pin.conflicts.clone(),
            sha256: pin.sha256.clone(),
            size: pin.size,
            from,
        }
    }
}

/// All packages that could be had.
#[derive(Debug, Default)]
pub struct Universe {
    /// By name, the newest version first.
    by_name: BTreeMap<String, Vec<Candidate>>,
    /// Names of packages that go by a name, too.
    providers: BTreeMap<String, Vec<String>>,
}

impl Universe {
    /// Of what there is. Where `pinned` has a package, no other version of it is taken.
    pub fn new(pinned: Vec<Candidate>, others: Vec<Candidate>) -> Self {
        let mut universe = Universe::default();
        let pins = pinned.iter().map(|pin| pin.name.clone()).collect::<std::collections::BTreeSet<_>>();
        for candidate in pinned.into_iter().chain(others.into_iter().filter(|other| !pins.contains(&other.name))) {
            for (name, _) in provided(&candidate.provides) {
                let providers = universe.providers.entry(name).or_default();
                if !providers.contains(&candidate.name) {
                    providers.push(candidate.name.clone());
                }
            }
            universe.by_name.entry(candidate.name.clone()).or_default().push(candidate);
        }
        // Of one version that comes from several places, the first place counts.
        universe.by_name.values_mut().for_each(|all| all.sort_by(|a, b| compare(&b.version, &a.version)));
        universe.providers.values_mut().for_each(|names| names.sort());
        universe
    }

    /// What would do for a relation: the newest of that name that fits, then what goes by the name, too.
    pub fn fitting<'u, 'r>(&'u self, relation: &'r Relation) -> impl Iterator<Item = &'u Candidate> + use<'u, 'r> {
        let own = self.by_name.get(&relation.name).and_then(|all| all.iter().find(|one| relation.fits(&one.version)));
        let names = self.providers.get(&relation.name).into_iter().flatten();
        let newest = names.filter_map(move |name| self.by_name.get(name)?.first());
        own.into_iter().chain(newest.filter(move |one| provides(one, relation)))
    }

    /// Versions of that name, the newest first.
    pub fn versions(&self, name: &str) -> Vec<&str> {
        self.by_name.get(name).into_iter().flatten().map(|one| one.version.as_str()).collect()
    }
}

/// Whether a package goes by that name, in a version that fits. What is provided without one fits no version.
pub fn provides(candidate: &Candidate, relation: &Relation) -> bool {
    provided(&candidate.provides).into_iter().any(|(name, version)| {
        name == relation.name && version.map_or(relation.version.is_none(), |version| relation.fits(&version))
    })
}
