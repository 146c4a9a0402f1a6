//! Open ways to hosts, kept for the next step that needs one: a connection costs as much as a dozen commands.
//!
//! How many are open is bounded without waiting for one another: who works on hosts is one of so many threads, each has
//! one on loan at a time, and where all are open an idle one makes room.

use std::collections::{BTreeMap, VecDeque};
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use super::KeyFiles;
use crate::cluster::{Host, TransportKind};
use crate::error::Result;
use crate::parallel;
use crate::remote::{Connect, SshTarget, Target, Transport, Via};

/// How many hosts are worked on at the same time unless somebody says otherwise.
pub const AT_ONCE: usize = 32;
/// A login shell starts within a fraction of a second; every script waits for it.
const SLOW: Duration = Duration::from_secs(5);

/// Idle transports, and how many may be open.
pub struct Pool {
    connector: Box<dyn Connect + Send>,
    /// For hosts that only others name.
    strangers: Option<Box<dyn Connect + Send>>,
    accept_new: bool,
    /// Where keys of new hosts go besides the operator's own files.
    key_files: KeyFiles,
    at_once: usize,
    kept: Mutex<Kept>,
    slow: Mutex<BTreeMap<String, Duration>>,
}

#[derive(Default)]
struct Kept {
    /// The one that has been idle for longest first.
    idle: VecDeque<Box<dyn Transport>>,
    /// Idle, on loan, and about to be opened.
    open: usize,
}

/// A transport on loan; it goes back to the pool unless it broke.
pub struct Lease<'a> {
    pool: &'a Pool,
    transport: Option<Box<dyn Transport>>,
}

impl Pool {
    /// An empty pool for work on `at_once` hosts at the same time.
    pub fn new(connector: Box<dyn Connect + Send>, accept_new: bool, at_once: usize) -> Self {
        Pool {
            connector,
            strangers: None,
            accept_new,
            key_files: KeyFiles::default(),
            at_once,
            kept: Mutex::default(),
            slow: Mutex::default(),
        }
    }

    /// Keys of new hosts may be written into a file that the operator has named.
    pub fn add_key_file(&mut self, named: Option<&Path>) {
        self.key_files.add(named);
    }

    /// Keys of new hosts may be written into these files, too.
    #[must_use]
    pub fn with_key_files(self, key_files: KeyFiles) -> Self {
        Pool { key_files, ..self }
    }

    /// Hosts that only others name are reached by this, which should ask nobody: see [`Pool::take_stranger`].
    #[must_use]
    pub fn with_strangers(self, connector: Box<dyn Connect + Send>) -> Self {
        Pool { strangers: Some(connector), ..self }
    }

    /// How many hosts are worked on at the same time.
    pub fn at_once(&self) -> usize {
        self.at_once
    }

    /// Does the same for many hosts, so many at once; the results are in the hosts' order.
    pub fn each_host<T: Send>(&self, hosts: &[Host], work: impl Fn(&Host) -> Result<T> + Sync) -> Vec<Result<T>> {
        parallel::each(hosts, self.at_once, work)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Opens ways that are not kept.
    pub fn connector(&self) -> &dyn Connect {
        &*self.connector
    }

    /// Hosts whose login shell took longer than it should to start, so far, and how long.
    pub fn slow_logins(&self) -> BTreeMap<String, Duration> {
        self.slow.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }

    /// How the host is reached.
    pub fn target(&self, host: &Host) -> Target {
        target(host, self.accept_new, &self.key_files)
    }

    /// A way to the host: an idle one, or a new one.
    pub fn take(&self, host: &Host) -> Result<Lease<'_>> {
        self.take_by(&*self.connector, host, self.accept_new)
    }

    /// A way to a host that the operator's own folder does not know: a master's record names it. A person who is asked for the
    /// passwords of hosts would type one for it, too; so nobody is asked, and no key of it is recorded.
    pub fn take_stranger(&self, host: &Host) -> Result<Lease<'_>> {
        self.take_by(self.strangers.as_deref().unwrap_or(&*self.connector), host, false)
    }

    fn take_by(&self, connector: &dyn Connect, host: &Host, accept_new: bool) -> Result<Lease<'_>> {
        let mut kept = self.kept();
        if let Some(at) = kept.idle.iter().rposition(|transport| transport.host() == host.name) {
            return Ok(Lease { pool: self, transport: kept.idle.remove(at) });
        }
        if kept.open >= self.at_once && kept.idle.pop_front().is_some() {
            kept.open -= 1;
        }
        kept.open += 1;
        drop(kept);
        let transport =
            connector.connect(&target(host, accept_new, &self.key_files)).inspect_err(|_| self.kept().open -= 1)?;
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
        if let Some(transport) = self.transport.as_ref().filter(|transport| transport.slowest_start() > SLOW) {
            let mut slow = self.pool.slow.lock().unwrap_or_else(|e| e.into_inner());
            let longest = slow.entry(transport.host().to_owned()).or_default();
            *longest = transport.slowest_start().max(*longest);
        }
        let usable = self.transport.take().filter(|transport| transport.is_usable());
        let mut kept = self.pool.kept();
        match usable {
            Some(transport) => kept.idle.push_back(transport),
            None => kept.open -= 1,
        }
    }
}

