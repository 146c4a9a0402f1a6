//! `kbootstrap init` from outside: what it writes loads and resolves, and nothing is overwritten without --force.

use std::path::Path;

use assert_cmd::Command;
use kbootstrap::cluster::{self, Known};
use kbootstrap::inventory;

fn init(folder: &Path, args: &[&str]) -> assert_cmd::assert::Assert {
    let mut command = Command::cargo_bin("kbootstrap").unwrap();
    command.current_dir(folder).env("NO_COLOR", "1").arg("init").args(args).assert()
}

fn stderr(assert: &assert_cmd::assert::Assert) -> String {
    String::from_utf8(assert.get_output().stderr.clone()).unwrap()
}

#[test]
fn the_written_inventory_resolves() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["-o", "prod.yaml", "--master", "10.0.0.11", "--node", "10.0.0.21", "--node", "10.0.0.22"];
    let done = init(folder.path(), &args).success();
    insta::assert_snapshot!(String::from_utf8_lossy(&done.get_output().stdout), @r"
    prod.yaml: cluster prod with 3 hosts
    next: kbootstrap check -i prod.yaml
    ");
    let file = folder.path().join("prod.yaml");
    let cluster = cluster::resolve(&inventory::load(&file).unwrap(), &Known::default()).unwrap();
    let hosts: Vec<_> = cluster.hosts.iter().map(|h| format!("{} {} {:?}", h.name, h.address, h.roles)).collect();
    assert_eq!(
        hosts,
        ["master-1 10.0.0.11 {Etcd, Master, Node}", "node-1 10.0.0.21 {Node}", "node-2 10.0.0.22 {Node}"]
    );
    assert_eq!(cluster::warnings(&cluster), Vec::<String>::new());
}

#[test]
fn everything_that_is_asked_for_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let line = "-o - --name ha --endpoint api.example.com --user admin --kubernetes 1.35.4 \
                --master 10.0.0.11 --master 10.0.0.12 --master 10.0.0.13 --node 10.0.0.21";
    let args: Vec<_> = line.split_whitespace().collect();
    let done = init(folder.path(), &args).success();
    let loaded = inventory::parse("-", &done.get_output().stdout).unwrap();
    let cluster = cluster::resolve(&loaded, &Known::default()).unwrap();
    assert_eq!((cluster.name.as_str(), cluster.endpoint.url().as_str()), ("ha", "https://api.example.com:6443"));
    assert_eq!(cluster.versions.kubernetes.to_string(), "1.35.4");
    assert_eq!(cluster.with_role(cluster::Role::Etcd).count(), 3);
    assert!(cluster.hosts.iter().all(|h| h.ssh.user.as_deref() == Some("admin")));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_file_is_overwritten_only_by_force() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kbootstrap.yaml");
    std::fs::write(&file, "mine").unwrap();
    let refused = init(folder.path(), &["--master", "10.0.0.11"]).code(2);
    insta::assert_snapshot!(stderr(&refused), @r"
    error: kbootstrap.yaml is there already
    hint: `--force` overwrites it
    ");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    init(folder.path(), &["--master", "10.0.0.11", "--force"]).success();
    assert!(std::fs::read_to_string(&file).unwrap().contains("cluster: kubernetes"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn several_masters_need_nothing_in_front_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let masters = ["-o", "-", "--master", "10.0.0.11", "--master", "10.0.0.12", "--master", "10.0.0.13"];
    let written = init(folder.path(), &masters).success();
    let text = String::from_utf8_lossy(&written.get_output().stdout).into_owned();
    assert!(text.contains("# apiLoadBalancer: {local: haproxy}\n"), "{text}");
    let with = [&masters[..], &["--endpoint", "api.example.com"]].concat();
    let text = String::from_utf8_lossy(&init(folder.path(), &with).success().get_output().stdout).into_owned();
    assert!(text.contains("controlPlaneEndpoint: api.example.com") && !text.contains("apiLoadBalancer"), "{text}");
}

#[test]
fn mistakes_on_the_command_line_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let version = init(folder.path(), &["-o", "-", "--master", "10.0.0.11", "--kubernetes", "1.37"]).code(3);
    insta::assert_snapshot!(stderr(&version), @r"
    error: -:8:13: unknown Kubernetes version `1.37`
      8 | kubernetes: 1.37
        |             ^^^^
    hint: did you mean `1.36.3`?
    hint: known: 1.36.3, 1.35.4, 1.34.4
    ");
}

/// Writes `text`, makes an inventory of it, and says what the cluster is, then what was said.
fn from(name: &str, text: &str, args: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), text).unwrap();
    let done = init(folder.path(), &[&["-o", "prod.yaml", "--from", name], args].concat()).success();
    let file = folder.path().join("prod.yaml");
    let cluster = cluster::resolve(&inventory::load(&file).unwrap(), &Known::default()).unwrap();
    let host = |h: &cluster::Host| {
        let ssh = format!("{}@{}:{}", h.ssh.user.as_deref().unwrap_or("root"), h.ssh.address, h.ssh.port.unwrap_or(22));
        let keys: Vec<String> =
            h.ssh.keys.iter().map(|key| key.file_name().unwrap().to_string_lossy().into()).collect();
        format!("{} {} {:?} {ssh} {keys:?} taints {}", h.name, h.address, h.roles, h.taints.len())
    };
    let hosts: Vec<String> = cluster.hosts.iter().map(host).collect();
    let networks = format!("pods {} services {}", cluster.networks.pods, cluster.networks.services);
    let output = done.get_output();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &stderr(&done);
    format!("{}\n{networks}\n{}\n{said}", hosts.join("\n"), cluster.endpoint.url())
}

