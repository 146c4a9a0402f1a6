//! What must be installed so that wanted packages work: a pure function of what could be had and of what a host has.
//!
//! `Recommends` are not followed. Nothing that is installed is replaced: where a package needs a newer one of those, that is
//! said, and a person decides.

use std::collections::{BTreeMap, BTreeSet};

use super::host::Installed;
use super::relation::{Relation, all};
use super::universe::{Candidate, Universe, provides};

/// Nothing that is wanted here needs a tenth of it.
const MOST: usize = 400;
/// Ways that are tried before it is given up.
const TRIES: usize = 20_000;

/// A package that is to be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved<'u> {
    /// Which.
    pub candidate: &'u Candidate,
    /// The wanted packages that it is for.
    pub wanted_by: BTreeSet<String>,
    /// Those before it must be configured before it is unpacked.
    pub after_configured: bool,
}

/// Why wanted packages cannot be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which dependency cannot be had, and why.
    pub why: String,
    /// A package that is installed and would have to be newer.
    pub upgrade: Option<String>,
}

/// What must be installed, in the order in which it is unpacked: what others need comes first.
///
/// # Errors
/// The first dependency that cannot be had in any way.
pub fn resolve<'u>(
    wanted: &[String],
    universe: &'u Universe,
    installed: &Installed,
) -> Result<Vec<Resolved<'u>>, Refusal> {
    let mut attempt = Attempt { universe, installed, tries: 0, chosen: Chosen::default() };
    for name in wanted {
        let relation = Relation { name: name.clone(), arch: None, version: None };
        attempt.need(&[relation], None)?;
    }
    Ok(attempt.chosen.resolved(wanted, installed))
}

/// What is chosen so far.
#[derive(Debug, Clone, Default)]
struct Chosen<'u> {
    by_name: BTreeMap<&'u str, &'u Candidate>,
    /// In the order in which they can be unpacked.
    order: Vec<&'u str>,
    /// Which of them each of them needs.
    needs: BTreeMap<&'u str, BTreeSet<&'u str>>,
}

struct Attempt<'u, 'i> {
    universe: &'u Universe,
    installed: &'i Installed,
    tries: usize,
    chosen: Chosen<'u>,
}

impl<'u> Attempt<'u, '_> {
    /// One of these must be there, for `by`.
    fn need(&mut self, group: &[Relation], by: Option<&'u Candidate>) -> Result<(), Refusal> {
        if by.is_some() && group.iter().any(|relation| self.installed.fits(relation)) {
            return Ok(());
        }
        if let Some(there) = self.chosen.fitting(group) {
            self.chosen.needed(by, there);
            return Ok(());
        }
        let mut first: Option<Refusal> = None;
        let universe = self.universe;
        for relation in group {
            for candidate in universe.fitting(relation) {
                let before = self.chosen.clone();
                match self.take(candidate, by) {
                    Ok(()) => {
                        self.chosen.needed(by, &candidate.name);
                        return Ok(());
                    }
                    Err(refusal) => {
                        self.chosen = before;
                        first = first.or(Some(refusal));
                    }
                }
            }
        }
        Err(first.unwrap_or_else(|| self.nowhere(group, by)))
    }

    /// It is installed with all that it needs.
    fn take(&mut self, candidate: &'u Candidate, by: Option<&Candidate>) -> Result<(), Refusal> {
        let Candidate { name, version, .. } = candidate;
        let refuse = |why: String| Err(Refusal { why, upgrade: None });
        self.tries += 1;
        if self.tries > TRIES || self.chosen.by_name.len() >= MOST {
            return refuse(format!("{name} needs more than can be followed"));
        }
        if let Some(other) = self.chosen.by_name.get(name.as_str()) {
            return refuse(format!("{name} is needed in version {version}, and in {} by another", other.version));
        }
        if let Some(there) = self.installed.version(name) {
            let by = by.map_or_else(|| "it".to_owned(), |by| format!("{} {}", by.name, by.version));
            let why = format!("{by} needs another {name} than the {there} that is installed: {version}");
            return Err(Refusal { why, upgrade: Some(name.clone()) });
        }
        if let Some(there) = self.conflict(candidate) {
            return refuse(format!("{name} {version} does not go together with {there}"));
        }
        self.chosen.by_name.insert(name, candidate);
        for group in all(&candidate.pre_depends).iter().chain(&all(&candidate.depends)) {
            self.need(group, Some(candidate))?;
        }
        self.chosen.order.push(name);
        Ok(())
    }

    /// What is there, or is going to be, and must not be beside it.
    fn conflict(&self, candidate: &Candidate) -> Option<String> {
        let excludes = |one: &Candidate, other: &Candidate| {
            let relations = all(&one.conflicts).into_iter().flatten();
            one.name != other.name
                && relations.into_iter().any(|relation| {
                    (relation.name == other.name && relation.fits(&other.version)) || provides(other, &relation)
                })
        };
        let relations = all(&candidate.conflicts).into_iter().flatten();
        let installed = relations.filter(|relation| relation.name != candidate.name);
        let installed = installed.filter_map(|relation| self.installed.excluded(&relation)).next();
        installed.or_else(|| {
            let mut others = self.chosen.by_name.values();
            let other = others.find(|other| excludes(candidate, other) || excludes(other, candidate))?;
            Some(format!("{} {}", other.name, other.version))
        })
    }

    fn nowhere(&self, group: &[Relation], by: Option<&Candidate>) -> Refusal {
        let title = group.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
        let by = by.map_or_else(String::new, |by| format!(", which {} {} needs", by.name, by.version));
        let there: Vec<String> = group
            .iter()
            .filter_map(|relation| {
                Some(format!("{} {}", relation.name, self.universe.versions(&relation.name).first()?))
            })
            .collect();
        let there = if there.is_empty() {
            "is nowhere to be had".to_owned()
        } else {
            format!("cannot be had: there is {}", there.join(", "))
        };
        let old = group.iter().find_map(|relation| Some((&relation.name, self.installed.version(&relation.name)?)));
        let installed = old.map_or_else(String::new, |(_, version)| format!(", and {version} is installed"));
        let comma = if by.is_empty() { "" } else { "," };
        let why = format!("{title}{by}{comma} {there}{installed}");
        Refusal { why, upgrade: old.map(|(name, _)| name.clone()) }
    }
}

