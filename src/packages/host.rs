//! All that a host has installed: asked only where something must be installed there.

use std::collections::{BTreeMap, BTreeSet};

use super::relation::{Relation, provided};
use crate::error::{Error, Result};
use crate::facts::{PackageState, is_package_name};
use crate::remote::{LOOK, Transport};

/// A host has some hundreds of packages; a desktop has some thousands.
const MOST: usize = 50_000;

const SCRIPT: &str = r#"LC_ALL=C exec dpkg-query -W -f '${Package}\t${Architecture}\t${Version}\t${db:Status-Abbrev}\t${Multi-Arch}\t${Provides}\n'
"#;

/// A package that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledPackage {
    /// Architecture.
    pub arch: String,
    /// Version.
    pub version: String,
    /// It serves packages of every architecture.
    pub foreign: bool,
    /// It serves those that say `:any`.
    pub allowed: bool,
}

/// What a host has installed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installed {
    /// The architecture that packages are for there.
    arch: String,
    by_name: BTreeMap<String, Vec<InstalledPackage>>,
    /// Names that packages go by, too, with the versions that are said of them.
    provided: BTreeMap<String, Vec<Option<String>>>,
    /// Packages that are unpacked or half of it.
    unfinished: Vec<String>,
}

/// Asks a host.
///
/// # Errors
/// Those of the transport; `Remote` where the answer is none.
pub fn ask(transport: &mut dyn Transport, arch: &str) -> Result<Installed> {
    let output = transport.ask(LOOK, SCRIPT)?;
    let host = transport.host();
    if output.status != 0 {
        return Err(Error::remote(format!("{host}: dpkg does not say which packages are installed"))
            .detail(String::from_utf8_lossy(&output.stderr).trim().to_owned())
            .hint(format!("look at it on {host}: dpkg-query -W")));
    }
    Installed::read(&String::from_utf8_lossy(&output.stdout), arch)
        .ok_or_else(|| Error::remote(format!("{host}: it says that more than {MOST} packages are installed")))
}

impl Installed {
    /// Reads lines of columns: name, architecture, version, state, `Multi-Arch`, `Provides`. Nothing where there are too many.
    pub fn read(text: &str, arch: &str) -> Option<Self> {
        let mut installed = Installed { arch: arch.to_owned(), ..Installed::default() };
        for (number, line) in text.lines().enumerate() {
            if number >= MOST {
                return None;
            }
            let columns: Vec<&str> = line.split('\t').collect();
            let [name, arch, version, state, multi_arch, provides] = columns.as_slice() else { continue };
            if !is_package_name(name) {
                continue;
            }
            match PackageState::of(state) {
                PackageState::Absent => continue,
                PackageState::Unfinished => {
                    installed.unfinished.push((*name).to_owned());
                    continue;
                }
                PackageState::Installed => {}
            }
            let package = InstalledPackage {
                arch: (*arch).to_owned(),
                version: (*version).to_owned(),
                foreign: *multi_arch == "foreign",
                allowed: *multi_arch == "allowed",
            };
            if installed.is_native(&package) || package.foreign {
                for (name, version) in provided(provides) {
                    installed.provided.entry(name).or_default().push(version);
                }
            }
            installed.by_name.entry((*name).to_owned()).or_default().push(package);
        }
        Some(installed)
    }

    fn is_native(&self, package: &InstalledPackage) -> bool {
        package.arch == self.arch || package.arch == "all"
    }

    /// The version of a package that is installed, for this architecture.
    pub fn version(&self, name: &str) -> Option<&str> {
        let packages = self.by_name.get(name)?;
        packages.iter().find(|package| self.is_native(package)).map(|package| package.version.as_str())
    }

    /// Whether something that is installed does for a relation.
    pub fn fits(&self, relation: &Relation) -> bool {
        let arch = relation.arch.as_deref();
        let serves = |package: &&InstalledPackage| match arch {
            None => self.is_native(package) || package.foreign,
            Some("any") => self.is_native(package) || package.foreign || package.allowed,
            Some(arch) => package.arch == arch || (arch == "native" && self.is_native(package)),
        };
        let own = self.by_name.get(&relation.name).into_iter().flatten();
        let mut provided = self.provided.get(&relation.name).into_iter().flatten();
        own.filter(serves).any(|package| relation.fits(&package.version))
            || provided
                .any(|version| version.as_ref().map_or(relation.version.is_none(), |version| relation.fits(version)))
    }

    /// The package that is installed and that a relation excludes, with its version.
    pub fn excluded(&self, relation: &Relation) -> Option<String> {
        let version = self.version(&relation.name).filter(|version| relation.fits(version))?;
        Some(format!("{} {version}", relation.name))
    }

    /// The same, but what is unfinished and ours is only to be finished.
    #[must_use]
    pub fn without(mut self, ours: &BTreeSet<String>) -> Self {
        self.unfinished.retain(|name| !ours.contains(name));
        self
    }

    /// Packages that are unpacked or half of it.
    pub fn unfinished(&self) -> &[String] {
        &self.unfinished
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::relation::all;

    #[test]
    fn what_is_installed_serves_its_architecture_or_all_of_them() {
        let text = "libc6\tamd64\t2.36-9\tii \tsame\tlibc6-x (= 2.36)\nlibc6\ti386\t2.36-9\tii \tsame\t\n\
                    adduser\tall\t3.134\tii \tforeign\t\nperl\ti386\t5.36\tii \tallowed\tperl5\nold\tamd64\t1\trc \t\t\n\
                    half\tamd64\t1\tiU \t\t\nmail\tamd64\t1\tii \tno\tmail-transport-agent\n-x\tamd64\t1\tii \t\t\nshort\n";
        let installed = Installed::read(text, "amd64").unwrap();
        let fits = |text: &str| installed.fits(&all(text)[0][0]);
        for good in [
            "libc6 (>= 2.34)",
            "libc6:amd64",
            "libc6:i386",
            "adduser",
            "perl:any",
            "mail-transport-agent",
            "libc6-x (>= 2)",
        ] {
            assert!(fits(good), "{good}");
        }
        for bad in ["libc6 (>= 2.37)", "perl", "old", "half", "mail-transport-agent (>= 1)", "perl5", "nothing"] {
            assert!(!fits(bad), "{bad}");
        }
        assert_eq!(installed.unfinished(), ["half"]);
        assert_eq!(installed.excluded(&all("adduser (<< 4)")[0][0]).as_deref(), Some("adduser 3.134"));
        assert!(Installed::read(&"x\n".repeat(MOST + 1), "amd64").is_none());
    }
}
