//! Who holds a port.

use super::*;

#[test]
fn a_port_is_taken_unless_our_own_unit_holds_it() {
    let apiserver = |known: bool, active: &'static str, process: &'static str| {
        found("m1", move |_, facts| {
            facts.known = known;
            facts.units.insert("kube-apiserver.service".into(), unit(active));
            facts.listening = vec![socket("*", 6443, process)];
        })
    };
    let taken = ["port-6443 Fail *:6443 is taken by kube-apiserver, and our kube-apiserver needs it"];
    assert_eq!(apiserver(false, "active", "kube-apiserver"), taken, "another cluster's");
    assert_eq!(apiserver(true, "inactive", "kube-apiserver"), taken, "started by hand");
    assert_eq!(apiserver(true, "active", "nginx").len(), 1);
    for (active, process) in [("active", "kube-apiserver"), ("activating", "kube-apiserver"), ("active", "")] {
        assert!(apiserver(true, active, process).is_empty(), "{active} {process}");
    }

    let truncated = found("m1", |_, facts| {
        facts.known = true;
        facts.units.insert("kube-controller-manager.service".into(), unit("active"));
        facts.listening = vec![socket("127.0.0.1", 10257, "kube-controller")];
    });
    assert!(truncated.is_empty(), "the kernel cuts a process' name");
}

#[test]
fn the_port_of_our_network_device_is_free_while_its_service_is_stopped() {
    let stopped = |known: bool, device: &'static str, process: &'static str| {
        found("n1", move |_, facts| {
            facts.known = known;
            facts.units.insert("flanneld.service".into(), unit("inactive"));
            facts.devices = [device.to_owned()].into();
            facts.listening_udp = vec![socket("0.0.0.0", 8472, process)];
        })
    };
    assert!(stopped(true, "flannel.1", "").is_empty());
    let taken = ["port-8472 Fail 0.0.0.0:8472 is taken by a process that cannot be seen, and our flanneld needs it"];
    assert_eq!(stopped(false, "flannel.1", ""), taken, "another cluster's");
    assert_eq!(stopped(true, "eth0", ""), taken);
    assert_eq!(stopped(true, "flannel.1", "weaver").len(), 1);
}

#[test]
fn a_loopback_port_is_free_while_only_another_address_has_it() {
    let metrics = |address: &'static str| {
        found("n1", move |_, facts| facts.listening = vec![socket(address, 10249, "exporter")]).len()
    };
    assert_eq!([metrics("10.0.0.21"), metrics("[fd00::1]")], [0, 0]);
    assert_eq!([metrics("*"), metrics("[::]"), metrics("127.0.0.1"), metrics("0.0.0.0")], [1, 1, 1, 1]);
}

#[test]
fn ports_of_other_roles_are_free_for_all() {
    let findings =
        found("n1", |_, facts| facts.listening = vec![socket("*", 6443, "haproxy"), socket("*", 2379, "etcd")]);
    assert!(findings.is_empty());
}
