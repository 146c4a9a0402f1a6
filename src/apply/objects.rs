//! Writes to the API server: the cluster's own objects, labels and taints of nodes.

use serde_json::Value;

use crate::clients::http::Client;
use crate::clients::kube;
use crate::cluster::Host;
use crate::error::Result;
use crate::plan::Marks;

/// The node is changed by its kubelet and by controllers all the time: a refused write is tried again this often.
const ATTEMPTS: u32 = 5;

/// Writes all objects.
pub(super) fn apply_objects(client: &mut Client<'_>, objects: &[Value]) -> Result<()> {
    objects.iter().try_for_each(|object| kube::apply(client, object).map(drop))
}

/// Sets the labels and taints of the host's node, where it is there and they differ. `believed` is what the plan rests on.
pub(super) fn mark(client: &mut Client<'_>, host: &Host, believed: bool) -> Result<()> {
    let (path, marks) = (kube::path("v1", "Node", "", &host.name)?, Marks::of(host, believed));
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
