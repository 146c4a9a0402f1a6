//! Where objects live: the path of a kind, for the kinds that kbootstrap uses.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::text::percent_encoded;

/// API version, kind, plural, and whether it lives in a namespace.
const KINDS: &[(&str, &str, &str, bool)] = &[
    ("v1", "Namespace", "namespaces", false),
    ("v1", "Node", "nodes", false),
    ("v1", "ConfigMap", "configmaps", true),
    ("v1", "Endpoints", "endpoints", true),
    ("v1", "Event", "events", true),
    ("v1", "LimitRange", "limitranges", true),
    ("v1", "PersistentVolume", "persistentvolumes", false),
    ("v1", "PersistentVolumeClaim", "persistentvolumeclaims", true),
    ("v1", "Pod", "pods", true),
    ("v1", "ResourceQuota", "resourcequotas", true),
    ("v1", "Secret", "secrets", true),
    ("v1", "Service", "services", true),
    ("v1", "ServiceAccount", "serviceaccounts", true),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", false),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", false),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false),
    ("apiregistration.k8s.io/v1", "APIService", "apiservices", false),
    ("apps/v1", "DaemonSet", "daemonsets", true),
    ("apps/v1", "Deployment", "deployments", true),
    ("apps/v1", "ReplicaSet", "replicasets", true),
    ("apps/v1", "StatefulSet", "statefulsets", true),
    ("batch/v1", "CronJob", "cronjobs", true),
    ("batch/v1", "Job", "jobs", true),
    ("certificates.k8s.io/v1", "CertificateSigningRequest", "certificatesigningrequests", false),
    ("coordination.k8s.io/v1", "Lease", "leases", true),
    ("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", true),
    ("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", true),
    ("networking.k8s.io/v1", "ServiceCIDR", "servicecidrs", false),
    ("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", true),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", false),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", false),
    ("rbac.authorization.k8s.io/v1", "Role", "roles", true),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings", true),
    ("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", false),
    ("storage.k8s.io/v1", "CSINode", "csinodes", false),
    ("storage.k8s.io/v1", "StorageClass", "storageclasses", false),
];

/// The path of an object, or of the collection where `name` is empty. A namespace is needed where the kind has one.
pub fn path(api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<String> {
    let known = KINDS.iter().find(|(version, known, ..)| *version == api_version && *known == kind);
    let Some((_, _, plural, namespaced)) = known else {
        return Err(Error::input(format!("{api_version} {kind}: kbootstrap cannot apply objects of this kind"))
            .hint("apply it with kubectl"));
    };
    let mut path =
        if api_version.contains('/') { format!("/apis/{api_version}") } else { format!("/api/{api_version}") };
    if *namespaced {
        if namespace.is_empty() {
            return Err(Error::input(format!("{kind} {name}: no namespace")));
        }
        path.push_str(&format!("/namespaces/{}", percent_encoded(namespace)));
    }
    path.push_str(&format!("/{plural}"));
    if !name.is_empty() {
        path.push_str(&format!("/{}", percent_encoded(name)));
    }
    Ok(path)
}

/// The path of an object as it says of itself.
pub fn path_of(object: &Value) -> Result<String> {
    let field = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (kind, name) = (field("/kind"), field("/metadata/name"));
    if kind.is_empty() || name.is_empty() {
        return Err(Error::input("a manifest lacks its kind or metadata.name"));
    }
    path(field("/apiVersion"), kind, field("/metadata/namespace"), name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths() {
        let of = |api, kind, namespace, name| path(api, kind, namespace, name).unwrap();
        assert_eq!(of("v1", "Namespace", "", "a"), "/api/v1/namespaces/a");
        assert_eq!(
            of("apps/v1", "Deployment", "kube-system", "coredns"),
            "/apis/apps/v1/namespaces/kube-system/deployments/coredns"
        );
        assert_eq!(
            of("rbac.authorization.k8s.io/v1", "ClusterRole", "", "system:coredns"),
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Acoredns"
        );
        assert_eq!(of("v1", "Pod", "x", ""), "/api/v1/namespaces/x/pods");
        assert_eq!(path("v1", "Pod", "", "p").unwrap_err().message, "Pod p: no namespace");
        assert_eq!(
            path("apps/v2", "Deployment", "x", "p").unwrap_err().message,
            "apps/v2 Deployment: kbootstrap cannot apply objects of this kind"
        );
        assert!(path_of(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": {}})).is_err());
    }

    #[test]
    fn no_kind_is_listed_twice() {
        let mut names: Vec<_> = KINDS.iter().map(|(version, kind, ..)| (version, kind)).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
