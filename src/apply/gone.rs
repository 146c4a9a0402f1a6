//! What was deleted is there until nothing holds it any more: an answer that takes a deletion says nothing of its end.

use serde_json::{Value, json};

use crate::clients::http::Client;
use crate::clients::kube;
use crate::error::Result;

/// Why an object is still there, in words: `/api/v1/nodes/n2 is kept by example.com/stay`.
pub(super) fn still_there(path: &str, object: &Value) -> String {
    match finalizers(object).as_slice() {
        [] => format!("{path} is still there"),
        names => format!("{path} is kept by {}", names.join(", ")),
    }
}

/// Takes the finalizers off an object that is being deleted, where nobody is left who would do what they wait for.
pub(super) fn unhold(client: &mut Client<'_>, path: &str, object: &Value) -> Result<()> {
    match finalizers(object).is_empty() {
        true => Ok(()),
        false => kube::patch_if_there(client, path, &json!({ "metadata": { "finalizers": null } })),
    }
}

fn finalizers(object: &Value) -> Vec<&str> {
    let all = object.pointer("/metadata/finalizers").and_then(Value::as_array).into_iter().flatten();
    all.filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_keeps_an_object_is_named() {
        let path = "/api/v1/nodes/n2";
        let held = json!({ "metadata": { "finalizers": ["example.com/stay", "b"] } });
        assert_eq!(still_there(path, &held), "/api/v1/nodes/n2 is kept by example.com/stay, b");
        assert_eq!(still_there(path, &json!({ "metadata": {} })), "/api/v1/nodes/n2 is still there");
    }
}
