//! What an inventory says, checked as far as that needs no defaults: names, addresses, roles, labels, sources.

pub mod addresses;
mod hosts;
mod http_proxy;
pub mod names;
mod node;
mod roles;
mod sources;
mod ssh;

use super::model::{ComponentSettings, Inventory};
use crate::document::{Mistake, Path};

pub use hosts::{local, unusable};
pub use node::taint;

/// Every mistake that can be seen without knowing defaults.
pub fn check(inventory: &Inventory) -> Vec<Mistake> {
    let mut mistakes = vec![];
    mistakes.extend(names::cluster(inventory));
    mistakes.extend(hosts::check(inventory));
    mistakes.extend(roles::check(inventory));
    mistakes.extend(node::check(inventory));
    mistakes.extend(ssh::check(inventory));
    mistakes.extend(sources::check(inventory));
    mistakes.extend(http_proxy::check(inventory));
    mistakes
}

/// The path of a host.
pub fn host(index: usize) -> Path {
    Path::root().key("hosts").index(index)
}

/// All component settings, the cluster's and the hosts', with their paths and the component's name.
pub fn component_settings(inventory: &Inventory) -> Vec<(Path, &str, &ComponentSettings)> {
    let of = |at: Path, name: &str| at.key("components").key(name);
    let cluster = inventory.components.iter().map(|(name, s)| (of(Path::root(), name), name.as_str(), s));
    let hosts = inventory.hosts.iter().enumerate();
    let hosts =
        hosts.flat_map(|(i, h)| h.components.iter().map(move |(name, s)| (of(host(i), name), name.as_str(), s)));
    cluster.chain(hosts).collect()
}
