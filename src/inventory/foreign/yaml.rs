//! Ansible's YAML, and what `ansible-inventory --list` writes: groups with `hosts`, `children` and `vars`.

use serde_json::{Map, Value};

use super::groups::{ALL, Groups};
use super::range::expand;

/// What a group may have.
const KEYS: [&str; 3] = ["hosts", "children", "vars"];
/// Where `ansible-inventory --list` puts variables of hosts.
const META: &str = "_meta";

/// Whether a document is written in it: groups everywhere, and hosts or groups in one of them.
pub fn is_ansible(document: &Value) -> bool {
    let Some(groups) = document.as_object() else { return false };
    let mut groups = groups.iter().filter(|(name, _)| *name != META).map(|(_, group)| group).peekable();
    let shaped = |group: &Value| match group {
        Value::Null => true,
        Value::Object(group) => group.keys().all(|key| KEYS.contains(&key.as_str())),
        _ => false,
    };
    groups.peek().is_some()
        && groups.clone().all(shaped)
        && groups.any(|group| group.get("hosts").is_some() || group.get("children").is_some())
}

/// Reads it.
///
/// # Errors
/// Everything that cannot be read.
pub fn read(document: &Value) -> Result<Groups, Vec<String>> {
    let (mut groups, mut mistakes) = (Groups::default(), vec![]);
    for (name, group) in document.as_object().into_iter().flatten().filter(|(name, _)| *name != META) {
        take(&mut groups, &mut mistakes, name, group);
    }
    let known = document[META]["hostvars"].as_object();
    for (name, vars) in known.into_iter().flatten() {
        groups.host(ALL, name).extend(own(Some(vars)));
    }
    if mistakes.is_empty() { Ok(groups) } else { Err(mistakes) }
}

fn take(groups: &mut Groups, mistakes: &mut Vec<String>, name: &str, group: &Value) {
    groups.declare(name);
    groups.vars(name).extend(own(group.get("vars")));
    for (pattern, vars) in entries(group.get("hosts")) {
        match expand(pattern) {
            Ok(names) => names.iter().for_each(|host| groups.host(name, host).extend(own(vars))),
            Err(why) => mistakes.push(format!("group {name}: `{pattern}` {why}")),
        }
    }
    for (child, below) in entries(group.get("children")) {
        groups.child(name, child);
        if let Some(below) = below {
            take(groups, mistakes, child, below);
        }
    }
}

/// Names with what stands under them: of a mapping, of a list, or a single one.
fn entries(value: Option<&Value>) -> Vec<(&str, Option<&Value>)> {
    match value {
        Some(Value::Object(map)) => map.iter().map(|(name, value)| (name.as_str(), Some(value))).collect(),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(|name| (name, None)).collect(),
        Some(Value::String(name)) => vec![(name, None)],
        _ => vec![],
    }
}

fn own(vars: Option<&Value>) -> Map<String, Value> {
    vars.and_then(Value::as_object).cloned().unwrap_or_default()
}
