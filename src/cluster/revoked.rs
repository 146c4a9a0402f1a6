//! Hosts that were lost, and whose keys are to be worth nothing.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Cluster;

/// A host that is no longer one of the cluster's, whoever has its keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revoked {
    /// Host and node name.
    pub name: String,
    /// Where it was, as far as anybody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// Users of the API that its keys make whoever has them. API servers refuse them everything.
    pub users: Vec<String>,
    /// Secrets that pods there could read when it was revoked, `NAMESPACE/NAME`: their pods are gone, the need to change
    /// what they say is not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// Since when, as RFC 3339 in UTC.
    pub since: String,
    /// Who did it: `user@machine`.
    pub by: String,
}

impl Cluster {
    /// Whether a host of that name was revoked.
    pub fn has_revoked(&self, name: &str) -> bool {
        self.revoked(name).is_some()
    }

    /// The host of that name that was revoked.
    pub fn revoked(&self, name: &str) -> Option<&Revoked> {
        self.revoked.iter().find(|revoked| revoked.name == name)
    }

    /// The same cluster without the hosts that were revoked, which it remembers; the names of those that it had.
    pub fn revoke(&mut self, revoked: Vec<Revoked>) -> Vec<String> {
        self.revoked = revoked;
        let (gone, stay) = std::mem::take(&mut self.hosts).into_iter().partition(|host| self.has_revoked(&host.name));
        self.hosts = stay;
        let gone: Vec<super::Host> = gone;
        gone.into_iter().map(|host| host.name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::example;

    #[test]
    fn a_revoked_host_is_none_of_the_clusters() {
        let revoked = |name: &str| Revoked {
            name: name.into(),
            address: None,
            users: vec![format!("system:node:{name}")],
            secrets: Vec::new(),
            since: "2026-01-01T00:00:00Z".into(),
            by: "ann@desk".into(),
        };
        let mut cluster = example::cluster("1.36.3");
        assert_eq!(cluster.revoke(vec![revoked("n1"), revoked("n9")]), ["n1"]);
        assert_eq!(cluster.hosts.iter().map(|host| &*host.name).collect::<Vec<_>>(), ["m1"]);
        assert!(cluster.has_revoked("n9") && !cluster.has_revoked("m1"));
    }
}
