//! containerd, with runc: the container runtime.

use super::spec::*;
use crate::cluster::Role;
use crate::recipes::Project;
use crate::state::{After, ComponentId, Ready, Rolling, Rollout, Wave};

/// containerd.
pub const ID: ComponentId = ComponentId("containerd");

pub(super) const SPEC: ComponentSpec = ComponentSpec {
    about: "containerd.",
    role: Some(Role::Node),
    runs_on: |_, host| host.is(Role::Node),
    programs: &[
        ProgramSpec::new("containerd", Project::Containerd, Wave::Runtime),
        ProgramSpec::new("containerd-shim-runc-v2", Project::Containerd, Wave::Runtime),
        ProgramSpec::new("ctr", Project::Containerd, Wave::Runtime),
        ProgramSpec::new("runc", Project::Runc, Wave::Runtime),
    ],
    unit: Some(UnitSpec {
        program: "containerd",
        rollout: Rollout {
            wave: Wave::Runtime,
            after: After::Nothing,
            rolling: Rolling::Canary,
            ready: Ready::Runtime,
        },
        watched_by_restart: |_| Vec::new(),
        restart_seconds: 2,
        noticed: "`kubectl exec` and `logs -f` on the host break off; pods run on",
        noticed_alone: "`kubectl exec` and `logs -f` on the host break off; pods run on",
    }),
    configs: &[ConfigSpec {
        template: "config.toml",
        path: |layout| format!("{}/config.toml", layout.containerd),
        format: Format::Text,
        copied_to: None,
    }],
    dirs: |layout| {
        vec![
            (layout.containerd.clone(), 0o755, "root"),
            (format!("{}/certs.d", layout.containerd), 0o755, "root"),
            (layout.cni.clone(), 0o755, "root"),
            (layout.cni_conf.clone(), 0o755, "root"),
        ]
    },
    read_whole: |layout| vec![layout.cni_conf.clone(), format!("{}/certs.d", layout.containerd)],
    data: |layout| vec![layout.containerd_data.clone()],
    modules: |_| vec!["overlay"],
    images: &[ImageSpec {
        artifact: "image-pause",
        name: "registry.k8s.io/pause:",
        project: Project::Kubernetes,
        version: Some(|versions| versions.pause.clone()),
    }],
    templates: &[
        template!("containerd", "config.toml"),
        template!("containerd", "containerd.flags"),
        template!("containerd", "containerd.service"),
    ],
    footprint: Footprint {
        dirs: |layout| vec![layout.containerd_data.clone(), layout.containerd_run.clone(), layout.nri.clone()],
        empty_dirs: |layout| {
            let own = &layout.containerd_programs;
            vec![layout.cni.clone(), format!("{own}/bin"), format!("{own}/lib"), own.clone()]
        },
        files: |layout| vec![layout.crictl.clone()],
        mounts: |layout| vec![layout.containerd_run.clone(), layout.containerd_data.clone()],
        ..Footprint::NONE
    },
    ..ComponentSpec::named(ID.0)
};
