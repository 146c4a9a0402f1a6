//! The tokens that registries demand even of those who may read everything (the distribution project's token
//! authentication): docker.io, quay.io and ghcr.io answer 401 with the address of a server that gives one away.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Where a token is to be had, and for what: `WWW-Authenticate: Bearer realm="…",service="…",scope="…"`.
#[derive(Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The address of the token server.
    pub realm: String,
    /// Its parameters but the realm.
    pub query: Vec<(String, String)>,
}

/// The token server's answer; older ones name it otherwise.
#[derive(Deserialize)]
pub struct Answer {
    #[serde(alias = "access_token")]
    token: String,
}

/// Tokens by repository: the address before `/manifests/` or `/blobs/`.
#[derive(Default)]
pub struct Tokens(Mutex<BTreeMap<String, Secret>>);

impl Challenge {
    /// From the header; none where something else than a token is demanded.
    pub fn read(header: &str) -> Option<Self> {
        let (scheme, mut rest) = header.trim().split_once(' ')?;
        let mut query = Vec::new();
        // A comma within quotes belongs to the value: `scope="repository:a:pull,push"`.
        while let Some((name, after)) = rest.split_once("=\"") {
            let (value, after) = after.split_once('"')?;
            query.push((name.trim_matches([',', ' ']).to_owned(), value.to_owned()));
            rest = after;
        }
        let realm = query.iter().position(|(name, _)| name == "realm")?;
        let (_, realm) = query.remove(realm);
        query.retain(|(name, _)| name == "service" || name == "scope");
        scheme.eq_ignore_ascii_case("Bearer").then_some(Challenge { realm, query })
    }
}

impl Tokens {
    /// The `Authorization` header for an address.
    pub fn header(&self, address: &str) -> Option<Secret> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(repository(address)).cloned()
    }

    /// Keeps a token for everything in the address's repository.
    pub fn keep(&self, address: &str, answer: Answer) {
        let token = Zeroizing::new(answer.token);
        let header = Secret::new(format!("Bearer {}", *token));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(repository(address).to_owned(), header);
    }
}

fn repository(address: &str) -> &str {
    ["/manifests/", "/blobs/"].iter().find_map(|part| Some(address.rsplit_once(part)?.0)).unwrap_or(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_as_registries_write_them() {
        let read = |header: &str| Challenge::read(header).map(|c| (c.realm, c.query));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            read(
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/busybox:pull,push",error="invalid_token""#
            ),
            Some((
                "https://auth.docker.io/token".into(),
                vec![pair("service", "registry.docker.io"), pair("scope", "repository:library/busybox:pull,push")]
            ))
        );
        assert_eq!(read(r#"bearer realm="https://quay.io/v2/auth", service="quay.io""#).unwrap().1.len(), 1);
        for other in [r#"Basic realm="x""#, "Bearer", r#"Bearer service="x""#, r#"Bearer realm="x"#, ""] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn a_token_is_for_its_repository_and_shows_itself_to_nobody() {
        let tokens = Tokens::default();
        let answer: Answer = serde_json::from_str(r#"{"access_token":"abc","expires_in":300}"#).unwrap();
        tokens.keep("https://quay.io/v2/coreos/flannel/manifests/v1", answer);
        let header = tokens.header("https://quay.io/v2/coreos/flannel/blobs/sha256:1").unwrap();
        assert_eq!(header.expose(), b"Bearer abc");
        assert!(!format!("{header:?}").contains("abc"));
        assert!(tokens.header("https://quay.io/v2/coreos/etcd/blobs/sha256:1").is_none());
    }
}
