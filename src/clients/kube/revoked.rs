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

/// All PersistentVolumes.
pub fn volumes(client: &mut Client<'_>) -> Result<Vec<Value>> {
    super::list(client, "/api/v1/persistentvolumes", "")
}

/// The claims that a pod names, `NAMESPACE/NAME`; that of an ephemeral volume is called after pod and volume.
pub fn claims_of(pod: &Value) -> BTreeSet<String> {
    let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
    let volumes = pod.pointer("/spec/volumes").and_then(Value::as_array).into_iter().flatten();
    let claims = volumes.filter_map(|volume| {
        if volume.get("ephemeral").is_some() {
            return Some(format!("{namespace}/{name}-{}", text(volume, "/name")));
        }
        let claim = text(volume, "/persistentVolumeClaim/claimName");
        (!claim.is_empty()).then(|| format!("{namespace}/{claim}"))
    });
    claims.collect()
}

/// The Secrets that a pod names, `NAMESPACE/NAME`, itself or by those of these PersistentVolumes that it claims: its node may
/// read them, and has. What a driver's controller is given is among them, for it may have run there.
pub fn secrets_of(pod: &Value, volumes: &[Value]) -> BTreeSet<String> {
    let (mut secrets, claims) = (BTreeSet::new(), claims_of(pod));
    named_in(&pod["spec"], &text(pod, "/metadata/namespace"), &mut secrets);
    for volume in volumes {
        let namespace = text(volume, "/spec/claimRef/namespace");
        if claims.contains(&format!("{namespace}/{}", text(volume, "/spec/claimRef/name"))) {
            named_in(&volume["spec"], &namespace, &mut secrets);
        }
    }
    secrets
}

/// Adds the Secrets that are named anywhere in a specification, by the names that the API gives such fields: `secretName`,
/// `secretKeyRef`, `imagePullSecrets`, `nodeStageSecretRef` and its like. `namespace` is where they are if nothing else is said.
fn named_in(value: &Value, namespace: &str, secrets: &mut BTreeSet<String>) {
    let Value::Object(fields) = value else {
        value.as_array().into_iter().flatten().for_each(|item| named_in(item, namespace, secrets));
        return;
    };
    let own = |field: &str| fields.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(name) = own("secretName") {
        secrets.insert(format!("{}/{name}", own("secretNamespace").unwrap_or(namespace)));
    }
    for (field, inner) in fields {
        named_in(inner, namespace, secrets);
        let field = field.to_ascii_lowercase();
        let names_some = field == "secret" || field == "imagepullsecrets" || field.ends_with("secretref");
        if !names_some && !field.ends_with("secretkeyref") {
            continue;
        }
        for reference in inner.as_array().map_or(std::slice::from_ref(inner), Vec::as_slice) {
            let (name, elsewhere) = (text(reference, "/name"), text(reference, "/namespace"));
            if !name.is_empty() {
                secrets.insert(format!("{}/{name}", if elsewhere.is_empty() { namespace } else { &elsewhere }));
            }
        }
    }
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
        let names: Vec<String> = secrets_of(&pod, &[]).into_iter().collect();
        assert_eq!(names, ["web/csi", "web/env", "web/env-from", "web/projected", "web/pull", "web/volume"]);
        assert!(secrets_of(&json!({"metadata": {"namespace": "web"}, "spec": {}}), &[]).is_empty());
    }

    /// Every field of a pod's volume and of a PersistentVolume that names a Secret in Kubernetes 1.36.
    #[test]
    fn secrets_of_drivers_count_in_pods_and_behind_their_claims() {
        let drivers = |reference: Value| {
            let one = |driver: &str| json!({"secretRef": {"name": driver, "namespace": reference["namespace"]}});
            json!({
                "cephfs": one("cephfs"), "rbd": one("rbd"), "iscsi": one("iscsi"), "flexVolume": one("flex"),
                "scaleIO": one("scaleio"), "storageos": one("storageos"), "cinder": one("cinder"),
                "azureFile": {"secretName": "azure", "secretNamespace": reference["namespace"], "shareName": "x"},
            })
        };
        let in_tree = ["azure", "cephfs", "cinder", "flex", "iscsi", "rbd", "scaleio", "storageos"];
        let all = |namespace: &str, names: &[&str]| -> Vec<String> {
            names.iter().map(|name| format!("{namespace}/{name}")).collect()
        };
        let pod = json!({"metadata": {"namespace": "web"}, "spec": {"volumes": [drivers(json!({}))]}});
        assert_eq!(secrets_of(&pod, &[]).into_iter().collect::<Vec<_>>(), all("web", &in_tree));

        let pod = json!({"metadata": {"namespace": "web", "name": "a"}, "spec": {"volumes": [
            {"name": "v", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {}}},
        ]}});
        assert_eq!(claims_of(&pod).into_iter().collect::<Vec<_>>(), ["web/a-scratch", "web/data"]);
        let volume = |claim: &str, mut spec: Value| {
            spec["claimRef"] = json!({"namespace": "web", "name": claim});
            json!({"spec": spec})
        };
        let driver = json!({"csi": {"driver": "x",
            "nodeStageSecretRef": {"name": "stage", "namespace": "csi"},
            "nodePublishSecretRef": {"name": "publish", "namespace": "csi"},
            "nodeExpandSecretRef": {"name": "grow", "namespace": "csi"},
            "controllerPublishSecretRef": {"name": "attach", "namespace": "csi"},
            "controllerExpandSecretRef": {"name": "expand", "namespace": "csi"}}});
        let volumes = [
            volume("data", driver),
            volume("a-scratch", drivers(json!({"namespace": "ceph"}))),
            volume("another", json!({"rbd": {"secretRef": {"name": "theirs"}}})),
        ];
        let secrets: Vec<String> = secrets_of(&pod, &volumes).into_iter().collect();
        let driven = ["attach", "expand", "grow", "publish", "stage"];
        assert_eq!(secrets, [all("ceph", &in_tree), all("csi", &driven)].concat());
        // One that names no namespace is where the claim is.
        let near = volume("data", json!({"azureFile": {"secretName": "near"}, "rbd": {"secretRef": {"name": "by"}}}));
        assert_eq!(secrets_of(&pod, &[near]).into_iter().collect::<Vec<_>>(), ["web/by", "web/near"]);
    }
}
