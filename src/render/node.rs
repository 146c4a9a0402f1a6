//! A node's labels and taints: what its kubelet may set by itself, and what must be set through the API.

use std::collections::BTreeMap;

use crate::cluster::{Host, Role, Taint};

/// Labels in the reserved domains that NodeRestriction lets a kubelet give itself
/// (kubernetes staging/src/k8s.io/kubelet/pkg/apis/well_known_labels.go).
const ALLOWED: [&str; 6] = [
    "kubernetes.io/hostname",
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];
const ALLOWED_DOMAINS: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];

/// Those that a kubelet sets again whenever it starts, whoever has changed them meanwhile
/// (kubernetes pkg/kubelet/kubelet_node_status.go, `updateDefaultLabels`). A kubelet is not given them: it may not change
/// a label that is there, and one that tries does not register.
const SET_AGAIN: [&str; 3] =
    ["node.kubernetes.io/instance-type", "topology.kubernetes.io/region", "topology.kubernetes.io/zone"];

/// All labels that the node must have: the inventory's, and the master's role. They are set through the API, with
/// administrator's rights: a kubelet sets its own only when it registers, and some never.
pub fn node_labels(host: &Host) -> BTreeMap<String, String> {
    let mut labels = host.labels.clone();
    if host.is(Role::Master) {
        labels.entry("node-role.kubernetes.io/control-plane".into()).or_default();
    }
    labels
}

/// All taints that the node must have. The kubelet registers with them; later changes go through the API.
pub fn node_taints(host: &Host) -> &[Taint] {
    &host.taints
}

/// The value of `--node-labels`, so that a node has them from its first moment: `a=b,c=d`.
pub(super) fn registration_labels(host: &Host) -> String {
    let own = host.labels.iter().filter(|(key, _)| may_set(key) && !SET_AGAIN.contains(&key.as_str()));
    own.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// Whether a kubelet may give itself the label; it refuses to start with one that it may not.
fn may_set(key: &str) -> bool {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    let under = |parent: &str| domain == parent || domain.ends_with(&format!(".{parent}"));
    let reserved = under("kubernetes.io") || under("k8s.io");
    !reserved || ALLOWED.contains(&key) || ALLOWED_DOMAINS.iter().any(|domain| under(domain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::example;

    #[test]
    fn a_kubelet_sets_only_what_node_restriction_allows() {
        for key in ["disk", "example.com/rack", "topology.kubernetes.io/zone", "node.kubernetes.io/x", "notk8s.io/a"] {
            assert!(may_set(key), "{key}");
        }
        for key in
            ["node-role.kubernetes.io/worker", "kubernetes.io/rack", "a.k8s.io/b", "node-restriction.kubernetes.io/x"]
        {
            assert!(!may_set(key), "{key}");
        }
    }

    #[test]
    fn what_a_kubelet_would_set_again_is_set_through_the_api_alone() {
        let mut host = example::host("n1", 21, &[Role::Node]);
        for key in ["disk", "topology.kubernetes.io/zone", "topology.kubernetes.io/region"] {
            host.labels.insert(key.into(), "a".into());
        }
        assert_eq!(registration_labels(&host), "disk=a");
        assert_eq!(node_labels(&host).len(), 3);
    }
}
