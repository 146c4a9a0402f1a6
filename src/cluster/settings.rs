//! What an inventory came to, field by field: what is compared when it changes on a running cluster.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Cluster, Host, Role};

/// Every setting of the cluster by its path in the inventory (`networks.pods`, `hosts[n1].address`), decided, with
/// defaults filled in. `cluster`, host names and the files on the operator's machine are not among them.
pub fn settings(cluster: &Cluster) -> BTreeMap<String, Value> {
    let (versions, networks, pki) = (&cluster.versions, &cluster.networks, &cluster.pki);
    let text = |value: &dyn ToString| Value::from(value.to_string());
    let own = [
        ("kubernetes", text(&versions.kubernetes)),
        ("versions.etcd", text(&versions.etcd)),
        ("versions.containerd", text(&versions.containerd)),
        ("versions.runc", text(&versions.runc)),
        ("versions.cniPlugins", text(&versions.cni_plugins)),
        ("versions.flannel", text(&versions.flannel)),
        ("versions.coredns", text(&versions.coredns)),
        ("controlPlaneEndpoint", text(&cluster.endpoint.url())),
        ("networks.pods", text(&networks.pods)),
        ("networks.services", text(&networks.services)),
        ("networks.dnsDomain", text(&networks.dns_domain)),
        ("networks.dnsAddress", text(&networks.dns_address)),
        ("networks.nodePrefix", json!(networks.node_prefix)),
        ("networks.nodePorts", text(&format!("{}-{}", networks.node_ports.0, networks.node_ports.1))),
        ("networks.plugin", text(&networks.plugin.name())),
        ("proxy.mode", value(&cluster.proxy_mode)),
        ("pki.authorities", value(&pki.authorities)),
        ("pki.key", value(&pki.key)),
        ("pki.expiry", value(&pki.expiry)),
        ("pki.caExpiry", value(&pki.ca_expiry)),
        ("pki.extraSans", value(&pki.extra_sans)),
        ("encryptSecrets", json!(cluster.encrypt_secrets)),
    ];
    let mut all: BTreeMap<String, Value> = own.into_iter().map(|(path, value)| (path.to_owned(), value)).collect();
    if let Some(local) = cluster.balancing.local {
        all.insert("apiLoadBalancer.local".into(), local.name().into());
    }
    if let Some(held) = &cluster.balancing.virtual_address {
        let on = if held.on_masters { "masters" } else { "lb" };
        let interface = held.interface.clone().unwrap_or_else(|| "the host's own".into());
        let own = [
            ("address", text(&held.address)),
            ("frontEnd", held.front_end.name().into()),
            ("on", on.into()),
            ("port", json!(held.port)),
            ("interface", interface.into()),
            ("routerId", json!(held.router_id)),
        ];
        all.extend(own.map(|(field, value)| (format!("apiLoadBalancer.virtualAddress.{field}"), value)));
    }
    if !cluster.recovery_keys.is_empty() {
        all.insert("recoveryKey".into(), value(&cluster.recovery_keys));
    }
    if let Some(proxy) = &cluster.http_proxy {
        let url = |url: &Option<String>| url.clone().map_or(Value::from("none"), Value::from);
        all.insert("httpProxy.http".into(), url(&proxy.http));
        all.insert("httpProxy.https".into(), url(&proxy.https));
        all.insert("httpProxy.except".into(), value(&proxy.except));
    }
    for host in &cluster.hosts {
        all.extend(of_host(cluster, host).map(|(field, value)| (format!("hosts[{}].{field}", host.name), value)));
    }
    all
}

fn of_host(cluster: &Cluster, host: &Host) -> [(&'static str, Value); 5] {
    // That masters hold the virtual address is said where it is.
    let implied = cluster.balancing.virtual_address.as_ref().is_some_and(|held| held.on_masters);
    let roles: Vec<&Role> = host.roles.iter().filter(|role| !implied || **role != Role::Lb).collect();
    [
        ("address", Value::from(host.address.to_string())),
        ("roles", value(&roles)),
        ("labels", value(&host.labels)),
        ("taints", value(&host.taints)),
        ("components", value(&host.components)),
    ]
}

/// A path as the schema has it: `hosts[n1].address` is `hosts[].address`.
pub fn field_of(path: &str) -> String {
    match (path.find('['), path.find(']')) {
        (Some(open), Some(close)) if open < close => format!("{}[]{}", &path[..open], &path[close + 1..]),
        _ => path.to_owned(),
    }
}

fn value(of: &impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::example;

    #[test]
    fn settings_are_named_as_in_the_inventory() {
        let settings = settings(&example::cluster("1.36.3"));
        assert_eq!(settings["kubernetes"], "1.36.3");
        assert_eq!(settings["pki.expiry"], "8760h");
        assert_eq!(settings["hosts[n1].roles"], json!(["node"]));
        assert_eq!(field_of("hosts[n1].roles"), "hosts[].roles");
        assert_eq!(field_of("networks.pods"), "networks.pods");
        assert!(settings.values().all(|value| !value.is_null()), "{settings:?}");
    }
}
