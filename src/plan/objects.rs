//! An API object that is there against what it should be.

use serde_json::Value;

use super::ObjectChange;
use crate::health::covers;

/// What differs; none where all is right.
pub fn object_change(desired: &Value, live: Option<&Value>) -> Option<ObjectChange> {
    match live {
        None => Some(ObjectChange { object: title(desired), create: true, fields: Vec::new() }),
        Some(live) => {
            let fields = covers(live, desired);
            (!fields.is_empty()).then(|| ObjectChange { object: title(desired), create: false, fields })
        }
    }
}

/// `Deployment kube-system/coredns`.
pub(super) fn title(object: &Value) -> String {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    match text("/metadata/namespace") {
        "" => format!("{} {}", text("/kind"), text("/metadata/name")),
        namespace => format!("{} {namespace}/{}", text("/kind"), text("/metadata/name")),
    }
}
