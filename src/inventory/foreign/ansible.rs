//! Ansible's groups as roles, its variables as addresses and logins.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;
use std::path::PathBuf;

use serde_json::Value;

use super::Import;
use super::groups::{Groups, Resolved, Vars};
use crate::error::{Error, Result};
use crate::inventory::check::names;
use crate::inventory::model::{Host, Role, Ssh, TransportKind};
use crate::text::{host_port, shortened};

/// Whether groups are named as kubespray wants them.
pub fn is_kubespray(groups: &Groups) -> bool {
    let theirs = ["k8s_cluster", "kube_control_plane", "kube_node", "kube_master"];
    groups.names().any(|name| theirs.contains(&plain(name).as_str()))
}

/// The hosts that have a role by one of their groups.
pub fn import(groups: &Groups) -> Result<Import, Vec<Error>> {
    let roles: BTreeMap<&str, Role> = groups.names().filter_map(|name| Some((name, role(name, groups)?))).collect();
    let resolved = groups.resolved();
    if !roles.values().any(|role| *role == Role::Master) {
        let there: Vec<&str> = groups.names().collect();
        let there =
            if there.is_empty() { "it has no groups".into() } else { format!("its groups: {}", there.join(", ")) };
        return Err(vec![
            Error::input(format!("no group is named for masters; {there}"))
                .hint("masters are in `kube_control_plane`, `masters` or `master`, nodes in `kube_node`, `nodes` or `workers`, members of etcd in `etcd`"),
        ]);
    }
    let (mut import, mut mistakes) = (Import::default(), vec![]);
    let (mut untaken, mut left_out, mut names) = (Untaken::default(), vec![], HashSet::new());
    for found in &resolved {
        let held: BTreeSet<Role> = found.groups.iter().filter_map(|group| roles.get(group.as_str()).copied()).collect();
        if held.is_empty() {
            left_out.push(found.name.as_str());
            continue;
        }
        match host(found, held, &mut import.notes, &mut untaken) {
            Ok(host) => {
                if !names.insert(host.name.clone()) {
                    mistakes.push(Error::input(format!("two hosts would be called `{}`", host.name)));
                }
                import.hosts.push(host);
            }
            Err(error) => mistakes.push(error),
        }
        cluster(&mut import, &found.vars);
    }
    if !left_out.is_empty() {
        import.notes.push(format!("left out, since no group gives them a role: {}", left_out.join(", ")));
    }
    import.notes.extend(untaken.notes());
    if mistakes.is_empty() { Ok(import) } else { Err(mistakes) }
}

/// Names of groups differ in case and dashes only.
fn plain(group: &str) -> String {
    group.to_lowercase().replace(['-', '.'], "_")
}

fn role(group: &str, groups: &Groups) -> Option<Role> {
    let name = plain(group);
    let bare = ["kubernetes_", "kube_", "k8s_", "k3s_"].iter().find_map(|prefix| name.strip_prefix(prefix));
    match bare.unwrap_or(&name) {
        "etcd" | "etcds" | "etcd_node" | "etcd_nodes" | "etcd_member" | "etcd_members" | "etcd_server"
        | "etcd_servers" => Some(Role::Etcd),
        "master"
        | "masters"
        | "master_node"
        | "master_nodes"
        | "control_plane"
        | "control_planes"
        | "controlplane"
        | "controlplanes"
        | "control_plane_node"
        | "control_plane_nodes"
        | "controller"
        | "controllers"
        | "manager"
        | "managers" => Some(Role::Master),
        "node" | "nodes" | "worker" | "workers" | "worker_node" | "worker_nodes" | "agent" | "agents" | "minion"
        | "minions" => Some(Role::Node),
        // Only beside agents is a server a master.
        "server" | "servers" if groups.names().any(|name| matches!(plain(name).as_str(), "agent" | "agents")) => {
            Some(Role::Master)
        }
        _ => None,
    }
}

