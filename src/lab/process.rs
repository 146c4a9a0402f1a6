//! A host's supervisor (systemd-nspawn), distinguished from a later process with the same PID.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::Serialize;

/// A process: the kernel may give its PID to another one, but not with the same start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Process {
    /// PID.
    pub pid: i32,
    /// When it started, clock ticks since the machine booted.
    pub start: u64,
}

impl Process {
    /// From a file that holds a line of `/proc/PID/stat` and the boot id of its time; none where it is missing, was never
    /// finished, or is older than the machine's last start.
    pub fn load(file: &Path) -> Option<Self> {
        let text = fs::read_to_string(file).ok()?;
        let (stat, boot) = text.trim_end().rsplit_once(' ')?;
        let now = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        parse(stat).filter(|_| boot == now.trim()).map(|(process, _)| process)
    }

    /// Whether it still runs; one that ended and was not collected yet does not.
    pub fn is_alive(self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        parse(&stat).is_some_and(|(now, state)| now == self && !matches!(state, 'Z' | 'X'))
    }

    /// Sends it a signal, and never to another one: the descriptor pins the process, then its start is compared.
    pub fn signal(self, signal: Signal) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        if let Ok(fd) = pidfd_open(pid, PidfdFlags::empty())
            && self.is_alive()
        {
            // It may end just now.
            let _ = pidfd_send_signal(&fd, signal);
        }
    }
}

/// proc(5): `pid (name) state …`, field 22 is the start; the name may hold anything.
fn parse(stat: &str) -> Option<(Process, char)> {
    let pid = stat.split_once(' ')?.0.parse().ok()?;
    let rest = stat.rsplit_once(") ")?.1;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let start = fields.get(19)?.parse().ok()?;
    Some((Process { pid, start }, fields.first()?.chars().next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_confuse() {
        let line = "42 (a) b (c) S 1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 777 9 10";
        assert_eq!(parse(line), Some((Process { pid: 42, start: 777 }, 'S')));
        assert_eq!(parse("42 (sh) S 1 42"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn a_record_from_before_the_machine_restarted_is_void() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        fs::write(file.path(), format!("{} {boot}", stat.trim())).unwrap();
        assert!(Process::load(file.path()).unwrap().is_alive());
        fs::write(file.path(), format!("{} 00000000-0000-4000-8000-000000000000\n", stat.trim())).unwrap();
        assert_eq!(Process::load(file.path()), None);
    }

    #[test]
    fn another_start_is_another_process() {
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        let (me, _) = parse(&stat).unwrap();
        assert!(me.is_alive());
        let other = Process { start: me.start + 1, ..me };
        assert!(!other.is_alive());
        other.signal(Signal::KILL); // Would end this test.
    }
}
