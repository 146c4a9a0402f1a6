//! Which packages of its distribution a host gets.

use std::collections::BTreeSet;

use super::PackageChange;
use crate::facts::{Found, HostFacts};
use crate::state::{HostState, Package, PackageFile};

/// What is installed, in order; then packages that we have installed, and whose units somebody has given back.
pub(super) fn changes(desired: &HostState, facts: &HostFacts) -> Vec<PackageChange> {
    let missing: Vec<&Package> = desired.packages.iter().filter(|package| is_missing(package, facts)).collect();
    let names: BTreeSet<&str> = missing.iter().map(|package| package.name.as_str()).collect();
    let resolved =
        desired.install.iter().filter(|file| file.wanted_by.iter().any(|name| names.contains(name.as_str())));
    let resolved: Vec<&PackageFile> = resolved.collect();
    let is_resolved = |package: &&&Package| resolved.iter().any(|file| file.package == package.name);
    let unknown: Vec<PackageFile> = missing
        .iter()
        .filter(|package| !is_resolved(package))
        .map(|package| PackageFile::unknown(&package.name))
        .collect();
    let install = resolved.into_iter().chain(&unknown).map(|file| PackageChange {
        name: file.package.clone(),
        version: file.artifact.version.clone(),
        size: file.artifact.size,
        install: true,
        wanted_by: file.wanted_by.clone(),
        mask: missing.iter().find(|package| package.name == file.package).map(|p| p.units.clone()).unwrap_or_default(),
    });
    let again = desired.packages.iter().filter(|package| !names.contains(package.name.as_str()));
    install.chain(again.filter_map(|package| unmasked(package, desired, facts))).collect()
}

fn is_missing(package: &Package, facts: &HostFacts) -> bool {
    facts.package(&package.name, &package.program, package.least) == Found::Missing
}

/// A host's own package keeps its units.
fn unmasked(package: &Package, desired: &HostState, facts: &HostFacts) -> Option<PackageChange> {
    let is_ours = |unit: &&String| desired.units.iter().any(|own| own.name == **unit);
    let can_start = package.units.iter().filter(|unit| !is_ours(unit) && facts.can_start(unit));
    let mask: BTreeSet<String> = can_start.cloned().collect();
    let Found::Good(version) = facts.package(&package.name, &package.program, package.least) else { return None };
    (facts.packages.ours.contains(&package.name) && !mask.is_empty()).then(|| PackageChange {
        name: package.name.clone(),
        version,
        size: 0,
        install: false,
        wanted_by: BTreeSet::from([package.name.clone()]),
        mask,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{PackageFact, PackageState, UnitFact};
    use crate::plan::{compare, converged};
    use crate::state::{ArtifactRef, package_artifact};

    fn file(name: &str, wanted_by: &str) -> PackageFile {
        let artifact = ArtifactRef {
            name: package_artifact(name),
            version: "2.6.12-1".into(),
            sha256: "a".repeat(64),
            size: 2_000_000,
        };
        let wanted_by = BTreeSet::from([wanted_by.to_owned()]);
        PackageFile { package: name.into(), artifact, wanted_by, after_configured: false }
    }

    /// A host that must have haproxy, which takes a library.
    fn desired() -> HostState {
        let package = Package {
            name: "haproxy".into(),
            program: "/usr/sbin/haproxy".into(),
            units: BTreeSet::from(["haproxy.service".to_owned()]),
            least: (2, 4),
            components: BTreeSet::new(),
        };
        let install = vec![file("liblua5.3-0", "haproxy"), file("haproxy", "haproxy")];
        HostState { host: "m1".into(), packages: vec![package], install, ..HostState::default() }
    }

    fn lines(state: &HostState, facts: &HostFacts) -> Vec<String> {
        let line = |change: PackageChange| {
            let mask: Vec<String> = change.mask.into_iter().collect();
            format!("{} {} {} [{}]", change.name, change.version, change.install, mask.join(" "))
        };
        compare(state, facts).packages.into_iter().map(line).collect()
    }

    #[test]
    fn what_is_missing_is_installed_with_what_it_needs_and_its_units_are_masked() {
        let state = desired();
        let bare = HostFacts::default_host();
        let all = ["liblua5.3-0 2.6.12-1 true []", "haproxy 2.6.12-1 true [haproxy.service]"];
        assert_eq!(lines(&state, &bare), all);
        let unknown = HostState { install: Vec::new(), ..desired() };
        assert_eq!(lines(&unknown, &bare), ["haproxy  true [haproxy.service]"]);
        assert_eq!(lines(&state, &converged(&state)), [""; 0]);
    }

    #[test]
    fn what_a_host_has_is_used_and_only_what_is_ours_is_masked_again() {
        let state = desired();
        let mut facts = converged(&state);
        let fact = PackageFact { arch: "amd64".into(), version: "3.0".into(), state: PackageState::Installed };
        facts.packages.known.insert("haproxy".into(), fact);
        let unit = UnitFact { load: "loaded".into(), active: "active".into(), ..UnitFact::default() };
        facts.units.insert("haproxy.service".into(), unit);
        assert_eq!(lines(&state, &facts), [""; 0], "it is the site's");
        facts.packages.ours.insert("haproxy".into());
        assert_eq!(lines(&state, &facts), ["haproxy 3.0 false [haproxy.service]"]);
        facts.units.get_mut("haproxy.service").unwrap().load = "masked".into();
        assert_eq!(lines(&state, &facts), [""; 0]);
    }
}
