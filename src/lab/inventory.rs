//! The inventory of a lab: what `kbootstrap up -i` reads.

use std::fs;
use std::path::Path;

use super::folders::LabFolder;
use super::spec::LabSpec;
use super::state::State;
use crate::cluster::{API_PORT, Role};

/// Lab hosts share the machine's disk: a share of it that is in use says nothing about them.
const KUBELET: &str = "\
# These hosts see the whole disk of this machine, so kubelets count bytes, not percent.
components:
  kubelet:
    config:
      imageGCHighThresholdPercent: 100
      evictionHard: {memory.available: 100Mi, nodefs.available: 1Gi, imagefs.available: 1Gi}
";

/// Whether the file at that path is this lab's inventory, and not somebody's own.
pub fn is_ours(path: &Path, lab: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.starts_with(&head(lab)))
}

fn head(lab: &str) -> String {
    format!(
        "# A lab on this machine. `kbootstrap lab list` shows it, `kbootstrap lab down --name {lab}` removes it.\n\
         cluster: {lab}\n"
    )
}

/// The text.
pub fn render(state: &State, spec: &LabSpec, folder: &LabFolder) -> String {
    let mut text = head(&state.name);
    if let Some(endpoint) = endpoint(state, spec) {
        text.push_str(&format!("controlPlaneEndpoint: {}\n", quoted(&endpoint)));
    }
    text.push_str(&format!(
        "ssh:\n  user: root\n  keys:\n    - {}\n  knownHosts: {}\n{KUBELET}hosts:\n",
        quoted(&folder.key().to_string_lossy()),
        quoted(&folder.known_hosts().to_string_lossy())
    ));
    for host in &state.hosts {
        let roles: Vec<_> = host.roles.iter().map(|role| role_name(*role)).collect();
        text.push_str(&format!(
            "  - name: {}\n    address: {}\n    roles: [{}]\n",
            host.name,
            host.address,
            roles.join(", ")
        ));
    }
    text
}

/// Several masters need one. A lab has no balancer of its own: the first master stands in.
fn endpoint(state: &State, spec: &LabSpec) -> Option<String> {
    let masters: Vec<_> = state.hosts.iter().filter(|host| host.roles.contains(&Role::Master)).collect();
    spec.endpoint.clone().or_else(|| (masters.len() > 1).then(|| format!("{}:{API_PORT}", masters[0].address)))
}

/// As an inventory spells it.
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Etcd => "etcd",
        Role::Master => "master",
        Role::Node => "node",
        Role::Lb => "lb",
    }
}

/// A JSON string is a YAML string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Inventory;
    use crate::lab::folders::Folders;
    use crate::lab::up::plan;

    #[test]
    fn it_is_an_inventory() {
        let folder = Folders::at(Path::new("/c")).unwrap().lab("demo").unwrap();
        let spec = LabSpec { masters: 3, ..LabSpec::new("demo", 4) };
        let state = plan(&spec, &folder, "10.99.7.0/24".parse().unwrap(), Path::new("/tree"), |_| Vec::new());
        let text = render(&state, &spec, &folder);
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), &text).unwrap();
        assert!(is_ours(file.path(), "demo") && !is_ours(file.path(), "dem"));
        let inventory: Inventory = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(inventory.control_plane_endpoint.as_deref(), Some("10.99.7.11:6443"));
        assert_eq!(inventory.ssh.known_hosts.as_deref(), Some(Path::new("/c/labs/demo/known_hosts")));
        insta::assert_snapshot!(render(&state, &LabSpec { endpoint: Some("[fd00::1]:6443".into()), ..spec }, &folder), @r#"
        # A lab on this machine. `kbootstrap lab list` shows it, `kbootstrap lab down --name demo` removes it.
        cluster: demo
        controlPlaneEndpoint: "[fd00::1]:6443"
        ssh:
          user: root
          keys:
            - "/c/labs/demo/id_ed25519"
          knownHosts: "/c/labs/demo/known_hosts"
        # These hosts see the whole disk of this machine, so kubelets count bytes, not percent.
        components:
          kubelet:
            config:
              imageGCHighThresholdPercent: 100
              evictionHard: {memory.available: 100Mi, nodefs.available: 1Gi, imagefs.available: 1Gi}
        hosts:
          - name: n1
            address: 10.99.7.11
            roles: [etcd, master, node]
          - name: n2
            address: 10.99.7.12
            roles: [etcd, master, node]
          - name: n3
            address: 10.99.7.13
            roles: [etcd, master, node]
          - name: n4
            address: 10.99.7.14
            roles: [node]
        "#);
    }
}
