//! Leaving nothing behind: not of this run, and not of one that was killed.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::manifests::LABEL;
use super::{Fixture, Server};
use crate::access::ApiAccess;
use crate::clients::http::Request;
use crate::clients::kube;
use crate::error::{Error, Kind, Result};
use crate::health::{Poll, Schedule, wait};
use crate::remote::LOOK;
use crate::text::{percent_encoded, sh_quote};

/// No run takes this long: an older namespace was left behind.
const ABANDONED: time::Duration = time::Duration::minutes(15);
/// After a failure the namespace may take minutes, as kubelets that are stuck let go of their pods late.
const AFTER_FAILURE: Duration = Duration::from_secs(10);
/// How long it may take to look for what others have left.
const SWEEPING: Duration = Duration::from_secs(5);
/// How often is looked whether it is gone.
const POLL: Duration = Duration::from_millis(200);

/// Deletes namespaces that earlier runs left behind, and names them. It is no check, and has little time.
pub(super) fn sweep(fixture: &Fixture<'_>) -> Result<Vec<String>> {
    let Server { host, address, tls } = &fixture.ways.master;
    let mut api = ApiAccess::at(fixture.ways.pool, host, *address, tls)?.until(Instant::now() + SWEEPING);
    let mut client = api.client()?;
    let path = format!("/api/v1/namespaces?labelSelector={}", percent_encoded(&format!("{}={}", LABEL.0, LABEL.1)));
    let response = client.send(&Request::new("GET", &path))?;
    let Some(now) = response.date().map(PrimitiveDateTime::assume_utc) else { return Ok(Vec::new()) };
    let list = response.json()?;
    let old: Vec<String> =
        list["items"].as_array().into_iter().flatten().filter_map(|item| abandoned(item, now)).collect();
    for name in &old {
        kube::delete(&mut client, &namespace_path(name))?;
    }
    Ok(old)
}

fn abandoned(namespace: &Value, now: OffsetDateTime) -> Option<String> {
    let text = |pointer| namespace.pointer(pointer).and_then(Value::as_str);
    let created = OffsetDateTime::parse(text("/metadata/creationTimestamp")?, &Rfc3339).ok()?;
    let going = text("/metadata/deletionTimestamp").is_some();
    (!going && now - created > ABANDONED).then(|| text("/metadata/name").map(str::to_owned)).flatten()
}

/// Check `cleanup`: deletes the namespaces and waits until they are gone; after an interruption it does not wait, and
/// where a check failed (`healthy` is false) it is enough that they are going. Where the API cannot be reached on our
/// way, kubectl on the master is asked to.
pub(super) fn remove(fixture: &Fixture<'_>, healthy: bool) -> Result<String> {
    match delete(fixture, healthy) {
        Err(error) if error.kind == Kind::Connect => by_kubectl(fixture).map_err(|_| error),
        outcome => outcome,
    }
}

fn delete(fixture: &Fixture<'_>, healthy: bool) -> Result<String> {
    let namespace = &fixture.names.namespace;
    let Server { host, address, tls } = &fixture.ways.master;
    let mut api = ApiAccess::at(fixture.ways.pool, host, *address, tls)?.until(fixture.budget.end());
    let paths = fixture.names.namespaces().map(|name| namespace_path(&name));
    api.ask(|client| paths.iter().try_for_each(|path| kube::delete(client, path).map(drop)))?;
    let going = format!("namespace {namespace} is being deleted");
    if fixture.interrupted.load(Ordering::Relaxed) {
        return Ok(going);
    }
    let left = fixture.budget.for_cleaning();
    let schedule = Schedule { deadline: if healthy { left } else { left.min(AFTER_FAILURE) }, poll: POLL };
    let mut answered = false;
    let gone = api.ask(|client| {
        answered = true;
        wait(&format!("namespace {namespace} is not gone"), schedule, fixture.interrupted, || {
            for path in &paths {
                if let Some(left) = kube::get(client, path)? {
                    return Ok(Poll::Pending(what_holds_it(&left)));
                }
            }
            Ok(Poll::Ready(()))
        })
    });
    match gone {
        Ok(()) => Ok(format!("namespace {namespace} is gone")),
        Err(error) if !healthy && answered => Ok(format!("{going}: {}", error.details.join(" "))),
        Err(error) => {
            Err(error.hint(format!("it is marked for deletion; look at kubectl get namespace {namespace} -o yaml")))
        }
    }
}

fn by_kubectl(fixture: &Fixture<'_>) -> Result<String> {
    let names = fixture.names.namespaces().map(|name| sh_quote(&name)).join(" ");
    let script = format!("{} delete namespace {names} --wait=false --ignore-not-found", fixture.kubectl);
    let output = fixture.ways.pool.take(&fixture.ways.master.host)?.ask(LOOK, &script)?;
    if output.status == 0 {
        return Ok(format!("namespace {} is being deleted", fixture.names.namespace));
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
