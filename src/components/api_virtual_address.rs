//! What holds the virtual address in front of the API servers: keepalived.

use super::api_balancer::{asks_with, certificates, dirs};
use super::api_front_end::{ROLLOUT, holds};
use super::spec::*;
use crate::cluster::{Balancer, Role};
use crate::state::ComponentId;

const NAME: &str = "api-virtual-address";
/// The component.
pub const ID: ComponentId = ComponentId(NAME);

pub(super) const SPEC: ComponentSpec = ComponentSpec {
    about: "What holds the virtual address in front of the API servers: keepalived.",
    role: Some(Role::Lb),
    runs_on: holds,
    unit: Some(UnitSpec {
        program: NAME,
        rollout: ROLLOUT,
        // It asks through the front end as haproxy does.
        watched_by_restart: |cluster| asks_with(cluster, Some(Balancer::Haproxy), NAME),
        restart_seconds: 1,
        noticed: "where the host holds the virtual address, that moves within half a second",
        noticed_alone: "the virtual address is away for a moment",
    }),
    packaged: Some(|cluster| format!("{}/keepalived", cluster.layout.sbin)),
    packages: |_| {
        vec![
            PackageSpec {
                name: "keepalived",
                program: |layout| format!("{}/keepalived", layout.sbin),
                units: &["keepalived.service"],
                least: (2, 1),
            },
            PackageSpec {
                name: "curl",
                program: |layout| format!("{}/curl", layout.tools),
                units: &[],
                least: (7, 49),
            },
        ]
    },
    reloads: true,
    configs: &[
        ConfigSpec {
            template: "keepalived.conf",
            path: |layout| format!("{}/keepalived.conf", layout.api_virtual_address),
            format: Format::Text,
            copied_to: None,
        },
        ConfigSpec {
            template: "front-end.sh",
            path: |layout| format!("{}/front-end.sh", layout.api_virtual_address),
            format: Format::Text,
            copied_to: None,
        },
    ],
    certificates: |cluster| match cluster.balancing.virtual_address {
        Some(_) => certificates(cluster, Some(Balancer::Haproxy), Role::Lb, NAME),
        None => Vec::new(),
    },
    dirs: |layout| dirs(layout, &layout.api_virtual_address),
    templates: &[
        template!("api-virtual-address", "api-virtual-address.service"),
        template!("api-virtual-address", "front-end.sh"),
        template!("api-virtual-address", "keepalived.conf"),
    ],
    footprint: Footprint { dirs: |layout| vec![layout.api_virtual_address.clone()], ..Footprint::NONE },
    ..ComponentSpec::named(NAME)
};
