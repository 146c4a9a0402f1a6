//! What a person reads for each mistake in an inventory: one snapshot per group, one section per mistake.

use std::fmt::Write;

use kbootstrap::cluster::{Known, resolve};
use kbootstrap::components::Catalogue;
use kbootstrap::inventory::{self, Loaded};
use kbootstrap::ui::report;

/// A good rest for snippets that have no hosts of their own.
const ONE_HOST: &str = "hosts:\n- {name: m1, address: 10.0.0.11, roles: [etcd, master, node]}\n";

fn explain(text: &str) -> String {
    let checks = ["clock-skew", "port-2379", "swap"].map(String::from);
    let components = Catalogue::standard().known();
    let known = Known { checks: &checks, components: &components };
    let result = inventory::parse("prod.yaml", text.as_bytes()).and_then(|loaded: Loaded| resolve(&loaded, &known));
    match result {
        Ok(_) => "no mistake\n".into(),
        Err(error) => report::render(&error, false),
    }
}

/// Sections of `title` and report; a text without hosts gets one good host, one without a name `cluster: prod`.
fn sections(cases: &[(&str, &str)]) -> String {
    let mut all = String::new();
    for (title, text) in cases {
        let mut text = text.to_string();
        if !text.contains("cluster:") {
            text = format!("cluster: prod\n{text}");
        }
        if !text.contains("hosts:") {
            text = format!("{}\n{ONE_HOST}", text.trim_end());
        }
        let explained = explain(&text);
        assert_ne!(explained, "no mistake\n", "{title}");
        writeln!(all, "=== {title}\n{explained}").unwrap();
    }
    all
}

fn snapshot(name: &str, text: &str) {
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(name, text) });
}

#[test]
fn texts_that_are_not_yaml() {
    let whole = |title: &str, text: &str| format!("=== {title}\n{}\n", explain(text));
    let all = [
        whole("empty", "# nothing yet\n"),
        whole("tab", "cluster: prod\nnetworks:\n\tpods: 10.244.0.0/16\n"),
        whole("open quote", "cluster: \"prod\nhosts: []\n"),
        whole("wrong indentation", "cluster: prod\n  hosts: []\n"),
        whole("full-width colon", "cluster：prod\nhosts: []\n"),
        whole("a list at the top", "- cluster: prod\n"),
        whole("two documents", "cluster: prod\nhosts: []\n---\ncluster: test\n"),
        whole("unknown alias", "cluster: *name\nhosts: []\n"),
        whole("unknown tag", "cluster: !vault prod\nhosts: []\n"),
        whole("JSON with a trailing brace", "{\"cluster\": \"prod\", \"hosts\": []}}\n"),
    ];
    snapshot("inventory_not_yaml", &all.concat());
}

#[test]
fn wrong_keys_and_types() {
    snapshot(
        "inventory_shape",
        &sections(&[
            ("unknown key", "hsots: []\n"),
            ("unknown key of another tool", "podCIDR: 10.244.0.0/16\nnetworks: {serviceCIDR: 10.96.0.0/16}\n"),
            ("unknown key without a near one", "balloon: 1\n"),
            ("full-width key", "networks: {pods，services: 10.244.0.0/16}\n"),
            ("duplicate key", "kubernetes: 1.36\nnetworks: {pods: 10.1.0.0/16, pods: 10.2.0.0/16}\nkubernetes: 1.35\n"),
            ("missing keys", "cluster: prod\nhosts:\n- name: m1\n- address: 10.0.0.12\n  roles: [node]\n"),
            ("misspelt key that must be there", "hosts:\n- {name: m1, adress: 10.0.0.11, roles: [etcd, master]}\n"),
            ("wrong types", "ssh: {port: ssh, keys: id_rsa}\nencryptSecrets: yes\nnetworks: 10.0.0.0/8\n"),
            ("number out of range", "ssh: {port: 70000}\nnetworks: {nodePrefix: -1}\n"),
            ("null where text must be", "cluster:\n"),
            ("unknown values", "proxy: {mode: iptable}\nnetworks: {plugin: calico}\npki: {key: {algo: RSA}}\n"),
            ("unknown role", "hosts:\n- {name: m1, address: 10.0.0.11, roles: [etcd, controlplane, worker]}\n"),
            ("unknown component", "components: {apiserver: {flags: {v: 2}}, kubelets: {}}\n"),
            ("unknown field of a component", "components: {kubelet: {extraArgs: {v: 2}}}\n"),
            ("a list for a flag", "components: {kubelet: {flags: {v: [2]}}}\n"),
            ("hosts that are names", "hosts: [m1, m2]\n"),
        ]),
    );
}

