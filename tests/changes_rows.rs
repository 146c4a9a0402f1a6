//! One change of every field of the inventory, on a cluster of `n1` (etcd member, master and node) and `n2` (node), and
//! what comes of it.

use kbootstrap::inventory::{
    Authorities, Change, ComponentSettings, Inventory, KeySettings, NetworkPlugin, PackageArchive, ProxyMode, Role,
    Source, TransportKind, fields,
};
use kbootstrap::pki::KeyAlgorithm;
use serde_json::json;

/// A change and its end.
pub struct Row {
    /// The field, as [`fields`] names it.
    pub field: &'static str,
    /// Makes it.
    pub edit: fn(&mut Inventory),
    /// What comes of it.
    pub end: End,
    /// Whether every run of the tests tries it; the others are for the long run.
    pub always: bool,
}

/// What comes of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Refused before anything is touched, with these words.
    Refused(&'static str),
    /// Done, and nothing restarts.
    Live,
    /// Done, with restarts.
    Rolls,
    /// The field is only how the lab's hosts are reached, or what the machine of the tests cannot have: why.
    Elsewhere(&'static str),
}

const OTHER_PROGRAMS: &str = "another version would have to be fetched or built; its restart is that of changed flags";
const BALANCED: &str = "it brings packages of the distribution; the end-to-end tests of balancers make and change each";
const REACHED: &str = "how the operator reaches the hosts: the tests of SSH try each";

pub fn rows() -> Vec<Row> {
    let row = |field, edit, end| Row { field, edit, end, always: matches!(end, End::Refused(_)) };
    let always = |field, edit, end| Row { field, edit, end, always: true };
    vec![
        row("cluster", |i| i.cluster = "other".into(), End::Refused("these hosts run the cluster")),
        row("kubernetes", |i| i.kubernetes = Some("1.35.4".into()), End::Refused("that is a downgrade")),
        row("versions.etcd", |i| i.versions.etcd = Some("3.7.2".into()), End::Refused("that is an upgrade")),
        row(
            "versions.containerd",
            |i| i.versions.containerd = Some("2.4.0".into()),
            End::Refused("that is an upgrade"),
        ),
        row("versions.runc", |_| (), End::Elsewhere(OTHER_PROGRAMS)),
        row("versions.cniPlugins", |_| (), End::Elsewhere(OTHER_PROGRAMS)),
        row("versions.flannel", |_| (), End::Elsewhere(OTHER_PROGRAMS)),
        row("versions.coredns", |_| (), End::Elsewhere(OTHER_PROGRAMS)),
        row("controlPlaneEndpoint", |i| i.control_plane_endpoint = Some("n1.lab:6443".into()), End::Refused("n1.lab")),
        row("apiLoadBalancer.local", |_| (), End::Elsewhere(BALANCED)),
        row("apiLoadBalancer.virtualAddress.address", |_| (), End::Elsewhere(BALANCED)),
        row("apiLoadBalancer.virtualAddress.frontEnd", |_| (), End::Elsewhere(BALANCED)),
        row("apiLoadBalancer.virtualAddress.interface", |_| (), End::Elsewhere(BALANCED)),
        row("apiLoadBalancer.virtualAddress.on", |_| (), End::Elsewhere(BALANCED)),
        row("apiLoadBalancer.virtualAddress.port", |_| (), End::Elsewhere(BALANCED)),
        row("apiLoadBalancer.virtualAddress.routerId", |_| (), End::Elsewhere(BALANCED)),
        row("httpProxy.http", |i| i.http_proxy.http = Some("http://192.0.2.1:3128".into()), End::Rolls),
        row("httpProxy.https", |i| i.http_proxy.https = Some("http://192.0.2.1:3128".into()), End::Rolls),
        row(
            "httpProxy.except",
            |i| {
                i.http_proxy.https = Some("http://192.0.2.1:3128".into());
                i.http_proxy.except = vec![".example.com".into()];
            },
            End::Rolls,
        ),
        row("networks.pods", |i| i.networks.pods = Some("10.250.0.0/16".into()), End::Refused("10.244.0.0/16")),
        row("networks.services", |i| i.networks.services = Some("10.97.0.0/16".into()), End::Refused("10.96.0.0/16")),
        row("networks.dnsDomain", |i| i.networks.dns_domain = Some("k8s.site".into()), End::Refused("cluster.local")),
        row("networks.dnsAddress", |i| i.networks.dns_address = Some("10.96.0.11".into()), End::Refused("10.96.0.10")),
        row("networks.nodePrefix", |i| i.networks.node_prefix = Some(25), End::Refused("/24")),
        always("networks.nodePorts", |i| i.networks.node_ports = Some("30000-31000".into()), End::Rolls),
        row("networks.plugin", |i| i.networks.plugin = Some(NetworkPlugin::None), End::Live),
        row("proxy.mode", |i| i.proxy.mode = Some(ProxyMode::Iptables), End::Refused("works in nftables mode")),
        row("pki.authorities", |i| i.pki.authorities = Some(Authorities::Single), End::Refused("authorities")),
        always("pki.key", |i| i.pki.key = Some(KeySettings { algo: KeyAlgorithm::Ecdsa, size: Some(384) }), End::Live),
        row("pki.expiry", |i| i.pki.expiry = Some("4000h".into()), End::Rolls),
        row("pki.caExpiry", |i| i.pki.ca_expiry = Some("90000h".into()), End::Live),
        always("pki.extraSans", |i| i.pki.extra_sans = vec!["api.example.com".into()], End::Live),
        row(
            "recoveryKey",
            |i| i.recovery_key = Some("age1mg6gytmg57lsluf8carfkp5u9uywwmvw442tgx5fj66v87ndz9ms4rml3a".into()),
            End::Live,
        ),
        row("encryptSecrets", |i| i.encrypt_secrets = Some(false), End::Live),
        row(
            "components",
            |i| {
                let settings = i.components.entry("kube-scheduler".into()).or_default();
                settings.flags.insert("kube-api-qps".into(), json!(60));
            },
            End::Rolls,
        ),
        row(
            "artifacts",
            |i| i.artifacts = vec![Source { build: Some(Default::default()), ..Source::default() }],
            End::Live,
        ),
        row(
            "packages",
            |i| {
                let mirror = Some("https://mirror.example.com/debian".into());
                i.packages.insert("debian".into(), PackageArchive { mirror, ..PackageArchive::default() });
            },
            End::Live,
        ),
        row("waive", |i| i.waive = vec!["memory".into()], End::Live),
        row("ssh.user", |_| (), End::Elsewhere(REACHED)),
        row("ssh.port", |_| (), End::Elsewhere(REACHED)),
        row("ssh.keys", |_| (), End::Elsewhere(REACHED)),
        row("ssh.knownHosts", |_| (), End::Elsewhere(REACHED)),
        row("ssh.hostKey", |_| (), End::Elsewhere(REACHED)),
        row("ssh.connectTimeout", |i| i.ssh.connect_timeout = Some(20), End::Live),
        row("ssh.transport", |i| i.ssh.transport = Some(TransportKind::Ssh), End::Live),
        row("hosts[].name", |i| i.hosts[1].name = "worker2".into(), End::Refused("it is n2")),
        row("hosts[].address", |_| (), End::Elsewhere("tried as two hosts that swap theirs")),
        row("hosts[].sshAddress", |i| i.hosts[1].ssh_address = Some(i.hosts[1].address.clone()), End::Live),
        row(
            "hosts[].roles",
            |i| i.hosts[0].roles.retain(|r| *r != Role::Node),
            End::Refused("has the role node no longer"),
        ),
        row("hosts[].labels", |i| drop(i.hosts[1].labels.insert("disk".into(), "ssd".into())), End::Rolls),
        row("hosts[].taints", |i| i.hosts[1].taints = vec!["dedicated=db:PreferNoSchedule".into()], End::Rolls),
        row("hosts[].ssh.user", |_| (), End::Elsewhere(REACHED)),
        row("hosts[].ssh.port", |_| (), End::Elsewhere(REACHED)),
        row("hosts[].ssh.keys", |_| (), End::Elsewhere(REACHED)),
        row("hosts[].ssh.knownHosts", |_| (), End::Elsewhere(REACHED)),
        row("hosts[].ssh.hostKey", |_| (), End::Elsewhere(REACHED)),
        row("hosts[].ssh.connectTimeout", |i| i.hosts[1].ssh.connect_timeout = Some(20), End::Live),
        row("hosts[].ssh.transport", |i| i.hosts[1].ssh.transport = Some(TransportKind::Ssh), End::Live),
        row(
            "hosts[].components",
            |i| {
                let max_pods = json!({"maxPods": 100}).as_object().cloned().unwrap_or_default();
                let settings = ComponentSettings { config: max_pods, ..ComponentSettings::default() };
                i.hosts[1].components.insert("kubelet".into(), settings);
            },
            End::Rolls,
        ),
        row("hosts[].waive", |i| i.hosts[1].waive = vec!["memory".into()], End::Live),
    ]
}

/// What people change together, or by taking the wrong file.
pub fn pairs() -> Vec<Row> {
    let row = |field, edit, end| Row { field, edit, end, always: true };
    vec![
        row(
            "the master moves to the other host",
            |i| {
                i.hosts[1].roles = i.hosts[0].roles.clone();
                i.hosts[0].roles = vec![Role::Node];
            },
            End::Refused("other etcd members"),
        ),
        row(
            "the only master leaves the inventory",
            |i| {
                i.hosts.remove(0);
                i.hosts[0].roles = vec![Role::Etcd, Role::Master, Role::Node];
            },
            End::Refused("n1 has left the inventory, and runs on"),
        ),
        row("a node leaves the inventory", |i| drop(i.hosts.pop()), End::Refused("n2 has left the inventory")),
        row(
            "a master is renamed",
            |i| i.hosts[0].name = "master".into(),
            End::Refused("an etcd member has another name"),
        ),
        row(
            "two hosts swap their addresses",
            |i| {
                let (first, second) = i.hosts.split_at_mut(1);
                std::mem::swap(&mut first[0].address, &mut second[0].address);
            },
            End::Refused("n2: its address is"),
        ),
        row(
            "two hosts swap their names",
            |i| {
                let (first, second) = i.hosts.split_at_mut(1);
                std::mem::swap(&mut first[0].name, &mut second[0].name);
            },
            End::Refused("n2: its address is"),
        ),
        row(
            "a node is renamed and gets another address",
            |i| {
                i.hosts[1].name = "worker2".into();
                i.networks.pods = Some("10.250.0.0/16".into());
            },
            End::Refused("it is n2"),
        ),
        row(
            "a second etcd member",
            |i| i.hosts[1].roles.push(Role::Etcd),
            End::Refused("2 hosts have the role `etcd`"),
        ),
        row(
            "several at once",
            |i| {
                i.networks.dns_domain = Some("k8s.site".into());
                i.kubernetes = Some("1.34.4".into());
            },
            End::Refused("2 errors"),
        ),
    ]
}

#[test]
fn every_field_has_its_row_and_ends_as_its_class_says() {
    let (rows, fields) = (rows(), fields());
    let names: Vec<&str> = rows.iter().map(|row| row.field).collect();
    let missing: Vec<&String> = fields.keys().filter(|path| !names.contains(&path.as_str())).collect();
    assert_eq!(missing, Vec::<&String>::new(), "fields without a row");
    for row in &rows {
        let field = fields.get(row.field).unwrap_or_else(|| panic!("{} is no field", row.field));
        let fits = match row.end {
            End::Refused(_) => {
                matches!(field.change, Change::Fixed | Change::Operation) || row.field == "controlPlaneEndpoint"
            }
            End::Live => matches!(field.change, Change::Live | Change::NewThings) || row.field == "networks.plugin",
            End::Rolls => field.change == Change::Rolling,
            End::Elsewhere(why) => !why.is_empty(),
        };
        assert!(fits, "{} is {}, and ends as {:?}", row.field, field.change.name(), row.end);
    }
}
