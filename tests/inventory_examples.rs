//! The examples in `inventories/` load, resolve and mean what their comments say.

use std::path::{Path, PathBuf};

use kbootstrap::cluster::{self, Authorities, Cluster, Known, ProxyMode, Role, TransportKind};
use kbootstrap::components::Catalogue;
use kbootstrap::inventory;
use kbootstrap::pki::{KeyKind, Lifetime};
use kbootstrap::ui::report;
use serde_json::json;

use crate::common::schema;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn resolved(file: &Path) -> Cluster {
    let result = inventory::load(file).and_then(|loaded| cluster::resolve(&loaded, &Known::default()));
    result.unwrap_or_else(|error| panic!("{}", report::render(&error, false)))
}

fn example(name: &str) -> Cluster {
    resolved(&root().join("inventories").join(name))
}

fn written(text: &str) -> Cluster {
    let loaded = inventory::parse("x.yaml", text.as_bytes());
    let result = loaded.and_then(|loaded| cluster::resolve(&loaded, &Known::default()));
    result.unwrap_or_else(|error| panic!("{}", report::render(&error, false)))
}

#[test]
fn every_example_resolves_without_a_warning() {
    let files = std::fs::read_dir(root().join("inventories")).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = files.filter(|file| file.extension().is_some_and(|e| e == "yaml")).collect();
    assert_eq!(files.len(), 4, "{files:?}");
    for file in files {
        assert_eq!(cluster::warnings(&resolved(&file)), Vec::<String>::new(), "{}", file.display());
    }
}

#[test]
fn every_example_fits_the_json_schema() {
    let validator = jsonschema::validator_for(&inventory::schema(&[])).unwrap();
    for entry in std::fs::read_dir(root().join("inventories")).unwrap() {
        let loaded = inventory::load(&entry.unwrap().path()).unwrap();
        let value = serde_json::to_value(&loaded.inventory).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
    }
}

#[test]
fn defaults_are_filled_in() {
    let cluster = example("single-host.yaml");
    assert_eq!(cluster.endpoint.url(), "https://192.168.1.10:6443");
    assert_eq!(cluster.networks.dns_address.to_string(), "10.96.0.10");
    assert_eq!(cluster.networks.api_address.to_string(), "10.96.0.1");
    assert_eq!((cluster.networks.node_prefix, cluster.networks.node_ports), (24, (30000, 32767)));
    assert_eq!((cluster.networks.dns_domain.as_str(), cluster.proxy_mode), ("cluster.local", ProxyMode::Auto));
    assert_eq!(cluster.versions.kubernetes.to_string(), "1.36.3");
    assert_eq!(cluster.pki.key, KeyKind::EcdsaP256);
    assert_eq!((cluster.pki.expiry, cluster.pki.ca_expiry), (Lifetime::hours(8760), Lifetime::hours(87_600)));
    assert_eq!((cluster.pki.authorities, cluster.encrypt_secrets), (Authorities::Separate, true));
    assert!(cluster.sources[0].download.is_some() && cluster.sources[1].build.is_some());
    let ssh = &cluster.hosts[0].ssh;
    assert_eq!((&ssh.user, ssh.port, ssh.connect_timeout), (&None, None, None));
    assert_eq!((ssh.address.as_str(), ssh.transport), ("192.168.1.10", TransportKind::Ssh));
}

#[test]
fn a_host_wins_over_the_cluster() {
    let cluster = example("three-masters-three-nodes.yaml");
    assert_eq!(cluster.endpoint.url(), "https://api.production.example.com:6443");
    assert_eq!(cluster.with_role(Role::Etcd).count(), 3);
    let (usual, own) = (cluster.host("node-1").unwrap(), cluster.host("node-3").unwrap());
    let kubelet = |host: &cluster::Host| json!(host.settings("kubelet").unwrap().config);
    assert_eq!(kubelet(usual), json!({"maxPods": 200, "evictionHard": {"memory.available": "300Mi"}}));
    assert_eq!(kubelet(own), json!({"maxPods": 50, "evictionHard": {"memory.available": "300Mi"}}));
    assert_eq!(json!(own.settings("kubelet").unwrap().flags), json!({"v": "4"}));
    assert_eq!((own.ssh.address.as_str(), own.ssh.port), ("node-3.management.example.com", Some(2222)));
    assert_eq!(own.ssh.user.as_deref(), Some("admin"));
    assert_eq!((own.taints[0].value.as_str(), own.taints[0].effect.as_str()), ("database", "NoSchedule"));
    assert_eq!(cluster.host("master-3").unwrap().roles, cluster.host("master-1").unwrap().roles);
}

