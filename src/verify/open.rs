//! From a cluster to the ways that the smoke test needs.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use super::{Report, Seed, Server, Ways, limit, run};
use crate::access::Pool;
use crate::clients::http::Tls;
use crate::cluster::{Cluster, Host, NetworkPlugin, Role};
use crate::error::{Error, Result};
use crate::trust::Trust;
use crate::ui::Reporter;

/// Runs the smoke test through the first master and the first etcd member. `taken` are TCP ports that something on a node
/// listens at.
pub fn cluster(
    cluster: &Cluster,
    pool: &Pool,
    trust: &Trust,
    image: &str,
    taken: BTreeSet<u16>,
    interrupted: &AtomicBool,
    reporter: &dyn Reporter,
) -> Result<Report> {
    let first = |role, name: &str| {
        cluster.with_role(role).next().ok_or_else(|| Error::input(format!("the cluster has no {name}")))
    };
    let (master, member) = (first(Role::Master, "master")?, first(Role::Etcd, "etcd member")?);
    let admin = Tls::new(&trust.super_admin())?;
    let member = cluster.encrypt_secrets.then(|| {
        let tls = Tls::new(&trust.etcd_client())?;
        Ok::<_, Error>(Server { host: member.clone(), address: member.etcd_address(), tls })
    });
    let nodes: Vec<Host> = cluster.with_role(Role::Node).cloned().collect();
    let ways = Ways {
        pool,
        master: Server { host: master.clone(), address: master.api_address(), tls: admin },
        etcd: member.transpose()?,
        stranger: Tls::anonymous(&trust.super_admin().ca_pem)?,
        limit: limit(nodes.len()),
        nodes,
        image: image.to_owned(),
        kubectl: format!("{}/kubectl", cluster.layout.bin),
        kubeconfig: format!("{}/admin.conf", cluster.layout.kubernetes),
        without_policies: cluster.networks.plugin.without_policies(),
        dns_domain: cluster.networks.dns_domain.clone(),
        services: cluster.networks.services,
        api_service: cluster.networks.api_address,
        flannel: cluster.networks.plugin == NetworkPlugin::Flannel,
        taken,
    };
    run(&ways, &Seed::random()?, interrupted, reporter)
}
