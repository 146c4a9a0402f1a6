//! The automated rules of the CIS Kubernetes Benchmark 1.12 (as kube-bench scores them), by their ids,
//! on the rendered tree of a master that is a node too.

use std::collections::BTreeMap;

use serde_json::Value;

use super::states::{container, flags, state, text};
use crate::cluster::example::cluster;
use crate::facts::HostFacts;
use crate::render::yaml;
use crate::state::HostState;

const PKI: &str = "/etc/kubernetes/pki";

/// What a rule looks at.
struct Tree {
    state: HostState,
    flags: BTreeMap<&'static str, BTreeMap<String, Vec<String>>>,
    kubelet: Value,
    proxy: Value,
}

impl Tree {
    fn new(version: &str, facts: &HostFacts) -> Self {
        let state = state(&cluster(version), 0, facts).unwrap();
        let programs = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"];
        let config = |path| yaml::parse(path, text(&state, path)).unwrap();
        Tree {
            flags: programs.iter().map(|program| (*program, flags(&state, program))).collect(),
            kubelet: config("/var/lib/kubelet/config.yaml"),
            proxy: config("/etc/kubernetes/kube-proxy.yaml"),
            state,
        }
    }
    /// The flag's value; the last one counts, as it does for the program.
    fn flag(&self, program: &str, name: &str) -> Option<&str> {
        self.flags[program].get(name)?.last().map(String::as_str)
    }
    fn api(&self, name: &str) -> Option<&str> {
        self.flag("kube-apiserver", name)
    }
    fn manager(&self, name: &str) -> Option<&str> {
        self.flag("kube-controller-manager", name)
    }
    fn scheduler(&self, name: &str) -> Option<&str> {
        self.flag("kube-scheduler", name)
    }
    fn etcd(&self, name: &str) -> Option<&str> {
        self.flag("etcd", name)
    }
    /// A list in a flag's value.
    fn api_list(&self, name: &str) -> Vec<&str> {
        self.api(name).map(|value| value.split(',').collect()).unwrap_or_default()
    }
    /// Mode at most `mode`, and root's.
    fn root_file(&self, path: &str, mode: u32) -> bool {
        self.state.files.get(path).is_some_and(|file| file.owner == "root" && file.mode & !mode == 0)
    }
    fn unit(&self, program: &str) -> bool {
        self.root_file(&format!("/etc/systemd/system/{program}.service"), 0o600)
    }
    fn conf(&self, name: &str) -> bool {
        self.root_file(&format!("/etc/kubernetes/{name}"), 0o600)
    }
    /// The flag names a file that is part of the host's state.
    fn names_file(&self, value: Option<&str>) -> bool {
        value.is_some_and(|path| self.state.files.contains_key(path))
    }
    fn number(&self, name: &str) -> u64 {
        self.api(name).and_then(|value| value.parse().ok()).unwrap_or(0)
    }
    fn pki_files(&self) -> impl Iterator<Item = (&String, &crate::state::File)> {
        self.state.files.iter().filter(|(path, _)| path.starts_with(PKI))
    }
}

