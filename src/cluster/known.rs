//! Names that later stages know, handed down as data, and an inventory's mistakes in them.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{NetworkPlugin, RemovedFlag, RemovedValue, Role};
use crate::inventory::check::{component_settings, host};
use crate::inventory::{Inventory, Mistake, Path, words};
use crate::text::nearest;

/// Names that later stages know, for telling when an inventory names none of them. An empty list: not checked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// Preflight checks.
    pub checks: &'a [String],
    /// Components that an inventory can set something of.
    pub components: &'a [KnownComponent],
}

/// What the checks must know of a component.
#[derive(Debug, Clone)]
pub struct KnownComponent {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// The role whose hosts run it; none for what runs in pods.
    pub role: Option<Role>,
    /// The network plugin that it belongs to.
    pub plugin: Option<NetworkPlugin>,
    /// Its templates.
    pub templates: Vec<&'static str>,
    /// Ports that it listens on.
    pub ports: Vec<u16>,
    /// Flags that it no longer has.
    pub removed_flags: &'static [&'static [RemovedFlag]],
    /// Values that its flags no longer take.
    pub removed_values: &'static [RemovedValue],
    /// Fields of its configuration, a path a line: `*` for any names, `#` before what is no field. Empty: not checked.
    pub fields: &'static str,
}

impl Known<'_> {
    /// The component of that name.
    pub fn component(&self, name: &str) -> Option<&KnownComponent> {
        self.components.iter().find(|component| component.name == name)
    }
}

/// Names in the inventory that nobody knows.
pub fn check(inventory: &Inventory, known: &Known<'_>) -> Vec<Mistake> {
    let mut mistakes = waived(inventory, known);
    if !known.components.is_empty() {
        mistakes.extend(components(inventory, known));
    }
    mistakes
}

fn waived(inventory: &Inventory, known: &Known<'_>) -> Vec<Mistake> {
    if known.checks.is_empty() {
        return vec![];
    }
    let lists = std::iter::once((Path::root(), &inventory.waive))
        .chain(inventory.hosts.iter().enumerate().map(|(i, h)| (host(i), &h.waive)));
    let names =
        lists.flat_map(|(at, list)| list.iter().enumerate().map(move |(i, name)| (at.key("waive").index(i), name)));
    names
        .filter(|(_, name)| !known.checks.contains(name))
        .map(|(at, name)| {
            Mistake::at(at, format!("there is no preflight check `{name}`"))
                .meant(nearest(name, known.checks.iter().map(String::as_str)))
                .hint(format!("checks: {}", known.checks.join(", ")))
        })
        .collect()
}

fn components(inventory: &Inventory, known: &Known<'_>) -> Vec<Mistake> {
    let names: Vec<_> = known.components.iter().map(|component| component.name).collect();
    let mut mistakes = vec![];
    for (at, name, settings) in component_settings(inventory) {
        let Some(component) = known.component(name) else {
            let mistake = Mistake::key(at, format!("unknown name `{name}` in components"));
            let hint = words(&names);
            mistakes.push(mistake.meant(nearest(name, names.iter().copied())).hint(format!("it can be {hint}")));
            continue;
        };
        let templates = &component.templates;
        for template in settings.templates.keys().filter(|template| !templates.contains(&template.as_str())) {
            let message = format!("there is no template `{template}`, so this override hits nothing");
            let mistake = Mistake::key(at.key("templates").key(template), message);
            let meant = nearest(template, templates.iter().copied());
            mistakes.push(mistake.meant(meant).hint(format!("templates of {name}: {}", templates.join(", "))));
        }
        if !component.fields.is_empty() {
            let fields: BTreeSet<&str> = component.fields.lines().filter(|line| !line.starts_with('#')).collect();
            unknown(name, &settings.config, &at.key("config"), "", &fields, &mut mistakes);
        }
    }
    mistakes
}

/// Fields that the component does not have and would pass over without a word, with all that is below them.
fn unknown(
    component: &str,
    config: &Map<String, Value>,
    at: &Path,
    above: &str,
    fields: &BTreeSet<&str>,
    mistakes: &mut Vec<Mistake>,
) {
    for (name, value) in config {
        let path = format!("{above}{name}");
        let (at, below) = (at.key(name), format!("{path}."));
        if fields.contains(&*format!("{below}*")) || (above.is_empty() && matches!(&**name, "apiVersion" | "kind")) {
            continue;
        }
        if !fields.contains(&*path) {
            let beside = fields
                .iter()
                .filter_map(|field| field.strip_prefix(above))
                .map(|field| field.split_once('.').map_or(field, |(first, _)| first));
            let message = format!("{component} has no field `{path}` in its configuration, and would pass over it");
            let otherwise = "its fields are listed at https://kubernetes.io/docs/reference/config-api/";
            mistakes.push(Mistake::key(at, message).meant(nearest(name, beside)).hint(otherwise));
            continue;
        }
        let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for item in items.iter().filter_map(Value::as_object) {
            unknown(component, item, &at, &below, fields, mistakes);
        }
    }
}
