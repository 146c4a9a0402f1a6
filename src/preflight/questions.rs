//! What preflight and rendering need to know about a host.

use super::{filesystems, leftovers};
use crate::cluster::{Cluster, Host, Role};
use crate::components::{Catalogue, etcd};
use crate::facts::{CONNTRACK_MAX, Questions};

/// The questions whose answers [`super::check`] and [`crate::facts::decide`] read. The plan adds files, directories
/// and what else the desired state names.
pub fn questions(catalogue: &Catalogue, cluster: &Cluster, host: &Host) -> Questions {
    let layout = &cluster.layout;
    let mut questions = Questions::default();
    questions.units.extend(leftovers::UNITS.iter().map(|unit| unit.to_string()));
    questions.listings.extend([leftovers::MANIFESTS.to_owned(), layout.cni_conf.clone()]);
    questions.disk.extend(filesystems::written(catalogue, cluster, host));
    for package in catalogue.packages(cluster, host) {
        questions.units.extend(package.units);
        questions.packages.insert(package.name, package.program);
        questions.disk.insert(layout.sbin.clone());
    }
    for spec in catalogue.on(cluster, host) {
        questions.units.extend(spec.unit.map(|unit| unit.name()));
        // systemd adds what lies there to the unit, whoever has put it there.
        questions.read_whole.extend(spec.unit.map(|unit| format!("{}/{}.d", layout.units, unit.name())));
        questions.read_whole.extend((spec.read_whole)(layout));
        questions.ports.extend(spec.ports.iter().map(|port| port.number));
        questions.users.extend(spec.users.iter().map(|user| (*user).to_owned()));
        questions.modules.extend((spec.modules)(cluster).into_iter().map(str::to_owned));
        questions.sysctls.extend(spec.sysctls.iter().map(|setting| setting.name().to_owned()));
    }
    let held = cluster.balancing.virtual_address.as_ref().filter(|_| host.is(Role::Lb));
    questions.ports.extend(held.map(|held| held.port));
    if host.is(Role::Etcd) {
        questions.dirs.insert(etcd::member(layout));
    }
    if host.is(Role::Node) {
        questions.modules.extend(["nf_tables", "ip_tables"].map(String::from));
        questions.sysctls.insert(CONNTRACK_MAX.to_owned());
        // Whether it is to be there, only the answers say.
        questions.files.insert(layout.network_manager.clone());
    }
    questions
}
