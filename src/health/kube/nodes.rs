//! Nodes as the API server sees them.

use serde::Serialize;
use serde_json::Value;

use super::text;
use crate::error::Result;
use crate::health::http::Client;

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
    /// What it is short of, for example `disk pressure`: it takes no pods then, though it is Ready.
    pub pressures: Vec<String>,
    /// Whether it was cordoned.
    pub unschedulable: bool,
    /// kubelet's version, for example `v1.36.3`.
    pub kubelet: String,
    /// Its InternalIP; empty when it has none.
    pub internal_ip: String,
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
        unschedulable: value.pointer("/spec/unschedulable") == Some(&Value::Bool(true)),
        kubelet: text(value, "/status/nodeInfo/kubeletVersion"),
        internal_ip: find(value, "/status/addresses", "InternalIP").map(|a| text(a, "/address")).unwrap_or_default(),
    }
}

fn pressures(value: &Value) -> Vec<String> {
    let conditions = value.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let under = conditions.filter(|condition| condition["status"] == "True");
    under
        .filter_map(|c| {
            c["type"].as_str()?.strip_suffix("Pressure").map(|of| format!("{} pressure", of.to_lowercase()))
        })
        .collect()
}

fn find<'v>(value: &'v Value, list: &str, kind: &str) -> Option<&'v Value> {
    value.pointer(list)?.as_array()?.iter().find(|item| item["type"] == kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_ready_condition_is_what_counts() {
        let value = json!({"metadata": {"name": "n1"}, "spec": {},
            "status": {"conditions": [{"type": "MemoryPressure", "status": "False"},
                {"type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": "cni plugin not initialized"}],
                "addresses": [{"type": "Hostname", "address": "n1"}, {"type": "InternalIP", "address": "10.0.0.21"}],
                "nodeInfo": {"kubeletVersion": "v1.36.3"}}});
        let seen = node(&value);
        assert_eq!((seen.ready, seen.message.as_str()), (false, "cni plugin not initialized"));
        assert_eq!((seen.kubelet.as_str(), seen.internal_ip.as_str()), ("v1.36.3", "10.0.0.21"));
        assert_eq!(seen.pressures, Vec::<String>::new());
        let short = json!({"status": {"conditions": [{"type": "DiskPressure", "status": "True"}]}});
        assert_eq!(node(&short).pressures, ["disk pressure"]);
        assert_eq!(node(&json!({"metadata": {"name": "n2"}})).message, "kubelet has not reported yet");
    }
}
