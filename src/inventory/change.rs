//! What a changed field means to a cluster that runs. Each field says it where it is defined, in [`super::model`], as
//! `x-change` and `x-change-note` of its schema.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::schema::schema;

/// What it takes to change a field of a running cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Nothing is restarted.
    Live,
    /// Services restart, never on all hosts at once.
    Rolling,
    /// A sequence of its own, which `up` does not do in passing: refused, with what can be done by hand.
    Operation,
    /// It counts for what is made from now on; what exists stays as it is.
    NewThings,
    /// A running cluster cannot take it.
    Fixed,
}

impl Change {
    /// As the plan and the documentation write it.
    pub fn name(self) -> &'static str {
        match self {
            Change::Live => "live",
            Change::Rolling => "rolling",
            Change::Operation => "operation",
            Change::NewThings => "new things only",
            Change::Fixed => "fixed",
        }
    }

    /// The heading of its fields in the documentation.
    pub fn title(self) -> &'static str {
        match self {
            Change::Live => "Live: nothing restarts",
            Change::Rolling => "Rolling: services restart, never on all hosts at once",
            Change::NewThings => "New things only: what exists stays as it is",
            Change::Operation => "An operation: refused in passing",
            Change::Fixed => "Fixed: refused",
        }
    }
}

/// A field and what changing it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its path: `networks.pods`, `hosts[].address`.
    pub path: String,
    /// What it takes.
    pub change: Change,
    /// What happens, in a sentence.
    pub note: String,
}

/// All fields, in the order of their paths.
pub fn fields() -> BTreeMap<String, Field> {
    let root = schema(&[]);
    let mut fields = BTreeMap::new();
    walk(&root, &root, "", &mut fields);
    fields
}

fn walk(root: &Value, of: &Value, path: &str, fields: &mut BTreeMap<String, Field>) {
    let of = followed(root, of);
    for (name, property) in of["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let stated = serde_json::from_value(property["x-change"].clone());
        if let Ok(change) = stated {
            let note = property["x-change-note"].as_str().unwrap_or_default().to_owned();
            fields.insert(path.clone(), Field { path, change, note });
            continue;
        }
        let inner = followed(root, property);
        match inner.get("items") {
            Some(items) => walk(root, items, &format!("{path}[]"), fields),
            None => walk(root, inner, &path, fields),
        }
    }
}

/// What a reference, alone or as one of several choices, points to.
fn followed<'v>(root: &'v Value, of: &'v Value) -> &'v Value {
    let choices = of["anyOf"].as_array().into_iter().flatten();
    let reference = [of].into_iter().chain(choices).find_map(|schema| schema["$ref"].as_str());
    reference.and_then(|to| root.pointer(to.strip_prefix('#')?)).unwrap_or(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paths of all that a person may write, whether a class is stated there or not.
    fn leaves(root: &Value, of: &Value, path: &str, stated: &BTreeMap<String, Field>, missing: &mut Vec<String>) {
        let properties = followed(root, of)["properties"].as_object();
        for (name, property) in properties.into_iter().flatten() {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            if stated.contains_key(&path) {
                continue;
            }
            let inner = followed(root, property);
            let (inner, path) = match inner.get("items") {
                Some(items) => (followed(root, items), format!("{path}[]")),
                None => (inner, path),
            };
            match inner.get("properties") {
                Some(_) => leaves(root, inner, &path, stated, missing),
                None => missing.push(path),
            }
        }
    }

    #[test]
    fn every_field_says_what_its_change_means() {
        let (root, stated) = (schema(&[]), fields());
        let mut missing = Vec::new();
        leaves(&root, &root, "", &stated, &mut missing);
        assert_eq!(missing, Vec::<String>::new());
        let silent: Vec<&str> = stated.values().filter(|f| f.note.is_empty()).map(|f| f.path.as_str()).collect();
        assert_eq!(silent, Vec::<&str>::new());
        assert!(stated.len() > 40, "{}", stated.len());
        assert_eq!(stated["networks.pods"].change, Change::Fixed);
        assert_eq!(stated["pki.extraSans"].change, Change::Live);
    }
}
