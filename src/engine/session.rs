//! A command's work on one cluster: inventory, folder, log, connections.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use time::OffsetDateTime;

use super::folder::ClusterFolder;
use super::revocation::{self, Asked};
use super::{record, upgrade};
use crate::access::Pool;
use crate::cluster::{self, Cluster, Host, Known};
use crate::components::Catalogue;
use crate::error::{Error, Result};
use crate::files::lock;
use crate::inventory::{self, Loaded};
use crate::preflight;
use crate::record::Record;
use crate::remote::{Connector, Interrupt, Operator, SshConfig};
use crate::render::{Renderer, Templates};
use crate::ui::{Event, LogFile, Reporter, report};

/// A command's work on one cluster.
pub struct Session {
    /// What can be brought up.
    pub catalogue: Catalogue,
    /// The cluster.
    pub cluster: Cluster,
    /// The host that is to be revoked, as it was; the cluster is without it.
    pub lost: Option<Host>,
    /// Who is to be revoked or let in again.
    pub(super) asked: Option<Asked>,
    /// Names of the inventory's hosts, those that were revoked among them.
    named: Vec<String>,
    /// Its inventory file.
    pub inventory: PathBuf,
    /// Its folder.
    pub dir: PathBuf,
    /// Connections.
    pub pool: Pool,
    /// Set when the run is to stop.
    pub interrupt: Arc<AtomicBool>,
    renderer: Option<Renderer>,
    reporter: Box<dyn Reporter>,
    log: Option<Arc<LogFile>>,
    // Held for as long as the session: two runs on one cluster would undo each other's work.
    _lock: Option<File>,
}

/// What a command does to the cluster and its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It only looks, and writes nothing here: no log, no lock.
    Read,
    /// It changes something: one at a time, and with a log.
    Write,
}

/// What is to be opened, and how.
pub struct Options<'a> {
    /// What can be brought up.
    pub catalogue: Catalogue,
    /// The inventory; none: `kbootstrap.yaml` in this folder.
    pub inventory: Option<&'a Path>,
    /// The cluster's folder; none: `clusters/NAME` beside the inventory.
    pub state: Option<&'a Path>,
    /// Host keys that are not known yet are recorded.
    pub accept_new_host_keys: bool,
    /// Whether the inventory may do more on the operator's machine than read files beside it.
    pub trust_inventory: bool,
    /// Which SSH configuration is read.
    pub ssh_config: SshConfig,
    /// How many hosts are worked on, and connections open, at the same time.
    pub at_once: usize,
    /// The command's name, for the log.
    pub command: &'a str,
    /// What it does.
    pub access: Access,
    /// Who is to be revoked or let in again.
    pub asked: Option<Asked>,
    /// Where events go.
    pub reporter: Box<dyn Reporter>,
    /// Set when the run is to stop.
    pub interrupt: Arc<AtomicBool>,
}

struct Tee {
    shown: Box<dyn Reporter>,
    log: Arc<LogFile>,
}

impl Reporter for Tee {
    fn report(&self, event: &Event) {
        self.shown.report(event);
        self.log.report(event);
    }
}

