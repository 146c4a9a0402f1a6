//! The reference CNI plugins, which network plugins are put together from.

use super::spec::*;
use crate::cluster::Role;
use crate::recipes::Project;
use crate::state::Wave;

pub(super) const SPEC: ComponentSpec = ComponentSpec {
    about: "The reference CNI plugins.",
    role: Some(Role::Node),
    runs_on: |_, host| host.is(Role::Node),
    programs: &[
        plugin("cni-bridge", "bridge"),
        plugin("cni-host-local", "host-local"),
        plugin("cni-loopback", "loopback"),
        plugin("cni-portmap", "portmap"),
        plugin("cni-bandwidth", "bandwidth"),
        plugin("cni-firewall", "firewall"),
    ],
    dirs: |layout| vec![(layout.cni_programs.clone(), 0o755, "root"), (layout.cni_bin.clone(), 0o755, "root")],
    modules: |_| vec!["br_netfilter"],
    // The bridge ones exist once `br_netfilter` is there.
    sysctls: &[
        SysctlSpec::Exactly("net.bridge.bridge-nf-call-ip6tables", "1"),
        SysctlSpec::Exactly("net.bridge.bridge-nf-call-iptables", "1"),
        SysctlSpec::Exactly("net.ipv4.ip_forward", "1"),
    ],
    footprint: Footprint {
        dirs: |layout| vec![layout.cni_data.clone()],
        // Others may have put plugins of their own there.
        empty_dirs: |layout| vec![layout.cni_bin.clone(), layout.cni_programs.clone()],
        links: &["cni0"],
        namespaces: &["cni-"],
        tables: &["cni_hostport", "cni_plugins_masquerade"],
        chains: &["CNI-"],
        ..Footprint::NONE
    },
    ..ComponentSpec::named("cni-plugins")
};

/// A plugin of that artifact, in a file of that name.
pub(super) const fn plugin(artifact: &'static str, file: &'static str) -> ProgramSpec {
    let program = ProgramSpec::new(artifact, Project::CniPlugins, Wave::Runtime);
    ProgramSpec { file, kind: ProgramKind::Cni, ..program }
}