type Rule = (&'static str, fn(&Tree) -> bool);

const RULES: [Rule; 71] = [
    ("1.1.1", |t| t.unit("kube-apiserver")),
    ("1.1.2", |t| t.unit("kube-apiserver")),
    ("1.1.3", |t| t.unit("kube-controller-manager")),
    ("1.1.4", |t| t.unit("kube-controller-manager")),
    ("1.1.5", |t| t.unit("kube-scheduler") && t.conf("kube-scheduler.yaml")),
    ("1.1.6", |t| t.unit("kube-scheduler") && t.conf("kube-scheduler.yaml")),
    ("1.1.7", |t| t.unit("etcd")),
    ("1.1.8", |t| t.unit("etcd")),
    ("1.1.9 (manual)", |t| {
        let unit = text(&t.state, "/etc/systemd/system/flanneld.service");
        t.root_file("/etc/kube-flannel/10-flannel.conflist", 0o600) && unit.contains("install -m 0600")
    }),
    ("1.1.11", |t| t.state.dirs["/var/lib/etcd"].mode == 0o700),
    ("1.1.12", |t| t.state.dirs["/var/lib/etcd"].owner == "etcd"),
    ("1.1.13", |t| t.conf("admin.conf")),
    ("1.1.14", |t| t.conf("admin.conf")),
    ("1.1.15", |t| t.conf("scheduler.conf")),
    ("1.1.16", |t| t.conf("scheduler.conf")),
    ("1.1.17", |t| t.conf("controller-manager.conf")),
    ("1.1.18", |t| t.conf("controller-manager.conf")),
    ("1.1.19", |t| t.state.dirs[PKI].owner == "root" && t.pki_files().all(|(_, file)| file.owner == "root")),
    ("1.2.1 (manual)", |t| t.api("anonymous-auth") == Some("false")),
    ("1.2.2", |t| t.api("token-auth-file").is_none()),
    ("1.2.3 (manual)", |t| t.api_list("enable-admission-plugins").contains(&"DenyServiceExternalIPs")),
    ("1.2.4", |t| t.names_file(t.api("kubelet-client-certificate")) && t.names_file(t.api("kubelet-client-key"))),
    ("1.2.5", |t| t.names_file(t.api("kubelet-certificate-authority"))),
    ("1.2.6", |t| !t.api_list("authorization-mode").contains(&"AlwaysAllow")),
    ("1.2.7", |t| t.api_list("authorization-mode").contains(&"Node")),
    ("1.2.8", |t| t.api_list("authorization-mode").contains(&"RBAC")),
    ("1.2.9 (manual)", |t| {
        t.api_list("enable-admission-plugins").contains(&"EventRateLimit")
            && t.names_file(t.api("admission-control-config-file"))
    }),
    ("1.2.10", |t| !t.api_list("enable-admission-plugins").contains(&"AlwaysAdmit")),
    ("1.2.12", |t| !t.api_list("disable-admission-plugins").contains(&"ServiceAccount")),
    ("1.2.13", |t| !t.api_list("disable-admission-plugins").contains(&"NamespaceLifecycle")),
    ("1.2.14", |t| t.api_list("enable-admission-plugins").contains(&"NodeRestriction")),
    ("1.2.15", |t| t.api("profiling") == Some("false")),
    ("1.2.16", |t| t.api("audit-log-path").is_some_and(|path| path.starts_with("/var/log/kubernetes/"))),
    ("1.2.17", |t| t.number("audit-log-maxage") >= 30),
    ("1.2.18", |t| t.number("audit-log-maxbackup") >= 10),
    ("1.2.19", |t| t.number("audit-log-maxsize") >= 100),
    ("1.2.21", |t| t.api("service-account-lookup").unwrap_or("true") == "true"),
    ("1.2.22", |t| t.names_file(t.api("service-account-key-file"))),
    ("1.2.23", |t| t.names_file(t.api("etcd-certfile")) && t.names_file(t.api("etcd-keyfile"))),
    ("1.2.24", |t| t.names_file(t.api("tls-cert-file")) && t.names_file(t.api("tls-private-key-file"))),
    ("1.2.25", |t| t.names_file(t.api("client-ca-file"))),
    ("1.2.26", |t| t.names_file(t.api("etcd-cafile"))),
    ("1.2.27 (manual)", |t| t.names_file(t.api("encryption-provider-config"))),
    ("1.2.29 (manual)", |t| t.api_list("tls-cipher-suites").iter().all(|suite| suite.starts_with("TLS_ECDHE_"))),
    ("1.2.30", |t| t.api("service-account-extend-token-expiration") == Some("false")),
    ("1.3.1 (manual)", |t| t.manager("terminated-pod-gc-threshold").is_some()),
    ("1.3.2", |t| t.manager("profiling") == Some("false")),
    ("1.3.3", |t| t.manager("use-service-account-credentials") == Some("true")),
    ("1.3.4", |t| t.names_file(t.manager("service-account-private-key-file"))),
    ("1.3.5", |t| t.names_file(t.manager("root-ca-file"))),
    ("1.3.6", |t| !t.manager("feature-gates").unwrap_or("").contains("RotateKubeletServerCertificate=false")),
    ("1.3.7", |t| t.manager("bind-address") == Some("127.0.0.1")),
    ("1.4.1", |t| t.scheduler("profiling") == Some("false")),
    ("1.4.2", |t| t.scheduler("bind-address") == Some("127.0.0.1")),
    ("2.1", |t| t.names_file(t.etcd("cert-file")) && t.names_file(t.etcd("key-file"))),
    ("2.2", |t| t.etcd("client-cert-auth") == Some("true")),
    ("2.3", |t| t.etcd("auto-tls") != Some("true")),
    ("2.4", |t| t.names_file(t.etcd("peer-cert-file")) && t.names_file(t.etcd("peer-key-file"))),
    ("2.5", |t| t.etcd("peer-client-cert-auth") == Some("true")),
    ("2.6", |t| t.etcd("peer-auto-tls") != Some("true")),
    ("3.2.1 (manual)", |t| t.names_file(t.api("audit-policy-file"))),
    ("4.1.1", |t| t.unit("kubelet")),
    ("4.1.5", |t| t.conf("kubelet.conf") && t.conf("kube-proxy.conf")),
    ("4.1.9", |t| t.root_file("/var/lib/kubelet/config.yaml", 0o600)),
    ("4.2.1", |t| t.kubelet["authentication"]["anonymous"]["enabled"] == false),
    ("4.2.2", |t| t.kubelet["authorization"]["mode"] == "Webhook"),
    ("4.2.3", |t| t.names_file(t.kubelet["authentication"]["x509"]["clientCAFile"].as_str())),
    ("4.2.6", |t| t.kubelet["makeIPTablesUtilChains"] == true && t.kubelet["readOnlyPort"] == 0),
    ("4.2.10", |t| t.kubelet["rotateCertificates"] == true && t.names_file(t.kubelet["tlsCertFile"].as_str())),
    ("4.2.12 (manual)", |t| {
        let suites = t.kubelet["tlsCipherSuites"].as_array().unwrap();
        suites.len() == 6 && suites.iter().all(|suite| STRONG.contains(&suite.as_str().unwrap()))
    }),
    ("4.3.1", |t| t.proxy["metricsBindAddress"] == "127.0.0.1:10249"),
];

/// As kube-bench 4.2.12 spells them.
const STRONG: [&str; 6] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
];