impl Session {
    /// Loads the inventory; where the command changes something, begins a log and takes the lock.
    pub fn open(options: Options<'_>) -> Result<Session> {
        let Options {
            catalogue,
            state,
            trust_inventory,
            accept_new_host_keys,
            ssh_config,
            at_once,
            command,
            access,
            asked,
            reporter,
            interrupt,
            ..
        } = options;
        let path = inventory::find(options.inventory)?;
        let mut loaded = inventory::load(&path)?;
        if !trust_inventory {
            loaded.distrust();
        }
        let mut cluster = resolve(&catalogue, &loaded)?;
        let dir = inventory::state_dir(&path, &cluster.name, state);
        ClusterFolder { inventory: &path, dir: &dir, named: state.is_some(), trusted: trust_inventory }.judge()?;
        let named = cluster.hosts.iter().map(|host| host.name.clone()).collect();
        // One that cannot be read is an error where the cluster is compared with it.
        let kept = record::kept(&dir).ok().flatten();
        let signature = record::signature(OffsetDateTime::now_utc())?;
        let (left_out, lost) =
            revocation::leave_out(&catalogue, &mut cluster, kept.as_ref(), asked.as_ref(), signature)?;
        let (reporter, log, lock): (Box<dyn Reporter>, _, _) = match access {
            Access::Read => (reporter, None, None),
            Access::Write => {
                upgrade::refuse_newer(&dir)?;
                let log = Arc::new(LogFile::begin(&dir.join("log"), command, OffsetDateTime::now_utc())?);
                let lock = locked(&dir.join(".lock"), &cluster.name)?;
                (Box::new(Tee { shown: reporter, log: log.clone() }), Some(log), Some(lock))
            }
        };
        let operator = Operator::from_env(ssh_config);
        let connector = Connector::new(operator.clone(), Interrupt::from(interrupt.clone()));
        let strangers = Connector::silent(operator, Interrupt::from(interrupt.clone()));
        let pool = Pool::new(Box::new(connector), accept_new_host_keys, at_once).with_strangers(Box::new(strangers));
        for warning in cluster::warnings(&cluster).into_iter().chain(left_out) {
            reporter.warn(&warning);
        }
        Ok(Session {
            catalogue,
            cluster,
            lost,
            asked,
            named,
            inventory: path,
            dir,
            pool,
            interrupt,
            renderer: None,
            reporter,
            log,
            _lock: lock,
        })
    }

    /// Whether the inventory has a host of that name.
    pub(super) fn in_inventory(&self, name: &str) -> bool {
        self.named.iter().any(|named| named == name)
    }
    /// The folder that the inventory's relative paths start at.
    pub fn folder(&self) -> &Path {
        self.inventory.parent().unwrap_or(Path::new("."))
    }
    /// From now on templates of the inventory's are rendered elsewhere, not by this process.
    pub fn render_elsewhere(&mut self, renderer: Option<Renderer>) {
        self.renderer = renderer;
    }
    /// The templates that hosts' files are made from.
    pub fn templates(&self) -> Result<Templates> {
        let templates = Templates::load(&self.catalogue, &self.cluster, self.folder())?;
        Ok(templates.elsewhere(self.renderer.clone()))
    }
    /// The record in the cluster's folder, which is the operator's own.
    pub fn record(&self) -> Result<Option<Record>> {
        record::kept(&self.dir)
    }
    /// Which bytes of programs and images the cluster runs.
    pub fn artifacts_lock(&self) -> PathBuf {
        self.dir.join("artifacts.lock")
    }
    /// The log of this run, where it has one.
    pub(super) fn log_path(&self) -> Option<&Path> {
        self.log.as_ref().map(|log| log.path())
    }
    /// Where events go.
    pub fn reporter(&self) -> &dyn Reporter {
        &*self.reporter
    }
    /// Keeps the outcome in the log, and names the log in an error.
    pub fn finish<T>(&self, result: Result<T>) -> Result<T> {
        let Some(log) = &self.log else { return result };
        match result {
            Ok(value) => {
                log.write("done");
                Ok(value)
            }
            Err(error) => {
                log.write(&report::render(&error, false));
                Err(error.hint_last(format!("everything that was done is in {}", log.path().display())))
            }
        }
    }
}

/// Decides the cluster; names of checks, components and templates that the inventory uses must exist.
pub fn resolve(catalogue: &Catalogue, loaded: &Loaded) -> Result<Cluster> {
    let checks: Vec<String> = preflight::checks(catalogue).into_iter().map(|(name, _)| name).collect();
    cluster::resolve(loaded, &Known { checks: &checks, components: &catalogue.known() })
}

fn locked(path: &Path, cluster: &str) -> Result<File> {
    lock::now(path)?.ok_or_else(|| {
        Error::usage(format!("another kbootstrap is at work on {cluster}"))
            .hint("wait until it is done; the lock goes away with it, even when it is killed")
    })
}
