//! One run at a time on a host.
//!
//! A script goes on when the operator is killed or the connection breaks: what a push has received in full is still put
//! into place, for example. The next run must not look at the host, and much less change it, before that has ended.
//! Scripts that change something hold a lock together; a run that begins waits until nobody holds it.

use std::time::Duration;

/// Exists from the first change on a host until it is taken back or restarted.
const LOCK: &str = "/run/kbootstrap.lock";
/// What an interrupted script still has to do takes seconds; it waits for nothing.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The beginning of a script that changes something. Scripts of one run do not hinder each other.
pub fn hold() -> String {
    hold_at(LOCK)
}

/// The beginning of a script that must not run while an earlier run's are at work.
pub fn wait() -> String {
    wait_at(LOCK, PATIENCE.as_secs())
}

/// Nobody waits any more: the end of a script that leaves nothing on the host.
pub fn forget() -> String {
    format!("rm -f {LOCK}\n")
}

// The file descriptor is inherited by what the script starts, so that its `tar` is waited for, too.
fn hold_at(lock: &str) -> String {
    format!("if command -v flock >/dev/null 2>&1; then (umask 077 && : >>{lock}); exec 9>>{lock}; flock -s 9; fi\n")
}

fn wait_at(lock: &str, patience: u64) -> String {
    format!(
        "if [ -e {lock} ] && command -v flock >/dev/null 2>&1; then\n  \
         flock -x -w {patience} {lock} true || {{ echo 'an earlier run is still at work on this host' >&2; exit 75; }}\nfi\n"
    )
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::process::{Command, Stdio};

    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    #[test]
    fn scripts_of_one_run_go_on_together_and_the_next_run_waits_for_them() {
        let dir = tempfile::tempdir().unwrap();
        let lock = dir.path().join("lock").display().to_string();
        assert!(sh(&wait_at(&lock, 0)).status().unwrap().success(), "nothing was ever changed there");

        let holding = format!("set -eu\n{}echo held; cat >/dev/null", hold_at(&lock));
        let mut first = sh(&holding).spawn().unwrap();
        let mut second = sh(&holding).spawn().unwrap();
        for child in [&mut first, &mut second] {
            child.stdout.as_mut().unwrap().read_exact(&mut [0; 5]).unwrap();
        }
        let refused = sh(&wait_at(&lock, 0)).output().unwrap();
        assert_eq!(refused.status.code(), Some(75));
        assert_eq!(refused.stderr, b"an earlier run is still at work on this host\n");

        for mut child in [first, second] {
            drop(child.stdin.take());
            assert!(child.wait().unwrap().success());
        }
        assert!(sh(&wait_at(&lock, 0)).status().unwrap().success());
    }
}
