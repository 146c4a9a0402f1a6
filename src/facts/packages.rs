//! Packages of the host's distribution.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::HostFacts;

/// What a host says of packages that were asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PackageFacts {
    /// What manages them there; none where nobody asked, or where it is neither.
    pub manager: Option<PackageManager>,
    /// Those that the package manager knows of, by name.
    pub known: BTreeMap<String, PackageFact>,
    /// Their programs that are there.
    pub programs: BTreeSet<String>,
    /// Packages that we have installed, by our record on the host.
    pub ours: BTreeSet<String>,
    /// Units that we have masked for that.
    pub masked: BTreeSet<String>,
}

/// What manages a host's packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageManager {
    /// Debian and its descendants.
    Dpkg,
    /// RHEL, SUSE and their kin.
    Rpm,
}

/// A package that the package manager knows of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageFact {
    /// Architecture, as the distribution names it.
    pub arch: String,
    /// Version, as the distribution names it.
    pub version: String,
    /// How far it is.
    pub state: PackageState,
}

/// How far a package is; what is better is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageState {
    /// Not there, but perhaps for its configuration.
    Absent,
    /// Unpacked or half of it, and not configured.
    Unfinished,
    /// Installed.
    Installed,
}

impl PackageState {
    /// As dpkg abbreviates it: what is wanted, what is, and `R` where it must be installed again.
    pub fn of(abbreviated: &str) -> Self {
        match abbreviated.as_bytes() {
            [_, _, b'R', ..] => PackageState::Unfinished,
            // Triggers that wait are run with the next package.
            [_, b'i' | b't' | b'W', ..] => PackageState::Installed,
            [_, b'U' | b'F' | b'H', ..] => PackageState::Unfinished,
            _ => PackageState::Absent,
        }
    }
}

/// What is found where a package is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is there and good; the version is empty where nobody knows it.
    Good(String),
    /// It is there and too old.
    TooOld(String),
    /// It is there and its program is not.
    NoProgram(String),
    /// It is not there, and its program is: somebody has put it there otherwise.
    Elsewhere,
    /// It is unpacked, or half of it, and not by us.
    Unfinished,
    /// It is not there, or not as far as we wanted to bring it.
    Missing,
}

impl HostFacts {
    /// Whether a unit of the distribution could start by itself: it is there, and nobody has masked it.
    pub fn can_start(&self, unit: &str) -> bool {
        self.units.get(unit).is_some_and(|unit| !["masked", "not-found", ""].contains(&&*unit.load))
    }

    /// What is found of a package of that name, with that program, of at least that version of the project's own.
    pub fn package(&self, name: &str, program: &str, least: (u64, u64)) -> Found {
        let has_program = self.packages.programs.contains(program);
        let is_ours = self.packages.ours.contains(name);
        match self.packages.known.get(name) {
            Some(fact) if fact.state == PackageState::Installed => match upstream(&fact.version) {
                Some(version) if version < least => Found::TooOld(fact.version.clone()),
                _ if has_program => Found::Good(fact.version.clone()),
                _ => Found::NoProgram(fact.version.clone()),
            },
            Some(fact) if fact.state == PackageState::Unfinished && !is_ours => Found::Unfinished,
            Some(_) if is_ours => Found::Missing,
            _ if has_program && self.packages.manager.is_none() => Found::Good(String::new()),
            _ if has_program && !is_ours => Found::Elsewhere,
            _ => Found::Missing,
        }
    }
}

/// Major and minor of the project's own version: `1:2.6.12-1+deb12u2` is 2.6.
fn upstream(version: &str) -> Option<(u64, u64)> {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    let major = numbers.next()?.parse().ok()?;
    Some((major, numbers.next().and_then(|minor| minor.parse().ok()).unwrap_or(0)))
}

/// Whether it can be a package's name (Debian policy, 5.6.7; rpm's have capitals and underscores, too).
pub fn is_package_name(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"+-._".contains(&b);
    name.len() <= 200 && name.bytes().all(inner) && name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
}

/// Whether it can be the name of a unit of a package.
pub fn is_unit_name(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"-._@:".contains(&b);
    let kinds = [".service", ".socket", ".timer", ".path"];
    name.len() <= 200
        && name.bytes().all(inner)
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && kinds.iter().any(|kind| name.ends_with(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: &str = "/usr/sbin/haproxy";

    fn found(version: &str, state: PackageState, change: impl FnOnce(&mut PackageFacts)) -> Found {
        let mut facts = HostFacts::default_host();
        let fact = PackageFact { arch: "amd64".into(), version: version.into(), state };
        facts.packages.known.insert("haproxy".into(), fact);
        facts.packages.programs.insert(PROGRAM.into());
        change(&mut facts.packages);
        facts.package("haproxy", PROGRAM, (2, 4))
    }

    #[test]
    fn a_package_is_good_or_too_old_or_has_no_program() {
        use PackageState::{Absent, Installed, Unfinished};
        let nothing = |_: &mut PackageFacts| {};
        assert_eq!(found("2.6.12-1", Installed, nothing), Found::Good("2.6.12-1".into()));
        assert_eq!(found("1:2.4", Installed, nothing), Found::Good("1:2.4".into()));
        assert_eq!(found("2.2.9-2+deb11u6", Installed, nothing), Found::TooOld("2.2.9-2+deb11u6".into()));
        let no_program = |packages: &mut PackageFacts| packages.programs.clear();
        assert_eq!(found("2.6", Installed, no_program), Found::NoProgram("2.6".into()));
        assert_eq!(found("2.6", Unfinished, nothing), Found::Unfinished);
        assert_eq!(found("2.6", Absent, nothing), Found::Elsewhere);
        assert_eq!(found("2.6", Absent, no_program), Found::Missing);
    }

    #[test]
    fn what_we_began_is_to_be_finished() {
        let ours = |packages: &mut PackageFacts| packages.ours.extend(["haproxy".to_owned()]);
        assert_eq!(found("2.6", PackageState::Unfinished, ours), Found::Missing);
        assert_eq!(found("2.6", PackageState::Absent, ours), Found::Missing);
    }

    #[test]
    fn where_nothing_manages_packages_the_program_counts() {
        let nothing = |packages: &mut PackageFacts| {
            packages.known.clear();
            packages.manager = None;
        };
        assert_eq!(found("", PackageState::Absent, nothing), Found::Good(String::new()));
    }

    #[test]
    fn states_as_dpkg_abbreviates_them() {
        use PackageState::{Absent, Installed, Unfinished};
        let of = |states: &[&str]| states.iter().map(|state| PackageState::of(state)).collect::<Vec<_>>();
        assert_eq!(of(&["ii ", "hi ", "it ", "iW "]), [Installed; 4]);
        assert_eq!(of(&["iU ", "iF ", "iH ", "iHR", "iiR"]), [Unfinished; 5]);
        assert_eq!(of(&["un ", "rc ", "", "pn"]), [Absent; 4]);
    }

    #[test]
    fn names_that_a_shell_could_read_otherwise_are_none() {
        for good in ["haproxy", "libstdc++6", "libnginx-mod-stream", "python3.11"] {
            assert!(is_package_name(good), "{good}");
        }
        for bad in ["", "-x", "a b", "../x", "a;b", "a:amd64", "ä"] {
            assert!(!is_package_name(bad), "{bad}");
        }
        assert!(is_unit_name("haproxy.service") && is_unit_name("a@b.socket"));
        assert!(!is_unit_name("haproxy") && !is_unit_name("-x.service") && !is_unit_name("a/b.service"));
    }
}
