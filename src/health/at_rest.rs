//! How Secrets lie in etcd: told by what kube-apiserver puts before each value.
//! <https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/#verifying-that-data-is-encrypted>

use std::collections::BTreeMap;

use crate::clients::etcd;
use crate::clients::http::Client;
use crate::error::Result;

/// Below this etcd has all Secrets, as `NAMESPACE/NAME`.
pub const SECRETS: &str = "/registry/secrets/";
/// Before every value that is encrypted.
const ENCRYPTED: &[u8] = b"k8s:enc:";

/// With what a value was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Written {
    /// It can be read by whoever reads etcd.
    Plain,
    /// With a key of secretbox, by its name.
    Secretbox(String),
    /// In another way, which is none of ours.
    Otherwise,
}

/// What new values are written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked<'a> {
    /// Nothing.
    Plain,
    /// This key of secretbox.
    Key(&'a str),
}

/// All Secrets of a cluster, by how they lie in etcd.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AtRest {
    /// Names (`NAMESPACE/NAME`) by how they were written.
    pub secrets: BTreeMap<Written, Vec<String>>,
}

impl AtRest {
    /// Asks etcd.
    pub fn ask(client: &mut Client<'_>) -> Result<AtRest> {
        let mut all = AtRest::default();
        etcd::heads(client, SECRETS, |key, head| {
            let name = key.strip_prefix(SECRETS).unwrap_or(key).to_owned();
            all.secrets.entry(written(head)).or_default().push(name);
        })?;
        Ok(all)
    }

    /// Secrets that are not as asked.
    pub fn not_as(&self, asked: Asked<'_>) -> Vec<&str> {
        let others = self.secrets.iter().filter(|(written, _)| match (written, asked) {
            (Written::Plain, Asked::Plain) => false,
            (Written::Secretbox(name), Asked::Key(key)) => name != key,
            _ => true,
        });
        others.flat_map(|(_, names)| names.iter().map(String::as_str)).collect()
    }

    /// How many Secrets are encrypted with each key of secretbox that is not among `known`.
    pub fn with_other_keys(&self, known: &[&str]) -> Vec<(&str, usize)> {
        let keys = self.secrets.iter().filter_map(|(written, names)| match written {
            Written::Secretbox(key) if !known.contains(&key.as_str()) => Some((key.as_str(), names.len())),
            _ => None,
        });
        keys.collect()
    }
}

/// `k8s:enc:PROVIDER:VERSION:KEY:` and what was encrypted, or the plain value.
fn written(head: &[u8]) -> Written {
    let Some(rest) = head.strip_prefix(ENCRYPTED) else { return Written::Plain };
    let mut parts = rest.splitn(4, |byte| *byte == b':');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(b"secretbox"), Some(b"v1"), Some(key), Some(_)) => {
            Written::Secretbox(String::from_utf8_lossy(key).into_owned())
        }
        _ => Written::Otherwise,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(values: &[(&str, &[u8])]) -> AtRest {
        let mut all = AtRest::default();
        for (name, head) in values {
            all.secrets.entry(written(head)).or_default().push((*name).to_owned());
        }
        all
    }

    #[test]
    fn what_is_not_as_asked_is_named() {
        let all = all(&[
            ("a/plain", b"k8s\0\n\x0c\n\x02v1\x12\x06Secret"),
            ("a/json", b"{\"kind\":\"Secret\"}"),
            ("a/one", b"k8s:enc:secretbox:v1:key1:\x17:\x01"),
            ("b/two", b"k8s:enc:secretbox:v1:key2:\x18"),
            ("b/other", b"k8s:enc:aescbc:v1:key1:\x19"),
        ]);
        assert_eq!(all.not_as(Asked::Key("key2")), ["a/plain", "a/json", "a/one", "b/other"]);
        assert_eq!(all.not_as(Asked::Plain), ["a/one", "b/two", "b/other"]);
        assert_eq!(all.with_other_keys(&["key2"]), [("key1", 1)]);
        assert_eq!(all.with_other_keys(&["key1", "key2"]), []);
    }

    #[test]
    fn where_there_are_none_all_are_as_asked() {
        assert!(AtRest::default().not_as(Asked::Key("key1")).is_empty());
        assert!(AtRest::default().not_as(Asked::Plain).is_empty());
    }
}
