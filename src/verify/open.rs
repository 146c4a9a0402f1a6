//! From a cluster to the ways that the smoke test needs.

use std::sync::atomic::AtomicBool;
use std::thread;

use super::{PATIENCE, Report, Seed, Ways, run};
use crate::access::{ApiAccess, EtcdAccess, Pool};
use crate::clients::http::Tls;
use crate::cluster::{Cluster, Host, Role};
use crate::error::{Error, Result};
use crate::trust::Trust;
use crate::ui::Reporter;

/// Opens sessions to the first master and the first etcd member, all at once, and runs the smoke test.
pub fn cluster(
    cluster: &Cluster,
    pool: &Pool,
    trust: &Trust,
    image: &str,
    interrupted: &AtomicBool,
    reporter: &dyn Reporter,
) -> Result<Report> {
    let first = |role, name: &str| {
        cluster.with_role(role).next().ok_or_else(|| Error::input(format!("the cluster has no {name}")))
    };
    let (master, member) = (first(Role::Master, "master")?, first(Role::Etcd, "etcd member")?);
    let (mut shell, kube, etcd) = thread::scope(|scope| {
        let etcd = cluster.encrypt_secrets.then(|| scope.spawn(|| EtcdAccess::new(pool, member, trust)));
        let kube = scope.spawn(|| ApiAccess::new(pool, master, trust));
        let shell = pool.take(master);
        Ok::<_, Error>((shell?, joined(kube)?, etcd.map(joined).transpose()?))
    })?;
    let ways = Ways {
        kube,
        etcd,
        master: &mut *shell,
        stranger: Tls::anonymous(&trust.super_admin().ca_pem)?,
        nodes: cluster.with_role(Role::Node).map(|host: &Host| (host.name.clone(), host.address)).collect(),
        image: image.to_owned(),
        kubectl: format!("{}/kubectl", cluster.layout.bin),
        kubeconfig: format!("{}/admin.conf", cluster.layout.kubernetes),
        without_policies: cluster.networks.plugin.without_policies(),
        dns_domain: cluster.networks.dns_domain.clone(),
        patience: PATIENCE,
    };
    run(ways, &Seed::random()?, interrupted, reporter)
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().map_err(|_| Error::internal("a thread that opens a session panicked"))?
}
