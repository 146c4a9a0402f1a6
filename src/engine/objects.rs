//! What the API server holds against what it should hold. Nothing is written.

use serde_json::Value;

use crate::clients::http::Client;
use crate::clients::kube;
use crate::cluster::{Cluster, Role};
use crate::error::Result;
use crate::plan::{Marks, ObjectChange, object_change};

/// What is missing or differs in the API. Nodes that have not registered yet are no difference.
pub(super) fn object_changes(
    client: &mut Client<'_>,
    cluster: &Cluster,
    objects: &[Value],
) -> Result<Vec<ObjectChange>> {
    let mut changes = Vec::new();
    for object in objects {
        let live = kube::get(client, &kube::path_of(object)?)?;
        changes.extend(object_change(object, live.as_ref()));
    }
    for host in cluster.with_role(Role::Node) {
        if let Some(node) = kube::get(client, &kube::path("v1", "Node", "", &host.name)?)? {
            let fields = Marks::of(host).differing(&node);
            if !fields.is_empty() {
                changes.push(ObjectChange { object: format!("Node {}", host.name), create: false, fields });
            }
        }
    }
    Ok(changes)
}
