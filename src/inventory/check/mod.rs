//! What an inventory says, checked as far as that needs no defaults: names, addresses, roles, labels, sources.

mod hosts;
pub mod names;
mod node;
mod roles;
mod sources;
mod ssh;

use super::model::{ComponentSettings, Inventory};
use crate::document::{Mistake, Path};
use crate::text::nearest;

pub use hosts::unusable;
pub use node::taint;

/// Names that later stages know, for telling when an inventory names none of them. An empty list: not checked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// Preflight checks.
    pub checks: &'a [&'a str],
    /// Templates.
    pub templates: &'a [&'a str],
}

/// Every mistake that can be seen without knowing defaults.
pub fn check(inventory: &Inventory, known: &Known<'_>) -> Vec<Mistake> {
    let mut mistakes = vec![];
    mistakes.extend(names::cluster(inventory));
    mistakes.extend(hosts::check(inventory));
    mistakes.extend(roles::check(inventory));
    mistakes.extend(node::check(inventory));
    mistakes.extend(ssh::check(inventory));
    mistakes.extend(sources::check(inventory));
    mistakes.extend(waived(inventory, known));
    mistakes.extend(templates(inventory, known));
    mistakes
}

/// The path of a host.
pub fn host(index: usize) -> Path {
    Path::root().key("hosts").index(index)
}

/// All component settings, the cluster's and the hosts', with their paths.
pub fn component_settings(inventory: &Inventory) -> Vec<(Path, &ComponentSettings)> {
    let of = |at: Path, component: &super::model::Component| at.key("components").key(component.name());
    let cluster = inventory.components.iter().map(|(c, s)| (of(Path::root(), c), s));
    let hosts = inventory.hosts.iter().enumerate();
    let hosts = hosts.flat_map(|(i, h)| h.components.iter().map(move |(c, s)| (of(host(i), c), s)));
    cluster.chain(hosts).collect()
}

fn waived(inventory: &Inventory, known: &Known<'_>) -> Vec<Mistake> {
    if known.checks.is_empty() {
        return vec![];
    }
    let lists = std::iter::once((Path::root(), &inventory.waive))
        .chain(inventory.hosts.iter().enumerate().map(|(i, h)| (host(i), &h.waive)));
    let names = lists
        .flat_map(|(at, list)| list.iter().enumerate().map(move |(i, name)| (at.key("waive").index(i), name.as_str())));
    names
        .filter(|(_, name)| !known.checks.contains(name))
        .map(|(at, name)| {
            Mistake::at(at, format!("there is no preflight check `{name}`"))
                .meant(nearest(name, known.checks.iter().copied()))
                .hint(format!("checks: {}", known.checks.join(", ")))
        })
        .collect()
}

fn templates(inventory: &Inventory, known: &Known<'_>) -> Vec<Mistake> {
    if known.templates.is_empty() {
        return vec![];
    }
    let all = component_settings(inventory);
    let named =
        all.iter().flat_map(|(at, s)| s.templates.keys().map(move |name| (at.key("templates").key(name), name)));
    named
        .filter(|(_, name)| !known.templates.contains(&name.as_str()))
        .map(|(at, name)| {
            Mistake::key(at, format!("there is no template `{name}`, so this override hits nothing"))
                .meant(nearest(name, known.templates.iter().copied()))
                .hint(format!("templates: {}", known.templates.join(", ")))
        })
        .collect()
}
