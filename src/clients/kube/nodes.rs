//! Nodes as the API server sees them.

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::text;
use crate::clients::http::Client;
use crate::error::Result;

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Name.
    pub name: String,
    /// Whether its Ready condition is True.
    pub ready: bool,
    /// The Ready condition's reason, for example `KubeletNotReady`.
    pub reason: String,
    /// The Ready condition's message.
    pub message: String,
    /// `DiskPressure`, `MemoryPressure` and the like, while they last: kubelet evicts pods then.
    pub pressures: Vec<String>,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// Whether it was cordoned.
    pub unschedulable: bool,
    /// kubelet's version, for example `v1.36.3`.
    pub kubelet: String,
    /// Its InternalIP; empty when it has none.
    pub internal_ip: String,
    /// When its kubelet last said whether it is ready, by its own clock.
    #[serde(skip)]
    pub heartbeat: Option<OffsetDateTime>,
}

/// Keeps pods away that do not tolerate it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Taint {
    /// Key.
    pub key: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

/// All nodes, by name.
pub fn nodes(client: &mut Client<'_>) -> Result<Vec<Node>> {
    let mut nodes: Vec<Node> = super::list(client, "/api/v1/nodes", "")?.iter().map(node).collect();
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(nodes)
}

fn node(value: &Value) -> Node {
    let ready = find(value, "/status/conditions", "Ready").cloned().unwrap_or_default();
    Node {
        name: text(value, "/metadata/name"),
        ready: ready["status"] == "True",
        reason: text(&ready, "/reason"),
        message: if ready.is_null() { "kubelet has not reported yet".into() } else { text(&ready, "/message") },
        pressures: pressures(value),
        taints: items(value, "/spec/taints")
            .map(|taint| Taint { key: text(taint, "/key"), effect: text(taint, "/effect") })
            .collect(),
        unschedulable: value.pointer("/spec/unschedulable") == Some(&Value::Bool(true)),
        kubelet: text(value, "/status/nodeInfo/kubeletVersion"),
        internal_ip: find(value, "/status/addresses", "InternalIP").map(|a| text(a, "/address")).unwrap_or_default(),
        heartbeat: OffsetDateTime::parse(&text(&ready, "/lastHeartbeatTime"), &Rfc3339).ok(),
    }
}

fn find<'v>(value: &'v Value, list: &str, kind: &str) -> Option<&'v Value> {
    items(value, list).find(|item| item["type"] == kind)
}

fn pressures(value: &Value) -> Vec<String> {
    let has = |condition: &&Value| condition["status"] == "True" && text(condition, "/type").ends_with("Pressure");
    items(value, "/status/conditions").filter(has).map(|condition| text(condition, "/type")).collect()
}

fn items<'v>(value: &'v Value, list: &str) -> impl Iterator<Item = &'v Value> {
    value.pointer(list).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_ready_condition_is_what_counts() {
        let taint = json!({"key": "a", "value": "b", "effect": "NoSchedule"});
        let value = json!({"metadata": {"name": "n1"}, "spec": {"taints": [taint]},
            "status": {"conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "DiskPressure", "status": "True"},
                {"type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": "cni plugin not initialized"}],
                "addresses": [{"type": "Hostname", "address": "n1"}, {"type": "InternalIP", "address": "10.0.0.21"}],
                "nodeInfo": {"kubeletVersion": "v1.36.3"}}});
        let seen = node(&value);
        assert_eq!((seen.ready, seen.message.as_str()), (false, "cni plugin not initialized"));
        assert_eq!((seen.kubelet.as_str(), seen.internal_ip.as_str()), ("v1.36.3", "10.0.0.21"));
        assert_eq!(seen.pressures, ["DiskPressure"]);
        assert_eq!(seen.taints, [Taint { key: "a".into(), effect: "NoSchedule".into() }]);
        assert_eq!(node(&json!({"metadata": {"name": "n2"}})).message, "kubelet has not reported yet");
    }
}
