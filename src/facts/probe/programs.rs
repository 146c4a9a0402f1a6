//! Programs on PATH, and users.

use std::collections::BTreeSet;

use semver::Version;

use super::answer::Sections;
use super::script::Variables;
use super::{Group, Questions};
use crate::cluster::Layout;
use crate::facts::{HostFacts, PACKAGE_MANAGERS, PROGRAMS};

/// Programs and users.
pub(super) const GROUP: Group = Group { shell: include_str!("programs.sh"), ask, read };

fn ask(questions: &Questions, _: &Layout, variables: &mut Variables) {
    let programs: Vec<_> = PROGRAMS.iter().chain(&PACKAGE_MANAGERS).map(|name| (*name).to_owned()).collect();
    variables.list("programs", &programs);
    variables.list("users", &questions.users);
}

fn read(sections: &Sections, facts: &mut HostFacts) {
    facts.programs = sections.set("programs");
    facts.nft = nft(sections.first("nft"));
    facts.users = users(sections);
}

/// `nftables v1.0.6 (Lester Gooch #5)`, at times without the last number.
fn nft(line: &str) -> Option<Version> {
    let version = line.strip_prefix("nftables v")?.split_whitespace().next()?;
    Version::parse(version).or_else(|_| Version::parse(&format!("{version}.0"))).ok()
}

/// Names of those that `/etc/passwd` has, and lines of `getent passwd` about the others.
fn users(sections: &Sections) -> BTreeSet<String> {
    let elsewhere = sections.lines("passwd").filter_map(|line| Some(line.split_once(':')?.0.to_owned()));
    sections.set("users").into_iter().chain(elsewhere).collect()
}
