//! Nodes that are made here, and not by their kubelets.
//!
//! Those of a new cluster know their pieces of the pod network from the beginning. A node that somebody has deleted is made
//! again, with the piece of the pod network that its host still has: with another one its bridge and the pods that run there
//! would be cut off. All hosts get routes to it, so what the host says counts only where it could be a node's piece.

use std::io::empty;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::Job;
use super::gate::{API, ask};
use crate::clients::http::Client;
use crate::clients::kube;
use crate::cluster::{NetworkPlugin, Networks};
use crate::error::{Kind, Result};
use crate::health::Poll;
use crate::text::sh_quote;

/// Makes the nodes of a new cluster. The API server has only just begun to listen: what it does not take yet, it takes
/// a moment later.
pub(super) fn make_all(job: &Job<'_>) -> Result<String> {
    let nodes = &job.desired.nodes;
    ask(job, "the nodes are not made", API, |client| match nodes.iter().try_for_each(|node| make(client, node)) {
        Err(error) if client.is_open() && error.kind != Kind::Interrupted => Ok(Poll::Pending(error.message)),
        made => made.map(Poll::Ready),
    })?;
    Ok(format!("{} nodes", nodes.len()))
}

fn make(client: &mut Client<'_>, node: &Value) -> Result<()> {
    let name = node["metadata"]["name"].as_str().unwrap_or_default();
    if kube::get(client, &kube::path("v1", "Node", "", name)?)?.is_none() {
        kube::create(client, "/api/v1/nodes", node)?;
    }
    Ok(())
}

/// Makes the node, unless it is there by now. Its kubelet says the rest when it starts.
pub(super) fn register(job: &Job<'_>, host: &str) -> Result<String> {
    let networks = &job.cluster.networks;
    let piece = match networks.plugin {
        NetworkPlugin::Flannel => had(job, host)?,
        NetworkPlugin::None => None,
    };
    ask(job, &format!("{host} is not a node again"), API, |client| {
        let live = kube::list(client, "/api/v1/nodes", "")?;
        if live.iter().any(|node| node["metadata"]["name"] == *host) {
            return Ok(Poll::Ready("it is there again".into()));
        }
        let good = piece.filter(|piece| is_of(*piece, networks) && is_free(*piece, &live));
        kube::create(client, "/api/v1/nodes", &node(host, good))?;
        Ok(Poll::Ready(told(piece, good)))
    })
}

/// The piece of the pod network that the host's flanneld has worked with.
fn had(job: &Job<'_>, host: &str) -> Result<Option<IpNet>> {
    let path = sh_quote(&format!("{}/subnet.env", job.cluster.layout.flannel_run));
    let output = job.connect(host)?.run(&format!("cat {path} 2>/dev/null || true\n"), &mut empty())?;
    Ok(piece(&String::from_utf8_lossy(&output.stdout)))
}

/// `FLANNEL_SUBNET=10.244.1.1/24` is the bridge's address in it.
fn piece(environment: &str) -> Option<IpNet> {
    let subnet = environment.lines().find_map(|line| line.strip_prefix("FLANNEL_SUBNET="))?;
    subnet.trim().parse::<IpNet>().ok().map(|net| net.trunc())
}

/// A node's piece of the pod network, and nothing else.
fn is_of(piece: IpNet, networks: &Networks) -> bool {
    networks.pods.contains(&piece) && piece.prefix_len() == networks.node_prefix
}

/// What came of the piece that the host names.
fn told(named: Option<IpNet>, good: Option<IpNet>) -> String {
    match (named, good) {
        (_, Some(piece)) => format!("with {piece}"),
        (Some(piece), None) => {
            format!("with another piece of the pod network: {piece}, which its host names, is not to be had")
        }
        (None, None) => String::new(),
    }
}

/// Nobody else has got it meanwhile.
fn is_free(piece: IpNet, nodes: &[Value]) -> bool {
    let theirs = nodes.iter().filter_map(|node| node["spec"]["podCIDR"].as_str()?.parse::<IpNet>().ok());
    theirs.into_iter().all(|other| !other.contains(&piece) && !piece.contains(&other))
}

fn node(name: &str, piece: Option<IpNet>) -> Value {
    let spec = piece.map_or(json!({}), |piece| json!({ "podCIDR": piece, "podCIDRs": [piece] }));
    // Its kubelet writes this label only when it registers a node by itself.
    let metadata = json!({ "name": name, "labels": { "kubernetes.io/hostname": name } });
    json!({ "apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::example;

    #[test]
    fn a_node_gets_back_the_piece_that_its_host_has() {
        let text = "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\n";
        let had = piece(text).unwrap();
        assert_eq!(node("n2", Some(had))["spec"], json!({ "podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24"] }));
        for unknown in ["", "FLANNEL_SUBNET=", "FLANNEL_SUBNET=x"] {
            assert_eq!(piece(unknown), None);
        }
        assert_eq!(node("n2", None)["spec"], json!({}), "it is given one");
    }

    #[test]
    fn a_host_gets_nothing_but_a_nodes_piece_of_the_pod_network() {
        let networks = example::cluster("1.36.3").networks;
        let is_of = |piece: &str| is_of(piece.parse().unwrap(), &networks);
        assert!(is_of("10.244.1.0/24") && is_of("10.244.255.0/24"));
        for other in
            ["8.8.8.8/32", "10.96.0.0/24", "0.0.0.0/0", "10.0.0.0/8", "10.244.0.0/16", "10.244.1.0/25", "fd00::/24"]
        {
            assert!(!is_of(other), "{other}");
        }
        let (bad, good) = ("8.8.8.8/32".parse().ok(), "10.244.1.0/24".parse().ok());
        assert_eq!(told(good, good), "with 10.244.1.0/24");
        assert_eq!(told(None, None), "");
        assert!(told(bad, None).ends_with("8.8.8.8/32, which its host names, is not to be had"));
    }

    #[test]
    fn a_piece_that_another_node_has_got_meanwhile_is_not_taken_from_it() {
        let piece = "10.244.1.0/24".parse().unwrap();
        let nodes = |cidr: &str| vec![json!({ "spec": { "podCIDR": cidr } }), json!({ "spec": {} })];
        assert!(is_free(piece, &nodes("10.244.2.0/24")));
        assert!(!is_free(piece, &nodes("10.244.1.0/24")));
        assert!(!is_free(piece, &nodes("10.244.0.0/16")));
    }
}
