//! Processes that are started, and ended with everything that they started themselves.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpid, kill_process, kill_process_group, set_child_subreaper};

use crate::error::{Error, Kind, Result};

/// How long a process may take to end by itself. Go removes its temporary folders meanwhile.
const GRACE: Duration = Duration::from_millis(700);
/// How often a wait looks around.
const TICK: Duration = Duration::from_millis(20);
/// A process that starts others while it is being ended is ended again.
const ROUNDS: usize = 20;

/// Runs a command to its end. Once `interrupt` is raised, it and all that it started are ended, and the error says so.
///
/// # Errors
/// What `not_started` makes of it where there is no such program; interrupted.
pub fn run(
    mut command: Command,
    interrupt: &AtomicBool,
    not_started: impl FnOnce(&io::Error) -> Error,
) -> Result<ExitStatus> {
    if interrupt.load(Ordering::SeqCst) {
        return Err(interrupted());
    }
    // A group of its own: Ctrl-C reaches us alone, and all of it can be ended.
    let mut child = command.process_group(0).spawn().map_err(|e| not_started(&e))?;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if interrupt.load(Ordering::SeqCst) => {
                end(&mut child);
                return Err(interrupted());
            }
            Ok(None) => sleep(TICK),
            Err(e) => return Err(Error::io("wait for a process", &e)),
        }
    }
}

/// What somebody who asked to stop reads.
pub fn interrupted() -> Error {
    Error::new(Kind::Interrupted, "interrupted").hint("run the same command again: what is done is kept")
}

/// Asks a process's group to end, and ends it.
fn end(child: &mut Child) {
    let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return };
    let _ = kill_process_group(group, Signal::INT);
    let asked = Instant::now();
    while asked.elapsed() < GRACE && matches!(child.try_wait(), Ok(None)) {
        sleep(TICK);
    }
    // Also when it has ended: those that it started may go on.
    let _ = kill_process_group(group, Signal::KILL);
    let _ = child.wait();
    end_all();
}

/// Makes this process the parent of whatever its children leave behind, so that [`end_all`] finds all of it.
pub fn keep() {
    // Where the kernel cannot, groups are all that is ended.
    let _ = set_child_subreaper(Some(getpid()));
}

/// Ends everything that this process has started, and what was started by that.
pub fn end_all() {
    let own = getpid().as_raw_nonzero().get();
    for _ in 0..ROUNDS {
        let running = below(own, &processes());
        if running.is_empty() {
            return;
        }
        for pid in running.into_iter().filter_map(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
        sleep(TICK / 4);
    }
}

/// A process as the kernel shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    pid: i32,
    parent: i32,
    /// It has ended, and nobody has collected it.
    dead: bool,
}

fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)).collect()
}

/// `PID (NAME) STATE PARENT …`; a name can hold anything (proc(5)).
fn stat(line: &str) -> Option<Process> {
    let (pid, rest) = line.split_once(" (")?;
    let mut words = rest.rsplit_once(") ")?.1.split(' ');
    let state = words.next()?;
    Some(Process { pid: pid.parse().ok()?, parent: words.next()?.parse().ok()?, dead: matches!(state, "Z" | "X") })
}

/// Those that run under a process.
fn below(top: i32, all: &[Process]) -> Vec<i32> {
    let (mut found, mut open) = (vec![], vec![top]);
    while let Some(parent) = open.pop() {
        for process in all.iter().filter(|process| process.parent == parent && process.pid != top) {
            open.push(process.pid);
            found.extend((!process.dead).then_some(process.pid));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn failed(e: &io::Error) -> Error {
        Error::local(e.to_string())
    }

    #[test]
    fn a_command_runs_to_its_end() {
        let never = AtomicBool::new(false);
        assert_eq!(run(sh("exit 3"), &never, failed).unwrap().code(), Some(3));
        assert_eq!(run(Command::new("/nonexistent"), &never, failed).unwrap_err().kind, Kind::Local);
        let raised = AtomicBool::new(true);
        assert_eq!(run(sh("exit 3"), &raised, failed).unwrap_err().kind, Kind::Interrupted);
    }

    #[test]
    fn processes_are_read_whatever_they_are_called() {
        let process = |pid, parent, dead| Some(Process { pid, parent, dead });
        assert_eq!(stat("12 (a) S 1 12 12 0"), process(12, 1, false));
        assert_eq!(stat("13 (a) b (c) Z 12 12"), process(13, 12, true));
        assert_eq!(stat("x"), None);
        let all: Vec<Process> =
            [(2, 1), (3, 2), (4, 3), (5, 1)].map(|(pid, parent)| Process { pid, parent, dead: pid == 3 }).into();
        assert_eq!(below(2, &all), [4]);
    }
}