fn host(found: &Resolved, roles: BTreeSet<Role>, notes: &mut Vec<String>, untaken: &mut Untaken) -> Result<Host> {
    let vars = &found.vars;
    untaken.look(vars);
    let outer = first(vars, &["ansible_host", "ansible_ssh_host"]).unwrap_or_else(|| found.name.clone());
    let is_ip = |text: &String| text.parse::<IpAddr>().is_ok();
    let inner = [first(vars, &["ip"]), first(vars, &["access_ip"]), Some(outer.clone())];
    let Some(address) = inner.into_iter().flatten().find(is_ip) else {
        let written = ["ansible_host", "ansible_ssh_host"].iter().find_map(|name| vars.get(*name));
        let what = match written.and_then(Value::as_str) {
            None => "there is neither `ip` nor `ansible_host`".into(),
            Some(text) if computed(text) => format!("Ansible computes its `ansible_host` from `{text}`"),
            Some(text) => format!("its `ansible_host` is the name `{text}`"),
        };
        return Err(Error::input(shortened(&format!("host {} has no IP address: {what}", found.name)))
            .hint("give it the address by which the other hosts reach it: `ip=10.0.0.11`"));
    };
    let reached = is_ip(&outer) || names::host_name(&outer.to_lowercase()).is_ok();
    let local = first(vars, &["ansible_connection"]).as_deref() == Some("local");
    let port = first(vars, &["ansible_port", "ansible_ssh_port"]).and_then(|port| port.parse().ok());
    let key = first(vars, &["ansible_ssh_private_key_file", "ansible_private_key_file"]);
    Ok(Host {
        name: name(&found.name, &address, &roles, notes),
        ssh_address: Some(outer).filter(|outer| *outer != address && reached && !local),
        address,
        roles: roles.into_iter().collect(),
        ssh: Ssh {
            user: first(vars, &["ansible_user", "ansible_ssh_user"]),
            port: port.filter(|port| *port != 22),
            keys: key.map(PathBuf::from).into_iter().collect(),
            transport: local.then_some(TransportKind::Local),
            ..Ssh::default()
        },
        ..Host::default()
    })
}

/// A name that Kubernetes takes; an address is none.
fn name(written: &str, address: &str, roles: &BTreeSet<Role>, notes: &mut Vec<String>) -> String {
    if written.parse::<IpAddr>().is_ok() {
        let kind = [Role::Master, Role::Node, Role::Etcd].into_iter().find(|role| roles.contains(role));
        let part = address.replace(['.', ':'], "-");
        return format!("{}-{part}", kind.map_or("host", Role::name));
    }
    let plain: String = written.to_lowercase().replace('_', "-");
    if plain != written && names::subdomain(&plain).is_ok() {
        notes.push(format!("host `{written}` is called `{plain}`, as Kubernetes takes names"));
        return plain;
    }
    written.to_owned()
}

/// What holds of the whole cluster, where kubespray's variables say it.
fn cluster(import: &mut Import, vars: &Vars) {
    let balancer = vars.get("loadbalancer_apiserver");
    if let Some(address) =
        balancer.and_then(|balancer| balancer["address"].as_str()).filter(|_| import.endpoint.is_none())
    {
        let port = balancer.map(|balancer| &balancer["port"]);
        let port = port.and_then(|port| port.as_u64().or_else(|| port.as_str()?.parse().ok()));
        import.endpoint = Some(host_port(address, port.and_then(|port| u16::try_from(port).ok()).unwrap_or(6443)));
    }
    import.pods = import.pods.take().or_else(|| first(vars, &["kube_pods_subnet"]));
    import.services = import.services.take().or_else(|| first(vars, &["kube_service_addresses"]));
}

