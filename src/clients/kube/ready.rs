//! `/readyz`: whether an API server takes requests, and which of its own checks say no.
//! <https://kubernetes.io/docs/reference/using-api/health-checks/>

use serde::Serialize;

use crate::clients::http::{Client, Request};
use crate::error::Result;

/// What [`readyz`] asks for.
pub const READYZ: &str = "/readyz?verbose";

/// An API server's own opinion of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ready {
    /// Whether all checks passed.
    pub ready: bool,
    /// Names of the checks that failed, for example `etcd` or `poststarthook/rbac/bootstrap-roles`.
    pub failing: Vec<String>,
}

/// Asks `/readyz?verbose`. A refused client certificate (401) or request (403) is an error, not "not ready".
pub fn readyz(client: &mut Client<'_>) -> Result<Ready> {
    let response = client.send(&Request::new("GET", READYZ))?;
    match response.status {
        401 | 403 => Err(super::refusal(client, "GET", READYZ, &response)),
        200 => Ok(Ready { ready: true, failing: Vec::new() }),
        _ => Ok(Ready { ready: false, failing: failing(&response.text()) }),
    }
}

/// Lines such as `[-]etcd failed: reason withheld`; a text of another form is kept as it is.
fn failing(text: &str) -> Vec<String> {
    let failed = text.lines().filter_map(|line| line.strip_prefix("[-]"));
    let names: Vec<String> = failed.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    if names.is_empty() { vec![text.trim().chars().take(200).collect()] } else { names }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failing_checks_by_name() {
        let text = "[+]ping ok\n[-]etcd failed: reason withheld\n[-]poststarthook/rbac/bootstrap-roles failed: reason withheld\nreadyz check failed\n";
        assert_eq!(failing(text), ["etcd", "poststarthook/rbac/bootstrap-roles"]);
        assert_eq!(failing("apiserver is shutting down\n"), ["apiserver is shutting down"]);
    }
}
