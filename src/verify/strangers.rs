//! Whoever has no business here is turned away.

use super::manifests::NAME;
use super::{Fixture, Server};
use crate::access::ApiAccess;
use crate::clients::http::Request;
use crate::error::{Error, Result};

/// Check `no-anonymous`: without a client certificate nobody reads Secrets.
pub(super) fn anonymous(fixture: &Fixture<'_>) -> Result<String> {
    let Server { host, address, .. } = &fixture.ways.master;
    let stranger = ApiAccess::at(fixture.ways.pool, host, *address, &fixture.ways.stranger)?;
    let path = secrets(&fixture.names.namespace);
    let response =
        stranger.until(fixture.budget.checks_end()).ask(|client| client.send(&Request::new("GET", &path)))?;
    match response.status {
        401 => Ok("401 without a client certificate".into()),
        // anonymous-auth is on, but has no rights.
        403 => Ok("403 without a client certificate".into()),
        status => {
            Err(Error::health(format!("a request for Secrets without a client certificate was answered with {status}"))
                .hint("remove what grants rights to system:anonymous or system:unauthenticated"))
        }
    }
}

/// Check `rbac`: who is known but was granted nothing reads no Secrets either.
pub(super) fn without_rights(fixture: &Fixture<'_>) -> Result<String> {
    let user = format!("system:serviceaccount:{}:{NAME}", fixture.names.namespace);
    let headers = [
        ("Impersonate-User", user.as_str()),
        ("Impersonate-Group", "system:serviceaccounts"),
        ("Impersonate-Group", "system:authenticated"),
    ];
    let path = secrets(&fixture.names.namespace);
    let request = Request { headers: &headers, ..Request::new("GET", &path) };
    let response = fixture.ask(|client| client.send(&request))?;
    let message = response.json().ok().and_then(|status| Some(status["message"].as_str()?.to_owned()));
    let message = message.unwrap_or_default();
    // Our own right to impersonate is refused with the same code.
    match response.status {
        403 if message.contains(&format!("\"{user}\" cannot list")) => {
            Ok("403 for a service account without rights".into())
        }
        status => Err(Error::health(format!("a service account without rights asked for Secrets: {status} {message}"))
            .hint("kube-apiserver needs --authorization-mode=Node,RBAC; look for roles bound to system:authenticated")),
    }
}

fn secrets(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/secrets")
}
