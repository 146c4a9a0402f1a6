//! What has changed since the last `up`, field by field, each with its class.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::cluster::{Cluster, field_of, settings};
use crate::inventory::{Change, fields};
use crate::record::Record;

/// A field that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its path: `networks.nodePorts`, `hosts[n1].labels`.
    pub path: String,
    /// What changing it takes.
    pub class: Change,
    /// What it was; none where there was none.
    pub from: Option<Value>,
    /// What it is; none where there is none any more.
    pub to: Option<Value>,
    /// What that means.
    pub note: String,
}

/// All fields that differ from the record. Hosts that are new or gone are not among them: they are seen as such.
pub fn differences(record: &Record, cluster: &Cluster) -> Vec<Difference> {
    let (before, now, fields) = (&record.settings, settings(cluster), fields());
    let stays = |path: &&String| match host_of(path) {
        Some(name) => record.host(name).is_some() && cluster.host(name).is_some(),
        None => true,
    };
    let mut paths: Vec<&String> = before.keys().chain(now.keys()).filter(stays).collect();
    paths.sort();
    paths.dedup();
    let differs = |path: &&String| before.get(*path) != now.get(*path);
    let difference = |path: &String| {
        let field = fields.get(&field_of(path))?;
        let (from, to) = (before.get(path).cloned(), now.get(path).cloned());
        Some(Difference { path: path.clone(), class: field.change, from, to, note: field.note.clone() })
    };
    paths.into_iter().filter(differs).filter_map(difference).collect()
}

/// The host's name in `hosts[NAME].field`.
fn host_of(path: &str) -> Option<&str> {
    path.strip_prefix("hosts[")?.split_once(']').map(|(name, _)| name)
}

/// A value as a person writes it.
pub(super) fn words(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "nothing".into(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) if items.is_empty() => "none".into(),
        Some(Value::Object(map)) if map.is_empty() => "none".into(),
        Some(Value::Array(items)) => items.iter().map(|i| words(Some(i))).collect::<Vec<_>>().join(", "),
        Some(Value::Object(map)) => {
            let entries: BTreeMap<_, _> = map.iter().collect();
            entries.into_iter().map(|(k, v)| format!("{k}={}", words(Some(v)))).collect::<Vec<_>>().join(", ")
        }
        Some(other) => other.to_string(),
    }
}

impl Difference {
    /// `networks.nodePorts: 30000-32767 → 30000-31000`; of what has values of its own, such as the settings of components,
    /// a line for each of them that differs.
    pub fn words(&self) -> Vec<String> {
        let mut lines = Vec::new();
        lines_of(&self.path, self.from.as_ref(), self.to.as_ref(), &mut lines);
        lines
    }
}

fn lines_of(path: &str, from: Option<&Value>, to: Option<&Value>, lines: &mut Vec<String>) {
    let nested = |value: Option<&Value>| match value {
        Some(Value::Object(map)) => Some(map.clone()),
        None | Some(Value::Null) => Some(serde_json::Map::new()),
        Some(_) => None,
    };
    let is_map = |value: Option<&Value>| value.is_some_and(Value::is_object);
    let (Some(before), Some(after), true) = (nested(from), nested(to), is_map(from) || is_map(to)) else {
        lines.push(format!("{path}: {} → {}", words(from), words(to)));
        return;
    };
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for key in keys.into_iter().filter(|key| before.get(*key) != after.get(*key)) {
        lines_of(&format!("{path}.{key}"), before.get(key), after.get(key), lines);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_settings_only_the_values_that_differ_are_shown() {
        let difference = |from, to| Difference {
            path: "hosts[n1].components".into(),
            class: Change::Rolling,
            from: Some(from),
            to: Some(to),
            note: String::new(),
        };
        let kubelet = |pods| json!({"etcd": {"flags": {"a": 1}}, "kubelet": {"config": {"maxPods": pods, "x": true}}});
        let words = difference(kubelet(110), kubelet(120)).words();
        assert_eq!(words, ["hosts[n1].components.kubelet.config.maxPods: 110 → 120"]);
        let words = difference(json!({}), json!({"kubelet": {"config": {"maxPods": 90, "x": []}}})).words();
        let path = "hosts[n1].components.kubelet.config";
        assert_eq!(words, [format!("{path}.maxPods: nothing → 90"), format!("{path}.x: nothing → none")]);
    }
}
