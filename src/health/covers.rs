//! Whether a live object has everything that we want of it: how drift is found without writing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// Paths (as in `kubectl get -o jsonpath`) where `live` lacks what `desired` has, or differs from it.
///
/// What only the live object has (defaults, status, other people's labels) is no difference. Lists that Kubernetes
/// merges by key (containers, volumes, ports, …) are matched by it; all others must agree one by one. The server
/// drops empty values and null, writes quantities in its own way and turns `stringData` into `data`: no difference.
pub fn covers(live: &Value, desired: &Value) -> Vec<String> {
    let mut missing = Vec::new();
    compare(&mut missing, "", "", Some(live), desired);
    missing
}

fn compare(missing: &mut Vec<String>, path: &str, field: &str, live: Option<&Value>, desired: &Value) {
    let same = match (live, desired) {
        (None | Some(Value::Null), desired) => is_empty(desired),
        (Some(Value::Object(live)), Value::Object(desired)) => return object(missing, path, field, live, desired),
        (Some(Value::Array(live)), Value::Array(desired)) => return list(missing, path, field, live, desired),
        (Some(live), Value::Null) => is_empty(live),
        (Some(live), desired) => equal(field, live, desired),
    };
    if !same {
        missing.push(if path.is_empty() { ".".into() } else { path.to_owned() });
    }
}

fn object(missing: &mut Vec<String>, path: &str, field: &str, live: &Map<String, Value>, desired: &Map<String, Value>) {
    // Below these, every value is a quantity, whatever its name.
    let quantities = ["requests", "limits", "hard", "capacity"].contains(&field);
    for (key, value) in desired {
        if path.is_empty() && key == "status" || value.is_null() {
            continue;
        }
        let path = member(path, key);
        if let ("stringData", Value::Object(strings)) = (key.as_str(), value) {
            secret_data(missing, live.get("data"), strings);
        } else {
            compare(missing, &path, if quantities { "quantity" } else { key }, live.get(key), value);
        }
    }
}

/// Never the values: these are Secrets.
fn secret_data(missing: &mut Vec<String>, data: Option<&Value>, strings: &Map<String, Value>) {
    for (key, value) in strings {
        let expected = value.as_str().map(|text| STANDARD.encode(text));
        let found = data.and_then(|data| data.get(key)).and_then(Value::as_str);
        if found != expected.as_deref() {
            missing.push(member(".data", key));
        }
    }
}

fn list(missing: &mut Vec<String>, path: &str, field: &str, live: &[Value], desired: &[Value]) {
    let Some(keys) = merge_keys(field, desired) else {
        if live.len() != desired.len() {
            missing.push(path.to_owned());
            return;
        }
        for (index, (live, desired)) in live.iter().zip(desired).enumerate() {
            compare(missing, &format!("{path}[{index}]"), "", Some(live), desired);
        }
        return;
    };
    for element in desired {
        let found = live.iter().find(|live| keys.iter().all(|key| same_key(live, element, key)));
        let label = scalar(&element[keys[0]]);
        compare(missing, &format!("{path}[{}={label}]", keys[0]), "", found, element);
    }
}

/// The keys that Kubernetes' schema merges these lists by (`x-kubernetes-list-map-keys`).
fn merge_keys(field: &str, desired: &[Value]) -> Option<&'static [&'static str]> {
    let keys: &[&str] = match field {
        "containers" | "initContainers" | "env" | "volumes" | "imagePullSecrets" | "secrets" | "webhooks" => &["name"],
        "volumeMounts" => &["mountPath"],
        "ports" if desired.iter().all(|port| port.get("containerPort").is_some()) => &["containerPort", "protocol"],
        "ports" => &["port", "protocol"],
        "hostAliases" => &["ip"],
        "topologySpreadConstraints" => &["topologyKey", "whenUnsatisfiable"],
        "conditions" => &["type"],
        _ => return None,
    };
    desired.iter().all(|element| element.get(keys[0]).is_some()).then_some(keys)
}

fn same_key(live: &Value, desired: &Value, key: &str) -> bool {
    let or_default = |value: &Value| match value.get(key) {
        None | Some(Value::Null) if key == "protocol" => Value::from("TCP"),
        None => Value::Null,
        Some(value) => value.clone(),
    };
    or_default(live) == or_default(desired)
}

fn equal(field: &str, live: &Value, desired: &Value) -> bool {
    if live == desired {
        return true;
    }
    if let (Some(live), Some(desired)) = (live.as_f64(), desired.as_f64()) {
        return live == desired;
    }
    let is_quantity = ["quantity", "sizeLimit", "storage", "divisor"].contains(&field);
    is_quantity && matches!((quantity(live), quantity(desired)), (Some(a), Some(b)) if a == b)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().all(is_empty),
        Value::Array(list) => list.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
    }
}

