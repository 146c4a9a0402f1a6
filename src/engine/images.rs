//! Images that a command needs beside the cluster's own.

use std::collections::BTreeMap;

use super::prepare::{Prepared, Preview};
use super::session::Session;
use super::survey::survey;
use crate::artifacts::{self, EnsureOptions, Store};
use crate::cluster::Role;
use crate::error::{Error, Result};
use crate::plan::{Desired, Meaning, Plan, compare};
use crate::state::{HostState, Image};
use crate::trust::Trust;

/// The plan that brings an image to all nodes that do not have it, and the image's full name.
pub fn prepare_image(session: &Session, artifact: &str) -> Result<(String, Prepared)> {
    let (catalogue, cluster) = (&session.catalogue, &session.cluster);
    let trust = Trust::load(catalogue, cluster, &session.dir)?;
    let store = Store::open_default()?;
    let facts = survey(cluster, &session.pool, &BTreeMap::new())?;
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
        record: None,
        meaning: Meaning::default(),
    };
    Ok((full_name, Prepared { found, trust, store }))
}
