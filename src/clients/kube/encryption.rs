//! Encryption at rest: which configuration an API server has read, and having an object written again.

use crate::clients::http::{Client, Request};
use crate::error::Result;

/// What an API server says of its configuration of encryption (since Kubernetes 1.35; ALPHA in its words).
const READ: &str = "apiserver_encryption_config_controller_last_config_info{";
/// Answers without the object's data.
const NAME_ONLY: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// What became of an object that was to be written again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touched {
    /// It was written.
    Written,
    /// It is there no longer.
    Gone,
    /// Somebody else has written it at the same time.
    Contended,
}

/// The SHA-256 of the configuration of encryption that the API server has read; none where it does not say.
pub fn encryption_config(client: &mut Client<'_>) -> Result<Option<String>> {
    let response = client.send(&Request { headers: &[("Accept", "text/plain")], ..Request::new("GET", "/metrics") })?;
    match response.status {
        200 => Ok(hash(&response.text()).map(str::to_owned)),
        _ => Err(super::refusal(client, "GET", "/metrics", &response)),
    }
}

fn hash(metrics: &str) -> Option<&str> {
    let labels = metrics.lines().find_map(|line| line.strip_prefix(READ))?;
    let (_, rest) = labels.split_once(",hash=\"sha256:").or_else(|| labels.split_once("hash=\"sha256:"))?;
    rest.split('"').next()
}

/// Has the object written as it is, by a patch without any change: an API server does that where what is stored was
/// not written in the way in which it writes now. Its data stays there.
pub fn touch(client: &mut Client<'_>, path: &str) -> Result<Touched> {
    let request = Request {
        headers: &[("Accept", NAME_ONLY)],
        body: Some(("application/merge-patch+json", b"{}")),
        ..Request::new("PATCH", path)
    };
    let response = client.send(&request)?;
    match response.status {
        200 => Ok(Touched::Written),
        404 => Ok(Touched::Gone),
        409 => Ok(Touched::Contended),
        _ => Err(super::refusal(client, "PATCH", path, &response)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_what_was_read() {
        let metrics = "# TYPE apiserver_encryption_config_controller_last_config_info gauge\n\
            apiserver_encryption_config_controller_last_config_info{apiserver_id_hash=\"sha256:ec\",hash=\"sha256:f9fc\"} 1\n";
        assert_eq!(hash(metrics), Some("f9fc"));
        let older = "apiserver_encryption_config_controller_automatic_reloads_total{status=\"success\"} 1\n";
        assert_eq!(hash(older), None);
    }
}