/// A Kubernetes quantity in billionths; none where it is not one or needs an exponent.
fn quantity(value: &Value) -> Option<i128> {
    let text = scalar(value);
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (digits, suffix) = text.split_at(split);
    let factor: i128 = match suffix {
        "n" => 1,
        "u" => 1_000,
        "m" => 1_000_000,
        "" => 1_000_000_000,
        "k" => 1_000_000_000_000,
        "M" => 1_000_000_000_000_000,
        "G" => 1_000_000_000_000_000_000,
        "T" => 1_000_000_000_000_000_000_000,
        "Ki" => 1_000_000_000 << 10,
        "Mi" => 1_000_000_000 << 20,
        "Gi" => 1_000_000_000 << 30,
        "Ti" => 1_000_000_000 << 40,
        _ => return None,
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let number: i128 = format!("{whole}{fraction}").parse().ok()?;
    Some(number.checked_mul(factor)? / scale)
}

fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `.a.b`, and `['a.b/c']` where the name is not plain.
fn member(path: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if plain { format!("{path}.{key}") } else { format!("{path}['{key}']") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment() -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "coredns", "labels": {"k8s-app": "kube-dns"}},
            "spec": {"replicas": 2, "template": {"spec": {
                "containers": [{"name": "coredns", "image": "c:1", "args": ["-conf", "/a"],
                    "ports": [{"containerPort": 53, "name": "dns", "protocol": "UDP"}, {"containerPort": 53, "name": "dns-tcp"}],
                    "resources": {"limits": {"memory": "170Mi", "cpu": "1000m"}, "requests": {"cpu": 0.1}},
                    "env": [], "securityContext": {"readOnlyRootFilesystem": true}}],
                "tolerations": [{"operator": "Exists"}], "hostNetwork": false, "affinity": null}}}})
    }

    /// As the server would give it back: defaults added, empties dropped, lists in another order.
    fn live() -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "coredns", "uid": "1", "labels": {"k8s-app": "kube-dns", "more": "x"}, "managedFields": []},
            "spec": {"replicas": 2, "revisionHistoryLimit": 10, "template": {"spec": {
                "containers": [{"name": "sidecar"}, {"name": "coredns", "image": "c:1", "args": ["-conf", "/a"], "imagePullPolicy": "IfNotPresent",
                    "ports": [{"containerPort": 53, "name": "dns-tcp", "protocol": "TCP"}, {"containerPort": 53, "name": "dns", "protocol": "UDP"}],
                    "resources": {"limits": {"memory": "170Mi", "cpu": "1"}, "requests": {"cpu": "100m"}},
                    "securityContext": {"readOnlyRootFilesystem": true}}],
                "tolerations": [{"operator": "Exists"}]}}},
            "status": {"replicas": 2}})
    }

    #[test]
    fn what_the_server_adds_and_rewrites_is_no_drift() {
        assert_eq!(covers(&live(), &deployment()), Vec::<String>::new());
    }

    #[test]
    fn every_difference_is_named() {
        let mut live = live();
        let spec = &mut live["spec"]["template"]["spec"];
        spec["containers"][1]["image"] = json!("c:2");
        spec["containers"][1]["args"] = json!(["-conf", "/b"]);
        spec["containers"][1]["ports"].as_array_mut().unwrap().remove(1);
        spec["containers"][1]["resources"]["limits"]["memory"] = json!("171Mi");
        spec["tolerations"] = json!([{"operator": "Exists"}, {"key": "x"}]);
        spec["hostNetwork"] = json!(true);
        live["metadata"]["labels"] = json!({});
        live["spec"]["replicas"] = json!(1);
        assert_eq!(
            covers(&live, &deployment()),
            [
                ".metadata.labels.k8s-app",
                ".spec.replicas",
                ".spec.template.spec.containers[name=coredns].args[1]",
                ".spec.template.spec.containers[name=coredns].image",
                ".spec.template.spec.containers[name=coredns].ports[containerPort=53]",
                ".spec.template.spec.containers[name=coredns].resources.limits.memory",
                ".spec.template.spec.hostNetwork",
                ".spec.template.spec.tolerations",
            ]
        );
    }

    #[test]
    fn lists_of_grants_must_agree_exactly() {
        let desired = json!({"subjects": [{"kind": "User", "name": "a"}], "rules": [{"verbs": ["get"]}]});
        let live = json!({"subjects": [{"kind": "User", "name": "a"}, {"kind": "User", "name": "b"}],
            "rules": [{"verbs": ["get", "list"]}]});
        assert_eq!(covers(&live, &desired), [".rules[0].verbs", ".subjects"]);
    }

    #[test]
    fn secrets_are_compared_by_their_encoding() {
        let desired = json!({"stringData": {"a": "x", "b.c": "y"}});
        assert_eq!(covers(&json!({"data": {"a": "eA==", "b.c": "eQ=="}}), &desired), Vec::<String>::new());
        assert_eq!(covers(&json!({"data": {"a": "eA=="}}), &desired), [".data['b.c']"]);
    }

    #[test]
    fn an_object_that_is_not_there_lacks_everything() {
        assert_eq!(covers(&Value::Null, &json!({"a": 1})), ["."]);
        assert_eq!(covers(&json!({}), &json!({"a": {"b": 1}, "c": {}, "d": ""})), [".a"]);
    }

    #[test]
    fn quantities_by_their_value() {
        for (a, b) in [("1", "1000m"), ("0.5", "500m"), ("1Gi", "1024Mi"), ("1.5k", "1500")] {
            assert_eq!(quantity(&a.into()), quantity(&b.into()), "{a} {b}");
        }
        assert_ne!(quantity(&"1G".into()), quantity(&"1Gi".into()));
        assert_eq!(quantity(&"fast".into()), None);
    }
}
