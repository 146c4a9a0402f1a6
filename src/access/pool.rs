//! Open ways to hosts, kept for the next step that needs one: a connection costs as much as a dozen commands.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

use crate::cluster::{Host, TransportKind};
use crate::error::Result;
use crate::parallel;
use crate::remote::{Connect, SshTarget, Target, Transport, Via};

/// Hosts that are worked on at the same time.
const AT_ONCE: usize = 32;

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
        if let Some(transport) = self.transport.take()
            && transport.is_usable()
        {
            let mut idle = self.pool.idle.lock().unwrap_or_else(|e| e.into_inner());
            idle.entry(transport.host().to_owned()).or_default().push(transport);
        }
    }
}

/// Does the same for many hosts at once; the results are in the hosts' order.
pub fn each_host<T: Send>(hosts: &[Host], work: impl Fn(&Host) -> Result<T> + Sync) -> Vec<Result<T>> {
    parallel::each(hosts, AT_ONCE, work)
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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::cluster::example;
    use crate::error::Error;
    use crate::remote::{Output, Stream};

    /// Counts connections; each is lost by the first script that it runs.
    struct Fragile(Arc<AtomicUsize>);
    struct Once(bool);

    impl Connect for Fragile {
        fn connect(&self, _target: &Target) -> Result<Box<dyn Transport>> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(Box::new(Once(true)))
        }
    }

    impl Transport for Once {
        fn host(&self) -> &str {
            "n1"
        }
        fn is_usable(&self) -> bool {
            self.0
        }
        fn stream(&mut self, _: &str, _: &mut dyn Read, _: &mut dyn Write) -> Result<Output> {
            self.0 = false;
            Err(Error::connect("n1: connection lost"))
        }
        fn dial(&mut self, _address: SocketAddr) -> Result<Box<dyn Stream + '_>> {
            Err(Error::connect("n1: connection refused"))
        }
    }

    #[test]
    fn what_is_given_back_is_used_again_unless_it_broke() {
        let opened = Arc::new(AtomicUsize::new(0));
        let pool = Pool::new(Box::new(Fragile(opened.clone())), false);
        let host = example::host("n1", 11, &[]);
        for _ in 0..2 {
            assert!(pool.take(&host).unwrap().dial("10.0.0.11:6443".parse().unwrap()).is_err());
        }
        assert_eq!(opened.load(Ordering::SeqCst), 1, "a refused port is no fault of the connection");
        assert!(pool.take(&host).unwrap().run("true", &mut std::io::empty()).is_err());
        assert!(pool.take(&host).unwrap().is_usable());
        assert_eq!(opened.load(Ordering::SeqCst), 2);
    }
}
