//! What holds for every rendered host.

use std::collections::BTreeSet;

use serde_json::json;

use super::states::{container, flags, state, text};
use crate::cluster::example::{cluster, host};
use crate::cluster::{Cluster, ComponentSettings, HttpProxy, NetworkPlugin, Revoked, Role, Taint};
use crate::components::Catalogue;
use crate::facts::{HostFacts, UnitFact};
use crate::render::{Templates, manifests, node_labels};
use crate::state::{Content, HostState, Ready};

fn every_host() -> Vec<HostState> {
    let mut states = Vec::new();
    for version in ["1.34.4", "1.35.4", "1.36.3"] {
        for facts in [HostFacts::default_host(), container()] {
            for index in 0..2 {
                states.push(state(&cluster(version), index, &facts).unwrap());
            }
        }
    }
    states
}

#[test]
fn every_path_that_is_named_is_there() {
    for state in every_host() {
        for (path, file) in &state.files {
            let Content::Text(text) = &file.content else { continue };
            let words = text.split(|c: char| c.is_whitespace() || "=\"',".contains(c));
            for word in words.filter(|w| w.starts_with("/etc/kubernetes/") || w.starts_with("/etc/etcd/")) {
                let there = state.files.contains_key(word) || state.dirs.contains_key(word);
                assert!(there, "{} of {} names {word}", path, state.host);
            }
        }
    }
}

#[test]
fn what_makes_a_unit_restart_is_rendered_and_programs_are_there() {
    for state in every_host() {
        for unit in &state.units {
            for path in &unit.restart_on {
                assert!(state.files.contains_key(path), "{} of {} watches {path}", unit.name, state.host);
            }
            let unit_file = format!("/etc/systemd/system/{}", unit.name);
            assert!(unit.restart_on.contains(&unit_file));
            if unit.rollout.ready == Ready::Timer {
                continue;
            }
            let exec = text(&state, &unit_file).lines().find_map(|l| l.strip_prefix("ExecStart=")).unwrap();
            let program = exec.split(' ').next().unwrap();
            assert!(matches!(state.files[program].content, Content::Artifact(_)), "{program}");
            assert!(unit.restart_on.contains(program));
        }
    }
}

#[test]
fn what_a_service_reloads_does_not_restart_it() {
    let state = state(&cluster("1.36.3"), 0, &HostFacts::default_host()).unwrap();
    let on = |name: &str| &state.units.iter().find(|u| u.name == name).unwrap().restart_on;
    for path in ["/etc/kubernetes/pki/apiserver.crt", "/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/encryption.yaml"] {
        assert!(!on("kube-apiserver.service").contains(path), "{path}");
    }
    assert!(on("kube-apiserver.service").contains("/etc/kubernetes/pki/sa.key"));
    assert!(on("etcd.service").contains("/etc/etcd/pki/ca.crt"));
    assert!(!on("etcd.service").contains("/etc/etcd/pki/server.crt"));
    assert!(!on("kubelet.service").contains("/etc/kubernetes/pki/ca.crt"));
    let older = super::states::state(&cluster("1.35.4"), 0, &HostFacts::default_host()).unwrap();
    let kubelet = older.units.iter().find(|u| u.name == "kubelet.service").unwrap();
    assert!(kubelet.restart_on.contains("/etc/kubernetes/pki/ca.crt"), "reloaded from 1.36 on only");
}

#[test]
fn every_unit_is_started_again_for_ever() {
    for state in every_host() {
        for unit in &state.units {
            let text = text(&state, &format!("/etc/systemd/system/{}", unit.name));
            if unit.rollout.ready == Ready::Timer {
                assert!(
                    text.contains("\nOnUnitInactiveSec=") && text.ends_with("\n[Install]\nWantedBy=timers.target\n")
                );
                continue;
            }
            for line in ["Restart=always", "StartLimitIntervalSec=0", "WantedBy=multi-user.target"] {
                assert!(text.lines().any(|l| l == line), "{} lacks {line}", unit.name);
            }
            assert!(text.contains("\nRestartSec="), "{}", unit.name);
            assert!(text.ends_with("\n[Install]\nWantedBy=multi-user.target\n"));
        }
    }
}