impl<'u> Chosen<'u> {
    fn fitting(&self, group: &[Relation]) -> Option<&'u str> {
        let of = |relation: &Relation| {
            let own = self.by_name.get(relation.name.as_str()).filter(|one| relation.fits(&one.version));
            let other = || self.by_name.values().find(|one| provides(one, relation));
            own.or_else(other).copied().map(|one| one.name.as_str())
        };
        group.iter().find_map(of)
    }

    fn needed(&mut self, by: Option<&'u Candidate>, name: &'u str) {
        if let Some(by) = by {
            self.needs.entry(&by.name).or_default().insert(name);
        }
    }

    fn resolved(&self, wanted: &[String], installed: &Installed) -> Vec<Resolved<'u>> {
        let mut wanted_by: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for root in wanted {
            let mut todo: Vec<&str> = self.by_name.keys().copied().filter(|name| name == root).collect();
            while let Some(name) = todo.pop() {
                if wanted_by.entry(name).or_default().insert(root.clone()) {
                    todo.extend(self.needs.get(name).into_iter().flatten());
                }
            }
        }
        let resolved = |name: &&'u str| {
            let candidate = *self.by_name.get(name)?;
            let missing = |group: &Vec<Relation>| !group.iter().any(|relation| installed.fits(relation));
            Some(Resolved {
                candidate,
                wanted_by: wanted_by.get(name).cloned().unwrap_or_default(),
                after_configured: all(&candidate.pre_depends).iter().any(missing),
            })
        };
        self.order.iter().filter_map(resolved).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::control::paragraphs;
    use crate::packages::universe::Origin;

    /// Packages as an index has them.
    fn universe(text: &str) -> Universe {
        let sha256 = "a".repeat(64);
        let candidate = |fields| Candidate::of(&fields, &sha256, 1, Origin::Lock("x".into())).unwrap();
        Universe::new(Vec::new(), paragraphs(text).map(candidate).collect())
    }

    fn installed(packages: &[&str]) -> Installed {
        let line = |package: &&str| {
            let (name, version) = package.split_once(' ').unwrap();
            format!("{name}\tamd64\t{version}\tii \t\t\n")
        };
        Installed::read(&packages.iter().map(line).collect::<String>(), "amd64").unwrap()
    }

    fn said(text: &str, has: &[&str], wanted: &[&str]) -> String {
        let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        match resolve(&wanted, &universe(text), &installed(has)) {
            Ok(all) => {
                let one = |one: &Resolved<'_>| {
                    let first = if one.after_configured { "| " } else { "" };
                    let by: Vec<&str> = one.wanted_by.iter().map(String::as_str).collect();
                    format!("{first}{} {} for {}", one.candidate.name, one.candidate.version, by.join(","))
                };
                all.iter().map(one).collect::<Vec<_>>().join("; ")
            }
            Err(Refusal { why, upgrade }) => format!("no: {why} {}", upgrade.unwrap_or_default()).trim_end().to_owned(),
        }
    }

    const HAPROXY: &str = "Package: haproxy\nVersion: 2.6.12-1\nPre-Depends: dpkg (>= 1.17.14)\n\
        Depends: libc6 (>= 2.36), liblua5.3-0 (>= 5.3.0), adduser\n\nPackage: haproxy\nVersion: 2.6.12-1+deb12u2\n\
        Pre-Depends: dpkg (>= 1.17.14)\nDepends: libc6 (>= 2.36), liblua5.3-0 (>= 5.3.0), adduser\n\n\
        Package: liblua5.3-0\nVersion: 5.3.6-2\nDepends: libc6 (>= 2.35)\n\nPackage: adduser\nVersion: 3.134\nDepends: passwd\n\n\
        Package: passwd\nVersion: 1:4.13\n\nPackage: libc6\nVersion: 2.36-9\n";

    #[test]
    fn what_is_needed_comes_first_and_what_is_there_is_not_touched() {
        let has = ["libc6 2.36-9", "dpkg 1.21.22", "passwd 1:4.11"];
        let expected =
            "liblua5.3-0 5.3.6-2 for haproxy; adduser 3.134 for haproxy; haproxy 2.6.12-1+deb12u2 for haproxy";
        assert_eq!(said(HAPROXY, &has, &["haproxy"]), expected);
        let both = "Package: keepalived\nVersion: 1\nDepends: liblua5.3-0\n";
        let all = said(&format!("{HAPROXY}\n{both}"), &has, &["haproxy", "keepalived"]);
        assert!(
            all.starts_with("liblua5.3-0 5.3.6-2 for haproxy,keepalived; ")
                && all.ends_with("keepalived 1 for keepalived"),
            "{all}"
        );
    }

    #[test]
    fn what_is_installed_is_upgraded_by_a_person_only() {
        let has = ["libc6 2.31-13", "dpkg 1.21.22", "adduser 3"];
        insta::assert_snapshot!(said(HAPROXY, &has, &["haproxy"]), @"no: haproxy 2.6.12-1+deb12u2 needs another libc6 than the 2.31-13 that is installed: 2.36-9 libc6");
        let none = "Package: a\nVersion: 1\nDepends: b (>= 2)\n\nPackage: b\nVersion: 1\n";
        insta::assert_snapshot!(said(none, &["b 1"], &["a"]), @"no: b (>= 2), which a 1 needs, cannot be had: there is b 1, and 1 is installed b");
        insta::assert_snapshot!(said(none, &[], &["a"]), @"no: b (>= 2), which a 1 needs, cannot be had: there is b 1");
        insta::assert_snapshot!(said("Package: a\nVersion: 1\nDepends: b, c\n\nPackage: b\nVersion: 1\n", &[], &["a"]), @"no: c, which a 1 needs, is nowhere to be had");
        insta::assert_snapshot!(said(none, &[], &["nothing"]), @"no: nothing is nowhere to be had");
    }

    #[test]
    fn another_way_is_taken_where_the_first_leads_nowhere() {
        let text = "Package: a\nVersion: 1\nDepends: gone | b | c\n\nPackage: b\nVersion: 1\nDepends: gone\n\nPackage: c\nVersion: 1\n";
        assert_eq!(said(text, &[], &["a"]), "c 1 for a; a 1 for a");
        assert_eq!(said(text, &["gone 1"], &["a"]), "a 1 for a");
    }

    #[test]
    fn names_that_are_provided_do_where_no_version_is_asked_or_one_is_said() {
        let text = "Package: a\nVersion: 1\nDepends: mta, lib (>= 2)\n\nPackage: exim\nVersion: 4\nProvides: mta\n\n\
                    Package: real\nVersion: 9\nProvides: lib (= 2.1)\n\nPackage: unsaid\nVersion: 9\nProvides: lib\n";
        assert_eq!(said(text, &[], &["a"]), "exim 4 for a; real 9 for a; a 1 for a");
    }

    #[test]
    fn what_must_be_configured_first_is_marked_and_circles_end() {
        let text = "Package: a\nVersion: 1\nPre-Depends: b\nDepends: c\n\nPackage: b\nVersion: 1\n\nPackage: c\nVersion: 1\nDepends: a\n";
        assert_eq!(said(text, &[], &["a"]), "b 1 for a; c 1 for a; | a 1 for a");
    }

    #[test]
    fn what_does_not_go_together_is_said() {
        let text = "Package: a\nVersion: 1\nConflicts: old (<< 2), virtual\nProvides: virtual\n\n\
                    Package: b\nVersion: 1\nDepends: a, c\n\nPackage: c\nVersion: 1\nBreaks: a (<= 1)\n";
        assert_eq!(said(text, &["old 1"], &["a"]), "no: a 1 does not go together with old 1");
        assert_eq!(said(text, &["old 2"], &["a"]), "a 1 for a", "and not with itself");
        assert_eq!(said(text, &[], &["b"]), "no: c 1 does not go together with a 1");
    }

    #[test]
    fn what_is_pinned_is_taken_though_there_is_something_newer() {
        let sha256 = "a".repeat(64);
        let of = |text: &str| -> Vec<Candidate> {
            paragraphs(text).map(|f| Candidate::of(&f, &sha256, 1, Origin::Lock("x".into())).unwrap()).collect()
        };
        let universe =
            Universe::new(of("Package: a\nVersion: 1\n"), of("Package: a\nVersion: 2\n\nPackage: b\nVersion: 1\n"));
        let all = resolve(&["a".into(), "b".into()], &universe, &installed(&[])).unwrap();
        assert_eq!(all.iter().map(|one| one.candidate.version.as_str()).collect::<Vec<_>>(), ["1", "1"]);
    }
}
