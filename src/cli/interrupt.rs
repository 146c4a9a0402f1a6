//! What ends a run early: Ctrl-C, SIGTERM, a lost terminal.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::children;
use crate::error::{Error, Kind, Result};
use crate::ui::report;

/// How long a command may take to end by itself.
const GRACE: Duration = Duration::from_millis(1500);
/// The same for `verify`, which cleans up what it has made in the cluster.
const CLEAN_UP: Duration = Duration::from_secs(10);
/// How often the wait for that looks for a second signal.
const TICK: Duration = Duration::from_millis(20);

/// The first Ctrl-C, SIGTERM or lost terminal asks everything to stop. The second, or a command that takes too long to end,
/// ends the program and every process that it has started. Colour is that of standard error.
pub fn interrupt(command: &str, color: bool) -> Result<Arc<AtomicBool>> {
    let (grace, hint) = match command {
        "up" => (GRACE, "run `kbootstrap up` again: it goes on from here"),
        "verify" => (CLEAN_UP, "`kbootstrap verify` removes what is left the next time"),
        _ => (GRACE, "run the same command again"),
    };
    let flag = Arc::new(AtomicBool::new(false));
    // Under nohup a lost terminal is to change nothing.
    let hangup = (!ignores_hangup()).then_some(SIGHUP);
    let signals = Signals::new([SIGINT, SIGTERM].into_iter().chain(hangup));
    let mut signals = signals.map_err(|e| Error::io("watch for Ctrl-C", &e))?;
    children::keep();
    let raised = flag.clone();
    thread::spawn(move || {
        if signals.forever().next().is_none() {
            return;
        }
        raised.store(true, Ordering::SeqCst);
        let first = Instant::now();
        while first.elapsed() < grace && signals.pending().next().is_none() {
            thread::sleep(TICK);
        }
        children::end_all();
        let error = Error::new(Kind::Interrupted, "interrupted").hint(hint);
        report::print(&error, color);
        signal_hook::low_level::exit(i32::from(error.kind.exit_code()));
    });
    Ok(flag)
}

/// Whether SIGHUP, number 1, is ignored in this process (proc(5)).
fn ignores_hangup() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or_default();
    u64::from_str_radix(ignored.trim(), 16).is_ok_and(|signals| signals & 1 == 1)
}
