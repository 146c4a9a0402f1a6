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
    assert!(cluster.hosts.iter().all(|h| h.ssh.user == "admin"));
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
fn mistakes_on_the_command_line_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let several = init(folder.path(), &["--master", "10.0.0.11", "--master", "10.0.0.12"]).code(2);
    insta::assert_snapshot!(stderr(&several), @r"
    error: 2 masters need --endpoint
    hint: it is the address of what balances over the masters' port 6443
    ");
    let version = init(folder.path(), &["-o", "-", "--master", "10.0.0.11", "--kubernetes", "1.37"]).code(3);
    insta::assert_snapshot!(stderr(&version), @r"
    error: -:8:13: unknown Kubernetes version `1.37`
      8 | kubernetes: 1.37
        |             ^^^^
    hint: did you mean `1.36.3`?
    hint: known: 1.36.3, 1.35.4, 1.34.4
    ");
}
