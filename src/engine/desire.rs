//! The desired states of all hosts, and what must be asked to know them.

use std::collections::BTreeMap;

use crate::cluster::{Cluster, Host, Role};
use crate::components::Catalogue;
use crate::error::{Error, Result};
use crate::facts::{HostFacts, Questions};
use crate::live;
use crate::plan::Desired;
use crate::preflight;
use crate::render::{self, Common, Inputs, Templates};
use crate::state::ArtifactRef;
use crate::trust::{self, Trust};

/// Programs by architecture and name.
pub type Programs<'a> = &'a dyn Fn(&str, &str) -> Result<ArtifactRef>;

/// Renders every host with its facts; a host without facts is taken for a default one.
/// Mistakes on several hosts are reported together.
pub fn desire(
    catalogue: &Catalogue,
    cluster: &Cluster,
    facts: &BTreeMap<String, HostFacts>,
    trust: &Trust,
    programs: Programs<'_>,
    templates: &Templates,
) -> Result<Desired> {
    let common = Common::of(cluster);
    desire_on(&cluster.hosts, &Makings { catalogue, cluster, common, trust, templates }, facts, programs)
}

/// What states of hosts are made of, but for what is each host's own.
pub(super) struct Makings<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) cluster: &'a Cluster,
    pub(super) common: Common,
    pub(super) trust: &'a Trust,
    pub(super) templates: &'a Templates,
}

/// As [`desire`], of these hosts.
pub(super) fn desire_on(
    hosts: &[Host],
    makings: &Makings<'_>,
    facts: &BTreeMap<String, HostFacts>,
    programs: Programs<'_>,
) -> Result<Desired> {
    let Makings { catalogue, cluster, common, trust, templates } = makings;
    let default_host = HostFacts::default_host();
    let mut states = BTreeMap::new();
    let mut errors = Vec::new();
    for host in hosts {
        let mut pki_files = trust.files(host);
        pki_files.extend(trust.service_account_files(cluster, host));
        pki_files.extend(trust.recovery_files(cluster, host));
        let facts = facts.get(&host.name).unwrap_or(&default_host);
        let state = render::host_state(&Inputs {
            catalogue,
            cluster,
            common,
            host,
            facts,
            programs: &|name| programs(&facts.arch, name),
            pki_files: &pki_files,
            encryption_keys: trust.encryption_keys(),
            templates,
        });
        match state {
            Ok(state) => drop(states.insert(host.name.clone(), state)),
            Err(error) if errors.contains(&error) => {}
            Err(error) => errors.push(error),
        }
    }
    Error::all(errors)?;
    let objects = render::manifests(catalogue, cluster, templates)?;
    Ok(Desired { hosts: states, objects, addons: catalogue.addons.clone(), ..Desired::default() })
}

/// Programs that are only names, for finding out which files a host must hold before anything is known of it.
pub fn names_only(_arch: &str, name: &str) -> Result<ArtifactRef> {
    Ok(ArtifactRef { name: name.to_owned(), version: String::new(), sha256: String::new(), size: 0 })
}

/// What to ask each host before it is changed: what preflight wants to know, and everything that the state names.
pub fn questions(
    catalogue: &Catalogue,
    cluster: &Cluster,
    desired: &Desired,
    rehash: bool,
) -> BTreeMap<String, Questions> {
    let mut all = BTreeMap::new();
    for host in &cluster.hosts {
        let mut questions = preflight::questions(catalogue, cluster, host);
        if let Some(state) = desired.hosts.get(&host.name) {
            questions.files.extend(state.files.keys().cloned());
            questions.files.extend(state.units.iter().flat_map(|u| u.makes.keys().cloned()));
            let script = &cluster.layout.data_plane;
            questions.data_plane = state.files.contains_key(script).then(|| script.clone());
            questions.dirs.extend(state.dirs.keys().cloned());
            questions.units.extend(state.units.iter().map(|u| u.name.clone()));
            questions.modules.extend(state.modules.iter().cloned());
            questions.sysctls.extend(state.sysctls.keys().cloned());
            questions.users.extend(state.users.iter().cloned());
        }
        if host.is(Role::Master) {
            questions.files.insert(cluster.layout.encryption_read());
        }
        let more = live::questions(catalogue, cluster);
        questions.files.extend(more.files);
        questions.dirs.extend(more.dirs);
        questions.units.extend(more.units);
        trust::ask_in_use(cluster, host, &mut questions);
        questions.rehash = rehash;
        questions.wait = true;
        all.insert(host.name.clone(), questions);
    }
    all
}
