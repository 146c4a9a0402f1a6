//! What looks after the kernel's side of a node: a timer, and a script that brings back what others took away.
//!
//! No daemon: systemd starts the script every ten seconds, it looks for some milliseconds and ends. What it looks at is
//! what the components of the host say of themselves ([`super::KernelSpec`]).

use super::spec::*;
use crate::cluster::Role;
use crate::state::{After, ComponentId, Ready, Rolling, Rollout, Wave};

/// The component.
pub const ID: ComponentId = ComponentId("data-plane");
/// Its timer.
pub const UNIT: &str = "kbootstrap-data-plane.timer";
/// What it starts.
const SERVICE: &str = "kbootstrap-data-plane.service";

pub(super) const SPEC: ComponentSpec = ComponentSpec {
    about: "What looks whether services and network plugins still have in the kernel what they put there.",
    role: Some(Role::Node),
    runs_on: |_, host| host.is(Role::Node),
    unit: Some(UnitSpec {
        program: "kbootstrap-data-plane",
        rollout: Rollout { wave: Wave::Node, after: After::Objects, rolling: Rolling::Together, ready: Ready::Timer },
        watched_by_restart: |_| Vec::new(),
        restart_seconds: 0,
        noticed: "",
        noticed_alone: "",
    }),
    configs: &[
        ConfigSpec {
            template: SERVICE,
            path: |layout| format!("{}/{SERVICE}", layout.units),
            format: Format::Text,
            copied_to: None,
        },
        ConfigSpec {
            template: "data-plane.sh",
            path: |layout| layout.data_plane.clone(),
            format: Format::Text,
            copied_to: None,
        },
    ],
    templates: &[
        template!("data-plane", "data-plane.sh"),
        template!("data-plane", "kbootstrap-data-plane.service"),
        template!("data-plane", "kbootstrap-data-plane.timer"),
    ],
    kernel: KernelSpec { keeps: |_| Vec::new(), without: "pods of the host are cut off" },
    footprint: Footprint {
        dirs: |layout| vec![layout.data_plane_run.clone()],
        files: |layout| vec![layout.data_plane.clone(), format!("{}/{SERVICE}", layout.units)],
        ..Footprint::NONE
    },
    ..ComponentSpec::named(ID.0)
};
