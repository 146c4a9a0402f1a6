//! What preflight and rendering need to know about a host.

use super::{leftovers, ports};
use crate::cluster::{Cluster, Host, Role};
use crate::facts::{CONNTRACK_MAX, KUBELET_SYSCTLS, MINIMUM_SYSCTLS, NETWORK_SYSCTLS, Questions, wanted_modules};

/// Where containerd keeps images and containers.
pub(super) const CONTAINERD: &str = "/var/lib/containerd";

/// The questions whose answers [`super::check`] and [`crate::facts::decide`] read. The plan adds files, directories
/// and what else the desired state names.
pub fn questions(cluster: &Cluster, host: &Host) -> Questions {
    let layout = &cluster.layout;
    let mut questions = Questions::default();
    questions.units.extend(ports::units(cluster, host).map(str::to_owned));
    questions.units.extend(leftovers::UNITS.iter().map(|unit| unit.to_string()));
    questions.listings.extend([leftovers::MANIFESTS.to_owned(), layout.cni_conf.clone()]);
    questions.disk.insert(layout.bin.clone());
    if host.is(Role::Etcd) {
        questions.users.insert("etcd".into());
        questions.dirs.insert(leftovers::etcd_member(layout));
        questions.disk.insert(layout.etcd_data.clone());
    }
    if host.is(Role::Node) {
        questions.disk.extend([CONTAINERD.to_owned(), layout.kubelet.clone()]);
        questions.modules = wanted_modules(cluster, host);
        questions.modules.extend(["nf_tables", "ip_tables"].map(String::from));
        let fixed = KUBELET_SYSCTLS.iter().chain(&NETWORK_SYSCTLS).map(|(name, _)| *name);
        let names = fixed.chain(MINIMUM_SYSCTLS.iter().map(|(name, _)| *name)).chain([CONNTRACK_MAX]);
        questions.sysctls.extend(names.map(str::to_owned));
    }
    questions
}
