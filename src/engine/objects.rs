//! What the API server holds against what it should hold. Nothing is written.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::clients::http::Client;
use crate::clients::kube;
use crate::cluster::{Cluster, Host, Role};
use crate::components::{Addon, DeploymentGate};
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

/// Addons of which fewer pods are available than are asked for, as far as the API has them.
pub(super) fn unavailable<'a>(held: &BTreeMap<String, Option<Value>>, addons: &'a [Addon]) -> Vec<&'a DeploymentGate> {
    let is_short = |gate: &&DeploymentGate| {
        let path = kube::path("apps/v1", "Deployment", gate.namespace, gate.name).unwrap_or_default();
        let count = |deployment: &Value, of: &str| deployment.pointer(of).and_then(Value::as_u64).unwrap_or_default();
        held.get(&path).and_then(Option::as_ref).is_some_and(|deployment| {
            count(deployment, "/status/availableReplicas") < count(deployment, "/spec/replicas")
        })
    };
    addons.iter().map(|addon| &addon.gate).filter(is_short).collect()
}

/// Their pods that crash again and again.
pub(super) fn crashing(client: &mut Client<'_>, gates: &[&DeploymentGate]) -> Result<Vec<ClusterChange>> {
    let mut changes = Vec::new();
    for gate in gates {
        let pods = kube::pods(client, gate.namespace, gate.pods)?.into_iter().filter(|pod| pod.crashing);
        changes.extend(pods.map(|pod| ClusterChange::RestartPod {
            namespace: pod.namespace,
            name: pod.name,
            node: pod.node,
        }));
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

/// What nodes name as the inventory's that is not taken from them, because their kubelets could have named it.
pub(super) fn doubted(nodes: &[Value], cluster: &Cluster, believed: bool) -> Vec<String> {
    let of = |host: &Host| {
        let node = nodes.iter().find(|node| node["metadata"]["name"] == *host.name)?;
        let names = Marks::of(host, believed).doubted(node);
        (!names.is_empty()).then(|| {
            format!(
                "{}: its annotations call this the inventory's, which its kubelet could have written until now, so it stays: {}",
                host.name,
                names.join(", ")
            )
        })
    };
    cluster.with_role(Role::Node).filter_map(of).collect()
}

/// Nodes whose labels and taints differ, and those that are gone although their kubelets run. Nodes that have not
/// registered yet are no difference.
pub(super) fn node_changes(
    nodes: &[Value],
    cluster: &Cluster,
    believed: bool,
    runs_kubelet: impl Fn(&Host) -> bool,
) -> Vec<ClusterChange> {
    let mut changes = Vec::new();
    for host in cluster.with_role(Role::Node) {
        let node_name = host.name.clone();
        match nodes
            .iter()
            .find(|node| node["metadata"]["name"] == *host.name)
            .map(|node| Marks::of(host, believed).differing(node))
        {
            Some(fields) if fields.is_empty() => {}
            Some(fields) => changes.push(ClusterChange::MarkNode { node: node_name, fields }),
            None if runs_kubelet(host) => changes.push(ClusterChange::RegisterNode { node: node_name }),
            None => {}
        }
    }
    changes
}
