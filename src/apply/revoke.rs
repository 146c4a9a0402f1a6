//! A host that was lost is shut out: every API server refuses its users by now, and then what the API has of it goes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Job;
use super::gate::{API, ask};
use super::gone::{still_there, unhold};
use crate::access::ApiAccess;
use crate::clients::http::Client;
use crate::clients::kube;
use crate::cluster::{Revoked, Role};
use crate::error::{Error, Result};
use crate::health::{Poll, unless_connected};

/// Waits until every API server refuses whoever has the host's keys, then deletes its node and its pods, and looks until
/// they are gone. In this order: a kubelet that is let in makes its Node again.
pub(super) fn revoke(job: &Job<'_>, host: &str) -> Result<String> {
    let revoked = job.cluster.revoked(host).ok_or_else(|| Error::internal(format!("{host} is not revoked")))?;
    refused_everywhere(job, revoked)?;
    let mut pods = BTreeSet::new();
    ask(job, &format!("what the API has of {host} is not gone"), API, |client| delete_node(client, host, &mut pods))?;
    let requests = ask(job, &format!("requests for certificates of {host} are not deleted"), API, |client| {
        delete_requests(client, revoked).map(Poll::Ready)
    })?;
    let pods = pods.len();
    let requests = if requests > 0 { format!(", {requests} requests for certificates deleted") } else { String::new() };
    Ok(format!("{} users refused, {pods} pods deleted{requests}", revoked.users.len()))
}

/// Each API server is asked, for each judges by a file of its own; those that are left out of this run cannot be.
fn refused_everywhere(job: &Job<'_>, revoked: &Revoked) -> Result<()> {
    for master in job.there.with_role(Role::Master) {
        let mut access = ApiAccess::new(job.pool, master, job.trust)?;
        let what = format!("{}: kube-apiserver still lets {} in", master.name, revoked.name);
        job.until(&what, API, || {
            unless_connected(access.ask(|client| {
                for user in &revoked.users {
                    if kube::may_discover(client, user)? {
                        return Ok(Poll::Pending(user.clone()));
                    }
                }
                Ok(Poll::Ready(()))
            }))
        })?;
    }
    Ok(())
}

/// Takes away what the API has of the host, and the finalizers that its kubelet may have given to that; asked until nothing is
/// left. `gone` are the pods that were there.
fn delete_node(client: &mut Client<'_>, host: &str, gone: &mut BTreeSet<String>) -> Result<Poll<()>> {
    let mut there = Vec::new();
    for path in [
        kube::path("v1", "Node", "", host)?,
        kube::path("coordination.k8s.io/v1", "Lease", "kube-node-lease", host)?,
        kube::path("storage.k8s.io/v1", "CSINode", "", host)?,
    ] {
        if let Some(object) = kube::get(client, &path)? {
            kube::delete(client, &path)?;
            unhold(client, &path, &object)?;
            there.push(still_there(&path, &object));
        }
    }
    for pod in kube::pods_on(client, host)? {
        let text = |pointer| pod.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let path = kube::path("v1", "Pod", text("/metadata/namespace"), text("/metadata/name"))?;
        // Its kubelet is nobody's who would say that they have ended.
        kube::delete_now(client, &path)?;
        unhold(client, &path, &pod)?;
        there.push(still_there(&path, &pod));
        gone.insert(text("/metadata/uid").to_owned());
    }
    Ok(if there.is_empty() { Poll::Ready(()) } else { Poll::Pending(there.join("; ")) })
}

/// What its users have asked for; how many.
fn delete_requests(client: &mut Client<'_>, revoked: &Revoked) -> Result<usize> {
    const KIND: (&str, &str) = ("certificates.k8s.io/v1", "CertificateSigningRequest");
    let requests = kube::list(client, &kube::path(KIND.0, KIND.1, "", "")?, "")?;
    let theirs = requests
        .iter()
        .filter(|request| revoked.users.iter().any(|user| request.pointer("/spec/username") == Some(&json!(user))));
    let mut deleted = 0;
    for request in theirs {
        let name = request.pointer("/metadata/name").and_then(|name| name.as_str()).unwrap_or_default();
        kube::delete(client, &kube::path(KIND.0, KIND.1, "", name)?)?;
        deleted += 1;
    }
    Ok(deleted)
}
