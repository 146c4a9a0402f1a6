//! The cluster's own API objects and node labels: what is there against what should be.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::pool::{Lease, Pool};
use crate::cluster::{Cluster, Host, Role};
use crate::error::{Error, Result};
use crate::health::http::{Client, Identity};
use crate::health::kube;
use crate::plan::ObjectChange;
use crate::render;
use crate::trust::{Trust, api_address};

/// A way to the API server of one master, through its SSH connection.
pub struct ApiAccess<'a> {
    lease: Lease<'a>,
    address: SocketAddr,
    identity: Identity,
}

impl<'a> ApiAccess<'a> {
    /// To the given master. Nothing is sent before [`ApiAccess::client`].
    pub fn new(pool: &'a Pool, master: &Host, trust: &Trust) -> Result<Self> {
        Ok(ApiAccess { lease: pool.take(master)?, address: api_address(master), identity: trust.super_admin() })
    }
    /// To the first master.
    pub fn first(pool: &'a Pool, cluster: &Cluster, trust: &Trust) -> Result<Self> {
        let master = cluster.with_role(Role::Master).next().ok_or_else(|| Error::internal("no master"))?;
        Self::new(pool, master, trust)
    }
    /// An open connection.
    pub fn client(&mut self) -> Result<Client<'_>> {
        let name = self.address.ip().to_string();
        Client::connect(&mut *self.lease, self.address, &name, &self.identity)
    }
}

/// What lacks or differs in the API.
pub fn object_changes(client: &mut Client<'_>, cluster: &Cluster, objects: &[Value]) -> Result<Vec<ObjectChange>> {
    let mut changes = Vec::new();
    for object in objects {
        match kube::get(client, object)? {
            None => changes.push(ObjectChange { object: kube::title(object), create: true, fields: Vec::new() }),
            Some(live) => {
                let fields = kube::covers(&live, object);
                if !fields.is_empty() {
                    changes.push(ObjectChange { object: kube::title(object), create: false, fields });
                }
            }
        }
    }
    for host in cluster.with_role(Role::Node) {
        let desired = node(host);
        if let Some(live) = kube::get(client, &desired)? {
            let fields = kube::covers(&live, &desired);
            if !fields.is_empty() {
                changes.push(ObjectChange { object: kube::title(&desired), create: false, fields });
            }
        }
    }
    Ok(changes)
}

/// A node's labels and taints as the inventory wants them, as a merge patch.
pub fn node(host: &Host) -> Value {
    let labels: serde_json::Map<String, Value> =
        render::node_labels(host).into_iter().map(|(key, value)| (key, Value::String(value))).collect();
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": host.name, "labels": labels },
    })
}
