//! One host that is everything, reached as a user who is not root and has sudo. It calls itself `n1`, and the inventory
//! calls it otherwise.

use crate::common::cluster::Cluster;
use crate::e2e_hosts as hosts;

#[test]
fn a_user_with_sudo_brings_one_host_up_and_takes_it_back() {
    let cluster = Cluster::new("e2e-sudo", 1);
    cluster.edit(|inventory| {
        inventory.ssh.user = Some(kbootstrap::lab::USER.into());
        inventory.hosts[0].name = "box".into();
    });
    cluster.run(&["check"]).ok();
    assert!(cluster.up() > 50);
    let status = cluster.run(&["status", "-o", "json"]).ok();
    status.check(status.json()["healthy"] == true, "the cluster should be healthy");
    assert_eq!(cluster.get(&["nodes"])["items"][0]["metadata"]["name"], "box");
    hosts::check_modes(&cluster, "n1");
    assert_eq!(cluster.on("n1", "find /etc/kubernetes /etc/etcd /usr/local/bin /opt/cni -user admin"), "");
    assert_eq!(cluster.up(), 0);
    cluster.run(&["reset", "--yes"]).ok();
    assert_eq!(cluster.try_on("n1", "test -e /etc/kubernetes").0, 1);
}