#[test]
fn text_stays_as_it_is_written() {
    let cluster = written(
        "cluster: '1'\nkubernetes: 1.34\nhosts:\n- name: 1\n  address: 10.0.0.1\n  roles: [etcd, master, node]\n\
         \x20 labels: {rack: 007, gpu: true, rev: 1.30, empty: ''}\n\
         \x20 components: {kubelet: {flags: {v: 2, ratio: 1.30, node-ip: null, fail: false}, config: {n: 1.5, on: yes}}}\n",
    );
    assert_eq!((cluster.name.as_str(), cluster.versions.kubernetes.to_string().as_str()), ("1", "1.34.4"));
    let host = &cluster.hosts[0];
    assert_eq!(json!(host.labels), json!({"rack": "007", "gpu": "true", "rev": "1.30", "empty": ""}));
    let kubelet = host.settings("kubelet").unwrap();
    assert_eq!(json!(kubelet.flags), json!({"v": "2", "ratio": "1.30", "node-ip": null, "fail": false}));
    assert_eq!(json!(kubelet.config), json!({"n": 1.5, "on": "yes"}));
}

#[test]
fn json_is_yaml_and_empty_sections_are_defaults() {
    let cluster = written(
        "{\"cluster\": \"prod\", \"ssh\": null, \"networks\": {\"pods\": null},\n\
         \"hosts\": [{\"name\": \"a\", \"address\": \"10.0.0.1\", \"roles\": [\"etcd\", \"master\"], \"labels\": null}]}",
    );
    assert_eq!(cluster.networks.pods.to_string(), "10.244.0.0/16");
}

#[test]
fn an_ipv6_cluster_has_an_ipv6_endpoint() {
    let cluster = written(
        "cluster: six\nnetworks: {pods: 'fd01::/56', services: 'fd02::/112'}\n\
         hosts: [{name: a, address: 'fd00::0:11', roles: [etcd, master, node]}]\n",
    );
    assert_eq!(cluster.endpoint.url(), "https://[fd00::11]:6443");
    assert_eq!((cluster.networks.dns_address.to_string().as_str(), cluster.networks.node_prefix), ("fd02::a", 64));
}

#[test]
fn what_works_but_is_unwise_is_a_warning() {
    let cluster = written(
        "cluster: prod\nproxy: {mode: ipvs}\ncontrolPlaneEndpoint: 10.0.0.9\nhosts:\n\
         - {name: a, address: 10.0.0.1, roles: [etcd, master]}\n- {name: b, address: 10.0.0.2, roles: [master]}\n",
    );
    insta::assert_snapshot!(cluster::warnings(&cluster).join("\n"), @r"
    kube-proxy's mode ipvs is deprecated since Kubernetes 1.35: nftables is its successor
    no host has the role `node`: nothing can run in this cluster, not even CoreDNS
    2 masters share one etcd member: when its host is lost, so is the cluster
    2 masters bear the loss of one only where etcd bears it, too: of 3 masters that are its members any one may be lost
    ");
}

#[test]
fn the_schema_in_docs_is_that_of_the_types() {
    let components = Catalogue::standard().known();
    let names: Vec<_> = components.iter().map(|component| (component.name, component.about)).collect();
    schema::is_up_to_date("inventory.schema.json", &inventory::schema(&names));
}

#[test]
fn the_documentation_names_every_field() {
    schema::is_documented("inventory.md", &inventory::schema(&[]));
}

proptest::proptest! {
    #[test]
    fn any_text_is_an_inventory_or_an_error(text in "[ -~\\n\\t，：]{0,300}") {
        let _ = inventory::parse("x", text.as_bytes()).and_then(|l| cluster::resolve(&l, &Known::default()));
    }

    #[test]
    fn any_value_in_any_field_is_taken_or_explained(
        field in proptest::sample::select(vec![
            "cluster", "kubernetes", "controlPlaneEndpoint", "networks", "pki", "ssh", "hosts", "waive", "artifacts",
            "components", "versions", "encryptSecrets", "proxy",
        ]),
        inner in proptest::sample::select(vec![
            "pods", "services", "dnsAddress", "nodePrefix", "nodePorts", "key", "expiry", "extraSans", "hostKey",
            "kubelet", "etcd", "flags", "name", "address", "roles", "taints", "labels", "download",
        ]),
        value in proptest::sample::select(vec![
            "null", "''", "1", "-1", "1.5", "256", "true", "abc", "[]", "{}", "[{}]", "[null]", "0.0.0.0/0", "::/0", "::1/128",
            "255.255.255.255/32", "10.0.0.0/8", "10.0.0.0/31", "fd00::/8", "*", "&a [*a]", "9999999999999999999999", "1y",
            "0-65535", "{algo: rsa, size: 4294967295}", "[a, a]", "x=y:z", "{a: {b: {c: []}}}", "，", "\"\\u0000\"", "'[::]:0'",
        ]),
    ) {
        for text in [format!("{field}: {value}"), format!("{field}: {{{inner}: {value}}}"), format!("{field}: [{{{inner}: {value}}}]")] {
            let base = if field == "hosts" { "" } else { "\nhosts: [{name: a, address: 10.0.0.1, roles: [etcd, master, node]}]" };
            let name = if field == "cluster" { "" } else { "cluster: a\n" };
            let result = inventory::parse("x", format!("{name}{text}{base}\n").as_bytes())
                .and_then(|loaded| cluster::resolve(&loaded, &Known::default()));
            if let Err(error) = result {
                proptest::prop_assert_eq!(error.kind, kbootstrap::error::Kind::Input, "{}: {}", text, error);
                let _ = report::render(&error, false);
            }
        }
    }
}
