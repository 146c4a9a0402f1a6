//! Tools with a file of their own: k0sctl, RKE, kubeadm, k3s.

use std::path::PathBuf;

use serde_json::Value;

use super::Import;
use crate::error::{Error, Result};
use crate::inventory::model::{Host, Role, Ssh};
use crate::text::host_port;

/// Whether a document is RKE's `cluster.yml`.
pub fn is_rke(document: &Value) -> bool {
    let nodes = document["nodes"].as_array();
    nodes.is_some_and(|nodes| {
        !nodes.is_empty() && nodes.iter().all(|n| n["role"].is_array() && n["address"].is_string())
    })
}

/// The hosts of RKE's `cluster.yml`.
pub fn rke(document: &Value) -> Result<Import, Vec<Error>> {
    let key = text(document, "ssh_key_path");
    let hosts = list(&document["nodes"]).map(|node| {
        let roles = list(&node["role"]).filter_map(|role| match role.as_str()? {
            "controlplane" => Some(Role::Master),
            "etcd" => Some(Role::Etcd),
            "worker" => Some(Role::Node),
            _ => None,
        });
        let address = text(node, "address");
        let inner = text(node, "internal_address").or_else(|| address.clone()).unwrap_or_default();
        Host {
            name: text(node, "hostname_override").unwrap_or_default(),
            ssh_address: address.filter(|address| *address != inner),
            address: inner,
            roles: roles.collect(),
            ssh: ssh(text(node, "user"), &node["port"], text(node, "ssh_key_path").or_else(|| key.clone())),
            ..Host::default()
        }
    });
    let services = &document["services"];
    let (api, controllers) = (&services["kube-api"], &services["kube-controller"]);
    numbered(Import {
        hosts: hosts.collect(),
        pods: text(controllers, "cluster_cidr"),
        services: text(api, "service_cluster_ip_range"),
        notes: untaken(document, &["nodes", "services", "ssh_key_path", "cluster_name"]),
        ..Import::default()
    })
}

/// The hosts of a k0sctl configuration.
pub fn k0sctl(document: &Value) -> Result<Import, Vec<Error>> {
    let spec = &document["spec"];
    let hosts = list(&spec["hosts"]).map(|host| {
        let roles = match text(host, "role").unwrap_or_default().as_str() {
            "controller" => vec![Role::Master],
            "controller+worker" | "single" => vec![Role::Master, Role::Node],
            _ => vec![Role::Node],
        };
        let outer = ["ssh", "openSSH"].iter().find_map(|way| text(&host[*way], "address"));
        let address = text(host, "privateAddress").or_else(|| outer.clone()).unwrap_or_default();
        let login = &host["ssh"];
        Host {
            name: text(host, "hostname").unwrap_or_default(),
            ssh_address: outer.filter(|outer| *outer != address),
            address,
            roles,
            ssh: ssh(text(login, "user"), &login["port"], text(login, "keyPath")),
            ..Host::default()
        }
    });
    let config = &spec["k0s"]["config"]["spec"];
    numbered(Import {
        hosts: hosts.collect(),
        endpoint: text(&config["api"], "externalAddress"),
        pods: text(&config["network"], "podCIDR"),
        services: text(&config["network"], "serviceCIDR"),
        notes: untaken(spec, &["hosts", "k0s"]),
    })
}

/// The options of `init` that say the same as a kubeadm configuration.
pub fn kubeadm(documents: &[Value]) -> String {
    let find = |kind: &str| documents.iter().find(|document| document["kind"] == kind);
    let init = find("InitConfiguration").and_then(|init| text(&init["localAPIEndpoint"], "advertiseAddress"));
    let endpoint = find("ClusterConfiguration").and_then(|cluster| text(cluster, "controlPlaneEndpoint"));
    options(init, endpoint)
}

/// Whether a document is a `config.yaml` of k3s or RKE2: it has what only they have.
pub fn is_k3s(document: &Value) -> bool {
    const KEYS: [&str; 10] = [
        "tls-san",
        "write-kubeconfig-mode",
        "cluster-init",
        "flannel-backend",
        "node-label",
        "node-taint",
        "node-ip",
        "agent-token",
        "kubelet-arg",
        "kube-apiserver-arg",
    ];
    let server = document["server"].is_string() && document["token"].is_string();
    document.is_object() && (server || KEYS.iter().any(|key| document.get(key).is_some()))
}

/// The options of `init` that say the same as a configuration of k3s.
pub fn k3s(document: &Value) -> String {
    options(text(document, "node-ip"), None)
}

fn options(master: Option<String>, endpoint: Option<String>) -> String {
    let master = master.unwrap_or_else(|| "ADDRESS".into());
    let endpoint = endpoint.map(|endpoint| format!(" --endpoint {endpoint}")).unwrap_or_default();
    format!("--master {master} --node ADDRESS{endpoint}")
}

/// Hosts without a name get one by their role; what has no address is refused.
fn numbered(mut import: Import) -> Result<Import, Vec<Error>> {
    let mut mistakes = vec![];
    let mut count = [0; 3];
    for (i, host) in import.hosts.iter_mut().enumerate() {
        let kind =
            [Role::Master, Role::Node, Role::Etcd].iter().position(|role| host.roles.contains(role)).unwrap_or(1);
        count[kind] += 1;
        if host.name.is_empty() {
            host.name = format!("{}-{}", ["master", "node", "etcd"][kind], count[kind]);
        }
        if host.address.parse::<std::net::IpAddr>().is_err() {
            let shown = if host.address.is_empty() { "none".into() } else { format!("`{}`", host.address) };
            mistakes.push(Error::input(format!(
                "host {} ({}): it needs an IP address, and has {shown}",
                i + 1,
                host.name
            )));
        }
    }
    import.endpoint = import.endpoint.map(|host| if host.contains(':') { host } else { host_port(&host, 6443) });
    if mistakes.is_empty() { Ok(import) } else { Err(mistakes) }
}

fn ssh(user: Option<String>, port: &Value, key: Option<String>) -> Ssh {
    let port = port.as_u64().or_else(|| port.as_str()?.parse().ok());
    Ssh {
        user,
        port: port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 22),
        keys: key.map(PathBuf::from).into_iter().collect(),
        ..Ssh::default()
    }
}

fn untaken(document: &Value, taken: &[&str]) -> Vec<String> {
    let keys = document.as_object().into_iter().flat_map(|map| map.keys().map(String::as_str));
    let left: Vec<&str> = keys.filter(|key| !taken.contains(key)).collect();
    if left.is_empty() { vec![] } else { vec![format!("not taken: {}", left.join(", "))] }
}

fn text(value: &Value, key: &str) -> Option<String> {
    value[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
