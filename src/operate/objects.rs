//! The cluster's own API objects: what is there against what should be.

use serde_json::Value;

use super::nodes::{mark_nodes, node_changes};
use crate::clients::http::Client;
use crate::clients::kube;
use crate::cluster::Cluster;
use crate::error::Result;
use crate::health::covers;
use crate::plan::ObjectChange;

/// What lacks or differs in the API.
pub fn object_changes(client: &mut Client<'_>, cluster: &Cluster, objects: &[Value]) -> Result<Vec<ObjectChange>> {
    let mut changes = Vec::new();
    for object in objects {
        let live = kube::get(client, &kube::path_of(object)?)?;
        changes.extend(change(object, live.as_ref()));
    }
    changes.extend(node_changes(client, cluster)?);
    Ok(changes)
}

/// Writes all objects, and the labels and taints of the nodes that are there.
pub fn apply_objects(client: &mut Client<'_>, cluster: &Cluster, objects: &[Value]) -> Result<()> {
    for object in objects {
        kube::apply(client, object)?;
    }
    mark_nodes(client, cluster)
}

fn change(desired: &Value, live: Option<&Value>) -> Option<ObjectChange> {
    match live {
        None => Some(ObjectChange { object: title(desired), create: true, fields: Vec::new() }),
        Some(live) => {
            let fields = covers(live, desired);
            (!fields.is_empty()).then(|| ObjectChange { object: title(desired), create: false, fields })
        }
    }
}

/// `Deployment kube-system/coredns`.
fn title(object: &Value) -> String {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    match text("/metadata/namespace") {
        "" => format!("{} {}", text("/kind"), text("/metadata/name")),
        namespace => format!("{} {namespace}/{}", text("/kind"), text("/metadata/name")),
    }
}
