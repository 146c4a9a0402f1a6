//! What does not run starts before what runs is changed.

use super::*;

#[test]
fn a_stopped_member_starts_before_the_others_restart() {
    // Its API server stops with it.
    let graph = changed(QUOTA, &[("n2", "etcd.service"), ("n2", "kube-apiserver.service")]);
    insta::assert_snapshot!(timeline(&graph), @"
    n2 push configuration
    n2 start etcd
    n1 etcd is healthy
    n2 start kube-apiserver
    n2 kube-apiserver is ready
    n3 etcd can spare this member
    n3 another kube-apiserver is ready
    n3 push etcd
    n3 restart etcd and kube-apiserver
    n3 etcd is healthy
    n3 kube-apiserver is ready
    n1 etcd can spare this member
    n1 another kube-apiserver is ready
    n1 push etcd
    n1 restart etcd and kube-apiserver
    n1 etcd is healthy
    n1 kube-apiserver is ready
    the cluster is healthy
    ");
    assert_rolls(&graph);
}

#[test]
fn a_stopped_master_starts_before_the_others_restart() {
    let graph = changed(INFLIGHT, &[("n3", "kube-apiserver.service"), ("n3", "kube-scheduler.service")]);
    insta::assert_snapshot!(timeline(&graph), @"
    n3 push configuration
    n3 start kube-apiserver
    n3 kube-apiserver is ready
    n3 start kube-scheduler
    n1 another kube-apiserver is ready
    n1 push kube-apiserver
    n1 restart kube-apiserver
    n1 kube-apiserver is ready
    n2 another kube-apiserver is ready
    n2 push kube-apiserver
    n2 restart kube-apiserver
    n2 kube-apiserver is ready
    the cluster is healthy
    ");
    assert_rolls(&graph);
}
