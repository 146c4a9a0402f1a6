//! Packages of a host's distribution.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{ArtifactRef, ComponentId};

/// A package that a host must have. Which version it is decides its distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Package {
    /// Name.
    pub name: String,
    /// The file that shows that it is there.
    pub program: String,
    /// The distribution's units that would start by themselves: masked where we install it.
    pub units: BTreeSet<String>,
    /// The least version that is good enough: major and minor.
    pub least: (u64, u64),
    /// Components whose units need it.
    #[serde(skip)]
    pub components: BTreeSet<ComponentId>,
}

impl Package {
    /// Each package once: what several components ask of one comes together.
    pub fn together(all: impl IntoIterator<Item = Package>) -> Vec<Package> {
        let mut by_name: BTreeMap<String, Package> = BTreeMap::new();
        for package in all {
            match by_name.get_mut(&package.name) {
                None => drop(by_name.insert(package.name.clone(), package)),
                Some(known) => {
                    known.units.extend(package.units);
                    known.components.extend(package.components);
                    known.least = known.least.max(package.least);
                }
            }
        }
        by_name.into_values().collect()
    }
}

/// A package that is installed on a host: one that it must have, or one that such a package needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageFile {
    /// Its name, as its distribution calls it.
    pub package: String,
    /// In the store; without hash and size where it is not known yet which one it will be.
    pub artifact: ArtifactRef,
    /// Those of [`Package`] that it is installed for.
    pub wanted_by: BTreeSet<String>,
    /// Those before it must be configured before it is unpacked (`Pre-Depends`).
    #[serde(skip)]
    pub after_configured: bool,
}

impl PackageFile {
    /// Of a package of which nothing but the name is known yet.
    pub fn unknown(package: &str) -> Self {
        PackageFile {
            package: package.to_owned(),
            artifact: ArtifactRef {
                name: artifact_name(package),
                version: String::new(),
                sha256: String::new(),
                size: 0,
            },
            wanted_by: BTreeSet::from([package.to_owned()]),
            after_configured: false,
        }
    }
}

/// What a package is called in the store: `haproxy` would be a program.
pub fn artifact_name(package: &str) -> String {
    format!("{PREFIX}{package}")
}

/// Artifacts whose names begin so are packages.
pub const PREFIX: &str = "package-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_components_ask_of_a_package_comes_together() {
        let package = |least, unit: &str, component| Package {
            name: "haproxy".into(),
            program: "/usr/sbin/haproxy".into(),
            units: BTreeSet::from([unit.to_owned()]),
            least,
            components: BTreeSet::from([ComponentId(component)]),
        };
        let all = Package::together([package((2, 4), "haproxy.service", "a"), package((2, 0), "other.service", "b")]);
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].least, all[0].units.len(), all[0].components.len()), ((2, 4), 2, 2));
    }
}
