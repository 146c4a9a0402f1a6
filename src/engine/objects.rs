//! What the API server holds against what it should hold. Nothing is written.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::clients::http::Client;
use crate::clients::kube;
use crate::cluster::{Cluster, Host, Role};
use crate::error::{Error, Result};
use crate::plan::{ClusterChange, Marks, ObjectChange, object_change};

/// What is missing or differs among the cluster's own objects: each with its change. `held` is what the API has, by path.
pub(super) fn object_changes<'o>(
    held: &BTreeMap<String, Option<Value>>,
    objects: &'o [Value],
) -> Result<Vec<(&'o Value, ObjectChange)>> {
    let mut changes = Vec::new();
    for object in objects {
        let live = held.get(&kube::path_of(object)?).and_then(Option::as_ref);
        changes.extend(object_change(object, live).map(|change| (object, change)));
    }
    Ok(changes)
}

/// Asks the server whether it would take these changes.
///
/// # Errors
/// Refused: it would not, for some of them.
pub(super) fn takes(client: &mut Client<'_>, changes: &[(&Value, ObjectChange)]) -> Result<()> {
    let mut refusals = Vec::new();
    for (object, change) in changes {
        if let Some(words) = kube::would_refuse(client, object)? {
            refusals.push(
                Error::refused(format!("{}: the API server would not take its change", change.object))
                    .detail(words)
                    .hint("where it comes from a template or a setting of yours, put the old value back"),
            );
        }
    }
    Error::all(refusals)
}

/// Nodes whose labels and taints differ, and those that are gone although their kubelets run. Nodes that have not
/// registered yet are no difference.
pub(super) fn node_changes(
    nodes: &[Value],
    cluster: &Cluster,
    runs_kubelet: impl Fn(&Host) -> bool,
) -> Vec<ClusterChange> {
    let mut changes = Vec::new();
    for host in cluster.with_role(Role::Node) {
        let node_name = host.name.clone();
        match nodes
            .iter()
            .find(|node| node["metadata"]["name"] == *host.name)
            .map(|node| Marks::of(host).differing(node))
        {
            Some(fields) if fields.is_empty() => {}
            Some(fields) => changes.push(ClusterChange::MarkNode { node: node_name, fields }),
            None if runs_kubelet(host) => changes.push(ClusterChange::RegisterNode { node: node_name }),
            None => {}
        }
    }
    changes
}