fn target(host: &Host, accept_new: bool, key_files: &KeyFiles) -> Target {
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
            may_record: ssh.known_hosts.as_deref().is_some_and(|file| key_files.has(file)),
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
        fn execute(&mut self, _: Option<Duration>, _: &str, _: &mut dyn Read, _: &mut dyn Write) -> Result<Output> {
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
        let pool = Pool::new(Box::new(Fragile(opened.clone())), false, 32);
        let host = example::host("n1", 11, &[]);
        for _ in 0..2 {
            assert!(pool.take(&host).unwrap().dial("10.0.0.11:6443".parse().unwrap()).is_err());
        }
        assert_eq!(opened.load(Ordering::SeqCst), 1, "a refused port is no fault of the connection");
        assert!(pool.take(&host).unwrap().run("true", &mut std::io::empty()).is_err());
        assert!(pool.take(&host).unwrap().is_usable());
        assert_eq!(opened.load(Ordering::SeqCst), 2);
    }
    /// Opens transports, and remembers how many are open and were.
    struct Counting(Arc<Counts>);
    #[derive(Default)]
    struct Counts {
        open: AtomicUsize,
        most: AtomicUsize,
        ever: AtomicUsize,
    }
    struct Counted(String, Arc<Counts>);

    impl Connect for Counting {
        fn connect(&self, target: &Target) -> Result<Box<dyn Transport>> {
            self.0.most.fetch_max(self.0.open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            self.0.ever.fetch_add(1, Ordering::SeqCst);
            Ok(Box::new(Counted(target.name.clone(), self.0.clone())))
        }
    }

    impl Transport for Counted {
        fn host(&self) -> &str {
            &self.0
        }
        fn execute(&mut self, _: Option<Duration>, _: &str, _: &mut dyn Read, _: &mut dyn Write) -> Result<Output> {
            std::thread::yield_now();
            Ok(Output::default())
        }
        fn dial(&mut self, _: SocketAddr) -> Result<Box<dyn Stream + '_>> {
            Err(Error::connect("connection refused"))
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            self.1.open.fetch_sub(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn however_many_hosts_there_are_only_so_many_connections_are_open() {
        for at_once in [1, 7, 32] {
            let counts = Arc::new(Counts::default());
            let pool = Pool::new(Box::new(Counting(counts.clone())), false, at_once);
            let hosts: Vec<Host> = (0..200).map(|n| example::host(&format!("n{n}"), n as u8, &[])).collect();
            for _ in 0..3 {
                let ran = pool.each_host(&hosts, |host| pool.take(host)?.run("true", &mut std::io::empty()));
                assert!(ran.iter().all(Result::is_ok) && ran.len() == 200);
            }
            assert!(counts.most.load(Ordering::SeqCst) <= at_once, "{:?} of {at_once}", counts.most);
            assert_eq!(counts.open.load(Ordering::SeqCst), at_once, "the last ones are kept");
            let ever = counts.ever.load(Ordering::SeqCst);
            let last = [hosts[199].clone()];
            assert!(pool.each_host(&last, |host| pool.take(host).map(drop))[0].is_ok());
            assert!(counts.ever.load(Ordering::SeqCst) <= ever + 1);
            drop(pool);
            assert_eq!(counts.open.load(Ordering::SeqCst), 0);
        }
    }

    /// Says how it was told to go.
    struct Says(&'static str, Arc<Mutex<Vec<(&'static str, bool)>>>);

    impl Connect for Says {
        fn connect(&self, target: &Target) -> Result<Box<dyn Transport>> {
            let Via::Ssh(ssh) = &target.via else { return Err(Error::internal("not by SSH")) };
            self.1.lock().unwrap().push((self.0, ssh.accept_new));
            Err(Error::connect("enough"))
        }
    }

    #[test]
    fn about_a_host_that_only_others_name_nobody_is_asked_and_no_key_is_recorded() {
        let said = Arc::default();
        let pool = Pool::new(Box::new(Says("asks", Arc::clone(&said))), true, 8);
        let pool = pool.with_strangers(Box::new(Says("asks nobody", Arc::clone(&said))));
        let host = example::host("n1", 1, &[]);
        assert!(pool.take(&host).is_err() && pool.take_stranger(&host).is_err());
        assert_eq!(*said.lock().unwrap(), [("asks", true), ("asks nobody", false)]);
        assert_eq!(pool.kept().open, 0);
    }
}