#[test]
fn mistakes_of_several_kinds_come_together_in_the_order_of_the_file() {
    let text = "\
cluster: Prod
kubernets: 1.36
networks:
  pods: 10.244.0.0/16
  services: 10.244.128.0/29
hosts:
- name: m1
  address: 10.0.0.11
  roles: [etcd, master]
  labels: {zone: a}
- name: m1
  address: 10.0.0.11
  roles: [nod]
";
    snapshot("inventory_several", &explain(text));
}

#[test]
fn names_and_addresses() {
    snapshot(
        "inventory_names",
        &sections(&[
            ("cluster name", "cluster: My_Cluster\n"),
            ("full-width comma in a name", "hosts:\n- {name: m1，a, address: 10.0.0.11, roles: [etcd, master]}\n"),
            ("full-width comma in a quoted SAN", "pki:\n  extraSans:\n  - \"api.example.com，api.example.org\"\n"),
            ("several SANs in one", "pki: {extraSans: [\"a.example.com, b.example.com\", 10.0.0.300]}\n"),
            ("no-break space in a SAN", "pki:\n  extraSans: [\"api.example.com\u{a0}\"]\n"),
            ("Chinese host name", "hosts:\n- {name: 主机, address: 10.0.0.11, roles: [etcd, master]}\n"),
            (
                "worker with the name of the API",
                "hosts:\n- {name: m1, address: 10.0.0.11, roles: [etcd, master]}\n- {name: kubernetes, address: 10.0.0.12, roles: [node]}\n",
            ),
            ("full-width digits", "hosts:\n- {name: m1, address: １0.0.0.11, roles: [etcd, master]}\n"),
            (
                "duplicate names and addresses",
                "hosts:\n- {name: m1, address: 10.0.0.11, roles: [etcd, master]}\n- {name: m1, address: 10.0.0.12, roles: [node]}\n- {name: n2, address: 10.0.0.11, roles: [node]}\n",
            ),
            (
                "addresses that are none",
                "hosts:\n- {name: m1, address: master-1, roles: [etcd, master]}\n- {name: n1, address: 10.0.0.12:2222, roles: [node]}\n- {name: n2, address: 127.0.0.1, roles: [node]}\n- {name: n3, address: 10.0.0.256, roles: [node]}\n",
            ),
            ("DNS domain", "networks: {dnsDomain: cluster..local}\n"),
            ("login name and host key", "ssh: {user: root@m1, hostKey: abc}\n"),
            (
                "two local hosts",
                "ssh: {transport: local}\nhosts:\n- {name: m1, address: 10.0.0.11, roles: [etcd, master]}\n- {name: n1, address: 10.0.0.12, roles: [node]}\n",
            ),
        ]),
    );
}

