//! A host on which nothing differs, for tests of this module and of those after it.

use super::{content_sha256, restart_key};
use crate::facts::{FileFact, HostFacts, Module, PackageFact, PackageState, Sysctl, UnitFact};
use crate::state::{HostState, Unit};

/// What a host answers that has this state.
pub fn converged(state: &HostState) -> HostFacts {
    let fact =
        |sha256, mode, owner: &str| FileFact { sha256, mode, owner: owner.into(), group: owner.into(), written: 1 };
    let unit = |unit: &Unit| UnitFact {
        load: "loaded".into(),
        active: "active".into(),
        sub: "running".into(),
        enabled: "enabled".into(),
        fragment: unit.file.clone(),
        active_since: 1,
        restart_key: restart_key(unit, state),
        recorded: 2,
        ..UnitFact::default()
    };
    let mut facts = HostFacts::default_host();
    facts.users = state.users.clone();
    facts.dirs = state.dirs.iter().map(|(p, d)| (p.clone(), fact(String::new(), d.mode, &d.owner))).collect();
    facts.files =
        state.files.iter().map(|(p, f)| (p.clone(), fact(content_sha256(&f.content), f.mode, &f.owner))).collect();
    for (path, source) in state.units.iter().flat_map(|unit| &unit.makes) {
        facts.files.insert(path.clone(), facts.files[source].clone());
    }
    facts.modules = state.modules.iter().map(|name| (name.clone(), Module::Present)).collect();
    let sysctl = |value: &String| Sysctl { value: value.clone(), writable: true };
    facts.sysctls = state.sysctls.iter().map(|(name, value)| (name.clone(), sysctl(value))).collect();
    facts.images = state.images.iter().map(|image| image.name.clone()).collect();
    let package = |least: (u64, u64)| PackageFact {
        arch: "amd64".into(),
        version: format!("{}.{}.1-1", least.0, least.1),
        state: PackageState::Installed,
    };
    facts.packages.known = state.packages.iter().map(|p| (p.name.clone(), package(p.least))).collect();
    facts.packages.programs = state.packages.iter().map(|package| package.program.clone()).collect();
    facts.units = state.units.iter().map(|u| (u.name.clone(), unit(u))).collect();
    facts
}
