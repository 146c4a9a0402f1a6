//! Leaving nothing behind: not of this run, and not of one that was killed.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use super::manifests::LABEL;
use crate::access::ApiAccess;
use crate::clients::http::{Client, Request, encode};
use crate::clients::kube;
use crate::error::{Error, Kind, Result};
use crate::health::{Poll, Schedule, wait};
use crate::remote::Transport;
use crate::text::sh_quote;

/// No run takes this long: an older namespace was left behind.
const ABANDONED: Duration = Duration::minutes(15);
const GOING: Schedule = Schedule::new(45, 200);
/// After a failure the namespace may take minutes, as kubelets that are stuck let go of their pods late.
const GOING_AFTER_FAILURE: Schedule = Schedule::new(10, 200);

/// Deletes namespaces that earlier runs left behind, and names them.
pub(super) fn sweep(client: &mut Client<'_>) -> Result<Vec<String>> {
    let path = format!("/api/v1/namespaces?labelSelector={}", encode(&format!("{}={}", LABEL.0, LABEL.1)));
    let response = client.send(&Request::new("GET", &path))?;
    let Some(now) = response.date().map(PrimitiveDateTime::assume_utc) else { return Ok(Vec::new()) };
    let list = response.json()?;
    let old: Vec<String> =
        list["items"].as_array().into_iter().flatten().filter_map(|item| abandoned(item, now)).collect();
    for name in &old {
        kube::delete(client, &namespace_path(name))?;
    }
    Ok(old)
}

fn abandoned(namespace: &Value, now: OffsetDateTime) -> Option<String> {
    let text = |pointer| namespace.pointer(pointer).and_then(Value::as_str);
    let created = OffsetDateTime::parse(text("/metadata/creationTimestamp")?, &Rfc3339).ok()?;
    let going = text("/metadata/deletionTimestamp").is_some();
    (!going && now - created > ABANDONED).then(|| text("/metadata/name").map(str::to_owned)).flatten()
}

/// Check `cleanup`: deletes the namespace and waits until it is gone; after an interruption it does not wait, and
/// where a check failed (`healthy` is false) it is enough that it is going. Where the API cannot be reached on our
/// way, kubectl on the master is asked to.
pub(super) fn remove(
    api: &mut ApiAccess<'_>,
    master: &mut dyn Transport,
    kubectl: &str,
    namespace: &str,
    healthy: bool,
    interrupted: &AtomicBool,
) -> Result<String> {
    match delete(api, namespace, healthy, interrupted) {
        Err(error) if error.kind == Kind::Connect => by_kubectl(master, kubectl, namespace).map_err(|_| error),
        outcome => outcome,
    }
}

fn delete(api: &mut ApiAccess<'_>, namespace: &str, healthy: bool, interrupted: &AtomicBool) -> Result<String> {
    let path = namespace_path(namespace);
    let mut client = api.client()?;
    kube::delete(&mut client, &path)?;
    let going = format!("namespace {namespace} is being deleted");
    if interrupted.load(Ordering::Relaxed) {
        return Ok(going);
    }
    let schedule = if healthy { GOING } else { GOING_AFTER_FAILURE };
    let gone = wait(&format!("namespace {namespace} is not gone"), schedule, interrupted, || {
        Ok(kube::get(&mut client, &path)?.map_or(Poll::Ready(()), |left| Poll::Pending(what_holds_it(&left))))
    });
    match gone {
        Ok(()) => Ok(format!("namespace {namespace} is gone")),
        Err(error) if !healthy && client.is_open() => Ok(format!("{going}: {}", error.details.join(" "))),
        Err(error) => {
            Err(error.hint(format!("it is marked for deletion; look at kubectl get namespace {namespace} -o yaml")))
        }
    }
}

fn by_kubectl(master: &mut dyn Transport, kubectl: &str, namespace: &str) -> Result<String> {
    let script = format!("{kubectl} delete namespace {} --wait=false --ignore-not-found", sh_quote(namespace));
    let output = master.run(&script, &mut std::io::empty())?;
    if output.status == 0 {
        return Ok(format!("namespace {namespace} is being deleted"));
    }
    Err(Error::health(String::from_utf8_lossy(&output.stderr).trim()))
}

/// The error of an interrupted run, which says whether something was left behind.
pub(super) fn interrupted(namespace: &str, cleaned: bool) -> Error {
    let error = Error::new(Kind::Interrupted, "verify was interrupted");
    if cleaned {
        error.detail(format!("namespace {namespace} is being deleted"))
    } else {
        error.hint(format!("delete what is left: kubectl delete namespace {namespace}"))
    }
}

/// The namespace's own account of what is still in it.
fn what_holds_it(namespace: &Value) -> String {
    let conditions = namespace.pointer("/status/conditions").and_then(Value::as_array);
    let true_ones = conditions.into_iter().flatten().filter(|condition| condition["status"] == "True");
    let messages: Vec<&str> = true_ones.filter_map(|condition| condition["message"].as_str()).collect();
    if messages.is_empty() {
        namespace.pointer("/status/phase").and_then(Value::as_str).unwrap_or_default().to_owned()
    } else {
        messages.join("; ")
    }
}

fn namespace_path(name: &str) -> String {
    format!("/api/v1/namespaces/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::datetime;

    #[test]
    fn only_what_no_run_can_still_be_using_is_swept() {
        let now = datetime!(2026-11-21 15:00:00 UTC);
        let at = |created: &str, extra: Value| {
            let mut item = json!({"metadata": {"name": "kbootstrap-verify-a", "creationTimestamp": created}});
            item["metadata"].as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            abandoned(&item, now)
        };
        assert_eq!(at("2026-11-21T14:44:59Z", json!({})), Some("kbootstrap-verify-a".into()));
        assert_eq!(at("2026-11-21T14:45:01Z", json!({})), None);
        assert_eq!(at("2026-11-21T14:00:00Z", json!({"deletionTimestamp": "2026-11-21T14:01:00Z"})), None);
    }

    #[test]
    fn a_namespace_that_stays_says_why() {
        let stuck = json!({"status": {"phase": "Terminating", "conditions": [
            {"status": "False", "message": "no"}, {"status": "True", "message": "Some resources are remaining: pods. has 2 resource instances"}]}});
        assert_eq!(what_holds_it(&stuck), "Some resources are remaining: pods. has 2 resource instances");
        assert_eq!(what_holds_it(&json!({"status": {"phase": "Terminating"}})), "Terminating");
    }
}