#[test]
fn roles_labels_and_taints() {
    snapshot(
        "inventory_roles",
        &sections(&[
            ("no hosts", "hosts: []\n"),
            (
                "no role",
                "hosts:\n- {name: m1, address: 10.0.0.11, roles: [etcd, master]}\n- {name: n1, address: 10.0.0.12, roles: []}\n",
            ),
            ("a role twice", "hosts:\n- {name: m1, address: 10.0.0.11, roles: [etcd, master, etcd]}\n"),
            (
                "two etcd members",
                "hosts:\n- {name: m1, address: 10.0.0.11, roles: [etcd, master]}\n- {name: n1, address: 10.0.0.12, roles: [etcd, node]}\n",
            ),
            ("neither etcd nor master", "hosts:\n- {name: n1, address: 10.0.0.12, roles: [node]}\n"),
            (
                "several masters with nothing in front of them",
                "apiLoadBalancer: {local: none}\nhosts:\n- {name: m1, address: 10.0.0.11, roles: [etcd, master]}\n- {name: m2, address: 10.0.0.12, roles: [master]}\n",
            ),
            (
                "labels",
                "hosts:\n- name: m1\n  address: 10.0.0.11\n  roles: [etcd, master, node]\n  labels: {a/b/c: x, zone: \"a b\", disk: 固态}\n",
            ),
            (
                "labels on a host that is no node",
                "hosts:\n- name: m1\n  address: 10.0.0.11\n  roles: [etcd, master]\n  labels: {zone: a}\n",
            ),
            (
                "taints",
                "hosts:\n- name: m1\n  address: 10.0.0.11\n  roles: [etcd, master, node]\n  taints: [gpu, \"gpu:NoShedule\", \"a=b c:NoExecute\", \"x:NoExecute\", \"x=1:NoExecute\"]\n",
            ),
        ]),
    );
}

#[test]
fn networks_and_endpoints() {
    let two_families = "hosts:\n- {name: m1, address: 'fd00::11', roles: [etcd, master, node]}\n";
    snapshot(
        "inventory_networks",
        &sections(&[
            ("networks that are none", "networks: {pods: 10.244.0.0, services: 10.96.0.0/33}\n"),
            ("bits after the prefix", "networks: {pods: 10.244.7.0/16}\n"),
            ("full-width slash", "networks: {pods: 10.244.0.0／16}\n"),
            (
                "pods and services overlap",
                "networks: {pods: 10.0.0.0/8, services: 10.96.0.0/16}\nhosts:\n- {name: m1, address: 192.168.0.11, roles: [etcd, master]}\n",
            ),
            ("a host in the pod network", "hosts:\n- {name: m1, address: 10.244.0.11, roles: [etcd, master]}\n"),
            ("a host in the service network", "networks: {services: 10.0.0.0/16}\n"),
            ("service network too small", "networks: {services: 10.96.0.0/29}\n"),
            ("service network too large", "networks: {services: 172.0.0.0/8}\n"),
            (
                "IPv6 service network too large",
                &format!("networks: {{pods: 'fd01::/48', services: 'fd02::/64'}}\n{two_families}"),
            ),
            (
                "pod network too small for the nodes",
                "networks: {pods: 10.244.0.0/24, nodePrefix: 25}\nhosts:\n- {name: m1, address: 10.0.0.11, roles: [etcd, master, node]}\n- {name: n1, address: 10.0.0.12, roles: [node]}\n- {name: n2, address: 10.0.0.13, roles: [node]}\n",
            ),
            ("pod network smaller than a piece", "networks: {pods: 10.244.0.0/25}\n"),
            ("a piece without room", "networks: {nodePrefix: 31}\n"),
            ("mixed families", "networks: {pods: 'fd01::/48'}\n"),
            ("a host of another family", two_families),
            ("DNS address outside", "networks: {dnsAddress: 10.97.0.10}\n"),
            ("DNS address taken", "networks: {dnsAddress: 10.96.0.1}\n"),
            ("port range", "networks: {nodePorts: 30000}\n"),
            ("port range over our ports", "networks: {nodePorts: 2000-10000}\n"),
            ("endpoint with a scheme", "controlPlaneEndpoint: https://10.0.0.10:6443\n"),
            ("endpoint nobody can reach", "controlPlaneEndpoint: 127.0.0.1\n"),
            ("endpoint in the service network", "controlPlaneEndpoint: 10.96.0.1:443\n"),
            ("endpoint with a full-width colon", "controlPlaneEndpoint: 10.0.0.10：6443\n"),
            ("endpoint without a port after the colon", "controlPlaneEndpoint: 'api.example.com:'\n"),
        ]),
    );
}

