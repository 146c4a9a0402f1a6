//! What goes with a component that was switched off: exactly what the host would not hold without it.

use std::collections::BTreeSet;

use kbootstrap::cluster::Role::{Etcd, Master, Node};
use kbootstrap::cluster::{self, Cluster, Known, Role};
use kbootstrap::components::Catalogue;
use kbootstrap::engine::{desire, names_only};
use kbootstrap::inventory;
use kbootstrap::record;
use kbootstrap::render::Templates;
use kbootstrap::reset::{self, Targets, switched_off};
use kbootstrap::state::{ComponentId, HostState};
use kbootstrap::trust::Trust;

/// A host with everything, and `b` with these roles, be they a good idea or not.
fn cluster(plugin: &str, roles: &[Role]) -> Cluster {
    let text = format!(
        "cluster: c\ncontrolPlaneEndpoint: 10.0.0.9\nnetworks: {{plugin: {plugin}}}\nhosts:\n  \
         - {{name: a, address: 10.0.0.1, roles: [etcd, master, node]}}\n  \
         - {{name: b, address: 10.0.0.2, roles: [node]}}\n"
    );
    let components = Catalogue::standard().known();
    let known = Known { checks: &[], components: &components };
    let mut cluster = cluster::resolve(&inventory::parse("x", text.as_bytes()).unwrap(), &known).unwrap();
    cluster.hosts[1].roles = roles.iter().copied().collect();
    cluster
}

/// What `b` would hold.
fn held(cluster: &Cluster) -> HostState {
    let (catalogue, folder) = (Catalogue::standard(), tempfile::tempdir().unwrap());
    let trust = Trust::present(&catalogue, cluster, folder.path()).unwrap();
    let templates = Templates::embedded(&catalogue);
    let desired = desire(&catalogue, cluster, &Default::default(), &trust, &names_only, &templates).unwrap();
    desired.hosts["b"].clone()
}

/// Units of `b` in one cluster that it does not have in the other.
fn off(before: &Cluster, now: &Cluster) -> Vec<ComponentId> {
    let catalogue = Catalogue::standard();
    let units = |cluster: &Cluster| -> Vec<ComponentId> {
        catalogue.units(cluster, cluster.host("b").unwrap()).map(|(spec, _)| spec.id).collect()
    };
    let now = units(now);
    units(before).into_iter().filter(|id| !now.contains(id)).collect()
}

#[test]
fn what_goes_is_what_the_host_would_not_hold() {
    let catalogue = Catalogue::standard();
    for (before, now) in [
        (cluster("flannel", &[Node]), cluster("none", &[Node])),
        (cluster("flannel", &[Master, Node]), cluster("flannel", &[Node])),
        (cluster("flannel", &[Master, Node]), cluster("flannel", &[Master])),
        (cluster("flannel", &[Etcd, Master, Node]), cluster("none", &[Etcd, Master])),
        (cluster("flannel", &[Etcd, Master, Node]), cluster("flannel", &[Etcd])),
        (cluster("flannel", &[Etcd, Node]), cluster("flannel", &[Node])),
    ] {
        let ids = off(&before, &now);
        let layout = &now.layout;
        let (was, is) = (held(&before), held(&now));
        let targets = switched_off(&catalogue, &now, "b", &ids, &ids);
        let expected: BTreeSet<&String> = was.files.keys().filter(|path| !is.files.contains_key(*path)).collect();
        let goes: BTreeSet<&String> = targets.files.iter().collect();
        let stay: Vec<_> = expected.difference(&goes).collect();
        assert!(stay.is_empty(), "{ids:?}: {stay:?} stay");
        // Besides what is pushed: what units copy, what runtimes write, what `up` keeps on masters, what only hosts with
        // NetworkManager hold, and masters of a cluster that has revoked a node.
        let made = is.units.iter().chain(&was.units).flat_map(|unit| unit.makes.keys());
        let (copy, about) = layout.recovery();
        let network_manager = layout.network_manager.clone();
        let kept =
            [record::file(layout), copy, about, layout.encryption_read(), layout.crictl.clone(), network_manager];
        let revoked = ["authorization.yaml", "authorization-nobody.conf"];
        let revoked = revoked.map(|name| format!("{}/{name}", layout.kubernetes));
        let more: BTreeSet<String> = made.cloned().chain(kept).chain(revoked).collect();
        let others: Vec<_> = goes.difference(&expected).filter(|path| !more.contains(**path)).collect();
        assert!(others.is_empty(), "{ids:?}: {others:?} should stay");

        let below = |path: &str| targets.dirs.iter().any(|dir| path == dir || path.starts_with(&format!("{dir}/")));
        for path in is.files.keys().chain(is.dirs.keys()).chain(is.units.iter().flat_map(|unit| unit.makes.keys())) {
            assert!(!below(path), "{ids:?}: {path} is the host's");
        }
        for data in [&layout.etcd_data, &layout.containerd_data, &layout.kubelet, &layout.logs, &layout.records] {
            assert!(!below(data), "{ids:?}: {data} stays");
        }
        for dir in was.dirs.keys().filter(|dir| !is.dirs.contains_key(*dir)) {
            let stays = targets.stays.contains(dir) || targets.empty_dirs.contains(dir);
            assert!(below(dir) || stays, "{ids:?}: nothing is said of {dir}");
        }

        // One after the other comes to the same.
        let (mut left, mut all) = (ids.clone(), BTreeSet::new());
        while let Some(id) = left.first().copied() {
            all.extend(switched_off(&catalogue, &now, "b", &left, &[id]).files);
            left.remove(0);
        }
        assert_eq!(all.iter().collect::<BTreeSet<_>>(), goes, "{ids:?}");
    }
}

