//! Merging a person's fields into rendered configuration.

use serde_json::{Map, Value};

/// JSON Merge Patch (RFC 7386): objects merge field by field, `null` removes, everything else replaces.
pub(super) fn merge(target: &mut Value, patch: &Map<String, Value>) {
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else { return };
    for (key, value) in patch {
        match value {
            Value::Null => {
                fields.remove(key);
            }
            Value::Object(inner) => merge(fields.entry(key.clone()).or_insert(Value::Null), inner),
            other => {
                fields.insert(key.clone(), other.clone());
            }
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
        merge(&mut value, patch.as_object().unwrap());
        assert_eq!(value, json!({"a": {"x": 1, "z": 9}, "b": [7], "c": 3, "d": {"m": 1}, "e": {"k": 1}}));
    }
}