#[test]
fn versions_certificates_and_sources() {
    snapshot(
        "inventory_versions",
        &sections(&[
            ("unknown patch", "kubernetes: 1.36.99\n"),
            ("unknown minor", "kubernetes: 1.30\n"),
            ("no version", "kubernetes: latest\n"),
            ("not three numbers", "versions: {etcd: 3.6, runc: newest}\n"),
            ("versions that do not fit", "versions: {etcd: 3.5.21, containerd: 1.7.28}\n"),
            ("rsa size", "pki: {key: {algo: rsa, size: 1024}}\n"),
            ("ecdsa size", "pki: {key: {algo: ecdsa, size: 2048}}\n"),
            ("ed25519 size", "pki: {key: {algo: ed25519, size: 256}}\n"),
            ("lifetimes", "pki: {expiry: 365, caExpiry: 10 years}\n"),
            ("lifetime too short", "pki: {expiry: 5m}\n"),
            ("leaf outlives its CA", "pki: {expiry: 20y}\n"),
            (
                "sources",
                "artifacts:\n- {}\n- {folder: /srv/k8s, build: {}}\n- download: {mirror: mirror.example.com}\n- download:\n",
            ),
        ]),
    );
}

#[test]
fn overrides_and_waived_checks() {
    let host = |rest: &str| format!("hosts:\n- name: m1\n  address: 10.0.0.11\n  roles: [etcd, master]\n  {rest}\n");
    snapshot(
        "inventory_overrides",
        &sections(&[
            (
                "flags that are gone",
                "components:\n  kubelet:\n    flags:\n      pod-infra-container-image: registry.k8s.io/pause:3.9\n      network-plugin: cni\n  kube-apiserver:\n    flags: {logtostderr: true, cloud-provider: null}\n",
            ),
            (
                "a flag that is gone only later",
                "kubernetes: 1.35\ncomponents: {kubelet: {flags: {pod-infra-container-image: x, register-schedulable: false}}}\n",
            ),
            (
                "etcd flags go by its version",
                "versions: {etcd: 3.7.2}\ncomponents: {etcd: {flags: {experimental-initial-corrupt-check: true, enable-v2: false}}}\n",
            ),
            (
                "an admission plugin that is gone",
                "components: {kube-apiserver: {flags: {enable-admission-plugins: \"NodeRestriction,SecurityContextDeny\"}}}\n",
            ),
            ("flags with dashes", "components: {kubelet: {flags: {--v: 2, \"max-pods=20\": true}}}\n"),
            ("flags and configuration for CoreDNS", "components: {coredns: {flags: {v: 2}, config: {x: 1}}}\n"),
            (
                "settings of what does not run there",
                &host("components: {kubelet: {flags: {v: 4}}, coredns: {config: {}}}"),
            ),
            ("flanneld without flannel", "networks: {plugin: none}\ncomponents: {flanneld: {flags: {v: 2}}}\n"),
            ("unknown template", "components: {etcd: {templates: {etcd.servce: my.j2}}}\n"),
            ("another component's template", "components: {kubelet: {templates: {etcd.service: my.j2}}}\n"),
            ("unknown checks", &format!("waive: [swop]\n{}", host("waive: [port-2380, selinux]"))),
        ]),
    );
}

/// What the kubelet and kube-proxy would pass over without a word.
#[test]
fn unknown_fields_of_configurations() {
    let text = sections(&[
        ("misspelt", "components: {kubelet: {config: {maxPod: 50, evictionhard: {memory.available: 1Gi}}}}\n"),
        ("below", "components: {kubelet: {config: {authentication: {webhook: {cacheTtl: 1m}}}}}\n"),
        ("in a list", "components: {kubelet: {config: {reservedMemory: [{numaNod: 0, limits: {memory: 1Gi}}]}}}\n"),
        ("another component's", "components: {kube-proxy: {config: {maxPods: 50, conntrack: {mix: 1}}}}\n"),
        (
            "a host's",
            "hosts:\n- {name: m1, address: 10.0.0.11, roles: [etcd, master, node], components: {kubelet: {config: {podPidLimit: 9}}}}\n",
        ),
    ]);
    snapshot("unknown_fields", &text);
    let good = "cluster: prod\ncomponents: {kubelet: {config: {featureGates: {Any: true}, kubeReserved: {cpu: 1}, \
                shutdownGracePeriodByPodPriority: [{priority: 1, shutdownGracePeriodSeconds: 2}], \
                logging: {options: {json: {infoBufferSize: 1}}}}}}\n";
    assert_eq!(explain(&format!("{good}{ONE_HOST}")), "no mistake\n");
}