#[test]
fn the_keys_of_a_role_go_with_the_last_of_its_components() {
    let now = cluster("flannel", &[Node]);
    let ids = off(&cluster("flannel", &[Master, Node]), &now);
    let goes = |gone: &[ComponentId]| switched_off(&Catalogue::standard(), &now, "b", &ids, gone);
    let secrets = [format!("{}/ca.key", now.layout.pki), now.layout.service_account().0];
    let all = goes(&ids);
    assert!(secrets.iter().chain([&now.layout.encryption()]).all(|key| all.files.contains(key)), "{:?}", all.files);
    assert!(!all.files.contains(&format!("{}/ca.crt", now.layout.pki)), "the node trusts it");
    assert_eq!(all.stays, std::slice::from_ref(&now.layout.logs));
    for id in &ids {
        let one = goes(&[*id]);
        assert!(!secrets.iter().any(|key| one.files.contains(key)), "{id}: {:?}", one.files);
        assert_eq!(one.services, [format!("{id}.service")]);
        assert_eq!(one.records, [format!("{}/units/{id}.service", now.layout.records)]);
    }
}

#[test]
fn the_script_of_one_component_touches_nothing_else_of_the_host() {
    let now = cluster("none", &[Node]);
    let ids = off(&cluster("flannel", &[Node]), &now);
    let targets = switched_off(&Catalogue::standard(), &now, "b", &ids, &ids);
    let script = reset::script(&targets, &now.layout);
    let value = |name: &str| script.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).unwrap();
    for (name, expected) in [
        ("SERVICES", "flanneld.service"),
        ("RUNTIMES", ""),
        ("SLICES", ""),
        ("MOUNTS", ""),
        ("NAMESPACES", ""),
        ("LINKS", "flannel-v6.1 flannel.1"),
        ("TABLES", "flannel-ipv4 flannel-ipv6"),
        ("CHAINS", "FLANNEL-"),
        ("DIRS", "/etc/kube-flannel /run/flannel"),
        ("EMPTY_DIRS", ""),
        ("RECORDS", "/var/lib/kbootstrap/units/flanneld.service"),
        ("STAGED", ""),
    ] {
        assert_eq!(value(name).trim_matches('\''), expected, "{name}");
    }
    let whole = reset::script(&Targets::all(&Catalogue::standard(), &now.layout), &now.layout);
    assert!(whole.contains("STAGED='/var/lib/kbootstrap/staged'"), "{whole}");
}
