//! What the API server holds against what it should hold. Nothing is written.

use serde_json::Value;

use crate::clients::http::Client;
use crate::clients::kube;
use crate::cluster::{Cluster, Host, Role};
use crate::error::Result;
use crate::plan::{ClusterChange, Marks, ObjectChange, object_change};

/// What is missing or differs among the cluster's own objects.
pub(super) fn object_changes(client: &mut Client<'_>, objects: &[Value]) -> Result<Vec<ObjectChange>> {
    let mut changes = Vec::new();
    for object in objects {
        let live = kube::get(client, &kube::path_of(object)?)?;
        changes.extend(object_change(object, live.as_ref()));
    }
    Ok(changes)
}

/// Nodes whose labels and taints differ, and those that are gone although their kubelets run. Nodes that have not
/// registered yet are no difference.
pub(super) fn node_changes(
    client: &mut Client<'_>,
    cluster: &Cluster,
    runs_kubelet: impl Fn(&Host) -> bool,
) -> Result<Vec<ClusterChange>> {
    let mut changes = Vec::new();
    for host in cluster.with_role(Role::Node) {
        let node = kube::get(client, &kube::path("v1", "Node", "", &host.name)?)?;
        let node_name = host.name.clone();
        match node.map(|node| Marks::of(host).differing(&node)) {
            Some(fields) if fields.is_empty() => {}
            Some(fields) => changes.push(ClusterChange::MarkNode { node: node_name, fields }),
            None if runs_kubelet(host) => changes.push(ClusterChange::RegisterNode { node: node_name }),
            None => {}
        }
    }
    Ok(changes)
}
