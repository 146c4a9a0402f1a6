//! One run at a time on a host.
//!
//! A script goes on when the operator is killed or the connection breaks: what a push has received in full is still put
//! into place, for example. The next run must not look at the host, and much less change it, before that has ended.
//! Scripts that change something hold a lock together; a run that begins waits until nobody holds it. It does not wait
//! for one whose operator is gone: a cut cable leaves a script that listens to a connection which nobody closes.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::remote::{Output, Transport};
use crate::text::sh_quote;

/// Exists from the first change on a host until it is taken back or restarted.
const LOCK: &str = "/run/kbootstrap.lock";
/// The status of a script that found another run at work (EX_TEMPFAIL of sysexits.h).
const BUSY: i32 = 75;
/// What a holder of the lock is told by.
const HOLDER: &str = "__KB_HOLDER ";

/// The longest that a run that begins waits for another one.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How long whom is waited for, in seconds.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// For a run that is alive.
    patience: u64,
    /// A connection that has been silent for so long has nobody at its other end: an operator whose script runs gives a
    /// sign of life every few seconds, and itself takes the connection for lost after 20 s.
    silence: u64,
    /// For a script whose connection is closed to finish what it began: that takes seconds, and waits for nothing.
    finish: u64,
}

const BOUNDS: Bounds = Bounds { patience: PATIENCE.as_secs(), silence: 25, finish: 20 };

/// The beginning of a script that changes something. Scripts of one run do not hinder each other.
pub fn hold() -> String {
    hold_at(LOCK)
}

/// The beginning of a script that must not run while another run's are at work; whoever runs it asks [`check`] of its
/// output.
pub fn wait() -> String {
    wait_at(LOCK, BOUNDS)
}

/// The beginning of a script that ends within a second when another run's is at work; then comes [`wait_for`].
pub fn look() -> String {
    wait_at(LOCK, Bounds { patience: 0, ..BOUNDS })
}

/// Whether a script that begins with [`look`] found another run at work.
pub fn is_held(output: &Output) -> bool {
    output.status == BUSY
}

/// Waits until no script of another run is at work.
///
/// # Errors
/// Those of the transport; `Remote` when one is at work for longer than [`PATIENCE`].
pub fn wait_for(transport: &mut dyn Transport) -> Result<()> {
    let output = transport.ask(PATIENCE + Duration::from_secs(15), &wait())?;
    check(transport.host(), &output)
}

/// Nobody waits any more: the end of a script that leaves nothing on the host.
pub fn forget() -> String {
    format!("rm -f {LOCK}\n")
}

/// Fails when a script that begins with [`wait`] found another run at work: who it is, since when, and how to end it.
///
/// # Errors
/// `Remote`.
pub fn check(host: &str, output: &Output) -> Result<()> {
    if output.status != BUSY {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let holders: Vec<Holder<'_>> = said.lines().filter_map(Holder::parse).collect();
    let Some(oldest) = holders.iter().max_by_key(|holder| holder.seconds) else {
        return Err(Error::remote(format!("{host}: another run is at work on this host"))
            .detail(said.trim().to_owned())
            .hint("wait for it to end, and run the same command again"));
    };
    let processes: Vec<&str> = holders.iter().map(|holder| holder.process).collect();
    let mut error = Error::remote(format!("{host}: another run is at work on this host, {}", oldest.words()));
    for holder in &holders {
        error = error.detail(format!("process {} ({})", holder.process, holder.name));
    }
    Err(error
        .hint("wait for it to end, and run the same command again")
        .hint(format!("when nobody needs it any more, end it: `kill {}` as root on {host}", processes.join(" "))))
}

/// A process that holds the lock, as the host describes it.
struct Holder<'a> {
    process: &'a str,
    name: &'a str,
    since: &'a str,
    seconds: u64,
    heard: &'a str,
    /// `local PID`, or `ssh` and both ends of the connection.
    origin: Vec<&'a str>,
}

impl<'a> Holder<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.strip_prefix(HOLDER)?.split_ascii_whitespace();
        Some(Holder {
            process: words.next()?,
            name: words.next()?,
            since: words.next()?,
            seconds: words.next()?.parse().ok()?,
            heard: words.next()?,
            origin: words.collect(),
        })
    }

    fn words(&self) -> String {
        let from = match self.origin.as_slice() {
            ["ssh", address, ..] => format!("from {address} over SSH"),
            ["local", process] => format!("from this machine (process {process})"),
            _ => "from an unknown place".to_owned(),
        };
        let heard = match self.heard {
            "closed" => ", whose connection is closed".to_owned(),
            "unknown" => String::new(),
            seconds => format!(", last heard of {seconds} s ago"),
        };
        format!("{from}, since {} ({} s){heard}", self.since, self.seconds)
    }
}

// The file descriptor is inherited by what the script starts, so that its `tar` is waited for, too.
fn hold_at(lock: &str) -> String {
    format!("if command -v flock >/dev/null 2>&1; then (umask 077 && : >>{lock}); exec 9>>{lock}; flock -s 9; fi\n")
}

fn wait_at(lock: &str, bounds: Bounds) -> String {
    let Bounds { patience, silence, finish } = bounds;
    let lock = sh_quote(lock);
    let given = format!("kb_lock={lock} kb_patience={patience} kb_silence={silence} kb_finish={finish}\n");
    given + include_str!("host_lock.sh")
}

#[cfg(test)]
#[path = "host_lock_tests.rs"]
mod tests;
