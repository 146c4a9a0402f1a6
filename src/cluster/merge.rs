//! Merging a person's fields over others.

use serde_json::{Map, Value};

/// What a `null` does that is merged over something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Null {
    /// It stays, for a later merge.
    Stays,
    /// It removes the field (JSON Merge Patch, RFC 7386).
    Removes,
}

/// Mappings are merged field by field, everything else is replaced.
pub fn merge(base: &mut Map<String, Value>, over: &Map<String, Value>, null: Null) {
    for (key, value) in over {
        match value {
            Value::Null if null == Null::Removes => drop(base.remove(key)),
            Value::Object(over) => {
                let field = base.entry(key.clone()).or_insert(Value::Null);
                if !field.is_object() {
                    *field = Value::Object(Map::new());
                }
                if let Value::Object(base) = field {
                    merge(base, over, null);
                }
            }
            other => drop(base.insert(key.clone(), other.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_merge_null_removes_the_rest_replaces() {
        let mut value = json!({"a": {"x": 1, "y": 2}, "b": [1, 2], "c": 3, "e": 5});
        let patch = json!({"a": {"y": null, "z": 9}, "b": [7], "d": {"n": null, "m": 1}, "e": {"k": 1}});
        merge(value.as_object_mut().unwrap(), patch.as_object().unwrap(), Null::Removes);
        assert_eq!(value, json!({"a": {"x": 1, "z": 9}, "b": [7], "c": 3, "d": {"m": 1}, "e": {"k": 1}}));
    }
}
