//! What has changed since the last `up`, field by field, each with its class.

use std::collections::BTreeMap;

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
    /// `networks.nodePorts: 30000-32767 → 30000-31000`.
    pub fn words(&self) -> String {
        format!("{}: {} → {}", self.path, words(self.from.as_ref()), words(self.to.as_ref()))
    }
}
