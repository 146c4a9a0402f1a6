//! The operator's own machine as a host.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, getuid, kill_process_group};

use crate::error::{Error, Result};
use crate::random::nonce;
use crate::remote::interrupt::Interrupt;
use crate::remote::login::prompt::Answers;
use crate::remote::script::not_started::Evidence;
use crate::remote::script::pump::{Patience, Pipes, Within, pump};
use crate::remote::script::sudo::{Become, Launch, find_become};
use crate::remote::script::text::{Plain, Program, Sink};
use crate::remote::ssh::dial::{OPENED, STALL, not_listening};
use crate::remote::{LOOK, Output, Stream, Transport};

/// How long a wait takes at most before it looks around, in nanoseconds.
const TICK: i64 = 100_000_000;

/// Runs scripts as child processes, with the same wrapping as over SSH.
pub(super) struct LocalTransport {
    host: String,
    become_root: Become,
    interrupt: Interrupt,
    patience: Duration,
}

impl LocalTransport {
    /// Finds out how to become root here.
    pub(super) fn new(
        host: &str,
        user: &str,
        answers: &Answers,
        interrupt: &Interrupt,
        patience: Duration,
    ) -> Result<Self> {
        let become_root = if getuid().is_root() {
            Become::Root
        } else {
            find_become(host, user, &nonce()?, answers, interrupt, |command, stdin| {
                let launch = Launch { command: command.to_owned(), preface: Vec::new().into() };
                let mut plain = Plain::default();
                plain.status = exec(host, interrupt, &launch, Patience::Answer(LOOK), stdin, &mut plain)?;
                Ok(plain)
            })?
        };
        Ok(LocalTransport { host: host.to_owned(), become_root, interrupt: interrupt.clone(), patience })
    }
}

impl Transport for LocalTransport {
    fn host(&self) -> &str {
        &self.host
    }

    fn execute(
        &mut self,
        limit: Option<Duration>,
        script: &str,
        stdin: &mut dyn Read,
        stdout: &mut dyn Write,
    ) -> Result<Output> {
        let patience = limit.map_or(Patience::Input(self.patience), Patience::Answer);
        let nonce = nonce()?;
        let program = Program::new(script, &nonce)?;
        let mut answer = program.answer(&self.host, stdout).hiding(self.become_root.password());
        let launch = self.become_root.launch(&program, &crate::random::nonce()?);
        let end = exec(&self.host, &self.interrupt, &launch, patience, stdin, &mut answer);
        if let Some(status) = answer.status() {
            return Ok(Output { status, stdout: Vec::new(), stderr: answer.into_stderr() });
        }
        let status = end?;
        Err(match answer.begun() {
            true => Error::connect(format!("{}: a script ended before it reported its status", self.host))
                .detail(answer.words()),
            false => Evidence::new(None, &answer, status).error(&self.host),
        })
    }

    fn dial(&mut self, address: SocketAddr) -> Result<Box<dyn Stream + '_>> {
        let failed = |error: io::Error| not_listening(&self.host, address, &error.to_string());
        let stream = TcpStream::connect_timeout(&address, OPENED).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        stream.set_read_timeout(Some(STALL)).map_err(failed)?;
        stream.set_write_timeout(Some(STALL)).map_err(failed)?;
        Ok(Box::new(stream))
    }
}

/// Runs a command to its end; its exit status, 0 where a signal ended it.
fn exec(
    host: &str,
    interrupt: &Interrupt,
    launch: &Launch,
    patience: Patience,
    stdin: &mut dyn Read,
    sink: &mut dyn Sink,
) -> Result<i32> {
    let mut pipes = ChildPipes::spawn(host, &launch.command, interrupt)?;
    let mut source = launch.preface.as_slice().chain(stdin);
    pump(&mut Within::new(&mut pipes, host, patience), &mut source, sink)?;
    let ended = if pipes.ended() { pipes.child.wait().ok() } else { None };
    Ok(ended.and_then(|status| status.code()).unwrap_or(0))
}

/// A child process in a group of its own, so that Ctrl-C reaches us alone and we end all of it.
struct ChildPipes {
    host: String,
    interrupt: Interrupt,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

impl ChildPipes {
    fn spawn(host: &str, command: &str, interrupt: &Interrupt) -> Result<Self> {
        let failed = |error: io::Error| Error::io(format!("{host}: cannot start /bin/sh"), &error);
        let mut child = Command::new("/bin/sh")
            .args(["-c", command])
            .process_group(0)
            // So that another run can see whether this one is alive; the operator may have come by SSH.
            .env("KBOOTSTRAP_LOCAL", std::process::id().to_string())
            .env_remove("SSH_CONNECTION")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let pipes = ChildPipes {
            host: host.to_owned(),
            interrupt: interrupt.clone(),
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            child,
        };
        unblock(pipes.stdin.as_ref())
            .and(unblock(pipes.stdout.as_ref()))
            .and(unblock(pipes.stderr.as_ref()))
            .map_err(failed)?;
        Ok(pipes)
    }
}

fn unblock(end: Option<&impl AsFd>) -> io::Result<()> {
    let Some(end) = end else { return Ok(()) };
    Ok(fcntl_setfl(end, fcntl_getfl(end)? | OFlags::NONBLOCK)?)
}

/// Reads, and forgets the stream at its end.
fn read<R: Read>(stream: &mut Option<R>, buffer: &mut [u8]) -> io::Result<usize> {
    let Some(open) = stream else { return Ok(0) };
    let count = open.read(buffer)?;
    if count == 0 {
        *stream = None;
    }
    Ok(count)
}

impl Pipes for ChildPipes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?.write(bytes)
    }
    fn close_stdin(&mut self) -> io::Result<()> {
        self.stdin = None;
        Ok(())
    }
    fn read_stdout(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read(&mut self.stdout, buffer)
    }
    fn read_stderr(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read(&mut self.stderr, buffer)
    }
    fn ended(&mut self) -> bool {
        self.stdout.is_none() && self.stderr.is_none()
    }
    fn unfinished(&self) -> bool {
        false
    }
    fn moved(&mut self) {}

    fn wait(&mut self) -> Result<()> {
        let mut fds = Vec::with_capacity(3);
        fds.extend(self.stdout.iter().map(|end| PollFd::new(end, PollFlags::IN)));
        fds.extend(self.stderr.iter().map(|end| PollFd::new(end, PollFlags::IN)));
        fds.extend(self.stdin.iter().map(|end| PollFd::new(end, PollFlags::OUT)));
        match poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: TICK })) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(self.lost(&error.into())),
        }
    }

    fn check(&self) -> Result<()> {
        self.interrupt.check(&self.host)
    }
    fn lost(&self, error: &io::Error) -> Error {
        Error::io(format!("{}: talking to a child process", self.host), error)
    }
}

impl Drop for ChildPipes {
    /// Ends what is still running of the group when it was given up, and collects the child.
    fn drop(&mut self) {
        if !self.ended()
            && matches!(self.child.try_wait(), Ok(None))
            && let Ok(id) = i32::try_from(self.child.id())
            && let Some(group) = Pid::from_raw(id)
        {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}
