//! A command's work on one cluster: inventory, folder, log, connections.

use std::fs::{self, File};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use time::OffsetDateTime;

use super::{Ctx, report};
use crate::cluster::{self, Cluster, Component, Known};
use crate::error::{Error, Result};
use crate::files::lock;
use crate::inventory::{self, Loaded};
use crate::operate::Pool;
use crate::preflight::CHECKS;
use crate::remote::{Connector, Interrupt, Operator};
use crate::render;
use crate::ui::{Event, Json, LogFile, Plain, Reporter, Silent, Terminal};

/// Which cluster, and how its hosts are reached.
#[derive(Debug, Clone, clap::Args)]
pub struct ClusterArgs {
    /// The inventory [default: kbootstrap.yaml in this folder]
    #[arg(short, long, value_name = "FILE")]
    pub inventory: Option<PathBuf>,
    /// The cluster's folder: certificates, lock file, logs [default: clusters/NAME beside the inventory]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Record the host keys of hosts that are not in known_hosts yet; a key that differs is always refused
    #[arg(long)]
    pub accept_new_host_keys: bool,
    /// How progress is shown on standard error: auto, plain, json or none
    #[arg(long, value_enum, default_value_t, hide_possible_values = true, value_name = "HOW")]
    pub progress: Progress,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Progress {
    /// Live on a terminal, lines elsewhere.
    #[default]
    Auto,
    /// A line per step.
    Plain,
    /// A JSON object per event.
    Json,
    /// Nothing.
    None,
}

/// A command's work on one cluster.
pub struct Session {
    /// The cluster.
    pub cluster: Cluster,
    /// Its inventory file.
    pub inventory: PathBuf,
    /// Its folder.
    pub dir: PathBuf,
    /// Connections.
    pub pool: Pool,
    /// Set by Ctrl-C.
    pub interrupt: Arc<AtomicBool>,
    reporter: Arc<Tee>,
    // Held for as long as the session: two runs on one cluster would undo each other's work.
    _lock: Option<File>,
}

/// What a command does to the cluster's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It only looks: no lock.
    Look,
    /// It changes: one at a time.
    Change,
}

struct Tee {
    shown: Box<dyn Reporter>,
    log: LogFile,
}

impl Reporter for Tee {
    fn report(&self, event: &Event) {
        self.shown.report(event);
        self.log.report(event);
    }
}

impl Session {
    /// Loads the inventory, opens the log, and takes the lock where `purpose` changes something.
    pub fn open(ctx: &Ctx, args: &ClusterArgs, command: &str, purpose: Use) -> Result<Session> {
        let path = inventory::find(args.inventory.as_deref())?;
        let loaded = inventory::load(&path)?;
        let cluster = resolve(&loaded)?;
        let dir = inventory::state_dir(&path, &cluster.name, args.state.as_deref());
        let log = LogFile::begin(&dir.join("log"), command, OffsetDateTime::now_utc())?;
        let lock = match purpose {
            Use::Look => None,
            Use::Change => Some(locked(&dir.join(".lock"), &cluster.name)?),
        };
        let interrupt = interrupt()?;
        let connector = Connector::new(Operator::from_env(), Interrupt::from(interrupt.clone()));
        let pool = Pool::new(Box::new(connector), args.accept_new_host_keys);
        let reporter = Arc::new(Tee { shown: shown(args.progress, ctx), log });
        for warning in cluster::warnings(&cluster) {
            reporter.warn(&warning);
        }
        Ok(Session { cluster, inventory: path, dir, pool, interrupt, reporter, _lock: lock })
    }

    /// The folder that the inventory's relative paths start at.
    pub fn folder(&self) -> &Path {
        self.inventory.parent().unwrap_or(Path::new("."))
    }
    /// Where events go.
    pub fn reporter(&self) -> &dyn Reporter {
        &*self.reporter
    }
    /// Keeps the outcome in the log, and names the log in an error.
    pub fn finish<T>(&self, result: Result<T>) -> Result<T> {
        let log = &self.reporter.log;
        match result {
            Ok(value) => {
                log.write("done");
                Ok(value)
            }
            Err(mut error) => {
                log.write(&report::render(&error, false));
                let hint = format!("everything that was done is in {}", log.path().display());
                // It concerns all of them, so it comes last.
                error.others.last_mut().map_or(&mut error.hints, |last| &mut last.hints).push(hint);
                Err(error)
            }
        }
    }
}

/// Decides the cluster; names of checks and templates that the inventory uses must exist.
pub(super) fn resolve(loaded: &Loaded) -> Result<Cluster> {
    let checks: Vec<&str> = CHECKS.iter().map(|(name, _)| *name).collect();
    let templates: Vec<&str> = Component::ALL.iter().flat_map(|c| render::template_names(*c)).collect();
    cluster::resolve(loaded, &Known { checks: &checks, templates: &templates })
}

/// The first Ctrl-C, SIGTERM or lost terminal asks everything to stop, the second ends the program.
pub(super) fn interrupt() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    // Under nohup a lost terminal is to change nothing.
    let hangup = (!ignores_hangup()).then_some(SIGHUP);
    for signal in [SIGINT, SIGTERM].into_iter().chain(hangup) {
        signal_hook::flag::register_conditional_shutdown(signal, 130, flag.clone())
            .and_then(|_| signal_hook::flag::register(signal, flag.clone()))
            .map_err(|e| Error::io("watch for Ctrl-C", &e))?;
    }
    Ok(flag)
}

/// Whether SIGHUP, number 1, is ignored in this process (proc(5)).
fn ignores_hangup() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or_default();
    u64::from_str_radix(ignored.trim(), 16).is_ok_and(|signals| signals & 1 == 1)
}

/// Where progress goes.
pub(super) fn shown(progress: Progress, ctx: &Ctx) -> Box<dyn Reporter> {
    let terminal = io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|t| t != "dumb");
    match progress {
        Progress::Auto if terminal => Box::new(Terminal::new(ctx.err_color)),
        Progress::Auto | Progress::Plain => Box::new(Plain::new()),
        Progress::Json => Box::new(Json),
        Progress::None => Box::new(Silent),
    }
}

fn locked(path: &Path, cluster: &str) -> Result<File> {
    lock::now(path)?.ok_or_else(|| {
        Error::usage(format!("another kbootstrap is at work on {cluster}"))
            .hint("wait until it is done; the lock goes away with it, even when it is killed")
    })
}