#[test]
fn rendered_hosts_pass_every_automated_rule() {
    for version in ["1.34.4", "1.35.4", "1.36.3"] {
        for facts in [HostFacts::default_host(), container()] {
            let tree = Tree::new(version, &facts);
            let failed: Vec<_> = RULES.iter().filter(|(_, rule)| !rule(&tree)).map(|(id, _)| *id).collect();
            assert!(failed.is_empty(), "Kubernetes {version} fails CIS {}", failed.join(", "));
        }
    }
}

#[test]
fn the_rules_can_fail() {
    let mut tree = Tree::new("1.36.3", &HostFacts::default_host());
    tree.flags.get_mut("kube-apiserver").unwrap().clear();
    tree.flags.get_mut("etcd").unwrap().insert("auto-tls".into(), vec!["true".into()]);
    tree.kubelet["authentication"]["anonymous"]["enabled"] = true.into();
    tree.state.files.get_mut("/etc/kubernetes/admin.conf").unwrap().mode = 0o644;
    tree.state.dirs.get_mut("/var/lib/etcd").unwrap().owner = "root".into();
    let failed: Vec<_> = RULES.iter().filter(|(_, rule)| !rule(&tree)).map(|(id, _)| *id).collect();
    for id in ["1.1.12", "1.1.13", "1.2.5", "1.2.14", "1.2.15", "1.2.17", "1.2.30", "2.3", "4.2.1"] {
        assert!(failed.contains(&id), "{id} passed");
    }
}

/// No plaintext port off loopback, nothing for strangers: what kube-bench does not look at.
#[test]
fn nothing_listens_in_plaintext_off_loopback() {
    let tree = Tree::new("1.36.3", &HostFacts::default_host());
    assert_eq!(tree.etcd("listen-metrics-urls"), Some("http://127.0.0.1:2381"));
    assert!(tree.etcd("listen-client-urls").unwrap().split(',').all(|url| url.starts_with("https://")));
    for field in ["healthzBindAddress", "metricsBindAddress"] {
        assert!(tree.proxy[field].as_str().unwrap().starts_with("127.0.0.1:"), "{field}");
    }
    assert_eq!(tree.kubelet["healthzBindAddress"], "127.0.0.1");
    assert_eq!(tree.kubelet["readOnlyPort"], 0);
}