#[test]
fn template_files_must_exist_beside_the_inventory() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prod.yaml");
    let text = "components: {etcd: {templates: {etcd.service: my/etcd.j2, kubelet.yaml: here.j2}}}";
    std::fs::write(&file, format!("cluster: prod\n{text}\n{ONE_HOST}")).unwrap();
    std::fs::write(folder.path().join("here.j2"), "").unwrap();
    let loaded = inventory::load(&file).unwrap();
    let error = resolve(&loaded, &Known::default()).unwrap_err();
    let report = report::render(&error, false).replace(&*folder.path().to_string_lossy(), "/site");
    insta::assert_snapshot!(report, @r"
    error: /site/prod.yaml:2:47: template file /site/my/etcd.j2 does not exist
      2 | components: {etcd: {templates: {etcd.service: my/etcd.j2, kubelet.yaml: here.j2}}}
        |                                               ^^^^^^^^^^
    hint: paths start at the inventory's folder
    ");
}

#[test]
fn the_documentation_shows_what_is_really_said() {
    let docs = include_str!("../docs/inventory.md");
    let section = docs.split("## Mistakes").nth(1).unwrap();
    let block = |fence: &str| section.split_once(fence).unwrap().1.split_once("```").unwrap().0;
    assert_eq!(block("answered with\n\n```\n"), explain(block("```yaml\n")));
}

