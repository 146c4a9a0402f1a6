//! Overrides: flags that no longer exist are refused, overrides that hit nothing are reported, hosts win over the cluster.

use std::collections::BTreeMap;

use serde_json::Value;

use super::balancing;
use crate::cluster::merge::{Null, merge};
use crate::cluster::{ComponentSettings, Known, KnownComponent, NetworkPlugin, Role, Versions, removed, removed_value};
use crate::inventory::check::{component_settings, host};
use crate::inventory::{self, Inventory, Mistake, Path};

/// Mistakes in component settings.
pub fn check(inventory: &Inventory, known: &Known<'_>, versions: Option<&Versions>) -> Vec<Mistake> {
    let mut mistakes = nothing_hit(inventory, known);
    for (at, name, settings) in component_settings(inventory) {
        let Some(component) = known.component(name) else { continue };
        if component.role.is_none() {
            mistakes.extend(unused(at, component, settings));
            continue;
        }
        for (flag, value) in &settings.flags {
            mistakes.extend(self::flag(at.key("flags").key(flag), component, flag, value, versions));
        }
    }
    mistakes
}

/// Nothing of ours starts what runs in pods, or writes it a configuration file.
fn unused(at: Path, component: &KnownComponent, settings: &ComponentSettings) -> Vec<Mistake> {
    let set = [("flags", !settings.flags.is_empty()), ("config", !settings.config.is_empty())];
    let (name, title) = (component.name, component.about.trim_end_matches('.'));
    let mistake = |field: &str| {
        let message = format!("components.{name}.{field} has no effect: {title} runs in pods");
        let template = component.templates.first().copied().unwrap_or_default();
        Mistake::key(at.key(field), message)
            .hint(format!("override its template instead: `templates: {{{template}: FILE}}`"))
    };
    set.iter().filter(|(_, set)| *set).map(|(field, _)| mistake(field)).collect()
}

fn flag(
    path: Path,
    component: &KnownComponent,
    flag: &str,
    value: &Value,
    versions: Option<&Versions>,
) -> Option<Mistake> {
    let bare = flag.trim_start_matches('-');
    if bare != flag || flag.contains(['=', ' ']) || bare.is_empty() {
        let name = bare.split(['=', ' ']).next().unwrap_or(bare);
        return Some(
            Mistake::key(path, format!("`{flag}` is not the name of a flag"))
                .hint(format!("write the name without dashes and the value after the colon: `{name}: VALUE`")),
        );
    }
    let name = component.name;
    if let Some(gone) = versions.and_then(|v| removed(component.removed_flags, flag, v)) {
        let message = format!("{name} has no flag --{flag} since {}", gone.release());
        return Some(Mistake::key(path, message).hint(gone.replacement));
    }
    let gone = removed_value(component.removed_values, flag, value.as_str()?)?;
    Some(Mistake::at(path, format!("{name} has no {} {}", gone.what, gone.value)).hint(gone.replacement))
}

/// Settings of a component that does not run where they are.
fn nothing_hit(inventory: &Inventory, known: &Known<'_>) -> Vec<Mistake> {
    let mut mistakes = vec![];
    let chosen = inventory.networks.plugin.unwrap_or(NetworkPlugin::Flannel);
    let other_plugin = |at: Path, component: &KnownComponent| {
        let plugin = component.plugin.filter(|plugin| *plugin != chosen)?;
        let (is, would) = (chosen.name(), plugin.name());
        let message = format!("the network plugin is `{is}`, so the settings of {} hit nothing", component.name);
        Some(Mistake::key(at, message).hint(format!("remove them, or set `networks: {{plugin: {would}}}`")))
    };
    for component in inventory.components.keys().filter_map(|name| known.component(name)) {
        mistakes.extend(other_plugin(Path::root().key("components").key(component.name), component));
    }
    for (i, one) in inventory.hosts.iter().enumerate() {
        for component in one.components.keys().filter_map(|name| known.component(name)) {
            let name = component.name;
            let path = host(i).key("components").key(name);
            mistakes.extend(match component.role {
                None => Some(
                    Mistake::key(path, format!("{name} belongs to no host, so its settings hit nothing here"))
                        .hint(format!("put them under the cluster's `components: {{{name}: …}}`")),
                ),
                Some(role) if !one.roles.is_empty() && !has(inventory, one, role) => {
                    let message =
                        format!("host {} is no {}, so the settings of {name} hit nothing", one.name, role_word(role));
                    Some(Mistake::key(path, message).hint(format!("add the role `{}`, or remove them", role.name())))
                }
                Some(_) => other_plugin(path, component),
            });
        }
    }
    mistakes
}

/// Masters hold the virtual address where nobody else does.
fn has(inventory: &Inventory, host: &inventory::Host, role: Role) -> bool {
    let holder = || role == Role::Lb && balancing::holders(inventory) == Some(Role::Master);
    host.roles.contains(&role) || (holder() && host.roles.contains(&Role::Master))
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Etcd => "etcd member",
        Role::Master => "master",
        Role::Node => "node",
        Role::Lb => "holder of the virtual address",
    }
}

/// The cluster's settings with a host's merged over them. `null` stays: it removes what we would render.
pub fn merged(
    cluster: &BTreeMap<String, ComponentSettings>,
    host: &BTreeMap<String, ComponentSettings>,
) -> BTreeMap<String, ComponentSettings> {
    let mut all = cluster.clone();
    for (component, over) in host {
        let settings = all.entry(component.clone()).or_default();
        settings.flags.extend(over.flags.clone());
        settings.templates.extend(over.templates.clone());
        merge(&mut settings.config, &over.config, Null::Stays);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_host_wins_field_by_field() {
        let settings = |value: Value| BTreeMap::from([("kubelet".to_owned(), serde_json::from_value(value).unwrap())]);
        let cluster = settings(json!({
            "flags": {"v": "2", "node-ip": "::"}, "config": {"maxPods": 110, "evictionHard": {"a": "1", "b": "2"}}
        }));
        let host = settings(json!({
            "flags": {"v": "4", "node-ip": null}, "config": {"evictionHard": {"b": null, "c": "3"}},
        }));
        let both = merged(&cluster, &host).remove("kubelet").unwrap();
        assert_eq!(json!(both.flags), json!({"v": "4", "node-ip": null}));
        assert_eq!(json!(both.config), json!({"maxPods": 110, "evictionHard": {"a": "1", "b": null, "c": "3"}}));
    }
}
