//! Inventory → [`Cluster`]: defaults filled in, every name, address and version decided. Pure.
//!
//! This is where all mistakes of an inventory come together: those of its text and shape, kept by
//! [`crate::inventory::load`], those of its values ([`crate::inventory::check`]), and those that show only here.

mod balancing;
mod components;
mod endpoint;
mod hosts;
mod networks;
mod pki;
mod recovery;

use super::{Cluster, HttpProxy, Known, Layout, Networks, ProxyMode, Source, known, versions};
use crate::error::{Error, Result};
use crate::inventory::check::check;
use crate::inventory::{Build, Download, Inventory, Loaded};

/// Decides everything that an inventory leaves open.
///
/// # Errors
/// Input: every mistake in the inventory, each with its place, in the order of the file.
pub fn resolve(loaded: &Loaded, names: &Known<'_>) -> Result<Cluster> {
    let inventory = &loaded.inventory;
    let mut mistakes = check(inventory);
    mistakes.extend(known::check(inventory, names));
    let versions = versions::resolve(inventory, &mut mistakes);
    let networks = networks::resolve(loaded, names, &mut mistakes);
    let balancing = balancing::resolve(inventory, networks.as_ref(), names, &mut mistakes);
    let endpoint = endpoint::resolve(inventory, &balancing, networks.as_ref(), &mut mistakes);
    let pki = pki::resolve(inventory, &mut mistakes);
    let recovery_keys = recovery::resolve(inventory, &mut mistakes);
    mistakes.extend(components::check(inventory, names, versions.as_ref()));
    let hosts = hosts::resolve(inventory);
    loaded.report(mistakes)?;
    let decided = versions.zip(networks).zip(endpoint).zip(pki).zip(hosts);
    let Some(((((versions, networks), endpoint), pki), hosts)) = decided else {
        return Err(Error::internal("the inventory has a mistake that no check explains"));
    };
    let http_proxy = http_proxy(inventory, &networks);
    Ok(Cluster {
        name: inventory.cluster.clone(),
        versions,
        networks,
        endpoint,
        balancing,
        proxy_mode: inventory.proxy.mode.unwrap_or(ProxyMode::Auto),
        http_proxy,
        pki,
        encrypt_secrets: inventory.encrypt_secrets.unwrap_or(true),
        recovery_keys,
        sources: sources(inventory),
        packages: inventory.packages.clone(),
        hosts,
        revoked: Vec::new(),
        layout: Layout::standard(),
    })
}

/// The cluster's own networks and names are never behind it.
fn http_proxy(inventory: &Inventory, networks: &Networks) -> Option<HttpProxy> {
    let written = &inventory.http_proxy;
    if written.http.is_none() && written.https.is_none() {
        return None;
    }
    let own = [
        "localhost".to_owned(),
        "127.0.0.0/8".to_owned(),
        "::1".to_owned(),
        ".svc".to_owned(),
        format!(".{}", networks.dns_domain),
        networks.services.to_string(),
        networks.pods.to_string(),
    ];
    let except = own.into_iter().chain(written.except.iter().cloned()).collect();
    Some(HttpProxy { http: written.http.clone(), https: written.https.clone(), except })
}

fn sources(inventory: &Inventory) -> Vec<Source> {
    if inventory.artifacts.is_empty() {
        let download = Source { download: Some(Download::default()), ..Source::default() };
        let build = Source { build: Some(Build::default()), ..Source::default() };
        return vec![download, build];
    }
    inventory.artifacts.clone()
}
