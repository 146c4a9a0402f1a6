//! OpenSSH's ProxyCommand: a command whose standard input and output are the connection.

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::{Error, Result};
use crate::remote::ssh::line::Line;

/// So much of what it says on standard error is kept, in bytes.
const KEPT: usize = 4096;
/// How long its last words are waited for.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A running command. It and all that it started end with this value.
pub struct ProxyCommand {
    child: Child,
    said: Arc<Mutex<Vec<u8>>>,
    listener: Option<JoinHandle<()>>,
}

/// Starts a command, and gives our end of its standard input and output.
pub fn start(host: &str, command: &str) -> Result<Line> {
    let failed = |error: io::Error| Error::io(format!("{host}: cannot start the ProxyCommand `{command}`"), &error);
    let (near, far) = UnixStream::pair().map_err(failed)?;
    let input = OwnedFd::from(far.try_clone().map_err(failed)?);
    // A group of its own: Ctrl-C reaches us alone, and all of it can be ended. `exec` as OpenSSH does.
    let mut child = Command::new("/bin/sh")
        .args(["-c", &format!("exec {command}")])
        .process_group(0)
        .stdin(Stdio::from(input))
        .stdout(Stdio::from(OwnedFd::from(far)))
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let said = Arc::new(Mutex::new(Vec::new()));
    let listener = child.stderr.take().map(|mut stderr| {
        let said = Arc::clone(&said);
        thread::spawn(move || {
            let mut piece = [0; 1024];
            while let Ok(count @ 1..) = stderr.read(&mut piece) {
                let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
                let room = KEPT.saturating_sub(said.len());
                said.extend_from_slice(&piece[..count.min(room)]);
            }
        })
    });
    Ok(Line::of_command(near, ProxyCommand { child, said, listener }))
}

impl ProxyCommand {
    /// What it said on its standard error. One that has just ended may still have words on their way.
    pub fn words(&self) -> String {
        let until = Instant::now() + LAST_WORDS;
        while self.listener.as_ref().is_some_and(|listener| !listener.is_finished()) && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&said).trim().to_owned()
    }
}

impl Drop for ProxyCommand {
    fn drop(&mut self) {
        if let Some(group) = Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(0)) {
            // It may have ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
        // Something that left the group may hold the pipe: it is not waited for.
        self.listener.take().filter(JoinHandle::is_finished).map(JoinHandle::join);
    }
}
