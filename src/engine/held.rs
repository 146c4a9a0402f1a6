//! What lies on a host that opens something, and what makes it worth nothing: asked from the catalogue.

use serde::Serialize;

use crate::cluster::{Cluster, Host, Role};
use crate::components::{Catalogue, NetworkPlugin};
use crate::reset;
use crate::trust::{Authority, CertificateRow, Profile, authorities, certificates};

/// A key on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Where it lies.
    pub path: String,
    /// What whoever has it can do, or be taken for.
    pub opens: String,
    /// What ends that.
    pub ended_by: &'static str,
}

/// By name, at the API servers.
const REVOKED: &str = "`kbootstrap node revoke`: API servers refuse that user everything";
/// With the Node.
const NOBODY_ASKS: &str = "`kbootstrap node revoke`: without its Node nobody asks there";
const NEW_CA: &str = "a new CA of Kubernetes: not there yet";
const NEW_ETCD_CA: &str = "a new CA of etcd, and data that was restored from before: not there yet";
const NEW_FRONT_PROXY_CA: &str = "a new CA of the front proxy: not there yet";
const NEW_TOKENS: &str = "another key pair for tokens: not there yet";
const NEW_ENCRYPTION: &str =
    "a new key first in `encryption.key`, then `up`; what the Secrets say is to be changed, too";

/// What lies on the host, in the order of the table of certificates, then the keys that are no certificate's.
pub fn held(catalogue: &Catalogue, cluster: &Cluster, host: &Host) -> Vec<Held> {
    let mut all = Vec::new();
    for row in authorities(cluster) {
        let keys = row.signers.iter().filter(|place| place.host == host.name).filter_map(|place| place.key.clone());
        all.extend(keys.map(|path| Held {
            path,
            opens: format!("everything: it signs for any user of the API (CA {})", row.name),
            ended_by: NEW_CA,
        }));
    }
    for row in certificates(catalogue, cluster) {
        let keys = row.placements.iter().filter(|place| place.host == host.name).filter_map(|place| place.key.clone());
        all.extend(keys.map(|path| Held { path, opens: opens(&row), ended_by: ended_by(&row, host) }));
    }
    if host.is(Role::Master) {
        let layout = &cluster.layout;
        let (tokens, encryption) = (layout.service_account().0, layout.encryption());
        all.push(Held { path: tokens, opens: "the API as any service account".into(), ended_by: NEW_TOKENS });
        let opens = "Secrets in etcd's data and in its backups".into();
        all.push(Held { path: encryption, opens, ended_by: NEW_ENCRYPTION });
    }
    all
}

/// Users of the API that only this host's keys make, or once made: a plugin that was switched off has left keys that are still
/// good, so those of every plugin count.
pub(super) fn own_users(catalogue: &Catalogue, cluster: &Cluster, host: &Host) -> Vec<String> {
    let with = |plugin: &NetworkPlugin| reset::with(catalogue, cluster, &host.name, plugin.components);
    let mut users = Vec::new();
    for cluster in std::iter::once(cluster.clone()).chain(catalogue.networks.iter().map(with)) {
        for row in certificates(catalogue, &cluster).into_iter().filter(|row| is_own_user(row, host)) {
            if !users.contains(&row.common_name) {
                users.push(row.common_name);
            }
        }
    }
    users
}

/// A client of the API whose name is the host's: `system:node:n1`, `kube-proxy:n1`.
fn is_own_user(row: &CertificateRow, host: &Host) -> bool {
    let there = row.placements.iter().any(|place| place.host == host.name);
    let named = row.common_name.strip_suffix(&host.name).is_some_and(|user| user.ends_with(':'));
    there && named && row.authority == Authority::Kubernetes && row.profile == Profile::Client
}

fn opens(row: &CertificateRow) -> String {
    let CertificateRow { common_name: user, organization: group, .. } = row;
    let group = if group.is_empty() { String::new() } else { format!(" ({group})") };
    match (row.authority, row.profile) {
        (Authority::Kubernetes, Profile::Client) => format!("the API as {user}{group}"),
        (Authority::FrontProxy, Profile::Client) => "the API as anybody, as the front proxy does".into(),
        (Authority::Etcd, Profile::Client) => "all data of etcd".into(),
        (Authority::Etcd, _) => "all data of etcd, and being taken for this member".into(),
        (Authority::Kubernetes | Authority::FrontProxy, _) => format!("being taken for {user} under its addresses"),
    }
}

fn ended_by(row: &CertificateRow, host: &Host) -> &'static str {
    let worker = !host.is(Role::Master) && !host.is(Role::Etcd);
    match row.authority {
        Authority::Kubernetes if worker && is_own_user(row, host) => REVOKED,
        Authority::Kubernetes if worker => NOBODY_ASKS,
        Authority::Kubernetes => NEW_CA,
        Authority::Etcd => NEW_ETCD_CA,
        Authority::FrontProxy => NEW_FRONT_PROXY_CA,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::example;

    #[test]
    fn everything_of_a_worker_ends_with_its_revocation_and_nothing_of_a_master() {
        let (catalogue, cluster) = (Catalogue::standard(), example::cluster("1.36.3"));
        let worker = held(&catalogue, &cluster, &cluster.hosts[1]);
        assert_eq!(worker.len(), 4, "{worker:#?}");
        assert!(worker.iter().all(|held| [REVOKED, NOBODY_ASKS].contains(&held.ended_by)), "{worker:#?}");
        let users = own_users(&catalogue, &cluster, &cluster.hosts[1]);
        assert_eq!(users, ["system:node:n1", "kube-proxy:n1", "flannel:n1"]);
        let master = held(&catalogue, &cluster, &cluster.hosts[0]);
        assert!(master.iter().all(|held| ![REVOKED, NOBODY_ASKS].contains(&held.ended_by)), "{master:#?}");
        for path in ["/etc/kubernetes/pki/ca.key", "/etc/kubernetes/pki/sa.key", "/etc/kubernetes/encryption.yaml"] {
            assert!(master.iter().any(|held| held.path == path), "{path}: {master:#?}");
        }
    }

    #[test]
    fn users_of_every_plugin_are_a_nodes_own_whichever_the_inventory_has() {
        let (catalogue, mut cluster) = (Catalogue::standard(), example::cluster("1.36.3"));
        let all = |cluster: &Cluster| own_users(&catalogue, cluster, &cluster.hosts[1]);
        let before = all(&cluster);
        let of_plugins: Vec<&NetworkPlugin> =
            catalogue.networks.iter().filter(|plugin| !plugin.components.is_empty()).collect();
        assert!(!of_plugins.is_empty());
        for plugin in &catalogue.networks {
            cluster.networks.plugin = plugin.choice;
            let mut users = all(&cluster);
            users.sort();
            assert_eq!(
                users,
                {
                    let mut sorted = before.clone();
                    sorted.sort();
                    sorted
                },
                "{:?}",
                plugin.choice
            );
        }
    }

    #[test]
    fn every_key_that_is_rendered_is_named() {
        let (catalogue, cluster) = (Catalogue::standard(), example::cluster("1.36.3"));
        for host in &cluster.hosts {
            let held = held(&catalogue, &cluster, host);
            for row in catalogue.certificates(&cluster) {
                for place in row.placements.iter().filter(|place| place.host == host.name) {
                    let named = |key: &String| held.iter().any(|held| held.path == *key);
                    assert!(place.key.iter().all(named), "{}: {place:?}", host.name);
                }
            }
        }
    }
}
