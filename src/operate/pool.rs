//! Open ways to hosts, kept for the next step that needs one: a connection costs as much as a dozen commands.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

use crate::cluster::{Host, TransportKind};
use crate::error::Result;
use crate::remote::{Connect, SshTarget, Target, Transport, Via};

/// Idle transports by host.
pub struct Pool {
    connector: Box<dyn Connect + Send>,
    accept_new: bool,
    idle: Mutex<BTreeMap<String, Vec<Box<dyn Transport>>>>,
}

/// A transport on loan; it goes back to the pool unless it broke.
pub struct Lease<'a> {
    pool: &'a Pool,
    transport: Option<Box<dyn Transport>>,
}

impl Pool {
    /// An empty pool.
    pub fn new(connector: Box<dyn Connect + Send>, accept_new: bool) -> Self {
        Pool { connector, accept_new, idle: Mutex::new(BTreeMap::new()) }
    }

    /// Opens ways that are not kept.
    pub fn connector(&self) -> &dyn Connect {
        &*self.connector
    }

    /// How the host is reached.
    pub fn target(&self, host: &Host) -> Target {
        target(host, self.accept_new)
    }

    /// A way to the host: an idle one, or a new one.
    pub fn take(&self, host: &Host) -> Result<Lease<'_>> {
        let idle = self.idle.lock().unwrap_or_else(|e| e.into_inner()).get_mut(&host.name).and_then(Vec::pop);
        let transport = match idle {
            Some(transport) => transport,
            None => self.connector.connect(&self.target(host))?,
        };
        Ok(Lease { pool: self, transport: Some(transport) })
    }
}

impl Lease<'_> {
    /// Ends the connection instead of giving it back, because it is broken.
    pub fn discard(mut self) {
        self.transport = None;
    }
}

impl Deref for Lease<'_> {
    type Target = dyn Transport;
    fn deref(&self) -> &(dyn Transport + 'static) {
        self.transport.as_deref().expect("a lease has its transport until it is dropped")
    }
}

impl DerefMut for Lease<'_> {
    fn deref_mut(&mut self) -> &mut (dyn Transport + 'static) {
        self.transport.as_deref_mut().expect("a lease has its transport until it is dropped")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(transport) = self.transport.take() {
            let mut idle = self.pool.idle.lock().unwrap_or_else(|e| e.into_inner());
            idle.entry(transport.host().to_owned()).or_default().push(transport);
        }
    }
}

fn target(host: &Host, accept_new: bool) -> Target {
    let ssh = &host.ssh;
    let via = match ssh.transport {
        TransportKind::Local => Via::Local,
        TransportKind::Ssh => Via::Ssh(SshTarget {
            address: ssh.address.clone(),
            port: ssh.port,
            user: ssh.user.clone(),
            keys: ssh.keys.clone(),
            known_hosts: ssh.known_hosts.clone(),
            host_key: ssh.host_key.clone(),
            accept_new,
            connect_timeout: ssh.connect_timeout,
        }),
    };
    Target { name: host.name.clone(), via }
}
