//! Labels and taints of nodes as the inventory wants them.
//!
//! They are set through the API: a kubelet may not give itself labels of `node-role.kubernetes.io`, and sets the others,
//! and its taints, only when it registers. What others have put on the node stays.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cluster::{Cluster, Host, Role, Taint};
use crate::error::Result;
use crate::health::http::Client;
use crate::health::kube;
use crate::plan::ObjectChange;
use crate::render;

/// The node is changed by its kubelet and by controllers all the time: a refused write is tried again this often.
const ATTEMPTS: u32 = 5;

/// What the nodes lack. Nodes that have not registered yet are no difference.
pub(super) fn node_changes(client: &mut Client<'_>, cluster: &Cluster) -> Result<Vec<ObjectChange>> {
    let mut changes = Vec::new();
    for host in cluster.with_role(Role::Node) {
        if let Some(node) = kube::get(client, &path(host)?)? {
            let fields = Marks::of(host).lacking(&node);
            if !fields.is_empty() {
                changes.push(ObjectChange { object: format!("Node {}", host.name), create: false, fields });
            }
        }
    }
    Ok(changes)
}

/// Sets the labels and taints of the nodes that are there and lack some.
pub fn mark_nodes(client: &mut Client<'_>, cluster: &Cluster) -> Result<()> {
    for host in cluster.with_role(Role::Node) {
        mark(client, host)?;
    }
    Ok(())
}

fn mark(client: &mut Client<'_>, host: &Host) -> Result<()> {
    let (path, marks) = (path(host)?, Marks::of(host));
    let mut refused = None;
    for _ in 0..ATTEMPTS {
        let Some(node) = kube::get(client, &path)? else { return Ok(()) };
        if marks.lacking(&node).is_empty() {
            return Ok(());
        }
        match kube::patch(client, &path, &marks.patch(&node)) {
            Ok(_) => return Ok(()),
            Err(error) => refused = Some(error),
        }
    }
    refused.map_or(Ok(()), Err)
}

fn path(host: &Host) -> Result<String> {
    kube::path("v1", "Node", "", &host.name)
}

/// What one node must have.
struct Marks<'a> {
    labels: BTreeMap<String, String>,
    taints: &'a [Taint],
}

impl<'a> Marks<'a> {
    fn of(host: &'a Host) -> Self {
        Marks { labels: render::node_labels(host), taints: render::node_taints(host) }
    }

    /// Fields of the node that are not as they should be.
    fn lacking(&self, node: &Value) -> Vec<String> {
        let label = |(key, value): (&String, &String)| {
            (node["metadata"]["labels"][key] != **value).then(|| format!(".metadata.labels.{key}"))
        };
        let taint = |taint: &Taint| {
            let there = present(node).iter().any(|found| same(found, taint) && value(found) == taint.value);
            (!there).then(|| format!(".spec.taints[{}:{}]", taint.key, taint.effect))
        };
        self.labels.iter().filter_map(label).chain(self.taints.iter().filter_map(taint)).collect()
    }

    /// A merge patch (RFC 7396). It replaces the list of taints as a whole, so it names the version of the node that it
    /// was made for: if somebody else was faster, the API server refuses it.
    fn patch(&self, node: &Value) -> Value {
        if self.taints.is_empty() {
            return json!({ "metadata": { "labels": self.labels } });
        }
        let others = present(node).iter().filter(|found| !self.taints.iter().any(|taint| same(found, taint)));
        let mut taints: Vec<Value> = others.cloned().collect();
        taints.extend(self.taints.iter().map(|t| json!({ "key": t.key, "value": t.value, "effect": t.effect })));
        json!({
            "metadata": { "labels": self.labels, "resourceVersion": node["metadata"]["resourceVersion"] },
            "spec": { "taints": taints },
        })
    }
}

fn present(node: &Value) -> &[Value] {
    node["spec"]["taints"].as_array().map_or(&[], Vec::as_slice)
}

/// A key has one taint of each effect.
fn same(found: &Value, taint: &Taint) -> bool {
    found["key"] == *taint.key && found["effect"] == *taint.effect
}

fn value(taint: &Value) -> &str {
    taint["value"].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(taints: &[Taint]) -> Marks<'_> {
        Marks { labels: [("disk".to_owned(), "ssd".to_owned())].into(), taints }
    }
    fn dedicated() -> [Taint; 1] {
        [Taint { key: "dedicated".into(), value: "db".into(), effect: "NoSchedule".into() }]
    }
    fn node(disk: &str, dedicated: &str) -> Value {
        json!({
            "metadata": { "resourceVersion": "7", "labels": { "disk": disk, "kubernetes.io/os": "linux" } },
            "spec": { "taints": [
                { "key": "node.kubernetes.io/not-ready", "effect": "NoSchedule" },
                { "key": "dedicated", "value": dedicated, "effect": "NoSchedule" },
            ] },
        })
    }

    #[test]
    fn labels_and_taints_of_others_are_no_difference() {
        assert_eq!(marks(&dedicated()).lacking(&node("ssd", "db")), Vec::<String>::new());
        let lacking = marks(&dedicated()).lacking(&node("hdd", "web"));
        assert_eq!(lacking, [".metadata.labels.disk", ".spec.taints[dedicated:NoSchedule]"]);
        assert_eq!(marks(&dedicated()).lacking(&json!({})), lacking);
    }

    #[test]
    fn a_patch_keeps_the_taints_of_others_and_is_refused_when_they_change() {
        let patch = marks(&dedicated()).patch(&node("hdd", "web"));
        let expected = json!({
            "metadata": { "labels": { "disk": "ssd" }, "resourceVersion": "7" },
            "spec": { "taints": [
                { "key": "node.kubernetes.io/not-ready", "effect": "NoSchedule" },
                { "key": "dedicated", "value": "db", "effect": "NoSchedule" },
            ] },
        });
        assert_eq!(patch, expected);
        assert_eq!(marks(&[]).patch(&node("hdd", "web")), json!({ "metadata": { "labels": { "disk": "ssd" } } }));
    }
}
