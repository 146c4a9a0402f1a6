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

/// How far a Deployment is; one that does not exist is not ready.
pub fn deployment_ready(client: &mut Client<'_>, namespace: &str, name: &str) -> Result<Rollout> {
    let path = kube::path("apps/v1", "Deployment", namespace, name)?;
    Ok(match kube::get(client, &path)? {
        Some(deployment) => rollout(&deployment),
        None => Rollout { ready: false, wanted: 0, available: 0, detail: "there is no such Deployment".into() },
    })
}

fn rollout(deployment: &Value) -> Rollout {
    let number = |pointer| deployment.pointer(pointer).and_then(Value::as_u64);
    let count = |pointer| number(pointer).unwrap_or_default();
    let wanted = number("/spec/replicas").unwrap_or(1);
    let (updated, available) = (count("/status/updatedReplicas"), count("/status/availableReplicas"));
    let seen = count("/status/observedGeneration") >= count("/metadata/generation");
    // Old replicas count in `replicas` until they are gone.
    let ready = seen && updated == wanted && available >= wanted && count("/status/replicas") == wanted;
    let detail = if seen {
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
            )
        };
        assert!(state(2, 2, 2, 2).ready);
        assert!(!state(3, 2, 2, 2).ready, "a newer template that was not seen yet");
        assert!(!state(2, 3, 2, 3).ready, "an old replica is still there");
        insta::assert_snapshot!(state(2, 2, 1, 1).detail, @"1 of 2 replicas available, 1 of them up to date");
    }
}
