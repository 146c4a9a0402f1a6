//! The nodes of a cluster that is started for the first time, made before their kubelets run.
//!
//! A kubelet registers within a second, but its node has no piece of the pod network before kube-controller-manager has
//! come up, and flanneld cannot start before that. Where there is no node yet and no controller that could give the same
//! piece to another one, it is known beforehand: so the network comes up beside the controllers and not after them.
//! kube-controller-manager takes what nodes have as given when it starts.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Marks;
use crate::cluster::{Cluster, Host, NetworkPlugin, Role};
use crate::components::{kube_controller_manager, kubelet};
use crate::facts::HostFacts;

/// Settings of kube-controller-manager by which nodes get other pieces, or none.
const PIECES: [&str; 8] = [
    "allocate-node-cidrs",
    "cidr-allocator-type",
    "cloud-provider",
    "cluster-cidr",
    "controllers",
    "node-cidr-mask-size",
    "node-cidr-mask-size-ipv4",
    "node-cidr-mask-size-ipv6",
];
/// Settings of a kubelet that say what a node is like that it registers: only one that it makes by itself is so.
const REGISTRATION: [&str; 8] = [
    "cloud-provider",
    "node-labels",
    "provider-id",
    "providerID",
    "register-node",
    "register-with-taints",
    "registerNode",
    "registerWithTaints",
];

/// The nodes, as they are created; none where the cluster runs, or may have run, or where others have a say in it.
pub fn first_nodes(cluster: &Cluster, facts: &BTreeMap<String, HostFacts>) -> Vec<Value> {
    let is_new = |host: &Host| facts.get(&host.name).is_some_and(|facts| !facts.known);
    let gives_others = |host: &Host| has_own(host, kube_controller_manager::NAME, &PIECES);
    if cluster.networks.plugin != NetworkPlugin::Flannel
        || !cluster.hosts.iter().all(is_new)
        || cluster.with_role(Role::Master).any(gives_others)
    {
        return Vec::new();
    }
    let networks = &cluster.networks;
    let Ok(pieces) = networks.pods.subnets(networks.node_prefix) else { return Vec::new() };
    let is_free = |piece: &ipnet::IpNet| !piece.contains(&networks.services) && !networks.services.contains(piece);
    let nodes = cluster.with_role(Role::Node).zip(pieces.filter(is_free));
    let ours = nodes.filter(|(host, _)| !has_own(host, kubelet::ID.0, &REGISTRATION));
    ours.filter_map(|(host, piece)| Some(node(host, &facts.get(&host.name)?.arch, piece))).collect()
}

/// Whether the inventory has a say in one of these settings; who has a template of its own may have in all.
fn has_own(host: &Host, component: &str, names: &[&str]) -> bool {
    host.settings(component).is_some_and(|settings| {
        let is_named = |name: &String| names.contains(&name.as_str());
        !settings.templates.is_empty() || settings.flags.keys().chain(settings.config.keys()).any(is_named)
    })
}

