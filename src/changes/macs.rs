//! MACs of the nodes' VXLAN: two nodes with the same take each other's traffic. Policies hold the MAC that a node has; the first
//! is named by its own flanneld, and no policy sees two nodes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Known, join};

const ANNOTATIONS: [&str; 2] = ["flannel.alpha.coreos.com/backend-data", "flannel.alpha.coreos.com/backend-v6-data"];

/// Nodes that say the same, in words.
pub(super) fn doubts(known: &Known<'_>) -> Vec<String> {
    let objects = known.live.api.iter().flat_map(|api| &api.node_objects);
    let mut macs: BTreeMap<(&str, String), Vec<String>> = BTreeMap::new();
    for node in objects {
        let name = node["metadata"]["name"].as_str().unwrap_or_default();
        for annotation in ANNOTATIONS.iter().filter(|_| !known.cluster.has_revoked(name)) {
            if let Some(mac) = mac(&node["metadata"]["annotations"][*annotation]) {
                macs.entry((annotation, mac)).or_default().push(name.to_owned());
            }
        }
    }
    let shared = macs.into_iter().filter(|(_, nodes)| nodes.len() > 1);
    let words = |((annotation, mac), nodes): ((&str, String), Vec<String>)| {
        format!(
            "{} have the same MAC on flannel's network, {mac}: one is sent what is meant for the other's pods; whose it is not, loses the \
             annotation {annotation}, and then restarts flanneld",
            join(&nodes)
        )
    };
    shared.map(words).collect()
}

fn mac(data: &Value) -> Option<String> {
    let data: Value = serde_json::from_str(data.as_str()?).ok()?;
    Some(data["VtepMAC"].as_str()?.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::example;
    use crate::components::Catalogue;
    use crate::live::{Api, Live};

    #[test]
    fn nodes_with_the_same_mac_are_named() {
        let node = |name: &str, mac: &str| {
            let data = json!({ "VNI": 1, "VtepMAC": mac }).to_string();
            json!({ "metadata": { "name": name, "annotations": { ANNOTATIONS[0]: data } } })
        };
        let said = |nodes: Vec<Value>| {
            let live = Live { api: Some(Api { node_objects: nodes, ..Api::default() }), ..Live::default() };
            let (cluster, catalogue) = (example::cluster("1.36.3"), Catalogue::standard());
            doubts(&Known { catalogue: &catalogue, cluster: &cluster, facts: &BTreeMap::new(), live: &live })
        };
        let own = node("n1", "0a:00:00:00:00:01");
        assert_eq!(said(vec![own.clone(), node("n2", "0a:00:00:00:00:02"), json!({})]), [""; 0]);
        let same = said(vec![own, node("n2", "0A:00:00:00:00:01")]);
        assert!(same.len() == 1 && same[0].starts_with("n1, n2 have the same MAC"), "{same:?}");
    }
}
