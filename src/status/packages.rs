//! Packages of the distribution that components need: which version, and whose.

use super::{Component, NOT_INSTALLED, State};
use crate::facts::{Found, HostFacts};
use crate::state::Package;

pub(super) fn judge(package: &Package, facts: &HostFacts) -> Component {
    let Package { name, program, least: (major, minor), units, .. } = package;
    let is_ours = facts.packages.ours.contains(name);
    let (state, word, version, detail) = match facts.package(name, program, package.least) {
        Found::Good(version) if is_ours => match units.iter().find(|unit| facts.can_start(unit)) {
            Some(unit) => (State::Warning, "installed", version, format!("{unit} of it is not masked any more")),
            None => (State::Good, "installed", version, "by kbootstrap".to_owned()),
        },
        Found::Good(version) => (State::Good, "installed", version, "the host's own".to_owned()),
        Found::TooOld(version) => (State::Bad, "too old", version, format!("{major}.{minor} or newer is needed")),
        Found::NoProgram(version) => (State::Bad, "broken", version, format!("{program} is not there")),
        Found::Unfinished => (State::Bad, "broken", String::new(), "unpacked and not configured".to_owned()),
        Found::Elsewhere => (State::Bad, "broken", String::new(), format!("{program} is of no package {name}")),
        Found::Missing => (State::Bad, NOT_INSTALLED, String::new(), String::new()),
    };
    Component { name: format!("package {name}"), state, word: word.into(), version, detail, remedy: Vec::new() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::facts::{PackageFact, PackageState, UnitFact};

    #[test]
    fn a_package_is_shown_with_its_version_and_whose_it_is() {
        let package = Package {
            name: "haproxy".into(),
            program: "/usr/sbin/haproxy".into(),
            units: BTreeSet::from(["haproxy.service".to_owned()]),
            least: (2, 4),
            components: BTreeSet::new(),
        };
        let said = |version: &str, ours: bool, load: &str| {
            let mut facts = HostFacts::default_host();
            if !version.is_empty() {
                let fact =
                    PackageFact { arch: "amd64".into(), version: version.into(), state: PackageState::Installed };
                facts.packages.known.insert("haproxy".into(), fact);
                facts.packages.programs.insert(package.program.clone());
            }
            facts.packages.ours.extend(ours.then(|| "haproxy".to_owned()));
            facts.units.insert("haproxy.service".into(), UnitFact { load: load.into(), ..UnitFact::default() });
            let shown = judge(&package, &facts);
            format!("{:?} {} {} {} {}", shown.state, shown.name, shown.word, shown.version, shown.detail)
        };
        let rows = [
            said("2.6.12-1", true, "masked"),
            said("2.6.12-1", true, "loaded"),
            said("2.6.12-1", false, "loaded"),
            said("2.2.9", false, "loaded"),
            said("", false, ""),
        ];
        insta::assert_snapshot!(rows.map(|row| row.trim_end().to_owned()).join("\n"), @"
        Good package haproxy installed 2.6.12-1 by kbootstrap
        Warning package haproxy installed 2.6.12-1 haproxy.service of it is not masked any more
        Good package haproxy installed 2.6.12-1 the host's own
        Bad package haproxy too old 2.2.9 2.4 or newer is needed
        Bad package haproxy not installed
        ");
    }
}
