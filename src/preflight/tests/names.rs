//! Names of checks, waivers, questions, documentation.

use super::*;

#[test]
fn a_waived_finding_is_shown_and_stops_nothing() {
    let mut cluster = cluster();
    cluster.hosts[1].waive.insert("swap".into());
    let facts = HostFacts { swap: vec!["/dev/sda2".into()], ufw: true, ..good(&cluster.hosts[1]) };
    let findings = check(&Catalogue::standard(), &cluster, &cluster.hosts[1], &facts);
    assert_eq!(
        findings.iter().map(|f| (f.check.as_str(), f.waived, f.stops())).collect::<Vec<_>>(),
        [("swap", true, false), ("firewall", false, false),]
    );
    assert_eq!(refuse(&findings), Ok(()));
    cluster.hosts[1].waive.clear();
    let error = refuse(&check(&Catalogue::standard(), &cluster, &cluster.hosts[1], &facts)).unwrap_err();
    assert_eq!(error.message, "n1: swap: swap is on: /dev/sda2");
    assert_eq!(error.hints.len(), 2);
    assert!(error.others.is_empty(), "a warning stops nothing");
}

#[test]
fn questions_ask_what_checks_and_decisions_read() {
    let cluster = cluster();
    let master = questions(&Catalogue::standard(), &cluster, &cluster.hosts[0]);
    assert!(master.units.contains("kube-apiserver.service") && !master.units.contains("kube-proxy.service"));
    assert!(master.users.contains("etcd") && master.dirs.contains("/var/lib/etcd/member"));
    assert!(master.sysctls.is_empty() && master.modules.is_empty());
    let node = questions(&Catalogue::standard(), &cluster, &cluster.hosts[1]);
    assert!(node.units.contains("flanneld.service") && node.units.contains("firewalld.service"));
    let default_host = HostFacts::default_host();
    assert!(node.sysctls.iter().all(|name| default_host.sysctls.contains_key(name)), "the default host has them all");
    assert!(node.modules.iter().all(|name| default_host.modules.contains_key(name)));
    assert!(node.users.is_empty());
    assert!(node.files.contains("/etc/NetworkManager/conf.d/90-kubernetes.conf"), "the default host would not have it");
}

#[test]
fn the_documentation_names_every_check() {
    let documentation = include_str!("../../../docs/preflight.md");
    let checks = checks(&Catalogue::standard());
    for (name, _) in &checks {
        assert!(documentation.contains(&format!("| `{name}` |")), "docs/preflight.md does not name {name}");
    }
    let rows = documentation.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, checks.len(), "docs/preflight.md names a check that is not there");
}

#[test]
fn names_are_kebab_case_and_unique() {
    let checks = checks(&Catalogue::standard());
    let names: BTreeSet<_> = checks.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), checks.len());
    assert!(
        checks.iter().all(|(name, _)| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'))
    );
}
