//! What a node was given, and whether somebody is let in at all.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::text;
use crate::clients::http::Client;
use crate::error::Result;
use crate::text::percent_encoded;

/// The pods that were given to a node, in all namespaces.
pub fn pods_on(client: &mut Client<'_>, node: &str) -> Result<Vec<Value>> {
    let selector = percent_encoded(&format!("spec.nodeName={node}"));
    super::list(client, &format!("/api/v1/pods?fieldSelector={selector}"), "")
}

/// Whether a user may read what everybody may who has a certificate: which APIs there are.
pub fn may_discover(client: &mut Client<'_>, user: &str) -> Result<bool> {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": user,
            "groups": ["system:authenticated"],
            "nonResourceAttributes": { "path": "/api", "verb": "get" },
        },
    });
    let answer = super::create(client, "/apis/authorization.k8s.io/v1/subjectaccessreviews", &review)?;
    Ok(answer["status"]["allowed"] == true)
}

/// The Secrets that a pod names, `NAMESPACE/NAME`: its node may read them, and has.
pub fn secrets_of(pod: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let list =
        |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut add = |value: &Value, pointer: &str| {
        names.insert(text(value, pointer));
    };
    for volume in list(pod, "/spec/volumes") {
        add(&volume, "/secret/secretName");
        list(&volume, "/projected/sources").iter().for_each(|source| add(source, "/secret/name"));
        // Drivers of storage are handed theirs by the kubelet.
        ["csi/nodePublishSecretRef", "iscsi/secretRef", "cephfs/secretRef", "rbd/secretRef", "flexVolume/secretRef"]
            .iter()
            .for_each(|driver| add(&volume, &format!("/{driver}/name")));
        add(&volume, "/azureFile/secretName");
    }
    for kind in ["containers", "initContainers", "ephemeralContainers"] {
        for container in list(pod, &format!("/spec/{kind}")) {
            list(&container, "/envFrom").iter().for_each(|from| add(from, "/secretRef/name"));
            list(&container, "/env").iter().for_each(|variable| add(variable, "/valueFrom/secretKeyRef/name"));
        }
    }
    list(pod, "/spec/imagePullSecrets").iter().for_each(|pull| add(pull, "/name"));
    names.remove("");
    let namespace = text(pod, "/metadata/namespace");
    names.into_iter().map(|name| format!("{namespace}/{name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_naming_a_secret_counts() {
        let pod = json!({"metadata": {"namespace": "web", "name": "a"}, "spec": {
            "imagePullSecrets": [{"name": "pull"}],
            "volumes": [
                {"secret": {"secretName": "volume"}},
                {"projected": {"sources": [{"secret": {"name": "projected"}}, {"serviceAccountToken": {}}]}},
                {"csi": {"driver": "x", "nodePublishSecretRef": {"name": "csi"}}},
                {"emptyDir": {}},
            ],
            "containers": [{"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "env", "key": "k"}}}]}],
            "initContainers": [{"envFrom": [{"secretRef": {"name": "env-from"}}, {"configMapRef": {"name": "no"}}]}],
        }});
        let names: Vec<String> = secrets_of(&pod).into_iter().collect();
        assert_eq!(names, ["web/csi", "web/env", "web/env-from", "web/projected", "web/pull", "web/volume"]);
        assert!(secrets_of(&json!({"metadata": {"namespace": "web"}, "spec": {}})).is_empty());
    }
}