#[test]
fn a_file_that_is_not_there() {
    let error = inventory::load(std::path::Path::new("no/such.yaml")).unwrap_err();
    insta::assert_snapshot!(report::render(&error, false), @r"
    error: read inventory no/such.yaml: No such file or directory (os error 2)
    hint: `kbootstrap init -o no/such.yaml --master ADDRESS` writes one
    ");
}

#[test]
fn addresses_with_something_around_them() {
    let host = |address: &str| format!("hosts:\n- {{name: m1, address: {address:?}, roles: [etcd, master, node]}}\n");
    let slips = [
        "[fd00::1]",
        "[fd00::1]:22",
        "010.0.0.1",
        "fe80::1%eth0",
        "fd00::1%eth0",
        "10.0.0.1/24",
        "https://10.0.0.1:6443/",
        "ssh://root@10.0.0.1",
        "10.0.0.1.",
        "10.0.0.1 ",
        "10.0.0.1, fd00::1",
        "１0．0．0．1",
        "::ffff:10.0.0.1",
        "10.0.0",
        "fd00::1::2",
        "10.0.0.1-3",
        "-",
    ];
    let texts: Vec<(&str, String)> = slips.iter().map(|slip| (*slip, host(slip))).collect();
    let mut cases: Vec<(&str, &str)> = texts.iter().map(|(title, text)| (*title, text.as_str())).collect();
    let ssh =
        "hosts:\n- {name: m1, address: 10.0.0.11, sshAddress: \"root@m1.example.com:22\", roles: [etcd, master]}\n";
    cases.extend([
        ("SSH address with a login name", ssh),
        ("networks", "networks: {pods: \"010.244.0.0/16\", services: 10.96.0.0/255.255.0.0}\n"),
        ("network in brackets", "networks: {pods: \"[fd10::]/56\"}\n"),
        ("DNS address", "networks: {dnsAddress: \"10.96.0.10/16\"}\n"),
        ("endpoint", "controlPlaneEndpoint: \"https://api.example.com:8443/\"\n"),
        ("endpoint with a zone", "controlPlaneEndpoint: \"[fd00::10%eth0]:6443\"\n"),
        ("certificate names", "pki: {extraSans: [\"https://api.example.com\", \"[fd00::1]\", \"api.example.com.\"]}\n"),
    ]);
    let said = sections(&cases);
    for section in said.split("=== ").skip(1) {
        assert!(section.contains("hint: "), "{section}");
    }
    snapshot("inventory_addresses", &said);
}

#[test]
fn a_name_of_300_characters_is_not_repeated_whole() {
    let long = "n".repeat(300);
    let host = |rest: &str| format!("hosts:\n- {{name: m1, address: 10.0.0.11, roles: [etcd, master, node]{rest}}}\n");
    let texts = [
        format!("cluster: {long}\n"),
        format!("kubernetes: {long}\nversions: {{etcd: {long}}}\n"),
        format!("{long}: 1\n"),
        format!("controlPlaneEndpoint: {long}\n"),
        format!(
            "networks: {{pods: {long}, services: {long}, dnsDomain: {long}, dnsAddress: {long}, nodePorts: {long}}}\n"
        ),
        format!("pki: {{extraSans: [{long}], expiry: {long}, key: {{algo: {long}}}}}\n"),
        format!("ssh: {{user: {long}:x, hostKey: {long}, port: {long}}}\n"),
        format!("artifacts: [{{download: {{mirror: {long}}}}}]\n"),
        format!("components: {{{long}: {{}}, kubelet: {{templates: {{{long}: x}}, flags: {{--{long}: x}}}}}}\n"),
        format!("waive: [{long}]\n"),
        host(&format!(", labels: {{{long}: {long}, a: {long}}}, taints: [{long}, \"a:{long}\"]")),
        format!("hosts:\n- {{name: {long}, address: {long}, sshAddress: {long}, roles: [{long}, etcd]}}\n"),
        format!(
            "hosts:\n- {{name: {long}, address: 10.0.0.1, roles: [node]}}\n- {{name: {long}, address: 10.0.0.1, roles: []}}\n"
        ),
    ];
    for text in &texts {
        let said = sections(&[("long", text)]);
        let longest = said.split(|c: char| c != 'n').map(str::len).max().unwrap();
        // A line is shown up to 100 columns; whatever else is quoted is shorter.
        assert!(longest <= 100, "{longest} in:\n{said}");
        for line in said.lines().filter(|line| line.starts_with("error: ") || line.starts_with("hint: ")) {
            assert!(!line.contains(&"n".repeat(64)), "{line}");
        }
    }
}

#[test]
fn files_of_other_tools_are_known_by_name() {
    let all: String = [
        ("hosts.ini", "[kube_control_plane]\nn1 ansible_host=10.0.0.1\n\n[kube_node]\nn1\n"),
        ("inventory", "[masters]\nn1 ansible_host=10.0.0.1\n"),
        ("hosts.yaml", "all:\n  hosts:\n    n1: {ansible_host: 10.0.0.1}\n  children:\n    kube_node: {hosts: {n1: }}\n"),
        ("workers.yaml", "workers:\n  hosts:\n    n1: {ansible_host: 10.0.0.1}\n"),
        (
            "kubeadm.yaml",
            "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nlocalAPIEndpoint: {advertiseAddress: 10.0.0.1}\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\ncontrolPlaneEndpoint: api.example.com:6443\n",
        ),
        ("k0sctl.yaml", "apiVersion: k0sctl.k0sproject.io/v1beta1\nkind: Cluster\nspec:\n  hosts: []\n"),
        ("cluster.yml", "nodes:\n- {address: 10.0.0.1, user: rke, role: [controlplane, etcd, worker]}\n"),
        ("config.yaml", "write-kubeconfig-mode: \"0644\"\ntls-san: [api.example.com]\n"),
        ("kubeconfig", "apiVersion: v1\nkind: Config\nclusters: []\n"),
        ("pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"),
    ]
    .into_iter()
    .map(|(name, text)| {
        let error = inventory::parse(name, text.as_bytes()).unwrap_err();
        assert_eq!(error.kind.exit_code(), 3, "{name}");
        report::render(&error, false)
    })
    .collect();
    snapshot("inventory_foreign", &all);
}
