//! What the API says of the cluster as a whole. An answer that a server does not give leaves its field empty: a
//! comparison then rests on what is known.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use semver::Version;
use serde_json::Value;

use super::{Api, Node};
use crate::clients::http::Client;
use crate::clients::kube;
use crate::cluster::NetworkPlugin;
use crate::error::Result;
use crate::health;
use crate::record::{CONFIG_MAP, KEY, NAMESPACE};

/// Annotations of ours begin so.
const OURS: &str = "kbootstrap/";

/// Asks one API server, also for objects that the cluster should hold, all of it at once; with it comes the text of the
/// record that the cluster holds. `kubelet` is a node whose kubelet runs; another is asked where the API has another before it.
pub(super) fn ask(
    client: &mut Client<'_>,
    master: &str,
    dns: &str,
    wanted: &[Value],
    plugin: NetworkPlugin,
    kubelet: Option<&str>,
) -> Result<(Api, Option<String>)> {
    let service_network = kube::path("networking.k8s.io/v1", "ServiceCIDR", "", "kubernetes")?;
    let record = kube::path("v1", "ConfigMap", NAMESPACE, CONFIG_MAP)?;
    let wanted: BTreeSet<String> = wanted.iter().filter_map(|object| kube::path_of(object).ok()).collect();
    let mut ahead =
        ["/version", "/api/v1/nodes", &service_network, "/api/v1/services", &record].map(str::to_owned).to_vec();
    ahead.extend(kubelet.map(configz));
    if !wanted.is_empty() {
        ahead.extend(health::webhook_paths());
        ahead.push(health::POLICIES.to_owned());
        ahead.push(kube::READYZ.to_owned());
        ahead.extend(kube::lease_paths()?);
        ahead.extend(wanted.iter().cloned());
    }
    client.ahead(&ahead)?;
    let answers = client.answers();
    let version = kube::get(client, "/version")?.and_then(|v| version(v["gitVersion"].as_str()?));
    let node_objects = kube::list(client, "/api/v1/nodes", "")?;
    let nodes: Vec<Node> = node_objects.iter().map(node).collect();
    let networks = kube::get(client, &service_network)?;
    let all = kube::list(client, "/api/v1/services", "")?;
    let service = |namespace: &str, name: &str| {
        let is = |s: &&Value| s["metadata"]["namespace"] == namespace && s["metadata"]["name"] == name;
        all.iter().find(is)?["spec"]["clusterIP"].as_str()?.parse::<IpAddr>().ok()
    };
    let record = kube::get(client, &record)?;
    let held = wanted.iter().map(|path| Ok((path.clone(), kube::get(client, path)?))).collect::<Result<_>>().ok();
    let mut warnings = Vec::new();
    if !wanted.is_empty() {
        warnings.extend(health::refusing_webhooks(client).unwrap_or_default());
        warnings.extend(health::unenforced_policies(client, plugin.without_policies()).unwrap_or_default());
    }
    let dns_domain = dns_domain(client, &nodes);
    let api = Api {
        master: master.to_owned(),
        version,
        services: networks.iter().flat_map(|n| strings(&n["spec"]["cidrs"])).filter_map(|c| c.parse().ok()).collect(),
        api_address: service("default", "kubernetes"),
        dns_address: service(NAMESPACE, dns),
        dns_domain,
        node_ports: all.iter().flat_map(node_ports).collect(),
        nodes,
        node_objects,
        held,
        answers,
        warnings,
    };
    Ok((api, record.and_then(|r| r["data"][KEY].as_str().map(str::to_owned))))
}

/// What a running kubelet tells pods, for its file may have changed since it started.
fn dns_domain(client: &mut Client<'_>, nodes: &[Node]) -> Option<String> {
    let ready = nodes.iter().filter(|node| node.ready).take(3);
    ready
        .filter_map(|node| {
            let answer = kube::get(client, &configz(&node.name)).ok()??;
            answer["kubeletconfig"]["clusterDomain"].as_str().map(str::to_owned)
        })
        .next()
}

/// What the kubelet of a node runs with.
fn configz(node: &str) -> String {
    format!("/api/v1/nodes/{node}/proxy/configz")
}

fn node(value: &Value) -> Node {
    let find = |list: &Value, kind: &str| {
        list.as_array().into_iter().flatten().find(|item| item["type"] == kind).cloned().unwrap_or_default()
    };
    let status = &value["status"];
    Node {
        name: value["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
        ready: find(&status["conditions"], "Ready")["status"] == "True",
        ours: value["metadata"]["annotations"].as_object().is_some_and(|all| all.keys().any(|k| k.starts_with(OURS))),
        address: find(&status["addresses"], "InternalIP")["address"].as_str().and_then(|a| a.parse().ok()),
        pods: strings(&value["spec"]["podCIDRs"]).filter_map(|cidr| cidr.parse::<IpNet>().ok()).collect(),
        kubelet: status["nodeInfo"]["kubeletVersion"].as_str().and_then(version),
        runtime: status["nodeInfo"]["containerRuntimeVersion"].as_str().and_then(|v| version(v.rsplit('/').next()?)),
    }
}

fn node_ports(service: &Value) -> Vec<(u16, String)> {
    let text = |field: &str| service["metadata"][field].as_str().unwrap_or_default();
    let name = format!("{}/{}", text("namespace"), text("name"));
    let spec = &service["spec"];
    let ports = spec["ports"].as_array().into_iter().flatten().map(|port| &port["nodePort"]);
    let numbers = ports.chain([&spec["healthCheckNodePort"]]).filter_map(Value::as_u64);
    numbers.filter_map(|n| u16::try_from(n).ok()).filter(|n| *n > 0).map(|number| (number, name.clone())).collect()
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn version(text: &str) -> Option<Version> {
    Version::parse(text.trim_start_matches('v')).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nodes_and_services_as_the_api_server_writes_them() {
        let value = json!({"metadata": {"name": "n1"}, "spec": {"podCIDRs": ["10.244.1.0/24"]}, "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "addresses": [{"type": "Hostname", "address": "n1"}, {"type": "InternalIP", "address": "10.0.0.21"}],
            "nodeInfo": {"kubeletVersion": "v1.36.3", "containerRuntimeVersion": "containerd://2.3.1"}}});
        assert!(!node(&value).ours);
        assert!(node(&json!({"metadata": {"name": "n1", "annotations": {"kbootstrap/labels": ""}}})).ours);
        assert_eq!(node(&value).runtime, Some(Version::new(2, 3, 1)));
        let seen = node(&value);
        assert_eq!((seen.ready, seen.address), (true, Some("10.0.0.21".parse().unwrap())));
        assert_eq!((seen.pods.len(), seen.kubelet), (1, Some(Version::new(1, 36, 3))));
        let service = json!({"metadata": {"namespace": "a", "name": "b"}, "spec": {"healthCheckNodePort": 31000,
            "ports": [{"port": 80, "nodePort": 30080}, {"port": 81}]}});
        assert_eq!(node_ports(&service), [(30080, "a/b".to_owned()), (31000, "a/b".to_owned())]);
        assert_eq!(node(&json!({"metadata": {"name": "n2"}})).address, None);
    }
}
