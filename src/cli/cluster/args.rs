//! What all commands on a cluster take, and the session that they open with it.

use std::path::PathBuf;

use crate::access::AT_ONCE;
use crate::cli::Ctx;
use crate::cli::interrupt::interrupt;
use crate::cli::progress::Progress;
use crate::components::Catalogue;
use crate::engine::{Access, Asked, Options, PlanOptions, Session, confined};
use crate::error::Result;
use crate::remote::SshConfig;

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
    /// Let the inventory use templates outside its folder, name programs to run, and have this machine for a host
    #[arg(long)]
    pub trust_inventory: bool,
    /// The SSH configuration to read; `none` reads none [default: ~/.ssh/config and /etc/ssh/ssh_config]
    #[arg(long, value_name = "FILE")]
    pub ssh_config: Option<PathBuf>,
    /// The most hosts to work on, and connections to have open, at the same time
    #[arg(long, value_name = "N", default_value_t = AT_ONCE, value_parser = at_least_one)]
    pub at_once: usize,
    /// How progress is shown on standard error: auto, plain, json or none
    #[arg(long, value_enum, default_value_t, hide_possible_values = true, value_name = "HOW")]
    pub progress: Progress,
}

/// How a plan is made.
#[derive(Debug, Clone, clap::Args)]
pub struct PlanArgs {
    /// Hash every file on the hosts again, programs too
    #[arg(long)]
    rehash: bool,
    /// Take away what should not be there, by its name in `plan` and `status`; may be given several times
    #[arg(long, value_name = "NAME")]
    remove: Vec<String>,
    /// Leave out a host that is away, where the others can do without it; may be given several times
    #[arg(long, value_name = "HOST")]
    skip: Vec<String>,
}

impl PlanArgs {
    /// The same for the engine.
    pub fn options(&self) -> PlanOptions<'_> {
        PlanOptions { rehash: self.rehash, remove: &self.remove, skip: &self.skip }
    }
}

impl ClusterArgs {
    /// Opens the cluster for a command.
    pub fn open(&self, ctx: &Ctx, command: &str, access: Access) -> Result<Session> {
        self.open_for(ctx, command, access, None)
    }

    /// Opens the cluster for a command that revokes a host or lets one in again.
    pub fn open_for(&self, ctx: &Ctx, command: &str, access: Access, asked: Option<Asked>) -> Result<Session> {
        let mut session = Session::open(Options {
            catalogue: Catalogue::standard(),
            inventory: self.inventory.as_deref(),
            state: self.state.as_deref(),
            trust_inventory: self.trust_inventory,
            accept_new_host_keys: self.accept_new_host_keys,
            ssh_config: SshConfig::named(self.ssh_config.as_deref()),
            at_once: self.at_once,
            command,
            access,
            asked,
            reporter: self.progress.reporter(ctx),
            interrupt: interrupt(command, ctx.err_color)?,
        })?;
        session.render_elsewhere(std::env::current_exe().ok().map(confined::renderer));
        Ok(session)
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| "a number from 1 on is needed".to_owned())
}
