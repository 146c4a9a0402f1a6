//! The site's own address in front of the API servers, tried from each host.

use super::finding::{Finding, Severity};
use crate::cluster::{Endpoint, Host};

/// What a host found there: nobody, or no API server of this cluster that is ready.
pub fn endpoint(host: &Host, endpoint: &Endpoint, why: &str) -> Finding {
    let finding = format!("there is no way to the API servers by {}: {why}", endpoint.url());
    let remedy = "controlPlaneEndpoint must lead from every host to port 6443 of the masters, TLS included";
    Finding::new(host, "endpoint", Severity::Fail, finding, remedy.to_owned())
}
