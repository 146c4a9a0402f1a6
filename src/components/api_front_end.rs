//! What takes connections at the virtual address and spreads them over the API servers: haproxy or nginx. It listens on all
//! addresses of its host, so that it is there before the address is.

use super::api_balancer::{asks_with, certificates, dirs, packages, program};
use super::spec::*;
use crate::cluster::{Balancer, Cluster, Host, Role};
use crate::state::{After, ComponentId, Ready, Rolling, Rollout, Wave};

const NAME: &str = "api-front-end";
/// The component.
pub const ID: ComponentId = ComponentId(NAME);
/// What haproxy says of each API server, on 127.0.0.1.
pub const STATISTICS_PORT: u16 = 7445;

fn kind(cluster: &Cluster) -> Option<Balancer> {
    cluster.balancing.virtual_address.as_ref().map(|held| held.front_end)
}

/// Whether the host can hold the virtual address.
pub(super) fn holds(cluster: &Cluster, host: &Host) -> bool {
    host.is(Role::Lb) && cluster.balancing.virtual_address.is_some()
}

/// How what holds the virtual address comes and changes: never on two hosts at once.
pub(super) const ROLLOUT: Rollout =
    Rollout { wave: Wave::Etcd, after: After::Nothing, rolling: Rolling::ControlPlane, ready: Ready::Runs };

pub(super) const SPEC: ComponentSpec = ComponentSpec {
    about: "What takes connections at the virtual address of the API servers: haproxy or nginx.",
    role: Some(Role::Lb),
    runs_on: holds,
    unit: Some(UnitSpec {
        program: NAME,
        rollout: ROLLOUT,
        watched_by_restart: |cluster| asks_with(cluster, kind(cluster), NAME),
        restart_seconds: 1,
        noticed: "who is connected by this host connects again",
        noticed_alone: "the virtual address does not answer for a moment",
    }),
    packaged: Some(|cluster| program(cluster, kind(cluster))),
    packages: |cluster| packages(kind(cluster)),
    reloads: true,
    ports: &[PortSpec::loopback(STATISTICS_PORT, "api-front-end, what it thinks of API servers, on 127.0.0.1")],
    configs: &[
        ConfigSpec {
            template: "haproxy.cfg",
            path: |layout| format!("{}/haproxy.cfg", layout.api_front_end),
            format: Format::TextOrNone,
            copied_to: None,
        },
        ConfigSpec {
            template: "nginx.conf",
            path: |layout| format!("{}/nginx.conf", layout.api_front_end),
            format: Format::TextOrNone,
            copied_to: None,
        },
    ],
    certificates: |cluster| certificates(cluster, kind(cluster), Role::Lb, NAME),
    dirs: |layout| dirs(layout, &layout.api_front_end),
    templates: &[
        template!("api-front-end", "api-front-end.service"),
        template!("api-front-end", "haproxy.cfg"),
        template!("api-front-end", "nginx.conf"),
    ],
    footprint: Footprint { dirs: |layout| vec![layout.api_front_end.clone()], ..Footprint::NONE },
    ..ComponentSpec::named(NAME)
};
