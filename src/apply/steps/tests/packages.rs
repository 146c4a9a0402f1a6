//! Packages of the distribution.

use super::*;

/// The distribution's packages come with the first push, and only what needs them waits for them.
#[test]
fn packages_are_installed_before_what_needs_them_starts() {
    let (cluster, mut states) = wanted(ONE, "");
    let state = states.get_mut("n1").unwrap();
    let artifact =
        ArtifactRef { name: package_artifact("haproxy"), version: "2.6".into(), sha256: "a".repeat(64), size: 1 };
    state.packages = vec![Package {
        name: "haproxy".into(),
        program: "/usr/sbin/haproxy".into(),
        units: BTreeSet::from(["haproxy.service".to_owned()]),
        least: (2, 0),
        components: BTreeSet::from([ComponentId("kube-proxy")]),
    }];
    state.install = vec![PackageFile { artifact, ..PackageFile::unknown("haproxy") }];
    let all = graph(&cluster, &states, &bare(&cluster), None);
    insta::assert_snapshot!(timeline(&all), @"
    n1 push configuration
    n1 push control plane | n1 install packages | n1 start etcd
    n1 push control plane | n1 etcd is healthy
    n1 push container runtime | n1 start kube-apiserver
    n1 push node programs | n1 kube-apiserver is ready | n1 start containerd
    n1 start kube-controller-manager | n1 start kube-scheduler | apply API objects | n1 import images
    n1 start kubelet
    n1 start kube-proxy | n1 its node registers
    n1 start flanneld | n1 start kbootstrap-data-plane.timer | n1 push tools
    the cluster is healthy
    ");
    let mut facts = converged(&states);
    facts.get_mut("n1").unwrap().packages.known.clear();
    facts.get_mut("n1").unwrap().packages.programs.clear();
    stop(&mut facts, "n1", "kube-proxy.service");
    insta::assert_snapshot!(timeline(&graph(&cluster, &states, &facts, Some(vec![]))), @"
    n1 push configuration
    n1 install packages
    n1 start kube-proxy
    the cluster is healthy
    ");
    facts.insert("n1".into(), plan::converged(&states["n1"]));
    let n1 = facts.get_mut("n1").unwrap();
    n1.packages.ours.insert("haproxy".into());
    n1.units.insert("haproxy.service".into(), UnitFact { load: "loaded".into(), ..UnitFact::default() });
    insta::assert_snapshot!(timeline(&graph(&cluster, &states, &facts, Some(vec![]))), @"
    n1 install packages
    the cluster is healthy
    ");
}
