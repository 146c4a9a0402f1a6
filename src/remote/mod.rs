//! Ways to a host: SSH, or this machine itself. A script goes in, bytes come out, streams are forwarded.

mod auth;
mod connector;
mod handshake;
mod host_key;
pub mod host_lock;
mod interrupt;
mod key_file;
pub mod known_hosts;
mod limit;
mod local;
mod prompt;
mod pump;
mod relay;
mod script;
mod session;
mod ssh;
mod ssh_dial;
mod sudo;

pub use connector::{Connector, Operator};
pub use interrupt::Interrupt;
pub use prompt::{Nobody, Prompt, Terminal};

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::Result;

/// How to reach a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The host's name, for messages.
    pub name: String,
    /// SSH, or this machine.
    pub via: Via,
}

/// The transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    /// The operator's own machine.
    Local,
    /// SSH.
    Ssh(SshTarget),
}

/// Everything that an SSH connection needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshTarget {
    /// Address or name.
    pub address: String,
    /// Port.
    pub port: u16,
    /// Login name; anyone but root uses sudo.
    pub user: String,
    /// Key files to try after the agent; empty: the usual ones in `~/.ssh`.
    pub keys: Vec<PathBuf>,
    /// known_hosts; none: `~/.ssh/known_hosts`.
    pub known_hosts: Option<PathBuf>,
    /// The only host key that is accepted: `ssh-ed25519 AAAA…` or `SHA256:…`.
    pub host_key: Option<String>,
    /// Record the key of a host that is not known yet. Never replaces a key that differs.
    pub accept_new: bool,
    /// Seconds to wait for a connection.
    pub connect_timeout: u64,
}

/// What a script answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Exit status; a script that ended without reporting one is an error, never 0.
    pub status: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error, the last 64 KiB at most.
    pub stderr: Vec<u8>,
}

/// A two-way byte stream to a TCP port as the host sees it.
pub trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// An open way to one host. It is used by one thread at a time; open more for more.
pub trait Transport: Send {
    /// The host's name.
    fn host(&self) -> &str;
    /// Whether it can still be used; a connection that was lost cannot.
    fn is_usable(&self) -> bool {
        true
    }
    /// Runs a POSIX shell script as root with `stdin`, and waits. A non-zero status is not an error here.
    /// The script is visible in the host's process list: secrets go through `stdin`.
    fn run(&mut self, script: &str, stdin: &mut dyn Read) -> Result<Output> {
        let mut stdout = Vec::new();
        let output = self.stream(script, stdin, &mut stdout)?;
        Ok(Output { stdout, ..output })
    }
    /// As [`Transport::run`], but standard output goes to `stdout` as it comes, and [`Output::stdout`] stays empty.
    /// However much goes in and comes out, a few hundred kilobytes of it are in memory.
    fn stream(&mut self, script: &str, stdin: &mut dyn Read, stdout: &mut dyn Write) -> Result<Output>;
    /// As [`Transport::stream`], but a script that has not ended after `limit` is an error (`Remote`), and the way to
    /// its host is given up. Transports that run nothing that could hang keep no time.
    fn stream_within(
        &mut self,
        limit: Duration,
        script: &str,
        stdin: &mut dyn Read,
        stdout: &mut dyn Write,
    ) -> Result<Output> {
        let _ = limit;
        self.stream(script, stdin, stdout)
    }
    /// Opens a TCP connection from the host. The transport can do nothing else while the stream lives: it is the
    /// transport's only channel, driven by whoever reads and writes. Who needs both opens another transport.
    fn dial(&mut self, address: SocketAddr) -> Result<Box<dyn Stream + '_>>;
}

/// Opens transports; shared by the threads of a run.
pub trait Connect: Sync {
    /// A new way to the host.
    fn connect(&self, target: &Target) -> Result<Box<dyn Transport>>;
}
