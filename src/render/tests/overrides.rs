//! What a person may change, and what is reported when it hits nothing.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::states::{flags, state, state_with, text};
use crate::cluster::example::cluster;
use crate::cluster::{Cluster, ComponentSettings};
use crate::components::Catalogue;
use crate::error::Error;
use crate::facts::HostFacts;
use crate::render::{Templates, manifests};

fn set(cluster: &mut Cluster, component: &str, flags: Value, config: Value, templates: &[(&str, &str)]) {
    let settings = ComponentSettings {
        flags: serde_json::from_value(flags).unwrap(),
        config: serde_json::from_value(config).unwrap(),
        templates: templates.iter().map(|(name, file)| (name.to_string(), PathBuf::from(file))).collect(),
    };
    for host in &mut cluster.hosts {
        host.components.insert(component.to_owned(), settings.clone());
    }
}

fn messages(error: &Error) -> String {
    let hints = |e: &Error| e.hints.iter().map(|h| format!("  {h}\n")).collect::<String>();
    error.each().map(|e| format!("{}\n{}", e.message, hints(e))).collect()
}

#[test]
fn flags_and_configuration_reach_the_host() {
    let mut cluster = cluster("1.36.3");
    set(&mut cluster, "kube-apiserver", json!({"v": 3, "event-ttl": "2h$%"}), json!({}), &[]);
    let config = json!({"maxPods": 50, "authentication": {"webhook": {"cacheTTL": "1m0s"}}, "podPidsLimit": null});
    set(&mut cluster, "kubelet", json!({}), config, &[]);
    let config = json!({"Backend": {"MTU": 1400}});
    set(&mut cluster, "flanneld", json!({}), config, &[]);
    let state = state(&cluster, 0, &HostFacts::default_host()).unwrap();
    assert_eq!(flags(&state, "kube-apiserver")["v"], ["3"]);
    assert_eq!(flags(&state, "kube-apiserver")["event-ttl"], ["2h$%"]);
    let kubelet = text(&state, "/var/lib/kubelet/config.yaml");
    assert!(kubelet.contains("maxPods: 50\n") && kubelet.contains("    cacheTTL: \"1m0s\"\n    enabled: true\n"));
    assert!(!kubelet.contains("podPidsLimit"));
    let network: Value = serde_json::from_str(text(&state, "/etc/kube-flannel/net-conf.json")).unwrap();
    assert_eq!(network["Backend"], json!({"Type": "vxlan", "MTU": 1400}));
}

#[test]
fn what_cannot_be_set_is_said_all_at_once() {
    let mut cluster = cluster("1.36.3");
    set(&mut cluster, "containerd", json!({}), json!({"x": 1}), &[]);
    set(&mut cluster, "etcd", json!({"enable-v2": true}), json!({}), &[]);
    set(&mut cluster, "kubelet", json!({"pod-infra-container-image": "pause:3.9"}), json!({}), &[]);
    let error = state(&cluster, 0, &HostFacts::default_host()).unwrap_err();
    insta::assert_snapshot!(messages(&error), @r"
    m1: components.etcd.flags.enable-v2: etcd has no such flag since etcd 3.6
      the v2 API is gone: remove it
    components.containerd.config: containerd has no configuration that fields could be merged into
      its configuration is TOML: override the template `config.toml` instead
    m1: components.kubelet.flags.pod-infra-container-image: kubelet has no such flag since Kubernetes 1.35
      containerd names and pins the pause image: remove the flag
    ");
    let mut older = cluster.clone();
    older.versions.kubernetes = "1.34.4".parse().unwrap();
    let error = state(&older, 0, &HostFacts::default_host()).unwrap_err();
    assert!(!messages(&error).contains("pod-infra-container-image"), "1.34 still has it");
}

#[test]
fn a_template_is_replaced_or_extended_by_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("kubelet", "{% extends \"kubelet/kubelet.service\" %}\n{% block service %}\nMemoryMax=2G\n{% endblock %}\n");
    write("audit", "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: None\n");
    write("dns", "kind: ConfigMap\nmetadata:\n  name: {{ cluster.dns_domain }}\n");
    let mut cluster = cluster("1.36.3");
    set(&mut cluster, "kubelet", json!({}), json!({}), &[("kubelet.service", "kubelet")]);
    set(&mut cluster, "kube-apiserver", json!({}), json!({}), &[("audit-policy.yaml", "audit")]);
    set(&mut cluster, "coredns", json!({}), json!({}), &[("coredns.yaml", "dns")]);
    let templates = Templates::load(&Catalogue::standard(), &cluster, dir.path()).unwrap();
    let state = state_with(&cluster, 0, &HostFacts::default_host(), &templates).unwrap();
    let unit = text(&state, "/etc/systemd/system/kubelet.service");
    assert!(unit.contains("OOMScoreAdjust=-999\nMemoryMax=2G\n\n[Install]"), "{unit}");
    assert!(unit.contains("ExecStart=/usr/local/bin/kubelet \\\n  --config="));
    assert!(text(&state, "/etc/kubernetes/audit-policy.yaml").ends_with("- level: None\n"));
    let objects = manifests(&Catalogue::standard(), &cluster, &templates).unwrap();
    assert_eq!(objects.last().unwrap()["metadata"]["name"], "cluster.local");
}

#[test]
fn an_override_that_hits_nothing_or_cannot_work_is_a_mistake() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("broken"), "a\n{% if %}\n").unwrap();
    let mut cluster = cluster("1.36.3");
    let overrides = [("kubelet.yml", "x"), ("kubelet.flags", "broken"), ("kubelet.service", "absent")];
    set(&mut cluster, "kubelet", json!({}), json!({}), &overrides);
    let error = Templates::load(&Catalogue::standard(), &cluster, dir.path()).unwrap_err();
    let folder = dir.path().display().to_string();
    insta::assert_snapshot!(messages(&error).replace(&folder, "DIR"), @r"
    components.kubelet.templates.kubelet.flags: syntax error: unexpected end of block (in DIR/broken:2)
    components.kubelet.templates.kubelet.service: cannot read DIR/absent: No such file or directory (os error 2)
    components.kubelet.templates: there is no template `kubelet.yml` to override
      did you mean `kubelet.yaml`?
      templates of kubelet: admission.yaml, kubeconfig.yaml, kubelet.flags, kubelet.service, kubelet.yaml
    ");

    std::fs::write(dir.path().join("broken"), "--a={{ host.nmae }}\n").unwrap();
    set(&mut cluster, "kubelet", json!({}), json!({}), &[("kubelet.flags", "broken")]);
    let templates = Templates::load(&Catalogue::standard(), &cluster, dir.path()).unwrap();
    let error = state_with(&cluster, 0, &HostFacts::default_host(), &templates).unwrap_err();
    insta::assert_snapshot!(error.message.replace(&folder, "DIR"), @"m1: template kubelet.flags: undefined value: `host.nmae` is undefined (in DIR/broken:1)");

    std::fs::write(
        dir.path().join("broken"),
        "{% for x in range(90000) %}{% for x in range(90000) %}{% endfor %}{% endfor %}",
    )
    .unwrap();
    let templates = Templates::load(&Catalogue::standard(), &cluster, Path::new(&folder)).unwrap();
    let error = state_with(&cluster, 0, &HostFacts::default_host(), &templates).unwrap_err();
    assert!(error.message.contains("fuel"), "{}", error.message);
}
