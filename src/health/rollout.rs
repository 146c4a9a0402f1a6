//! Whether a Deployment is out.

use serde::Serialize;
use serde_json::Value;

use crate::clients::http::Client;
use crate::clients::kube;
use crate::error::Result;

/// How far a Deployment is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rollout {
    /// All replicas are of the newest template and available.
    pub ready: bool,
    /// Replicas wanted.
    pub wanted: u64,
    /// Of them available.
    pub available: u64,
    /// In words, for example `1 of 2 replicas available`.
    pub detail: String,
}

/// How far a Deployment is, of which there must be so many `replicas`, or else as many as it says itself; one that does
/// not exist is not ready.
pub fn deployment_ready(
    client: &mut Client<'_>,
    namespace: &str,
    name: &str,
    replicas: Option<u64>,
) -> Result<Rollout> {
    let path = kube::path("apps/v1", "Deployment", namespace, name)?;
    Ok(match kube::get(client, &path)? {
        Some(deployment) => rollout(&deployment, replicas),
        None => Rollout { ready: false, wanted: 0, available: 0, detail: "there is no such Deployment".into() },
    })
}

/// How many replicas a Deployment among these objects asks for; none where it is not there or leaves it open.
pub fn replicas(objects: &[Value], namespace: &str, name: &str) -> Option<u64> {
    let is_it = |object: &&Value| {
        object["kind"] == "Deployment"
            && object["metadata"]["namespace"] == namespace
            && object["metadata"]["name"] == name
    };
    objects.iter().find(is_it)?["spec"]["replicas"].as_u64()
}

fn rollout(deployment: &Value, replicas: Option<u64>) -> Rollout {
    let number = |pointer| deployment.pointer(pointer).and_then(Value::as_u64);
    let count = |pointer| number(pointer).unwrap_or_default();
    let scaled = number("/spec/replicas").unwrap_or(1);
    // Somebody may have scaled it: what it has then is not what it should have.
    let wanted = replicas.unwrap_or(scaled);
    let (updated, available) = (count("/status/updatedReplicas"), count("/status/availableReplicas"));
    let seen = count("/status/observedGeneration") >= count("/metadata/generation");
    // Old replicas count in `replicas` until they are gone.
    let ready = seen && updated == wanted && available >= wanted && count("/status/replicas") == wanted;
    let detail = if scaled != wanted {
        format!("{available} of {wanted} replicas available: it was scaled to {scaled}")
    } else if seen {
        format!("{available} of {wanted} replicas available, {updated} of them up to date")
    } else {
        "kube-controller-manager has not looked at it yet".into()
    };
    Rollout { ready, wanted, available, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_deployment_is_out_when_the_newest_template_is_available_everywhere() {
        let state = |generation: u64, replicas: u64, updated: u64, available: u64| {
            rollout(
                &json!({"metadata": {"generation": generation}, "spec": {"replicas": 2}, "status": {"observedGeneration": 2,
                "replicas": replicas, "updatedReplicas": updated, "availableReplicas": available}}),
                Some(2),
            )
        };
        assert!(state(2, 2, 2, 2).ready);
        assert!(!state(3, 2, 2, 2).ready, "a newer template that was not seen yet");
        assert!(!state(2, 3, 2, 3).ready, "an old replica is still there");
        insta::assert_snapshot!(state(2, 2, 1, 1).detail, @"1 of 2 replicas available, 1 of them up to date");
    }

    #[test]
    fn a_deployment_that_was_scaled_down_is_not_out() {
        let scaled = |to: u64| {
            json!({"kind": "Deployment", "metadata": {"name": "coredns", "namespace": "kube-system", "generation": 1},
                "spec": {"replicas": to}, "status": {"observedGeneration": 1, "replicas": to, "updatedReplicas": to,
                "availableReplicas": to}})
        };
        let ours = replicas(&[json!({"kind": "Service"}), scaled(2)], "kube-system", "coredns");
        assert_eq!(ours, Some(2));
        assert!(rollout(&scaled(2), ours).ready);
        for to in [0, 1] {
            assert!(rollout(&scaled(to), None).ready, "what Kubernetes itself would say");
            assert!(!rollout(&scaled(to), ours).ready);
        }
        insta::assert_snapshot!(rollout(&scaled(0), ours).detail, @"0 of 2 replicas available: it was scaled to 0");
    }
}
