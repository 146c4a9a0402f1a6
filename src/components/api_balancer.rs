//! What spreads a node's own services over the API servers: haproxy or nginx, on the node's loopback.

use super::certificate::CertificateRow;
use super::spec::*;
use crate::cluster::{Balancer, Cluster, LOCAL_API_PORT, Layout, Role};
use crate::state::{After, ComponentId, Ready, Rolling, Rollout, Wave};

const NAME: &str = "api-balancer";
/// The component.
pub const ID: ComponentId = ComponentId(NAME);
/// What haproxy says of each API server, on 127.0.0.1.
pub const STATISTICS_PORT: u16 = 7444;

pub(super) const SPEC: ComponentSpec = ComponentSpec {
    about: "The balancer of each node over the API servers: haproxy or nginx.",
    role: Some(Role::Node),
    runs_on: |cluster, host| host.is(Role::Node) && cluster.balancing.local.is_some(),
    unit: Some(UnitSpec {
        program: NAME,
        rollout: Rollout { wave: Wave::Etcd, after: After::Nothing, rolling: Rolling::Canary, ready: Ready::Balancer },
        watched_by_restart: |cluster| asks_with(cluster, cluster.balancing.local, NAME),
        restart_seconds: 1,
        noticed: "services of the host connect again to the API",
        noticed_alone: "services of the host connect again to the API",
    }),
    packaged: Some(|cluster| program(cluster, cluster.balancing.local)),
    reloads: true,
    ports: &[
        PortSpec::loopback(LOCAL_API_PORT, "api-balancer, the API on 127.0.0.1"),
        PortSpec::loopback(STATISTICS_PORT, "api-balancer, what it thinks of API servers, on 127.0.0.1"),
    ],
    configs: &[
        ConfigSpec {
            template: "haproxy.cfg",
            path: |layout| format!("{}/haproxy.cfg", layout.api_balancer),
            format: Format::TextOrNone,
            copied_to: None,
        },
        ConfigSpec {
            template: "nginx.conf",
            path: |layout| format!("{}/nginx.conf", layout.api_balancer),
            format: Format::TextOrNone,
            copied_to: None,
        },
    ],
    certificates: |cluster| certificates(cluster, cluster.balancing.local, Role::Node, NAME),
    dirs: |layout| dirs(layout, &layout.api_balancer),
    templates: &[
        template!("api-balancer", "api-balancer.service"),
        template!("api-balancer", "haproxy.cfg"),
        template!("api-balancer", "nginx.conf"),
    ],
    footprint: Footprint { dirs: |layout| vec![layout.api_balancer.clone()], ..Footprint::NONE },
    ..ComponentSpec::named(NAME)
};

/// The path of the program.
pub(super) fn program(cluster: &Cluster, balancer: Option<Balancer>) -> String {
    format!("{}/{}", cluster.layout.sbin, balancer.unwrap_or(Balancer::Haproxy).name())
}

/// API servers turn away who asks without a certificate, also for /readyz; nginx asks nothing.
pub(super) fn certificates(
    cluster: &Cluster,
    balancer: Option<Balancer>,
    role: Role,
    name: &'static str,
) -> Vec<CertificateRow> {
    match balancer {
        Some(Balancer::Haproxy) => {
            let rows = CertificateRow::of_each_host(cluster, role, name, &format!("kbootstrap:{name}"), "");
            rows.into_iter().map(|row| row.used_by(name)).collect()
        }
        _ => Vec::new(),
    }
}

/// The files of that.
pub(super) fn asks_with(cluster: &Cluster, balancer: Option<Balancer>, name: &str) -> Vec<String> {
    let file = |name: String| format!("{}/{name}", cluster.layout.pki);
    match balancer {
        Some(Balancer::Haproxy) => {
            vec![file(format!("{name}.crt")), file(format!("{name}.key")), file("ca.crt".into())]
        }
        _ => Vec::new(),
    }
}

/// The folder of its configuration, and those of certificates.
pub(super) fn dirs(layout: &Layout, own: &str) -> Vec<(String, u32, &'static str)> {
    [&layout.kubernetes, &layout.pki]
        .map(|dir| (dir.clone(), 0o755, "root"))
        .into_iter()
        .chain([(own.to_owned(), 0o755, "root")])
        .collect()
}
