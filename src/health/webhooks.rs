//! Admission webhooks that keep a cluster from working: without their answer the API server refuses what they cover.

use serde_json::{Value, json};

use crate::clients::http::{Client, Request};
use crate::clients::kube;
use crate::error::Result;

/// Both sorts, as `kubectl get` names them.
const SORTS: [(&str, &str); 2] = [
    ("ValidatingWebhookConfiguration", "validatingwebhookconfigurations"),
    ("MutatingWebhookConfiguration", "mutatingwebhookconfigurations"),
];

/// What is asked first, for who asks many things ahead.
pub fn webhook_paths() -> [String; 2] {
    SORTS.map(|(_, plural)| list_of(plural))
}

fn list_of(plural: &str) -> String {
    format!("/apis/admissionregistration.k8s.io/v1/{plural}")
}

/// Webhooks because of which requests are refused, a line each.
pub fn refusing_webhooks(client: &mut Client<'_>) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut tries = false;
    for (kind, plural) in SORTS {
        for configuration in kube::list(client, &list_of(plural), "")? {
            for webhook in needed(&configuration) {
                let title = format!("{} of {kind} {}", text(webhook, "name"), text(&configuration["metadata"], "name"));
                let service = &webhook["clientConfig"]["service"];
                if service.is_object() && !has_endpoint(client, service)? {
                    let (namespace, name) = (text(service, "namespace"), text(service, "name"));
                    lines.push(format!(
                        "webhook {title}: its Service {namespace}/{name} has no ready endpoint, and failurePolicy is Fail: what it covers is refused"
                    ));
                } else {
                    tries |= covers_config_maps(webhook);
                }
            }
        }
    }
    if tries && let Some(said) = refused(client)? {
        lines.push(format!("a webhook refuses any ConfigMap: {said}"));
    }
    Ok(lines)
}

/// Those without whose answer nothing goes on.
fn needed(configuration: &Value) -> impl Iterator<Item = &Value> {
    let webhooks = configuration["webhooks"].as_array().into_iter().flatten();
    webhooks.filter(|webhook| webhook["failurePolicy"] != "Ignore")
}

fn has_endpoint(client: &mut Client<'_>, service: &Value) -> Result<bool> {
    let path = kube::path("discovery.k8s.io/v1", "EndpointSlice", &text(service, "namespace"), "")?;
    let slices = kube::list(client, &path, &format!("kubernetes.io/service-name={}", text(service, "name")))?;
    Ok(slices.iter().any(is_ready))
}

fn is_ready(slice: &Value) -> bool {
    let mut endpoints = slice["endpoints"].as_array().into_iter().flatten();
    // Not said is ready, as the API has it.
    endpoints.any(|endpoint| endpoint["conditions"]["ready"] != false)
}

/// A ConfigMap is what no policy has a reason to refuse as such.
fn covers_config_maps(webhook: &Value) -> bool {
    let has = |rule: &Value, field: &str, names: &[&str]| {
        let mut listed = rule[field].as_array().into_iter().flatten().filter_map(Value::as_str);
        listed.any(|name| names.contains(&name))
    };
    webhook["rules"].as_array().into_iter().flatten().any(|rule| {
        has(rule, "apiGroups", &["*", ""])
            && has(rule, "operations", &["*", "CREATE"])
            && has(rule, "resources", &["*", "*/*", "configmaps"])
    })
}

/// What the API server says to a ConfigMap that is not kept.
fn refused(client: &mut Client<'_>) -> Result<Option<String>> {
    let path = "/api/v1/namespaces/default/configmaps?dryRun=All";
    let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "generateName": "kbootstrap-" } });
    let body = object.to_string();
    let request = Request { body: Some(("application/json", body.as_bytes())), ..Request::new("POST", path) };
    let response = client.send(&request)?;
    if (200..300).contains(&response.status) {
        return Ok(None);
    }
    let message = response.json().ok().and_then(|status| Some(status["message"].as_str()?.to_owned()));
    Ok(Some(format!("{} {}", response.status, message.unwrap_or_default()).trim_end().to_owned()))
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_that_may_fail_hinder_nobody() {
        let configuration = json!({ "webhooks": [
            { "name": "a", "failurePolicy": "Ignore" }, { "name": "b", "failurePolicy": "Fail" }, { "name": "c" },
        ] });
        let names: Vec<String> = needed(&configuration).map(|webhook| text(webhook, "name")).collect();
        assert_eq!(names, ["b", "c"], "Fail is what is meant where nothing is said");
        assert_eq!(needed(&json!({})).count(), 0);
    }

    #[test]
    fn an_endpoint_is_ready_unless_it_says_otherwise() {
        let slice = |conditions: &[Value]| {
            let endpoints: Vec<Value> = conditions.iter().map(|c| json!({ "conditions": c })).collect();
            json!({ "endpoints": endpoints })
        };
        assert!(is_ready(&slice(&[json!({ "ready": false }), json!({ "ready": true })])));
        assert!(is_ready(&slice(&[json!({})])));
        assert!(!is_ready(&slice(&[json!({ "ready": false })])));
        assert!(!is_ready(&slice(&[])) && !is_ready(&json!({ "endpoints": null })));
    }

    #[test]
    fn only_what_covers_config_maps_is_tried_with_one() {
        let webhook = |group: &str, operation: &str, resource: &str| json!({ "rules": [{ "apiGroups": [group], "operations": [operation], "resources": [resource] }] });
        assert!(covers_config_maps(&webhook("*", "*", "*")));
        assert!(covers_config_maps(&webhook("", "CREATE", "configmaps")));
        assert!(!covers_config_maps(&webhook("", "DELETE", "configmaps")));
        assert!(!covers_config_maps(&webhook("", "CREATE", "pods")));
        assert!(!covers_config_maps(&webhook("cert-manager.io", "CREATE", "*")));
    }
}
