//! Throwaway systemd hosts on this machine: for people without machines, the demo, tests and benchmarks.
//!
//! A host is systemd-nspawn over an overlay of one cached debootstrap tree, in a network namespace on a private bridge,
//! with a real systemd and sshd. `docs/lab.md` says why each thing is as it is.
//!
//! ```no_run
//! use kbootstrap::lab::{self, Folders, LabSpec};
//! let folders = Folders::from_env()?;
//! let lab = lab::up(&folders, &LabSpec::new("demo", 3), &kbootstrap::ui::Silent)?.guard();
//! assert!(lab.ssh("n1", "root")?.arg("true").status().is_ok_and(|status| status.success()));
//! # Ok::<(), kbootstrap::error::Error>(())
//! ```

mod cgroup;
mod command;
mod disk;
mod down;
mod folders;
mod host;
mod inventory;
mod launch;
mod list;
mod lock;
mod machine;
mod manifest;
mod mirror;
mod mounts;
mod network;
mod process;
mod recipe;
mod spec;
mod state;
mod subnet;
mod system;
mod tree;
mod up;

use std::net::Ipv4Addr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub use down::{down, down_all};
pub use folders::{Folders, HostFolder, LabFolder};
pub use host::Off;
pub use inventory::role_name;
pub use list::{HostStatus, LabStatus, list};
pub use recipe::USER;
pub use spec::{HostSpec, LabSpec};
pub use state::{HostState, State};
pub use system::{Debian, System};
pub use tree::ensure as ensure_tree;
pub use up::up;

use crate::error::{Error, Result};
use crate::ui::{Reporter, Silent};
use lock::Lock;

/// How long switching one host waits for another that is being switched.
const PATIENCE: Duration = Duration::from_secs(120);

/// A lab that is there. It stays when this value is dropped; see [`Lab::guard`].
#[derive(Debug, Clone)]
pub struct Lab {
    folder: LabFolder,
    state: State,
}

impl Lab {
    /// The lab of that name.
    pub fn open(folders: &Folders, name: &str) -> Result<Self> {
        let folder = folders.lab(name)?;
        match State::load(&folder)? {
            Some(state) => Ok(Lab { folder, state }),
            None => Err(Error::usage(format!("there is no lab {name}")).hint("`kbootstrap lab list` shows all labs")),
        }
    }
    /// Name.
    pub fn name(&self) -> &str {
        &self.state.name
    }
    /// Hosts: name, address, roles.
    pub fn hosts(&self) -> &[HostState] {
        &self.state.hosts
    }
    /// All that was made.
    pub fn state(&self) -> &State {
        &self.state
    }
    /// The address of a host.
    pub fn address(&self, host: &str) -> Result<Ipv4Addr> {
        Ok(self.state.host(host)?.address)
    }
    /// The inventory to bring a cluster up with.
    pub fn inventory_path(&self) -> &Path {
        &self.state.inventory
    }
    /// The private key that opens every host.
    pub fn key_path(&self) -> PathBuf {
        self.folder.key()
    }
    /// The hosts' keys.
    pub fn known_hosts_path(&self) -> PathBuf {
        self.folder.known_hosts()
    }
    /// Whether the host is switched on.
    pub fn is_on(&self, host: &str) -> bool {
        host::is_on(&self.folder.host(host))
    }

    /// An OpenSSH client to the host as that user (`root`, or [`USER`], who has sudo); append the command's words.
    pub fn ssh(&self, host: &str, user: &str) -> Result<Command> {
        let address = self.address(host)?;
        let mut command = Command::new("ssh");
        command.args(["-F", "none", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=yes"]);
        command.args(["-o", "GlobalKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]);
        command.arg("-o").arg(format!("UserKnownHostsFile={}", self.folder.known_hosts().display()));
        command.arg("-i").arg(self.folder.key()).arg(format!("{user}@{address}"));
        Ok(command)
    }

    /// Switches a host off; its disk stays.
    pub fn poweroff(&self, host: &str, how: Off) -> Result<()> {
        machine::check_root()?;
        let (lock, state) = self.lock()?;
        host::switch_off(&lock, state.host(host)?, &self.folder.host(host), how)
    }

    /// Starts a host that is off, and waits until its sshd answers; one that is on stays on.
    pub fn start(&mut self, host: &str, reporter: &dyn Reporter) -> Result<()> {
        machine::check()?;
        let (lock, state) = self.lock()?;
        self.state = state;
        let host = self.state.host(host)?.clone();
        if self.is_on(&host.name) {
            return Ok(());
        }
        up::start(&lock, &mut self.state, &self.folder, &[host], reporter)
    }

    /// Removes the lab with all that is on it.
    pub fn down(self, reporter: &dyn Reporter) -> Result<()> {
        let base = self.folder.path().parent().and_then(Path::parent).unwrap_or(Path::new("/"));
        down(&Folders::at(base)?, &self.state.name, reporter).map(drop)
    }

    /// Removes the lab when the value is dropped: a test that panics leaves nothing.
    pub fn guard(self) -> Guard {
        Guard(self)
    }

    /// Another process may have changed the lab since it was opened: the state is read again.
    fn lock(&self) -> Result<(Lock, State)> {
        let lock = Lock::existing(&self.folder, PATIENCE)?;
        match lock.zip(State::load(&self.folder)?) {
            Some(both) => Ok(both),
            None => Err(Error::usage(format!("lab {} is gone", self.state.name))),
        }
    }
}

/// A lab that ends with this value.
#[derive(Debug)]
pub struct Guard(Lab);

impl Deref for Guard {
    type Target = Lab;
    fn deref(&self) -> &Lab {
        &self.0
    }
}

impl std::ops::DerefMut for Guard {
    fn deref_mut(&mut self) -> &mut Lab {
        &mut self.0
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // There is nobody to report to here; `kbootstrap lab list` shows what is left.
        let _ = self.0.clone().down(&Silent);
    }
}