/// As its kubelet would make it (kubernetes pkg/kubelet/kubelet_node_status.go, `initialNode`), with its labels and taints.
fn node(host: &Host, arch: &str, piece: ipnet::IpNet) -> Value {
    let mut node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": host.name },
        "spec": { "podCIDR": piece, "podCIDRs": [piece] },
    });
    let marks = Marks::of(host, true).patch(&Value::Null);
    for field in ["labels", "annotations"] {
        node["metadata"][field] = marks["metadata"][field].clone();
    }
    for (label, value) in [("hostname", host.name.as_str()), ("os", "linux"), ("arch", arch)] {
        node["metadata"]["labels"][format!("kubernetes.io/{label}")] = value.into();
        if label != "hostname" {
            node["metadata"]["labels"][format!("beta.kubernetes.io/{label}")] = value.into();
        }
    }
    if let Some(taints) = marks["spec"].get("taints") {
        node["spec"]["taints"] = taints.clone();
    }
    node
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Taint, example};

    fn new_hosts(cluster: &Cluster) -> BTreeMap<String, HostFacts> {
        let facts = HostFacts { known: false, arch: "amd64".into(), ..HostFacts::default_host() };
        cluster.hosts.iter().map(|host| (host.name.clone(), facts.clone())).collect()
    }

    fn cluster() -> Cluster {
        let mut cluster = example::cluster("1.36.3");
        cluster.networks.plugin = NetworkPlugin::Flannel;
        cluster
    }

    fn piece(node: &Value) -> (&str, &str) {
        (node["metadata"]["name"].as_str().unwrap(), node["spec"]["podCIDR"].as_str().unwrap())
    }

    #[test]
    fn every_node_of_a_new_cluster_has_a_piece_of_its_own() {
        let mut cluster = cluster();
        let mut more = cluster.with_role(Role::Node).next().unwrap().clone();
        more.name = "n9".into();
        more.taints = vec![Taint { key: "gpu".into(), value: "yes".into(), effect: "NoSchedule".into() }];
        more.labels.insert("rack".into(), "7".into());
        cluster.hosts.push(more);
        let nodes = first_nodes(&cluster, &new_hosts(&cluster));
        assert_eq!(nodes.len(), cluster.with_role(Role::Node).count());
        assert_eq!(piece(&nodes[0]).1, "10.244.0.0/24");
        let last = nodes.last().unwrap();
        assert_eq!(piece(last).0, "n9");
        assert_ne!(piece(last).1, piece(&nodes[0]).1);
        assert_eq!(last["spec"]["podCIDRs"], json!([piece(last).1]));
        assert_eq!(last["spec"]["taints"], json!([{ "key": "gpu", "value": "yes", "effect": "NoSchedule" }]));
        let labels = &last["metadata"]["labels"];
        assert_eq!((&labels["rack"], &labels["kubernetes.io/hostname"]), (&json!("7"), &json!("n9")));
        assert_eq!(
            (&labels["kubernetes.io/arch"], &labels["beta.kubernetes.io/os"]),
            (&json!("amd64"), &json!("linux"))
        );
        assert_eq!(Marks::of(cluster.host("n9").unwrap(), true).differing(last), Vec::<String>::new());
    }

    #[test]
    fn a_piece_that_services_have_is_left_out() {
        let mut cluster = cluster();
        cluster.networks.services = "10.244.0.0/20".parse().unwrap();
        assert_eq!(piece(&first_nodes(&cluster, &new_hosts(&cluster))[0]).1, "10.244.16.0/24");
    }

    #[test]
    fn where_a_cluster_may_have_run_or_a_host_is_left_out_nodes_register_by_themselves() {
        let cluster = cluster();
        let mut facts = new_hosts(&cluster);
        facts.values_mut().next().unwrap().known = true;
        assert!(first_nodes(&cluster, &facts).is_empty());
        let mut facts = new_hosts(&cluster);
        facts.pop_last();
        assert!(first_nodes(&cluster, &facts).is_empty());
        assert!(first_nodes(&cluster, &BTreeMap::new()).is_empty());
    }

    #[test]
    fn where_the_inventory_has_a_say_in_it_nodes_register_by_themselves() {
        let cluster = cluster();
        let facts = new_hosts(&cluster);
        let with = |change: &dyn Fn(&mut Host)| {
            let mut cluster = cluster.clone();
            cluster.hosts.iter_mut().for_each(change);
            first_nodes(&cluster, &facts).len()
        };
        let flag = |component: &'static str, name: &'static str| {
            move |host: &mut Host| {
                host.components.entry(component.into()).or_default().flags.insert(name.into(), json!("x"));
            }
        };
        let all = first_nodes(&cluster, &facts).len();
        assert!(all > 0);
        assert_eq!(with(&flag("kubelet", "v")), all);
        assert_eq!(with(&flag("kubelet", "node-labels")), 0);
        assert_eq!(with(&flag("kube-controller-manager", "cluster-cidr")), 0);
        let taints = |host: &mut Host| {
            let settings = host.components.entry("kubelet".into()).or_default();
            settings.config.insert("registerWithTaints".into(), json!([]));
        };
        assert_eq!(with(&taints), 0);
        let template = |host: &mut Host| {
            let settings = host.components.entry("kubelet".into()).or_default();
            settings.templates.insert("kubelet.yaml".into(), "mine".into());
        };
        assert_eq!(with(&template), 0);
        let mut none = cluster.clone();
        none.networks.plugin = NetworkPlugin::None;
        assert!(first_nodes(&none, &facts).is_empty());
    }
}
