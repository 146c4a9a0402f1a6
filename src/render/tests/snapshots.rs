//! Whole hosts, as a person would read them. `cargo insta review` after a change that is meant.

use std::fmt::Write;

use super::states::{container, state};
use crate::cluster::Cluster;
use crate::cluster::example::{cluster, three_masters};
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
    let text = shown(&state(cluster, index, facts).unwrap());
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
