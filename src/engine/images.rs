//! Images that a command needs beside the cluster's own.

use std::collections::BTreeMap;

use super::prepare::{Prepared, Preview};
use super::programs;
use super::session::Session;
use super::survey::survey;
use crate::apply::Looked;
use crate::artifacts::{self, EnsureOptions, Store};
use crate::cluster::{Host, Role};
use crate::error::{Error, Result};
use crate::facts::{HostFacts, Questions};
use crate::plan::{Desired, Meaning, Plan, compare};
use crate::preflight;
use crate::state::{HostState, Image};
use crate::trust::Trust;

/// The plan that brings an image to all nodes that do not have it, and the image's full name.
///
/// # Errors
/// Health: hosts lack what `up` installs; nothing is brought to any of them.
pub fn prepare_image(session: &Session, artifact: &str) -> Result<(String, Prepared)> {
    let (catalogue, cluster) = (&session.catalogue, &session.cluster);
    let trust = Trust::load(catalogue, cluster, &session.dir)?;
    let store = Store::open_default()?;
    let units = |host: &Host| catalogue.units(cluster, host).map(|(_, unit)| unit.name()).collect();
    let questions =
        cluster.hosts.iter().map(|host| (host.name.clone(), Questions { units: units(host), ..Questions::default() }));
    let facts = survey(cluster, &session.pool, &questions.collect())?;
    refuse_without_cluster(&facts)?;
    preflight::refuse(&preflight::unexpected_architectures(cluster, &facts, &programs::expected(session)?))?;
    let options = EnsureOptions { test_images: true, interrupt: Some(&session.interrupt), ..EnsureOptions::default() };
    // Every runtime that `up` has started holds the image of pods' sandboxes.
    let bare = cluster.with_role(Role::Node).filter(|host| facts.get(&host.name).is_some_and(|f| f.images.is_empty()));
    let bare: Vec<&str> = bare.map(|host| host.name.as_str()).collect();
    if !bare.is_empty() {
        return Err(Error::health(format!(
            "no container runtime of cluster {} answers on {}",
            cluster.name,
            bare.join(", ")
        ))
        .hint("bring the cluster up first: kbootstrap up; what is missing is said by kbootstrap status"));
    }
    let mut full_name = String::new();
    let mut desired = Desired { addons: catalogue.addons.clone(), ..Desired::default() };
    let mut plan = Plan { objects: Some(Vec::new()), ..Plan::default() };
    for host in cluster.with_role(Role::Node) {
        let Some(facts) = facts.get(&host.name) else { continue };
        let lock = session.artifacts_lock();
        let programs = artifacts::ensure(catalogue, cluster, &facts.arch, &lock, &store, session.reporter(), options)?;
        let artifact = programs.get(artifact)?.clone();
        let image = catalogue.image(&artifact.name);
        full_name = image.map_or_else(|| artifact.name.clone(), |image| image.reference(&artifact.version));
        let images = vec![Image { name: full_name.clone(), artifact }];
        let state = HostState { host: host.name.clone(), images, ..HostState::default() };
        plan.hosts.push(compare(&state, facts));
        desired.hosts.insert(host.name.clone(), state);
    }
    let found = Preview {
        facts,
        desired,
        plan,
        findings: Vec::new(),
        warnings: Vec::new(),
        looked: Looked::default(),
        record: None,
        meaning: Meaning::default(),
        exposed: Vec::new(),
        skipped: Vec::new(),
    };
    Ok((full_name, Prepared { found, trust, store, there: cluster.clone() }))
}

/// Every host has its services, whether they run or not.
fn refuse_without_cluster(facts: &BTreeMap<String, HostFacts>) -> Result<()> {
    let lacks = |facts: &HostFacts| -> Vec<String> {
        let absent = facts.units.iter().filter(|(_, unit)| unit.enabled.is_empty());
        absent.map(|(name, _)| name.trim_end_matches(".service").to_owned()).collect()
    };
    let missing: Vec<(&String, Vec<String>)> =
        facts.iter().map(|(host, facts)| (host, lacks(facts))).filter(|(_, units)| !units.is_empty()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let bare = missing.iter().all(|(host, units)| units.len() == facts[*host].units.len());
    let error = match bare && missing.len() == facts.len() {
        true => Error::health("there is no cluster on these hosts yet"),
        false => missing
            .iter()
            .map(|(host, units)| format!("{host}: {} not installed", units.join(", ")))
            .fold(Error::health("the cluster is not all there"), Error::detail),
    };
    Err(error.hint("bring it up first: kbootstrap up"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::UnitFact;

    fn host(units: &[(&str, &str)]) -> HostFacts {
        let mut facts = HostFacts::default_host();
        let unit = |enabled: &str| UnitFact { enabled: enabled.into(), ..UnitFact::default() };
        facts.units = units.iter().map(|(name, enabled)| ((*name).to_owned(), unit(enabled))).collect();
        facts
    }

    #[test]
    fn hosts_without_services_are_no_cluster() {
        let there = host(&[("containerd.service", "enabled"), ("kubelet.service", "enabled")]);
        let bare = host(&[("containerd.service", ""), ("kubelet.service", "")]);
        let half = host(&[("containerd.service", "disabled"), ("kubelet.service", "")]);
        let of = |hosts: &[&HostFacts]| {
            let facts = hosts.iter().enumerate().map(|(n, host)| (format!("n{n}"), (*host).clone()));
            refuse_without_cluster(&facts.collect())
        };
        assert_eq!(of(&[&there, &there]), Ok(()));
        let error = of(&[&bare, &bare]).unwrap_err();
        assert_eq!((error.kind.exit_code(), error.message.as_str()), (7, "there is no cluster on these hosts yet"));
        let error = of(&[&there, &half, &bare]).unwrap_err();
        assert_eq!(error.details, ["n1: kubelet not installed", "n2: containerd, kubelet not installed"]);
    }
}
