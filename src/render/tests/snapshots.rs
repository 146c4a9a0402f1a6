//! Whole hosts, as a person would read them. `cargo insta review` after a change that is meant.

use std::fmt::Write;

use super::states::{container, state};
use crate::cluster::example::{cluster, three_masters};
use crate::cluster::{Balancer, Cluster, Role, VirtualAddress};
use crate::facts::HostFacts;
use crate::state::{Content, HostState};

/// Everything but certificates and programs' bytes, in path order.
fn shown(state: &HostState) -> String {
    let mut out = String::new();
    for (path, dir) in &state.dirs {
        let _ = writeln!(out, "{path}/ {:04o} {}", dir.mode, dir.owner);
    }
    for (path, file) in &state.files {
        let _ = write!(out, "\n=== {path} {:04o} {}\n", file.mode, file.owner);
        match &file.content {
            Content::Text(text) => out.push_str(text),
            Content::Secret(_) => out.push_str("<secret>\n"),
            Content::ToIssue => out.push_str("<to be issued>\n"),
            Content::Artifact(artifact) => {
                let _ = writeln!(out, "<{}>", artifact.name);
            }
        }
    }
    for unit in &state.units {
        let _ = write!(out, "\n=== {} restarts on\n", unit.name);
        unit.restart_on.iter().for_each(|path| out.push_str(&format!("{path}\n")));
    }
    out
}

fn snapshot(name: &str, cluster: &Cluster, index: usize, facts: &HostFacts) {
    snapshot_of(name, &state(cluster, index, facts).unwrap());
}

fn snapshot_of(name: &str, state: &HostState) {
    let text = shown(state);
    insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn a_master_and_node_of_each_version() {
    for version in ["1.34.4", "1.35.4", "1.36.3"] {
        snapshot(&format!("master-{version}"), &cluster(version), 0, &HostFacts::default_host());
    }
}

#[test]
fn a_node_in_a_container() {
    snapshot("container-node-1.36.3", &cluster("1.36.3"), 1, &container());
}

#[test]
fn one_of_three_masters_behind_a_balancer() {
    snapshot("one-of-three-masters-1.36.3", &three_masters("1.36.3"), 0, &HostFacts::default_host());
}

#[test]
fn what_stands_in_front_of_three_masters() {
    for kind in [Balancer::Haproxy, Balancer::Nginx] {
        let mut cluster = three_masters("1.36.3");
        for host in &mut cluster.hosts {
            host.roles.extend([Role::Lb, Role::Node]);
        }
        cluster.balancing.local = Some(kind);
        let held =
            VirtualAddress { address: [10, 0, 0, 9].into(), port: 8443, front_end: kind, ..VirtualAddress::unknown() };
        cluster.balancing.virtual_address = Some(VirtualAddress { on_masters: true, router_id: 10, ..held });
        let mut state = state(&cluster, 0, &HostFacts::default_host()).unwrap();
        let in_front = ["api-balancer", "api-front-end", "api-virtual-address"];
        let is_in_front = |path: &str| in_front.iter().any(|component| path.contains(component));
        state.dirs.retain(|path, _| is_in_front(path));
        state.files.retain(|path, _| is_in_front(path));
        state.units.retain(|unit| is_in_front(&unit.name));
        snapshot_of(&format!("{}-in-front-1.36.3", kind.name()), &state);
    }
}
