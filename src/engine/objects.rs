//! What the API server holds against what it should hold. Nothing is written.

use serde_json::Value;

use crate::clients::http::Client;
use crate::clients::kube;
use crate::cluster::{Cluster, Host, Role};
use crate::error::{Error, Result};
use crate::plan::{ClusterChange, Marks, ObjectChange, object_change};

/// What is missing or differs among the cluster's own objects. The server is asked whether it would take the change.
///
/// # Errors
/// Refused: it would not, for some of them.
pub(super) fn object_changes(client: &mut Client<'_>, objects: &[Value]) -> Result<Vec<ObjectChange>> {
    let (mut changes, mut refusals) = (Vec::new(), Vec::new());
    for object in objects {
        let live = kube::get(client, &kube::path_of(object)?)?;
        let Some(change) = object_change(object, live.as_ref()) else { continue };
        if let Some(words) = kube::would_refuse(client, object)? {
            refusals.push(
                Error::refused(format!("{}: the API server would not take its change", change.object))
                    .detail(words)
                    .hint("where it comes from a template or a setting of yours, put the old value back"),
            );
        }
        changes.push(change);
    }
    Error::all(refusals)?;
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
