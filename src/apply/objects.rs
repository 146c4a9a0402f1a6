//! Writes to the API server: the cluster's own objects, labels and taints of nodes.

use serde_json::Value;

use crate::clients::http::Client;
use crate::clients::kube;
use crate::cluster::{Cluster, Host, Role};
use crate::error::Result;
use crate::plan::Marks;

/// The node is changed by its kubelet and by controllers all the time: a refused write is tried again this often.
const ATTEMPTS: u32 = 5;

/// Writes all objects.
pub(super) fn apply_objects(client: &mut Client<'_>, objects: &[Value]) -> Result<()> {
    objects.iter().try_for_each(|object| kube::apply(client, object).map(drop))
}

/// Sets the labels and taints of the nodes that are there and differ.
pub(super) fn mark_nodes(client: &mut Client<'_>, cluster: &Cluster) -> Result<()> {
    for host in cluster.with_role(Role::Node) {
        mark(client, host)?;
    }
    Ok(())
}

fn mark(client: &mut Client<'_>, host: &Host) -> Result<()> {
    let (path, marks) = (kube::path("v1", "Node", "", &host.name)?, Marks::of(host));
    let mut refused = None;
    for _ in 0..ATTEMPTS {
        let Some(node) = kube::get(client, &path)? else { return Ok(()) };
        if marks.differing(&node).is_empty() {
            return Ok(());
        }
        match kube::patch(client, &path, &marks.patch(&node)) {
            Ok(_) => return Ok(()),
            Err(error) => refused = Some(error),
        }
    }
    refused.map_or(Ok(()), Err)
}
