//! A node that somebody has deleted is made again, with the piece of the pod network that its host still has: with
//! another one its bridge and the pods that run there would be cut off.

use std::io::empty;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::Job;
use super::gate::{API, ask};
use crate::clients::kube;
use crate::cluster::NetworkPlugin;
use crate::error::Result;
use crate::health::Poll;
use crate::text::sh_quote;

/// Makes the node, unless it is there by now. Its kubelet says the rest when it starts.
pub(super) fn register(job: &Job<'_>, host: &str) -> Result<String> {
    let piece = match job.cluster.networks.plugin {
        NetworkPlugin::Flannel => had(job, host)?,
        NetworkPlugin::None => None,
    };
    ask(job, &format!("{host} is not a node again"), API, |client| {
        let live = kube::list(client, "/api/v1/nodes", "")?;
        if live.iter().any(|node| node["metadata"]["name"] == *host) {
            return Ok(Poll::Ready("it is there again".into()));
        }
        let piece = piece.filter(|piece| is_free(*piece, &live));
        kube::create(client, "/api/v1/nodes", &node(host, piece))?;
        Ok(Poll::Ready(piece.map(|piece| format!("with {piece}")).unwrap_or_default()))
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
    fn a_piece_that_another_node_has_got_meanwhile_is_not_taken_from_it() {
        let piece = "10.244.1.0/24".parse().unwrap();
        let nodes = |cidr: &str| vec![json!({ "spec": { "podCIDR": cidr } }), json!({ "spec": {} })];
        assert!(is_free(piece, &nodes("10.244.2.0/24")));
        assert!(!is_free(piece, &nodes("10.244.1.0/24")));
        assert!(!is_free(piece, &nodes("10.244.0.0/16")));
    }
}