/// A variable as text; what Ansible would have to compute is none.
fn first(vars: &Vars, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match vars.get(*name)? {
        Value::String(text) if !text.is_empty() && !computed(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

fn computed(text: &str) -> bool {
    text.contains("{{")
}

/// Variables that were read and not taken, by name, with the number of hosts that they hold for.
#[derive(Default)]
struct Untaken {
    others: BTreeMap<String, usize>,
    computed: BTreeMap<String, usize>,
    passwords: BTreeSet<String>,
}

/// What is taken.
const TAKEN: [&str; 14] = [
    "ansible_host",
    "ansible_ssh_host",
    "ansible_user",
    "ansible_ssh_user",
    "ansible_port",
    "ansible_ssh_port",
    "ansible_ssh_private_key_file",
    "ansible_private_key_file",
    "ansible_connection",
    "ip",
    "access_ip",
    "loadbalancer_apiserver",
    "kube_pods_subnet",
    "kube_service_addresses",
];
/// What means nothing to kbootstrap, or what it does by itself: it becomes root by sudo and needs no Python.
const NEEDLESS: [&str; 7] = [
    "ansible_become",
    "ansible_become_user",
    "ansible_become_method",
    "ansible_python_interpreter",
    "ansible_shell_type",
    "etcd_member_name",
    "ansible_ssh_pipelining",
];

impl Untaken {
    fn look(&mut self, vars: &Vars) {
        for (name, value) in vars {
            let (taken, needless) = (TAKEN.contains(&name.as_str()), NEEDLESS.contains(&name.as_str()));
            if name.ends_with("pass") || name.ends_with("password") {
                self.passwords.insert(name.clone());
            } else if taken && value.as_str().is_some_and(computed) {
                *self.computed.entry(name.clone()).or_default() += 1;
            } else if !taken && !needless {
                *self.others.entry(name.clone()).or_default() += 1;
            }
        }
    }

    fn notes(&self) -> Vec<String> {
        let list = |names: &BTreeMap<String, usize>| {
            let one = |(name, count): (&String, &usize)| {
                format!("{name} ({count} {})", if *count == 1 { "host" } else { "hosts" })
            };
            names.iter().map(one).collect::<Vec<_>>().join(", ")
        };
        let mut notes = vec![];
        if !self.computed.is_empty() {
            let what = list(&self.computed);
            notes.push(format!("not taken, since Ansible computes them: {what}; `ansible-inventory -i FILE --list -y` writes the values"));
        }
        if !self.passwords.is_empty() {
            let names: Vec<&str> = self.passwords.iter().map(String::as_str).collect();
            notes.push(format!(
                "passwords are not taken ({}): kbootstrap asks for them, or uses keys",
                names.join(", ")
            ));
        }
        if !self.others.is_empty() {
            notes.push(format!("not taken: {}", list(&self.others)));
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::foreign::import as import_file;

    fn shown(import: &Import) -> String {
        let host = |host: &Host| {
            let roles: Vec<&str> = host.roles.iter().map(|role| role.name()).collect();
            let ssh = serde_json::to_string(&host.ssh).unwrap();
            format!("{} {} {:?} {} {ssh}", host.name, host.address, host.ssh_address, roles.join("+"))
        };
        let hosts: Vec<String> = import.hosts.iter().map(host).collect();
        [hosts, import.notes.clone()].concat().join("\n")
    }

    #[test]
    fn groups_are_roles_under_all_their_names() {
        let groups = Groups::default();
        for (name, is) in [
            ("kube-master", Role::Master),
            ("kube_control_plane", Role::Master),
            ("masters", Role::Master),
            ("Control-Plane", Role::Master),
            ("kube-node", Role::Node),
            ("k8s_workers", Role::Node),
            ("workers", Role::Node),
            ("etcd", Role::Etcd),
        ] {
            assert_eq!(role(name, &groups), Some(is), "{name}");
        }
        for other in ["k8s_cluster", "calico_rr", "web", "servers", "all"] {
            assert_eq!(role(other, &groups), None, "{other}");
        }
    }

    #[test]
    fn an_inventory_of_kubespray() {
        let text = "\
[all]
Node_1 ansible_host=203.0.113.1 ip=10.0.0.1 etcd_member_name=etcd1
node2 ansible_host=n2.example.com ip=10.0.0.2
node[3:4] ansible_user=root ansible_password=x
bastion ansible_host=203.0.113.9
[all:vars]
ansible_user=admin
ansible_port=2222
ansible_ssh_common_args='-o ProxyJump=bastion'
[kube_control_plane]
Node_1
node2
[etcd]
Node_1
node2
[kube_node]
node2
[workers]
10.0.0.5
[k8s_cluster:children]
kube_control_plane
kube_node
workers
";
        insta::assert_snapshot!(shown(&import_file("hosts.ini", text.as_bytes()).unwrap()), @r#"
        node-1 10.0.0.1 Some("203.0.113.1") etcd+master+node {"user":"admin","port":2222}
        node2 10.0.0.2 Some("n2.example.com") master+node {"user":"admin","port":2222}
        node-10-0-0-5 10.0.0.5 None node {"user":"admin","port":2222}
        host `Node_1` is called `node-1`, as Kubernetes takes names
        left out, since no group gives them a role: node3, node4, bastion
        not taken: ansible_ssh_common_args (3 hosts)
        etcd needs 1, 3 or 5 hosts, and 2 are named: node2 is left out
        "#);
    }

    #[test]
    fn everything_that_is_missing_is_said_at_once() {
        let text = "[masters]\nm1 ansible_host=\"{{ lookup }}\"\nm2 ansible_host=m2.example.com\n";
        let error = import_file("hosts.ini", text.as_bytes()).unwrap_err();
        insta::assert_snapshot!(crate::ui::report::render(&error, false), @r"
        error: hosts.ini: host m1 has no IP address: Ansible computes its `ansible_host` from `{{ lookup }}`
        hint: give it the address by which the other hosts reach it: `ip=10.0.0.11`

        error: hosts.ini: host m2 has no IP address: its `ansible_host` is the name `m2.example.com`
        hint: give it the address by which the other hosts reach it: `ip=10.0.0.11`

        2 errors
        ");
        let error = import_file("hosts.ini", b"[web]\nn1 ansible_host=10.0.0.1\n").unwrap_err();
        insta::assert_snapshot!(crate::ui::report::render(&error, false), @r"
        error: hosts.ini: no group is named for masters; its groups: web
        hint: masters are in `kube_control_plane`, `masters` or `master`, nodes in `kube_node`, `nodes` or `workers`, members of etcd in `etcd`
        ");
    }
}