#[test]
fn hosts_come_from_kubesprays_yaml() {
    let text = "\
all:
  hosts:
    node1: {ansible_host: 203.0.113.1, ip: 10.0.0.1, access_ip: 10.0.0.1}
    node2: {ansible_host: 203.0.113.2, ip: 10.0.0.2, access_ip: 10.0.0.2}
    node3: {ansible_host: 203.0.113.3, ip: 10.0.0.3, access_ip: 10.0.0.3, ansible_user: other}
  vars:
    ansible_user: admin
    ansible_ssh_private_key_file: ~/.ssh/site
    loadbalancer_apiserver: {address: 10.0.0.100, port: 8383}
    kube_pods_subnet: 10.233.64.0/18
    kube_service_addresses: 10.233.0.0/18
    kube_version: 1.30.0
  children:
    kube_control_plane: {hosts: {node1: , node2: }}
    kube_node: {hosts: {node2: , node3: }}
    etcd: {hosts: {node1: , node2: , node3: }}
    k8s_cluster: {children: {kube_control_plane: , kube_node: }}
    calico_rr: {hosts: {}}
";
    insta::assert_snapshot!(from("hosts.yaml", text, &[]), @r#"
    node1 10.0.0.1 {Etcd, Master, Node} admin@203.0.113.1:22 ["site"] taints 1
    node2 10.0.0.2 {Etcd, Master, Node} admin@203.0.113.2:22 ["site"] taints 0
    node3 10.0.0.3 {Etcd, Node} other@203.0.113.3:22 ["site"] taints 0
    pods 10.233.64.0/18 services 10.233.0.0/18
    https://10.0.0.100:8383
    prod.yaml: cluster prod with 3 hosts
    next: kbootstrap check -i prod.yaml
    warning: not taken: kube_version (3 hosts)
    "#);
}

#[test]
fn hosts_come_from_ansibles_ini() {
    let text = "\
[masters]
m1 ansible_host=10.0.0.11

[workers]
w[01:02] ansible_port=2222

[workers:vars]
ansible_host=\"{{ ips[inventory_hostname] }}\"

[web]
web1 ansible_host=10.0.0.80
";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hosts.ini"), text).unwrap();
    std::fs::create_dir(folder.path().join("group_vars")).unwrap();
    let refused = init(folder.path(), &["--from", "hosts.ini"]).code(3);
    insta::assert_snapshot!(stderr(&refused), @r"
    error: hosts.ini: host w01 has no IP address: Ansible computes its `ansible_host` from `{{ ips[inventory_hostname] }}`
    hint: give it the address by which the other hosts reach it: `ip=10.0.0.11`

    error: hosts.ini: host w02 has no IP address: Ansible computes its `ansible_host` from `{{ ips[inventory_hostname] }}`
    hint: give it the address by which the other hosts reach it: `ip=10.0.0.11`

    2 errors
    ");
    let text = text.replace("ansible_host=\"{{ ips[inventory_hostname] }}\"", "ansible_user=core");
    let text = text.replace("w[01:02]", "w01 ansible_host=10.0.0.21\nw02 ansible_host=10.0.0.22");
    insta::assert_snapshot!(from("hosts.ini", &text, &["--user", "root"]), @r"
    m1 10.0.0.11 {Etcd, Master, Node} root@10.0.0.11:22 [] taints 1
    w01 10.0.0.21 {Node} root@10.0.0.21:22 [] taints 0
    w02 10.0.0.22 {Node} root@10.0.0.22:2222 [] taints 0
    pods 10.244.0.0/16 services 10.96.0.0/16
    https://10.0.0.11:6443
    prod.yaml: cluster prod with 3 hosts
    next: kbootstrap check -i prod.yaml
    warning: left out, since no group gives them a role: web1
    warning: no host is named for etcd: m1 has it
    ");
}

#[test]
fn hosts_come_from_k0sctl_and_rke() {
    let k0sctl = "\
apiVersion: k0sctl.k0sproject.io/v1beta1
kind: Cluster
metadata: {name: k0s}
spec:
  hosts:
  - role: controller
    ssh: {address: 10.0.0.1, user: root, port: 22, keyPath: ~/.ssh/id_rsa}
  - role: worker
    privateAddress: 10.0.0.2
    ssh: {address: 203.0.113.2, user: admin, port: 2222}
  k0s: {version: 1.30.0+k0s.0}
";
    insta::assert_snapshot!(from("k0sctl.yaml", k0sctl, &[]), @r#"
    master-1 10.0.0.1 {Etcd, Master, Node} root@10.0.0.1:22 ["id_rsa"] taints 1
    node-1 10.0.0.2 {Node} admin@203.0.113.2:2222 [] taints 0
    pods 10.244.0.0/16 services 10.96.0.0/16
    https://10.0.0.1:6443
    prod.yaml: cluster prod with 2 hosts
    next: kbootstrap check -i prod.yaml
    warning: no host is named for etcd: master-1 has it
    "#);
    let rke = "\
ssh_key_path: ~/.ssh/rke
nodes:
- {address: 203.0.113.1, internal_address: 10.0.0.1, user: rke, role: [controlplane, etcd], hostname_override: cp1}
- {address: 10.0.0.2, user: rke, role: [worker]}
services:
  kube-api: {service_cluster_ip_range: 10.43.0.0/16}
  kube-controller: {cluster_cidr: 10.42.0.0/16, service_cluster_ip_range: 10.43.0.0/16}
network: {plugin: canal}
";
    insta::assert_snapshot!(from("cluster.yml", rke, &[]), @r#"
    cp1 10.0.0.1 {Etcd, Master, Node} rke@203.0.113.1:22 ["rke"] taints 1
    node-1 10.0.0.2 {Node} rke@10.0.0.2:22 ["rke"] taints 0
    pods 10.42.0.0/16 services 10.43.0.0/16
    https://10.0.0.1:6443
    prod.yaml: cluster prod with 2 hosts
    next: kbootstrap check -i prod.yaml
    warning: not taken: network
    "#);
}

#[test]
fn what_cannot_be_read_is_said() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ours.yaml"), "cluster: prod\nhosts: []\n").unwrap();
    std::fs::write(folder.path().join("bad.ini"), "[masters]\nm[3:1]\nm1 10.0.0.1\n").unwrap();
    std::fs::write(folder.path().join("kubeadm.yaml"), "apiVersion: kubeadm.k8s.io/v1beta4\nkind: X\n").unwrap();
    let said: String = ["ours.yaml", "bad.ini", "kubeadm.yaml", "none.ini", "."]
        .iter()
        .map(|name| stderr(&init(folder.path(), &["--from", name]).code(3)))
        .collect();
    insta::assert_snapshot!(said, @r"
    error: ours.yaml: this is an inventory of kbootstrap already
    error: bad.ini:2: `m[3:1]` has `[3:1]`, which is no range: write `[01:03]` or `[a:c]`

    error: bad.ini:3: `10.0.0.1` is no variable: write `name=value`

    2 errors
    error: kubeadm.yaml: this is a kubeadm configuration, which names no hosts
    hint: `kbootstrap init --master ADDRESS --node ADDRESS` writes an inventory, in kbootstrap.yaml
    error: read none.ini: No such file or directory (os error 2)
    error: . is a folder
    hint: name the file in it that has the hosts
    ");
    init(folder.path(), &["--from", "bad.ini", "--master", "10.0.0.1"]).code(2);
}
