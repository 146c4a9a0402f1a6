//! Who leads: the leases of kube-controller-manager and kube-scheduler. A dead one shows nowhere else:
//! nodes stay Ready for as long as they like.

use serde::Serialize;
use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::text;
use crate::clients::http::{Client, Request};
use crate::error::{Error, Result};

/// A component's leader election.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lease {
    /// `kube-controller-manager` or `kube-scheduler`.
    pub component: String,
    /// Who holds it (`host_uid`); empty when nobody ever did.
    pub holder: String,
    /// Seconds since it was last renewed, by the API server's clock.
    pub age_seconds: f64,
    /// Seconds after which another may take it.
    pub duration_seconds: f64,
    /// When it was last renewed, by its holder's clock.
    #[serde(skip)]
    pub renewed: Option<OffsetDateTime>,
    /// Held, and renewed in time.
    pub alive: bool,
}

const COMPONENTS: [&str; 2] = ["kube-controller-manager", "kube-scheduler"];

/// What [`leases`] asks for, for who asks many things ahead.
pub fn lease_paths() -> Result<Vec<String>> {
    COMPONENTS.iter().map(|component| path_of(component)).collect()
}

fn path_of(component: &str) -> Result<String> {
    super::path("coordination.k8s.io/v1", "Lease", "kube-system", component)
}

impl Lease {
    /// The name of the host that holds it; empty when nobody does.
    pub fn host(&self) -> &str {
        self.holder.split('_').next().unwrap_or_default()
    }
}

/// The leases of both components; one that is missing is there with an empty holder.
pub fn leases(client: &mut Client<'_>) -> Result<Vec<Lease>> {
    COMPONENTS.iter().map(|component| lease(client, component)).collect()
}

/// When a node's kubelet last renewed its lease, by its own clock; none where there is no lease.
pub fn node_renewed(client: &mut Client<'_>, node: &str) -> Result<Option<OffsetDateTime>> {
    let path = super::path("coordination.k8s.io/v1", "Lease", "kube-node-lease", node)?;
    let lease = super::get(client, &path)?.unwrap_or_default();
    Ok(OffsetDateTime::parse(&text(&lease, "/spec/renewTime"), &Rfc3339).ok())
}

fn lease(client: &mut Client<'_>, component: &str) -> Result<Lease> {
    let path = path_of(component)?;
    let response = client.send(&Request::new("GET", &path))?;
    if response.status == 404 {
        return Ok(judge(component, &Value::Null, None));
    }
    // The server's clock, not ours: the lease was written by a host.
    let now = response.date().map(PrimitiveDateTime::assume_utc);
    let value = super::expect(client, "GET", &path, response)?;
    let now = now.ok_or_else(|| Error::health(format!("{}: GET {path}: no Date in the answer", client.peer())))?;
    Ok(judge(component, &value, Some(now)))
}

fn judge(component: &str, lease: &Value, now: Option<OffsetDateTime>) -> Lease {
    let holder = text(lease, "/spec/holderIdentity");
    let duration_seconds = lease.pointer("/spec/leaseDurationSeconds").and_then(Value::as_f64).unwrap_or_default();
    let renewed = OffsetDateTime::parse(&text(lease, "/spec/renewTime"), &Rfc3339).ok();
    // The Date header has whole seconds: a renewal within the same second would be in the future.
    let age = renewed.zip(now).map(|(renewed, now)| (now - renewed).as_seconds_f64().max(0.0));
    let alive = !holder.is_empty() && age.is_some_and(|age| age <= duration_seconds);
    let age_seconds = age.unwrap_or_default();
    Lease { component: component.to_owned(), holder, age_seconds, duration_seconds, renewed, alive }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::datetime;

    fn at(holder: &str, renewed: &str) -> Lease {
        let lease = json!({"spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": renewed}});
        judge("kube-scheduler", &lease, Some(datetime!(2026-11-21 14:00:20 UTC)))
    }

    #[test]
    fn a_lease_lives_as_long_as_it_is_renewed() {
        let fresh = at("m1_x", "2026-11-21T14:00:18.250000Z");
        assert!(fresh.alive);
        assert_eq!(fresh.age_seconds, 1.75);
        assert!(at("m1_x", "2026-11-21T14:00:20.900000Z").alive, "within the second that Date cuts off");
        assert!(at("m1_x", "2026-11-21T14:00:05.000000Z").alive);
        assert!(!at("m1_x", "2026-11-21T14:00:04.900000Z").alive);
        assert!(!at("", "2026-11-21T14:00:19.000000Z").alive, "released");
        assert!(!judge("kube-scheduler", &Value::Null, None).alive);
    }
}
