//! Overrides: flags that no longer exist are refused, overrides that hit nothing are told, hosts win over the cluster.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cluster::merge::{Null, merge};
use crate::cluster::{Component, ComponentSettings, NetworkPlugin, Role, Versions, removed_flags};
use crate::inventory::check::{component_settings, host};
use crate::inventory::{Inventory, Mistake, Path};

/// Mistakes in component settings.
pub fn check(inventory: &Inventory, versions: Option<&Versions>) -> Vec<Mistake> {
    let mut mistakes = nothing_hit(inventory);
    for (at, settings) in component_settings(inventory) {
        let Some(component) = Component::ALL.into_iter().find(|c| at.ends_with(c.name())) else { continue };
        if component == Component::Coredns {
            mistakes.extend(unused(at, settings));
            continue;
        }
        for (flag, value) in &settings.flags {
            mistakes.extend(self::flag(at.key("flags").key(flag), component, flag, value, versions));
        }
    }
    mistakes
}

/// CoreDNS runs in pods: nothing of ours starts it or writes it a configuration file.
fn unused(at: Path, settings: &ComponentSettings) -> Vec<Mistake> {
    let set = [("flags", !settings.flags.is_empty()), ("config", !settings.config.is_empty())];
    let mistake = |field: &str| {
        Mistake::key(at.key(field), format!("components.coredns.{field} has no effect: CoreDNS runs in pods"))
            .hint("override its template instead: `templates: {coredns.yaml: FILE}`")
    };
    set.iter().filter(|(_, set)| *set).map(|(field, _)| mistake(field)).collect()
}

fn flag(path: Path, component: Component, flag: &str, value: &Value, versions: Option<&Versions>) -> Option<Mistake> {
    let bare = flag.trim_start_matches('-');
    if bare != flag || flag.contains(['=', ' ']) || bare.is_empty() {
        let name = bare.split(['=', ' ']).next().unwrap_or(bare);
        return Some(
            Mistake::key(path, format!("`{flag}` is not the name of a flag"))
                .hint(format!("write the name without dashes and the value after the colon: `{name}: VALUE`")),
        );
    }
    if let Some(gone) = versions.and_then(|v| removed_flags::removed_in(component, flag, v)) {
        let message = format!("{} has no flag --{flag} since {}", component.name(), gone.release());
        return Some(Mistake::key(path, message).hint(gone.replacement));
    }
    let (plugin, remedy) = removed_flags::removed_value(component, flag, value.as_str()?)?;
    Some(Mistake::at(path, format!("kube-apiserver has no admission plugin {plugin}")).hint(remedy))
}

/// Settings of a component that does not run where they are.
fn nothing_hit(inventory: &Inventory) -> Vec<Mistake> {
    let mut mistakes = vec![];
    let no_flannel = inventory.networks.plugin == Some(NetworkPlugin::None);
    if no_flannel && inventory.components.contains_key(&Component::Flanneld) {
        let path = Path::root().key("components").key("flanneld");
        let message = "the network plugin is `none`, so the settings of flanneld hit nothing";
        mistakes.push(Mistake::key(path, message).hint("remove them, or set `networks: {plugin: flannel}`"));
    }
    for (i, one) in inventory.hosts.iter().enumerate() {
        for component in one.components.keys() {
            let path = host(i).key("components").key(component.name());
            let name = component.name();
            let mistake = match component.role() {
                None => Mistake::key(path, format!("{name} belongs to no host, so its settings hit nothing here"))
                    .hint(format!("put them under the cluster's `components: {{{name}: …}}`")),
                Some(role) if !one.roles.is_empty() && !one.roles.contains(&role) => {
                    let message =
                        format!("host {} is no {}, so the settings of {name} hit nothing", one.name, role_word(role));
                    Mistake::key(path, message).hint(format!("add the role `{}`, or remove them", role.name()))
                }
                Some(_) if no_flannel && *component == Component::Flanneld => {
                    Mistake::key(path, "the network plugin is `none`, so the settings of flanneld hit nothing")
                        .hint("remove them, or set `networks: {plugin: flannel}`")
                }
                Some(_) => continue,
            };
            mistakes.push(mistake);
        }
    }
    mistakes
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Etcd => "etcd member",
        Role::Master => "master",
        Role::Node => "node",
    }
}

/// The cluster's settings with a host's merged over them. `null` stays: it removes what we would render.
pub fn merged(
    cluster: &BTreeMap<Component, ComponentSettings>,
    host: &BTreeMap<Component, ComponentSettings>,
) -> BTreeMap<Component, ComponentSettings> {
    let mut all = cluster.clone();
    for (component, over) in host {
        let settings = all.entry(*component).or_default();
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
        let settings = |value: Value| BTreeMap::from([(Component::Kubelet, serde_json::from_value(value).unwrap())]);
        let cluster = settings(json!({
            "flags": {"v": "2", "node-ip": "::"}, "config": {"maxPods": 110, "evictionHard": {"a": "1", "b": "2"}}
        }));
        let host = settings(json!({
            "flags": {"v": "4", "node-ip": null}, "config": {"evictionHard": {"b": null, "c": "3"}},
        }));
        let both = merged(&cluster, &host).remove(&Component::Kubelet).unwrap();
        assert_eq!(json!(both.flags), json!({"v": "4", "node-ip": null}));
        assert_eq!(json!(both.config), json!({"maxPods": 110, "evictionHard": {"a": "1", "b": null, "c": "3"}}));
    }
}
