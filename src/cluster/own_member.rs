//! Which members of etcd the API server of a master asks.

use super::{Cluster, Host, Role};

impl Cluster {
    /// Whether the host's API server asks the member on its own host and no other. So it is where each of several masters
    /// has one: when a host is lost, so are its member and its API server, and those of the others notice nothing. An API
    /// server that knows all members holds connections to some of them, and waits for one that is gone without a word for
    /// ten seconds. Who names members in the inventory is believed.
    pub fn has_own_member(&self, host: &Host) -> bool {
        let masters = || self.with_role(Role::Master);
        let named = host.settings("kube-apiserver").is_some_and(|settings| settings.flags.contains_key("etcd-servers"));
        host.is(Role::Master) && masters().count() > 1 && masters().all(|master| master.is(Role::Etcd)) && !named
    }

    /// `https://a:2379,https://b:2379…` of the members that the host's API server asks. Its own one by the address by which
    /// others reach it, too: wherever members listen, they listen there, and their certificates have it.
    pub fn etcd_servers_of(&self, host: &Host) -> String {
        match self.has_own_member(host) {
            true => format!("https://{}", host.etcd_address()),
            false => self.etcd_client_urls(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::{ComponentSettings, example};

    /// What each master's API server asks, in the order of the hosts.
    fn asked(hosts: &[(&str, &[Role])]) -> Vec<String> {
        let mut cluster = example::cluster("1.36.3");
        let host = |(last, (name, roles)): (u8, &(&str, &[Role]))| example::host(name, last, roles);
        cluster.hosts = (1..).zip(hosts).map(host).collect();
        cluster.with_role(Role::Master).map(|host| cluster.etcd_servers_of(host)).collect()
    }

    #[test]
    fn an_api_server_asks_its_own_member_where_each_of_several_has_one() {
        const BOTH: &[Role] = &[Role::Etcd, Role::Master];
        let all = |last: &[u8]| last.iter().map(|n| format!("https://10.0.0.{n}:2379")).collect::<Vec<_>>();
        assert_eq!(asked(&[("a", BOTH), ("b", BOTH), ("c", BOTH)]), all(&[1, 2, 3]));
        assert_eq!(asked(&[("a", BOTH), ("b", &[Role::Node])]), all(&[1]), "a single one");
        let members = [("a", BOTH), ("b", BOTH), ("c", &[Role::Etcd])];
        assert_eq!(asked(&members), all(&[1, 2]), "members of their own beside them");
        let two = all(&[1, 2]).join(",");
        assert_eq!(asked(&[("a", BOTH), ("b", BOTH), ("c", &[Role::Master])]), [&*two; 3], "one has none");
        let apart: [(&str, &[Role]); 3] = [("a", &[Role::Etcd]), ("b", &[Role::Master]), ("c", &[Role::Master])];
        assert_eq!(asked(&apart), all(&[1, 1]));
    }

    #[test]
    fn who_names_members_is_believed() {
        let mut cluster = example::three_masters("1.36.3");
        assert!(cluster.hosts.iter().all(|host| cluster.has_own_member(host)));
        let flags = [("etcd-servers".to_owned(), json!("https://10.0.0.12:2379"))].into();
        let settings = ComponentSettings { flags, ..ComponentSettings::default() };
        cluster.hosts[0].components.insert("kube-apiserver".into(), settings);
        assert!(!cluster.has_own_member(&cluster.hosts[0]) && cluster.has_own_member(&cluster.hosts[1]));
    }
}
