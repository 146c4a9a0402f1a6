//! The Kubernetes API with plain requests: what kbootstrap asks of it, and what it applies.

mod encryption;
mod kinds;
mod leases;
mod nodes;
mod pods;
mod ready;
mod revoked;

pub use encryption::{Touched, encryption_config, touch};
pub use kinds::{path, path_of};
pub use leases::{Lease, lease_paths, leases, node_renewed};
pub use nodes::{Node, Taint, nodes};
pub use pods::{Pod, Warning, pods, warnings};
pub use ready::{READYZ, Ready, readyz};
pub use revoked::{claims_of, may_discover, pods_on, secrets_of, volumes};

use std::time::Duration;

use serde_json::Value;

use crate::clients::http::{Client, Request, Response};
use crate::error::{Error, Kind, Result};
use crate::text::percent_encoded;

/// The name that the API server records our fields under.
pub const FIELD_MANAGER: &str = "kbootstrap";

/// An object or list; none when the server says 404.
pub fn get(client: &mut Client<'_>, path: &str) -> Result<Option<Value>> {
    let response = client.send(&Request::new("GET", path))?;
    if response.status == 404 {
        return Ok(None);
    }
    expect(client, "GET", path, response).map(Some)
}

/// The items of a list; `selector` is a label selector, or empty.
pub fn list(client: &mut Client<'_>, path: &str, selector: &str) -> Result<Vec<Value>> {
    let path = if selector.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?labelSelector={}", percent_encoded(selector))
    };
    let response = client.send(&Request::new("GET", &path))?;
    match expect(client, "GET", &path, response)?.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => Ok(items),
        // Go writes an empty list as null.
        Some(Value::Null) => Ok(Vec::new()),
        _ => Err(Error::health(format!("{}: GET {path}: the answer is not a list", client.peer()))),
    }
}

/// Creates an object below a collection's path; one that is there already is refused.
pub fn create(client: &mut Client<'_>, collection: &str, object: &Value) -> Result<Value> {
    write(client, "POST", collection, "application/json", object)
}

/// Changes an object by a JSON merge patch (RFC 7396).
pub fn patch(client: &mut Client<'_>, path: &str, change: &Value) -> Result<Value> {
    write(client, "PATCH", path, "application/merge-patch+json", change)
}

/// As [`patch`], of an object that may have gone meanwhile.
pub fn patch_if_there(client: &mut Client<'_>, path: &str, change: &Value) -> Result<()> {
    let response = client.request("PATCH", path, "application/merge-patch+json", change.to_string().as_bytes())?;
    if response.status == 404 {
        return Ok(());
    }
    expect(client, "PATCH", path, response).map(drop)
}

/// Makes the object be as given, by server-side apply: fields that we applied before and no longer give are removed,
/// fields that others set are left alone. Its API version, kind, namespace and name say where it goes.
pub fn apply(client: &mut Client<'_>, object: &Value) -> Result<Value> {
    let path = format!("{}?fieldManager={FIELD_MANAGER}&force=true", kinds::path_of(object)?);
    write(client, "PATCH", &path, "application/apply-patch+yaml", object)
}

/// Why the server would refuse to make the object be as given, in its words; none where it would not. Nothing is changed.
pub fn would_refuse(client: &mut Client<'_>, object: &Value) -> Result<Option<String>> {
    let path = format!("{}?fieldManager={FIELD_MANAGER}&force=true&dryRun=All", kinds::path_of(object)?);
    let response = client.request("PATCH", &path, "application/apply-patch+yaml", object.to_string().as_bytes())?;
    // Other errors are of the moment, or of webhooks that cannot be asked without effect.
    Ok(matches!(response.status, 400 | 403 | 405 | 409 | 422).then(|| said(&response)))
}

/// Deletes an object, and what belongs to it in the background. Whether it was there.
pub fn delete(client: &mut Client<'_>, path: &str) -> Result<bool> {
    delete_with(client, path, br#"{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Background"}"#)
}

/// Deletes a pod without waiting for its node. Whether it was there.
pub fn delete_now(client: &mut Client<'_>, path: &str) -> Result<bool> {
    delete_with(client, path, br#"{"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0}"#)
}

fn delete_with(client: &mut Client<'_>, path: &str, options: &[u8]) -> Result<bool> {
    let request = Request { body: Some(("application/json", options)), ..Request::new("DELETE", path) };
    let response = client.send(&request)?;
    // 409: it is being deleted already.
    if response.status == 404 || response.status == 409 {
        return Ok(false);
    }
    expect(client, "DELETE", path, response).map(|_| true)
}

/// Runs a program in a running container through the API server and the node's kubelet (`/run`), and waits for it.
/// No word of `command` may have a space in it. Standard output and standard error come back as one text; a program
/// that fails is an error with both.
pub fn exec(
    client: &mut Client<'_>,
    pod: &Pod,
    container: &str,
    command: &[&str],
    timeout: Duration,
) -> Result<String> {
    let path = format!(
        "/api/v1/nodes/{}/proxy/run/{}/{}/{container}?cmd={}",
        pod.node,
        pod.namespace,
        pod.name,
        percent_encoded(&command.join(" "))
    );
    let response = client.send(&Request { headers: &[("Accept", "*/*")], timeout, ..Request::new("POST", &path) })?;
    match response.status {
        200 => Ok(response.text()),
        _ => Err(Error::health(format!("{} on {}: {}", pod.name, pod.node, said(&response)))),
    }
}

/// The last lines that a container wrote.
pub fn logs(client: &mut Client<'_>, pod: &Pod, lines: u32) -> Result<String> {
    let path = format!("/api/v1/namespaces/{}/pods/{}/log?tailLines={lines}", pod.namespace, pod.name);
    let response = client.send(&Request { headers: &[("Accept", "*/*")], ..Request::new("GET", &path) })?;
    match response.status {
        200 => Ok(response.text()),
        _ => Err(refusal(client, "GET", &path, &response)),
    }
}

fn write(client: &mut Client<'_>, method: &str, path: &str, media_type: &str, object: &Value) -> Result<Value> {
    let response = client.request(method, path, media_type, object.to_string().as_bytes())?;
    expect(client, method, path, response)
}

fn expect(client: &Client<'_>, method: &str, path: &str, response: Response) -> Result<Value> {
    match response.status {
        200..=299 => response.json().map_err(|e| e.context(format!("{}: {method} {path}", client.peer()))),
        _ => Err(refusal(client, method, path, &response)),
    }
}

/// The server's refusal in its own words.
fn refusal(client: &Client<'_>, method: &str, path: &str, response: &Response) -> Error {
    let path = path.split('?').next().unwrap_or(path);
    let message = format!("{}: {method} {path}: {} {}", client.peer(), response.status, said(response));
    match (response.status, client.identity()) {
        (401, Some(ours)) => Error::new(Kind::Connect, message)
            .detail(format!("client certificate: {ours}"))
            .hint("the server does not take this certificate: compare its CA with --client-ca-file, and the clocks"),
        _ => Error::health(message),
    }
}

/// The message of a `Status`, or the beginning of whatever else came.
fn said(response: &Response) -> String {
    let status: Option<Value> = serde_json::from_slice(&response.body).ok();
    match status.as_ref().and_then(|status| status["message"].as_str()) {
        Some(message) if !message.is_empty() => message.to_owned(),
        _ => response.text().trim().chars().take(400).collect(),
    }
}

/// A string somewhere in an object; empty where there is none.
fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
