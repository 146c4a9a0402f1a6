//! etcd: a member of the cluster's store.

use std::net::IpAddr;

use super::certificate::{Authority, CertificateRow, Placement, Profile};
use super::spec::*;
use crate::cluster::{Cluster, ETCD_PORT, Host, Layout, RemovedFlag, Role};
use crate::recipes::Project;
use crate::state::{After, ComponentId, Ready, Rolling, Rollout, Wave};
use crate::text::host_port;

/// etcd.
pub const ID: ComponentId = ComponentId("etcd");
/// Its unit.
pub const UNIT: &str = "etcd.service";

/// The directory that exists where a member has been.
pub fn member(layout: &Layout) -> String {
    format!("{}/member", layout.etcd_data)
}

/// Where members reach each other.
const PEER_PORT: u16 = 2380;

/// Where the others reach the member at this address.
pub fn peer_url(address: IpAddr) -> String {
    format!("https://{}", host_port(&address.to_string(), PEER_PORT))
}

/// What a member is told for its first start. Where it has data it reads neither again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstStart {
    /// All members by then, `m1=https://10.0.0.11:2380,…`.
    pub cluster: String,
    /// Whether they make a cluster, or it joins one.
    pub state: ClusterState,
}

/// Whether members that start for the first time make a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterState {
    /// They do.
    New,
    /// There is one already.
    Existing,
}

impl ClusterState {
    /// As etcd's flag has it.
    pub fn name(self) -> &'static str {
        match self {
            ClusterState::New => "new",
            ClusterState::Existing => "existing",
        }
    }
}

impl FirstStart {
    /// Of these hosts, as members.
    pub fn of<'h>(members: impl Iterator<Item = &'h Host>, state: ClusterState) -> Self {
        let members: Vec<String> = members.map(|host| format!("{}={}", host.name, peer_url(host.address))).collect();
        FirstStart { cluster: members.join(","), state }
    }
}

pub(super) const SPEC: ComponentSpec = ComponentSpec {
    about: "etcd.",
    role: Some(Role::Etcd),
    runs_on: |_, host| host.is(Role::Etcd),
    programs: &[
        ProgramSpec::new("etcd", Project::Etcd, Wave::Etcd),
        ProgramSpec::new("etcdctl", Project::Etcd, Wave::Tools),
        ProgramSpec::new("etcdutl", Project::Etcd, Wave::Tools),
    ],
    unit: Some(UnitSpec {
        program: "etcd",
        rollout: Rollout { wave: Wave::Etcd, after: After::Nothing, rolling: Rolling::Quorum, ready: Ready::Etcd },
        watched_by_restart: |cluster| vec![format!("{}/ca.crt", cluster.layout.etcd_pki)],
        restart_seconds: 2,
        noticed: "",
        noticed_alone: "the API does not answer for some 5 s: it is the only member",
    }),
    ports: &[
        PortSpec::open(ETCD_PORT, "etcd, clients").reached_by(&[Role::Master]),
        PortSpec::open(PEER_PORT, "etcd, members").reached_by(&[Role::Etcd]),
        PortSpec::loopback(2381, "etcd, metrics and health on 127.0.0.1"),
    ],
    certificates: |cluster| {
        let members = cluster.with_role(Role::Etcd);
        let mut rows: Vec<_> = members.flat_map(|host| own(cluster, host)).collect();
        let healthcheck = |host| Placement::of(host, &cluster.layout.etcd_pki, "healthcheck-client", "root");
        rows.push(CertificateRow {
            authority: Authority::Etcd,
            placements: cluster.with_role(Role::Etcd).map(healthcheck).collect(),
            ..CertificateRow::client("etcd-healthcheck-client", "kube-etcd-healthcheck-client", "")
        });
        rows
    },
    users: &["etcd"],
    dirs: |layout| {
        vec![
            (layout.etcd.clone(), 0o755, "root"),
            // Its keys are its own, each 0600; the folder is root's, so that root finds no other file in their place.
            (layout.etcd_pki.clone(), 0o755, "root"),
            (layout.etcd_data.clone(), 0o700, "etcd"),
        ]
    },
    data: |layout| vec![layout.etcd_data.clone()],
    templates: &[template!("etcd", "etcd.flags"), template!("etcd", "etcd.service")],
    removed_flags: &[REMOVED],
    ..ComponentSpec::named(ID.0)
};

// etcd's JSON gateway uses the server certificate as a client one: both usages, as with kubeadm.
fn own(cluster: &Cluster, host: &Host) -> [CertificateRow; 2] {
    let sans = vec![host.name.clone(), "localhost".into(), host.address.to_string(), "127.0.0.1".into(), "::1".into()];
    [("server", ETCD_PORT), ("peer", PEER_PORT)].map(|(what, port)| CertificateRow {
        authority: Authority::Etcd,
        profile: Profile::Peer,
        sans: sans.clone(),
        placements: vec![Placement::of(host, &cluster.layout.etcd_pki, what, "etcd")],
        used_by: Some(ID),
        ..CertificateRow::client(&format!("etcd-{what}-{}", host.name), &host.name, "").shown_on(port)
    })
}

const V2_API: &str = "the v2 API is gone: remove it";
const V2_PROXY: &str = "the v2 proxy is gone: use `etcd gateway` or `etcd grpc-proxy`";
const V2_DISCOVERY: &str = "v2 discovery is gone: use discovery-token and discovery-endpoints";

/// 3.5 → 3.6 and 3.6 → 3.7, compared in its sources.
const REMOVED: &[RemovedFlag] = &[
    RemovedFlag::etcd("enable-v2", 6, V2_API),
    RemovedFlag::etcd("experimental-enable-v2v3", 6, V2_API),
    RemovedFlag::etcd("proxy", 6, V2_PROXY),
    RemovedFlag::etcd("proxy-*", 6, V2_PROXY),
    RemovedFlag::etcd("experimental-initial-corrupt-check", 7, "use `feature-gates: InitialCorruptCheck=true`"),
    RemovedFlag::etcd("experimental-compact-hash-check-enabled", 7, "use `feature-gates: CompactHashCheck=true`"),
    RemovedFlag::etcd(
        "experimental-stop-grpc-service-on-defrag",
        7,
        "use `feature-gates: StopGRPCServiceOnDefrag=true`",
    ),
    RemovedFlag::etcd(
        "experimental-txn-mode-write-with-shared-buffer",
        7,
        "use `feature-gates: TxnModeWriteWithSharedBuffer=true`",
    ),
    RemovedFlag::etcd("experimental-enable-lease-checkpoint", 7, "use `feature-gates: LeaseCheckpoint=true`"),
    RemovedFlag::etcd(
        "experimental-enable-lease-checkpoint-persist",
        7,
        "use `feature-gates: LeaseCheckpointPersist=true`",
    ),
    RemovedFlag::etcd("experimental-snapshot-catchup-entries", 7, "use snapshot-catchup-entries"),
    RemovedFlag::etcd("experimental-*", 7, "drop `experimental-` from its name"),
    RemovedFlag::etcd("discovery", 7, V2_DISCOVERY),
    RemovedFlag::etcd("discovery-proxy", 7, V2_DISCOVERY),
];
