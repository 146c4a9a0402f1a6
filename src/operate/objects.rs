//! The cluster's own API objects and the nodes' labels: what is there against what should be.

use serde_json::{Value, json};

use crate::cluster::{Cluster, Host, Role};
use crate::error::Result;
use crate::health::http::Client;
use crate::health::{covers, kube};
use crate::plan::ObjectChange;
use crate::render;

/// What lacks or differs in the API. Nodes that have not registered yet are no difference.
pub fn object_changes(client: &mut Client<'_>, cluster: &Cluster, objects: &[Value]) -> Result<Vec<ObjectChange>> {
    let mut changes = Vec::new();
    for object in objects {
        let live = kube::get(client, &kube::path_of(object)?)?;
        changes.extend(change(object, live.as_ref(), true));
    }
    for host in cluster.with_role(Role::Node) {
        let desired = node(host);
        let live = kube::get(client, &kube::path_of(&desired)?)?;
        changes.extend(change(&desired, live.as_ref(), false));
    }
    Ok(changes)
}

/// Writes all objects, and the labels of the nodes that are there.
pub fn apply_objects(client: &mut Client<'_>, cluster: &Cluster, objects: &[Value]) -> Result<()> {
    for object in objects {
        kube::apply(client, object)?;
    }
    label_nodes(client, cluster)
}

/// Sets the labels of the nodes that are there and lack some.
pub fn label_nodes(client: &mut Client<'_>, cluster: &Cluster) -> Result<()> {
    for host in cluster.with_role(Role::Node) {
        let desired = node(host);
        let path = kube::path_of(&desired)?;
        if let Some(live) = kube::get(client, &path)? {
            if !covers(&live, &desired).is_empty() {
                kube::patch(client, &path, &desired)?;
            }
        }
    }
    Ok(())
}

fn change(desired: &Value, live: Option<&Value>, must_exist: bool) -> Option<ObjectChange> {
    match live {
        None => must_exist.then(|| ObjectChange { object: title(desired), create: true, fields: Vec::new() }),
        Some(live) => {
            let fields = covers(live, desired);
            (!fields.is_empty()).then(|| ObjectChange { object: title(desired), create: false, fields })
        }
    }
}

/// A node's labels as the inventory wants them, as a merge patch. They are set through the API, because a kubelet
/// may not give itself those of `node-role.kubernetes.io`, and sets the others only when it registers.
fn node(host: &Host) -> Value {
    let labels: serde_json::Map<String, Value> =
        render::node_labels(host).into_iter().map(|(key, value)| (key, Value::String(value))).collect();
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": host.name, "labels": labels },
    })
}

/// `Deployment kube-system/coredns`.
fn title(object: &Value) -> String {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    match text("/metadata/namespace") {
        "" => format!("{} {}", text("/kind"), text("/metadata/name")),
        namespace => format!("{} {namespace}/{}", text("/kind"), text("/metadata/name")),
    }
}
