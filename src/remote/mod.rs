//! Ways to a host: SSH, or this machine itself. A script goes in, bytes come out, streams are forwarded.

mod connector;
mod host_keys;
pub mod host_lock;
mod interrupt;
mod local;
mod login;
mod route;
mod script;
mod ssh;
mod wire;

pub use connector::{Connector, Operator};
pub use host_keys::known_hosts;
pub use interrupt::Interrupt;
pub use login::prompt::{Nobody, Prompt, Terminal};
pub use route::ssh_config::SshConfig;
pub use script::ONLY_ROOT;

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Result};

/// What a script may say at most on standard output where all of it is kept, in bytes.
pub const ANSWER_BYTES: usize = 16 << 20;
/// How long a script may take that only looks at something.
pub const LOOK: Duration = Duration::from_secs(60);
/// How long a host may go on without taking anything of what is sent to it, and how long a script may go on after that.
/// Nothing that a host has to do by itself takes half as long.
pub const PATIENCE: Duration = Duration::from_secs(600);

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

/// Where an SSH connection goes, and what the inventory says about it. What it leaves open is what the operator's SSH
/// configuration says, or a default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshTarget {
    /// Address or name.
    pub address: String,
    /// Port; 22 by default.
    pub port: Option<u16>,
    /// Login name, root by default; anyone else uses sudo.
    pub user: Option<String>,
    /// The only keys that are tried, from the agent or from these files; empty: the agent's, and the usual files.
    pub keys: Vec<PathBuf>,
    /// known_hosts; none: `~/.ssh/known_hosts`.
    pub known_hosts: Option<PathBuf>,
    /// The only host key that is accepted: `ssh-ed25519 AAAA…` or `SHA256:…`.
    pub host_key: Option<String>,
    /// Record the key of a host that is not known yet. Never replaces a key that differs.
    pub accept_new: bool,
    /// It may be recorded in `known_hosts`, even where that is none of the operator's own.
    pub may_record: bool,
    /// Seconds to wait for a connection; 10 by default.
    pub connect_timeout: Option<u64>,
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

/// An answer that is kept whole, as far as it goes.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    too_much: bool,
}

impl Kept {
    fn output(self, host: &str, ran: Result<Output>) -> Result<Output> {
        if self.too_much {
            let most = ANSWER_BYTES >> 20;
            return Err(Error::remote(format!("{host}: its answer is too large"))
                .detail(format!("it has more than {most} MiB, and nothing that is asked of a host has"))
                .hint("see what there is so much of on the host; is it still yours?"));
        }
        Ok(Output { stdout: self.bytes, ..ran? })
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > ANSWER_BYTES {
            self.too_much = true;
            return Err(io::Error::other("too much"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
    /// The longest time that a script took to begin: login shell, start-up files, sudo.
    fn slowest_start(&self) -> Duration {
        Duration::ZERO
    }
    /// Runs a POSIX shell script as root with `stdin`, and waits. A non-zero status is not an error here.
    /// The script is visible in the host's process list: secrets go through `stdin`.
    ///
    /// # Errors
    /// `Remote`: it says more than [`ANSWER_BYTES`], or the host takes longer than [`PATIENCE`].
    fn run(&mut self, script: &str, stdin: &mut dyn Read) -> Result<Output> {
        let mut kept = Kept::default();
        let ran = self.stream(script, stdin, &mut kept);
        kept.output(self.host(), ran)
    }
    /// As [`Transport::run`], for a script that only looks at something, within `limit`.
    fn ask(&mut self, limit: Duration, script: &str) -> Result<Output> {
        let mut kept = Kept::default();
        let ran = self.stream_within(limit, script, &mut io::empty(), &mut kept);
        kept.output(self.host(), ran)
    }
    /// As [`Transport::run`], but standard output goes to `stdout` as it comes, and [`Output::stdout`] stays empty.
    /// However much goes in and comes out, a few hundred kilobytes of it are in memory. A host that takes longer than
    /// [`PATIENCE`] is an error (`Remote`).
    fn stream(&mut self, script: &str, stdin: &mut dyn Read, stdout: &mut dyn Write) -> Result<Output> {
        self.execute(None, script, stdin, stdout)
    }
    /// As [`Transport::stream`], but a script that has not ended after `limit` is an error (`Remote`), and the way to
    /// its host is given up.
    fn stream_within(
        &mut self,
        limit: Duration,
        script: &str,
        stdin: &mut dyn Read,
        stdout: &mut dyn Write,
    ) -> Result<Output> {
        self.execute(Some(limit), script, stdin, stdout)
    }
    /// What [`Transport::stream`] does, or within a limit [`Transport::stream_within`]. Transports that run nothing that could
    /// hang keep no time.
    fn execute(
        &mut self,
        limit: Option<Duration>,
        script: &str,
        stdin: &mut dyn Read,
        stdout: &mut dyn Write,
    ) -> Result<Output>;
    /// Opens a TCP connection from the host. The transport can do nothing else while the stream lives: it is the
    /// transport's only channel, driven by whoever reads and writes. Who needs both opens another transport.
    fn dial(&mut self, address: SocketAddr) -> Result<Box<dyn Stream + '_>>;
}

/// Opens transports; shared by the threads of a run.
pub trait Connect: Sync {
    /// A new way to the host.
    fn connect(&self, target: &Target) -> Result<Box<dyn Transport>>;
}
