//! Traces of clusters: our own and others.

use super::*;

#[test]
fn the_clusters_own_traces_are_no_findings() {
    let findings = found("n1", |_, facts| {
        facts.known = true;
        facts.addresses.push(("cni0".into(), "10.244.1.1".parse().unwrap()));
        facts.addresses.push(("flannel.1".into(), "10.244.1.0".parse().unwrap()));
        facts.addresses.push(("kube-ipvs0".into(), "10.96.0.1".parse().unwrap()));
        facts.routes.push(("10.244.0.0/24".into(), "flannel.1".into()));
        facts.routes.push(("10.244.1.0/24".into(), "cni0".into()));
        facts.listings.insert("/etc/cni/net.d".into(), vec!["10-flannel.conflist".into()]);
        for name in ["kubelet.service", "containerd.service"] {
            facts.units.insert(name.into(), unit("active"));
        }
    });
    assert_eq!(findings, Vec::<String>::new());
    let etcd = found("m1", |_, facts| {
        facts.known = true;
        facts.dirs.insert("/var/lib/etcd/member".into(), directory());
        facts.units.insert("etcd.service".into(), unit("active"));
    });
    assert_eq!(etcd, Vec::<String>::new());
}

pub(super) fn directory() -> FileFact {
    FileFact { sha256: String::new(), mode: 0o700, owner: "etcd".into(), group: "etcd".into(), written: 0 }
}

#[test]
fn another_clusters_etcd_is_not_taken_over() {
    let findings = found("m1", |_, facts| {
        facts.dirs.insert("/var/lib/etcd/member".into(), directory());
        facts.units.insert("etcd.service".into(), unit("active"));
    });
    insta::assert_snapshot!(findings.join("\n"), @r"
    leftovers Fail an etcd that is not ours runs here
    leftovers Fail /var/lib/etcd/member holds the data of an etcd that kbootstrap did not start
    ");
}
