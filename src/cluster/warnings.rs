//! What works but deserves a second look.

use super::{Cluster, ProxyMode, Role};

/// One sentence each.
pub fn warnings(cluster: &Cluster) -> Vec<String> {
    let mut all = vec![];
    if cluster.proxy_mode == ProxyMode::Ipvs && cluster.versions.kubernetes.minor >= 35 {
        all.push("kube-proxy's mode ipvs is deprecated since Kubernetes 1.35: nftables is its successor".into());
    }
    if cluster.with_role(Role::Node).next().is_none() {
        all.push("no host has the role `node`: nothing can run in this cluster, not even CoreDNS".into());
    }
    let (masters, members) = (cluster.with_role(Role::Master).count(), cluster.with_role(Role::Etcd).count());
    if masters > 1 && members == 1 {
        all.push(format!("{masters} masters share one etcd member: when its host is lost, so is the cluster"));
    }
    if masters == 2 {
        all.push(
            "2 masters bear the loss of one only where etcd bears it, too: of 3 masters that are its members any one may \
             be lost"
                .into(),
        );
    }
    all
}