#[test]
fn roles_decide_what_a_host_holds() {
    let mut cluster = cluster("1.36.3");
    cluster.hosts = vec![host("e1", 1, &[Role::Etcd]), host("m1", 2, &[Role::Master]), host("n1", 3, &[Role::Node])];
    let units = |index| {
        let state = state(&cluster, index, &HostFacts::default_host()).unwrap();
        state.units.iter().map(|u| u.name.trim_end_matches(".service").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(units(0), ["etcd"]);
    assert_eq!(units(1), ["kube-apiserver", "kube-controller-manager", "kube-scheduler"]);
    assert_eq!(units(2), ["containerd", "kubelet", "kube-proxy", "flanneld", "kbootstrap-data-plane.timer"]);
    let etcd = state(&cluster, 0, &HostFacts::default_host()).unwrap();
    assert_eq!(etcd.users, BTreeSet::from(["etcd".to_owned()]));
    assert!(etcd.images.is_empty() && etcd.sysctls.is_empty() && etcd.modules.is_empty());
    let node = state(&cluster, 2, &HostFacts::default_host()).unwrap();
    assert!(node.users.is_empty());
    assert_eq!(
        node.images.iter().map(|i| i.name.as_str()).collect::<Vec<_>>(),
        ["registry.k8s.io/pause:3.10.1", "registry.k8s.io/coredns/coredns:v1.14.7"]
    );

    cluster.networks.plugin = NetworkPlugin::None;
    let bare = state(&cluster, 2, &HostFacts::default_host()).unwrap();
    assert!(!bare.files.keys().any(|path| path.contains("flannel") && !path.starts_with("/etc/kubernetes/pki")));
}

#[test]
fn who_was_revoked_is_refused_before_anybody_else_is_asked() {
    const FILES: [&str; 2] = ["/etc/kubernetes/authorization.yaml", "/etc/kubernetes/authorization-nobody.conf"];
    let mut cluster = cluster("1.36.3");
    let unit = |state: &HostState| text(state, "/etc/systemd/system/kube-apiserver.service").to_owned();
    let before = state(&cluster, 0, &HostFacts::default_host()).unwrap();
    assert!(FILES.iter().all(|file| !before.files.contains_key(*file)), "nobody is revoked");
    assert!(unit(&before).contains("--authorization-mode=Node,RBAC"));
    cluster.revoke(vec![Revoked {
        name: "n9".into(),
        address: None,
        users: vec!["system:node:n9".into(), "flannel:n9".into()],
        secrets: Vec::new(),
        since: String::new(),
        by: String::new(),
    }]);
    let after = state(&cluster, 0, &HostFacts::default_host()).unwrap();
    assert!(unit(&after).contains(&format!("--authorization-config={}", FILES[0])));
    assert!(!unit(&after).contains("--authorization-mode"), "the API server takes one of them");
    let server = after.units.iter().find(|unit| unit.name == "kube-apiserver.service").unwrap();
    assert!(FILES.iter().all(|file| server.restart_on.contains(*file)), "which ends what is open");
    let config: serde_json::Value = serde_saphyr::from_str(text(&after, FILES[0])).unwrap();
    let types: Vec<_> = config["authorizers"].as_array().unwrap().iter().map(|a| a["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["Webhook", "Node", "RBAC"]);
    let webhook = &config["authorizers"][0]["webhook"];
    assert_eq!(webhook["failurePolicy"], "Deny");
    let expression = r#"request.user in ["system:node:n9","flannel:n9"]"#;
    assert_eq!(webhook["matchConditions"], serde_json::json!([{ "expression": expression }]));
}

#[test]
fn no_secret_is_text() {
    let state = state(&cluster("1.36.3"), 0, &HostFacts::default_host()).unwrap();
    assert!(matches!(state.files["/etc/kubernetes/encryption.yaml"].content, Content::Secret(_)));
    for (path, file) in &state.files {
        if let Content::Text(text) = &file.content {
            assert!(!text.contains("BwcHBw") && !text.contains("PRIVATE KEY"), "{path}");
        }
        if path.ends_with(".key") {
            assert_eq!(file.mode, 0o600, "{path}");
        }
    }
}

#[test]
fn facts_decide() {
    let cluster = cluster("1.36.3");
    let state = state(&cluster, 1, &container()).unwrap();
    assert!(text(&state, "/etc/containerd/config.toml").contains("restrict_oom_score_adj = true"));
    let kubelet = text(&state, "/var/lib/kubelet/config.yaml");
    assert!(kubelet.contains("failCgroupV1: false\n") && kubelet.contains("protectKernelDefaults: false\n"));
    let proxy = text(&state, "/etc/kubernetes/kube-proxy.yaml");
    assert!(proxy.contains("conntrack:\n  maxPerCore: 0\n  min: 0\n") && proxy.contains("mode: iptables\n"));
    assert!(text(&state, "/etc/kube-flannel/net-conf.json").contains("\"EnableNFTables\": false"));
    assert!(!state.sysctls.contains_key("kernel.panic") && !state.modules.contains("vxlan"));
    assert!(!text(&state, "/etc/sysctl.d/90-kubernetes.conf").contains("kernel.panic"));
}

#[test]
fn the_name_is_overridden_only_where_it_differs() {
    let cluster = cluster("1.36.3");
    let name = |hostname: &str| {
        let facts = HostFacts { hostname: hostname.into(), ..HostFacts::default_host() };
        let state = state(&cluster, 1, &facts).unwrap();
        let proxy = text(&state, "/etc/kubernetes/kube-proxy.yaml").contains("hostnameOverride: n1\n");
        (flags(&state, "kubelet").get("hostname-override").cloned(), proxy)
    };
    assert_eq!(name(""), (None, false), "nobody has asked the host");
    assert_eq!(name("n1"), (None, false));
    assert_eq!(name("N1"), (None, false), "the kubelet lowers it");
    assert_eq!(name("n1.example.com"), (Some(vec!["n1".into()]), true));
}

#[test]
fn labels_and_taints_reach_the_node() {
    let mut cluster = cluster("1.36.3");
    let host = &mut cluster.hosts[0];
    host.labels =
        [("disk", "ssd"), ("node-role.kubernetes.io/infra", "")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    host.taints = vec![Taint { key: "dedicated".into(), value: "a b".into(), effect: "NoSchedule".into() }];
    let state = state(&cluster, 0, &HostFacts::default_host()).unwrap();
    assert_eq!(flags(&state, "kubelet")["node-labels"], ["disk=ssd"]);
    assert!(
        text(&state, "/var/lib/kubelet/config.yaml")
            .contains("registerWithTaints:\n- effect: NoSchedule\n  key: dedicated\n  value: \"a b\"\n")
    );
    let labels = node_labels(&cluster.hosts[0]);
    assert_eq!(
        labels.keys().collect::<Vec<_>>(),
        ["disk", "node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/infra"]
    );
}

#[test]
fn ipv6_addresses_stand_in_brackets_and_older_programs_get_their_own_flags() {
    let mut cluster = cluster("1.34.4");
    cluster.hosts[0].address = "fd00::11".parse().unwrap();
    cluster.networks.pods = "fd10::/48".parse().unwrap();
    cluster.versions.etcd = semver::Version::new(3, 5, 32);
    cluster.versions.containerd = semver::Version::new(2, 0, 9);
    let state = state(&cluster, 0, &HostFacts::default_host()).unwrap();
    let etcd = flags(&state, "etcd");
    assert_eq!(etcd["listen-peer-urls"], ["https://[fd00::11]:2380"]);
    assert_eq!(etcd["experimental-initial-corrupt-check"], ["true"]);
    assert!(!etcd.contains_key("feature-gates"));
    assert!(text(&state, "/etc/containerd/config.toml").contains("    bin_dir = \"/opt/cni/bin\"\n"));
    assert!(text(&state, "/etc/kube-flannel/net-conf.json").contains("\"IPv6Network\": \"fd10::/48\""));

    cluster.versions.containerd = semver::Version::new(1, 7, 28);
    let error = super::states::state(&cluster, 0, &HostFacts::default_host()).unwrap_err();
    assert_eq!(error.message, "containerd 1.7.28 is too old");
}

#[test]
fn objects_are_complete_and_in_order() {
    let mut cluster = cluster("1.36.3");
    let names = |cluster: &_| {
        let objects = manifests(&Catalogue::standard(), cluster, &Templates::embedded(&Catalogue::standard())).unwrap();
        let name = |o: &serde_json::Value| {
            format!("{} {}", o["kind"].as_str().unwrap(), o["metadata"]["name"].as_str().unwrap())
        };
        objects.iter().map(name).collect::<Vec<_>>()
    };
    insta::assert_snapshot!(names(&cluster).join("\n"), @r"
    ClusterRoleBinding kbootstrap:kubelet-api-admin
    ClusterRoleBinding kbootstrap:cluster-admins
    ClusterRoleBinding kbootstrap:node-client-certificate-rotation
    Namespace kube-system
    Namespace kube-public
    Namespace kube-node-lease
    ServiceAccount default
    ServiceAccount default
    ServiceAccount default
    ValidatingAdmissionPolicy kbootstrap-kubelet
    ValidatingAdmissionPolicyBinding kbootstrap-kubelet
    ValidatingAdmissionPolicy kbootstrap-kubelet-pods
    ValidatingAdmissionPolicyBinding kbootstrap-kubelet-pods
    ValidatingAdmissionPolicy kbootstrap-kubelet-objects
    ValidatingAdmissionPolicyBinding kbootstrap-kubelet-objects
    ValidatingAdmissionPolicy kbootstrap-kubelet-events
    ValidatingAdmissionPolicyBinding kbootstrap-kubelet-events
    ClusterRole kbootstrap:kube-proxy
    ClusterRoleBinding kbootstrap:kube-proxy
    ClusterRole kbootstrap:flannel
    ClusterRoleBinding kbootstrap:flannel
    ValidatingAdmissionPolicy kbootstrap-flannel
    ValidatingAdmissionPolicyBinding kbootstrap-flannel
    ValidatingAdmissionPolicy kbootstrap-flannel-vxlan
    ValidatingAdmissionPolicyBinding kbootstrap-flannel-vxlan
    ServiceAccount coredns
    ClusterRole system:coredns
    ClusterRoleBinding system:coredns
    ConfigMap coredns
    Deployment coredns
    Service kube-dns
    ");
    let objects = manifests(&Catalogue::standard(), &cluster, &Templates::embedded(&Catalogue::standard())).unwrap();
    let find = |kind: &str| objects.iter().find(|o| o["kind"] == kind).unwrap();
    assert_eq!(find("Deployment")["spec"]["replicas"], 2);
    assert_eq!(find("Service")["spec"]["clusterIP"], "10.96.0.10");
    assert!(find("ConfigMap")["data"]["Corefile"].as_str().unwrap().contains("kubernetes cluster.local in-addr.arpa"));
    let replicas = |cluster: &_| {
        let objects = manifests(&Catalogue::standard(), cluster, &Templates::embedded(&Catalogue::standard())).unwrap();
        objects.iter().find(|o| o["kind"] == "Deployment").unwrap()["spec"]["replicas"].clone()
    };
    let taint = |key: &str| Taint { key: key.into(), value: String::new(), effect: "NoSchedule".into() };
    cluster.hosts[0].taints = vec![taint("node-role.kubernetes.io/control-plane")];
    assert_eq!(replicas(&cluster), 2);
    cluster.hosts[0].taints = vec![taint("dedicated")];
    assert_eq!(replicas(&cluster), 1, "a second one would find no node");
    cluster.networks.plugin = NetworkPlugin::None;
    assert!(!names(&cluster).iter().any(|name| name.contains("flannel")));
}

/// Kubelets make pods only to show static ones.
#[test]
fn only_kubelets_with_static_pods_may_make_pods() {
    let mut cluster = cluster("1.36.3");
    let allowed = |cluster: &Cluster| {
        let objects = manifests(&Catalogue::standard(), cluster, &Templates::embedded(&Catalogue::standard())).unwrap();
        let policy = objects.iter().find(|o| o["metadata"]["name"] == "kbootstrap-kubelet-pods").unwrap();
        policy["spec"]["validations"][0]["expression"].as_str().unwrap().rsplit_once(" in ").unwrap().1.to_owned()
    };
    assert_eq!(allowed(&cluster), "[]");
    let mut with = |flags: serde_json::Value, config: serde_json::Value| {
        let (flags, config) = (serde_json::from_value(flags).unwrap(), serde_json::from_value(config).unwrap());
        let settings = ComponentSettings { flags, config, ..ComponentSettings::default() };
        cluster.hosts[1].components.insert("kubelet".into(), settings);
        allowed(&cluster)
    };
    assert_eq!(with(json!({}), json!({"staticPodPath": "/etc/kubernetes/manifests"})), r#"["system:node:n1"]"#);
    assert_eq!(with(json!({"pod-manifest-path": "/x"}), json!({})), r#"["system:node:n1"]"#);
    assert_eq!(with(json!({}), json!({"staticPodPath": null, "maxPods": 5})), "[]");
}

#[test]
fn only_containerd_gets_a_proxy_and_with_it_no_other() {
    let mut cluster = cluster("1.36.3");
    let unit = |cluster: &Cluster, name: &str| {
        let state = state(cluster, 0, &HostFacts::default_host()).unwrap();
        text(&state, &format!("/etc/systemd/system/{name}.service")).to_owned()
    };
    assert!(!unit(&cluster, "containerd").contains("Environment"), "it keeps what systemd gives it");
    let except = vec!["10.244.0.0/16".to_owned(), ".svc".to_owned()];
    cluster.http_proxy = Some(HttpProxy { http: None, https: Some("http://proxy:3128".into()), except });
    let containerd = unit(&cluster, "containerd");
    let lines: Vec<_> = containerd.lines().filter(|line| line.contains("Environment")).collect();
    assert_eq!(
        lines,
        [
            "Environment=HTTPS_PROXY=http://proxy:3128",
            "Environment=NO_PROXY=10.244.0.0/16,.svc",
            "UnsetEnvironment=ALL_PROXY http_proxy https_proxy all_proxy no_proxy HTTP_PROXY",
        ]
    );
    for other in ["etcd", "kube-apiserver", "kubelet", "kube-proxy", "flanneld"] {
        let text = unit(&cluster, other);
        assert!(text.contains("\nUnsetEnvironment=HTTP_PROXY HTTPS_PROXY ") && !text.contains("proxy:3128"), "{other}");
    }
}

/// It would undo them with its connections: `nmcli networking off` takes the addresses of cni0 and flannel.1 away.
#[test]
fn networkmanager_is_told_which_devices_are_not_its_own() {
    let path = "/etc/NetworkManager/conf.d/90-kubernetes.conf";
    let with = |load: &str| {
        let mut facts = HostFacts::default_host();
        let unit = UnitFact { load: load.into(), ..UnitFact::default() };
        facts.units.insert("NetworkManager.service".into(), unit);
        state(&cluster("1.36.3"), 1, &facts).unwrap()
    };
    insta::assert_snapshot!(text(&with("loaded"), path), @r"
    [keyfile]
    unmanaged-devices+=interface-name:kube-ipvs0;interface-name:cni0;interface-name:flannel.1;interface-name:flannel-v6.1;interface-name:veth*
    ");
    assert!(!with("not-found").files.contains_key(path));
}
