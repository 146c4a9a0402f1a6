//! A host on which nothing differs, for tests of this module and of those after it.

use super::{content_sha256, restart_key};
use crate::facts::{FileFact, HostFacts, Module, Sysctl, UnitFact};
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
    facts.devices = state.units.iter().flat_map(|unit| unit.devices.iter().cloned()).collect();
    for path in state.units.iter().flat_map(|unit| &unit.run_files) {
        facts.files.insert(path.clone(), fact(String::new(), 0o644, "root"));
    }
    facts.modules = state.modules.iter().map(|name| (name.clone(), Module::Present)).collect();
    let sysctl = |value: &String| Sysctl { value: value.clone(), writable: true };
    facts.sysctls = state.sysctls.iter().map(|(name, value)| (name.clone(), sysctl(value))).collect();
    facts.images = state.images.iter().map(|image| image.name.clone()).collect();
    facts.units = state.units.iter().map(|u| (u.name.clone(), unit(u))).collect();
    facts
}
