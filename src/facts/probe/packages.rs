//! Packages of the distribution: which of those that are asked about a host has, and which of them are ours.

use super::answer::Sections;
use super::script::Variables;
use super::{Group, Questions};
use crate::cluster::Layout;
use crate::facts::{HostFacts, PackageFact, PackageManager, PackageState, is_package_name, is_unit_name};

/// Packages.
pub(super) const GROUP: Group = Group { shell: include_str!("packages.sh"), ask, read };

/// How the path of [`Layout::packages_record`] ends, whatever the layout is.
const RECORD: &str = "/installed-packages";

fn ask(questions: &Questions, layout: &Layout, variables: &mut Variables) {
    variables.list("packages", questions.packages.keys());
    variables.list("package_programs", questions.packages.values());
    variables.set("package_record", &layout.packages_record());
}

fn read(sections: &Sections, facts: &mut HostFacts) {
    let packages = &mut facts.packages;
    packages.manager = match sections.first("packages") {
        "dpkg" => Some(PackageManager::Dpkg),
        "rpm" => Some(PackageManager::Rpm),
        _ => None,
    };
    packages.programs = sections.set("package-programs");
    for (name, fact) in sections.lines("packages").filter_map(package) {
        // One of another architecture beside it says nothing of it.
        let better = |known: &PackageFact| fact.state > known.state;
        if packages.known.get(name).is_none_or(better) {
            packages.known.insert(name.to_owned(), fact);
        }
    }
    for line in sections.texts() {
        let Some((path, line)) = line.split_once(':') else { continue };
        if !path.ends_with(RECORD) {
            continue;
        }
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["package", name, ..] if is_package_name(name) => packages.ours.extend([(*name).to_owned()]),
            ["mask", unit, ..] if is_unit_name(unit) => packages.masked.extend([(*unit).to_owned()]),
            _ => {}
        }
    }
}

/// A line of four columns: name, architecture, version, and the state as dpkg abbreviates it (`ii `, `iU `, `rc `).
fn package(line: &str) -> Option<(&str, PackageFact)> {
    let mut columns = line.split('\t');
    let (name, arch, version, state) = (columns.next()?, columns.next()?, columns.next()?, columns.next()?);
    if !is_package_name(name) {
        return None;
    }
    let state = PackageState::of(state);
    Some((name, PackageFact { arch: arch.to_owned(), version: version.to_owned(), state }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(text: &str) -> HostFacts {
        let text = text.replace('§', "\x1en ") + "\x1en end\n";
        let mut facts = HostFacts::default();
        read(&Sections::split(&text, "n").unwrap(), &mut facts);
        facts
    }

    #[test]
    fn what_dpkg_says_and_what_we_wrote_down() {
        let facts = facts(
            "§packages\ndpkg\nhaproxy\tamd64\t2.6.12-1+deb12u2\tii \nhaproxy\ti386\t\tun \nnginx\tamd64\t1.22.1-9\tiU \n\
             curl\tamd64\t7.88.1-10\trc \n../x\tamd64\t1\tii \n§package-programs\n/usr/sbin/haproxy\n\
             §texts\n/r/installed-packages:package haproxy haproxy 2.6.12-1+deb12u2 purge\n\
             /r/installed-packages:mask haproxy.service haproxy\n/r/installed-packages:mask -x y\n/r/other:package curl\n",
        );
        let packages = &facts.packages;
        assert_eq!(packages.manager, Some(PackageManager::Dpkg));
        let states: Vec<_> = packages.known.iter().map(|(name, fact)| (name.as_str(), fact.state)).collect();
        use PackageState::{Absent, Installed, Unfinished};
        assert_eq!(states, [("curl", Absent), ("haproxy", Installed), ("nginx", Unfinished)]);
        assert_eq!(packages.known["haproxy"].version, "2.6.12-1+deb12u2");
        assert!(packages.programs.contains("/usr/sbin/haproxy"));
        assert!(packages.ours.iter().eq(["haproxy"]) && packages.masked.iter().eq(["haproxy.service"]));
    }

    #[test]
    fn a_host_with_rpm_and_one_with_neither() {
        let rpm = facts("§packages\nrpm\nhaproxy\tx86_64\t2.4.22-1.el9\tii \npackage keepalived is not installed\n");
        assert_eq!(rpm.packages.manager, Some(PackageManager::Rpm));
        assert_eq!(rpm.packages.known.len(), 1);
        assert_eq!(facts("§packages\n").packages.manager, None);
    }
}
