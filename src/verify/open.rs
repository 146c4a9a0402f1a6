//! From a cluster to the ways that the smoke test needs.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::thread;

use super::{Access, Api, PATIENCE, Report, Seed, run};
use crate::clients::http::{Identity, Tls};
use crate::cluster::{Cluster, Host, Role};
use crate::error::{Error, Result};
use crate::remote::{Connect, Target, Transport};
use crate::ui::Reporter;

/// Whom we are to the cluster.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// A cluster-admin, and the CA of the API servers.
    pub kube: Identity,
    /// A client of etcd, and etcd's CA.
    pub etcd: Identity,
}

/// Opens sessions to the first master and the first etcd member, all at once, and runs the smoke test.
pub fn cluster(
    cluster: &Cluster,
    credentials: &Credentials,
    image: &str,
    connect: &dyn Connect,
    target: &(dyn Fn(&Host) -> Target + Sync),
    interrupted: &AtomicBool,
    reporter: &dyn Reporter,
) -> Result<Report> {
    let first = |role, name: &str| {
        cluster.with_role(role).next().ok_or_else(|| Error::input(format!("the cluster has no {name}")))
    };
    let (master, member) = (first(Role::Master, "master")?, first(Role::Etcd, "etcd member")?);
    let (mut api, mut shell, mut etcd) = thread::scope(|scope| {
        let open = |host| scope.spawn(move || connect.connect(&target(host)));
        let etcd = cluster.encrypt_secrets.then(|| open(member));
        let (api, shell) = (open(master), open(master));
        Ok::<_, Error>((joined(api)?, joined(shell)?, etcd.map(joined).transpose()?))
    })?;
    let etcd = match &mut etcd {
        Some(transport) => Some(api_of(member, 2379, transport.as_mut(), &credentials.etcd)?),
        None => None,
    };
    let access = Access {
        kube: api_of(master, 6443, api.as_mut(), &credentials.kube)?,
        etcd,
        master: shell.as_mut(),
        stranger: Tls::anonymous(&credentials.kube.ca_pem)?,
        nodes: cluster.with_role(Role::Node).map(|host| (host.name.clone(), host.address)).collect(),
        image: image.to_owned(),
        kubectl: format!("{}/kubectl", cluster.layout.bin),
        kubeconfig: format!("{}/admin.conf", cluster.layout.kubernetes),
        dns_domain: cluster.networks.dns_domain.clone(),
        patience: PATIENCE,
    };
    run(access, &Seed::random()?, interrupted, reporter)
}

fn joined(thread: thread::ScopedJoinHandle<'_, Result<Box<dyn Transport>>>) -> Result<Box<dyn Transport>> {
    thread.join().map_err(|_| Error::internal("a thread that opens a session panicked"))?
}

fn api_of<'a>(host: &Host, port: u16, transport: &'a mut dyn Transport, identity: &Identity) -> Result<Api<'a>> {
    Ok(Api {
        transport,
        address: SocketAddr::new(host.address, port),
        server_name: host.address.to_string(),
        tls: Tls::new(identity)?,
    })
}
