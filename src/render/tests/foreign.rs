//! The programs' own word: every flag that is rendered is one that they have.

use std::collections::BTreeSet;

use super::states::{container, flags, state};
use crate::cluster::example::cluster;
use crate::facts::HostFacts;

/// `PROGRAM FLAG` of `--help`, without the deprecated ones (but the scheduler's, whose `profiling` CIS 1.4.1 asks for).
const KNOWN: &str = include_str!("flags-1.36.txt");

#[test]
fn every_flag_is_known_to_its_program() {
    let known: BTreeSet<(&str, &str)> = KNOWN.lines().filter_map(|line| line.split_once(' ')).collect();
    let mut seen = 0;
    for facts in [HostFacts::default_host(), HostFacts { known: true, hostname: "other".into(), ..container() }] {
        let mut cluster = cluster("1.36.3");
        cluster.hosts[0].labels.insert("disk".into(), "ssd".into());
        cluster.hosts[1].roles.insert(crate::cluster::Role::Master);
        let state = state(&cluster, 0, &facts).unwrap();
        for program in
            ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "etcd", "flanneld"]
        {
            for flag in flags(&state, program).keys() {
                assert!(known.contains(&(program, flag)), "{program} has no --{flag}");
                seen += 1;
            }
        }
    }
    assert!(seen > 150, "only {seen} flags were looked at");
}
