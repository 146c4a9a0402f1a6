//! The architectures of hosts. What a host says of itself decides which programs are fetched, or built, here: a new one
//! is for a person to want.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Finding, Severity};
use crate::cluster::Cluster;
use crate::facts::HostFacts;

/// Hosts of an architecture that there are no programs for, and that is not `expected` either.
pub fn unexpected(cluster: &Cluster, facts: &BTreeMap<String, HostFacts>, expected: &BTreeSet<String>) -> Vec<Finding> {
    let known = |arch: &str| !super::hardware::ARCHITECTURES.contains(&arch) || expected.contains(arch);
    let stranger = |host| facts.get(host).map(|facts| facts.arch.as_str()).filter(|arch| !known(arch));
    let strangers = cluster.hosts.iter().filter_map(|host| Some((host, stranger(host.name.as_str())?)));
    let so_far = expected.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    strangers
        .map(|(host, arch)| {
            let finding = format!("it says that its processor is {arch}; the cluster has programs for {so_far}");
            let remedy = format!(
                "if that is so, let them be fetched or built here: `kbootstrap artifacts fetch --arch {arch}`; \
                 from then on artifacts.lock has them, and such hosts are expected"
            );
            Finding::new(host, "arch", Severity::Fail, finding, remedy)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Role, example};

    #[test]
    fn a_new_architecture_is_a_finding_and_a_pinned_one_is_none() {
        let hosts = [example::host("m1", 11, &[Role::Etcd, Role::Master]), example::host("n1", 21, &[Role::Node])];
        let cluster = Cluster { hosts: hosts.to_vec(), ..example::cluster("1.36.3") };
        let says = |arch: &str| HostFacts { arch: arch.into(), ..HostFacts::default() };
        let facts = cluster.hosts.iter().map(|host| (host.name.clone(), says("amd64")));
        let mut facts: BTreeMap<_, _> = facts.collect();
        let amd64 = BTreeSet::from(["amd64".to_owned()]);
        assert!(unexpected(&cluster, &facts, &amd64).is_empty());
        let liar = cluster.hosts[0].name.clone();
        facts.insert(liar.clone(), says("arm64"));
        let findings = unexpected(&cluster, &facts, &amd64);
        assert_eq!((findings.len(), findings[0].host.as_str(), findings[0].stops()), (1, liar.as_str(), true));
        assert!(findings[0].remedy.contains("artifacts fetch --arch arm64"), "{}", findings[0].remedy);
        let both = BTreeSet::from(["amd64".to_owned(), "arm64".to_owned()]);
        assert!(unexpected(&cluster, &facts, &both).is_empty());
        // What nothing can be had for is found by the host's own check.
        facts.insert(liar, says("riscv64"));
        assert!(unexpected(&cluster, &facts, &amd64).is_empty());
    }
}
