//! The SSH transport: one session to one host, one command at a time.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ssh2::Channel;

use crate::error::{Error, Result};
use crate::random::nonce;
use crate::remote::script::not_started::Evidence;
use crate::remote::script::pump::{Patience, Pipes, Within, pump};
use crate::remote::script::sudo::{Become, Launch};
use crate::remote::script::text::{Plain, Program, Sink};
use crate::remote::ssh::dial::{self, Forwarding};
use crate::remote::ssh::session::{CHANNEL_LIMIT, SshSession, code};
use crate::remote::{LOOK, Output, Stream, Transport};

const RUNNING: &str = "running a script";

/// An authenticated session.
pub struct SshTransport {
    session: SshSession,
    user: String,
    become_root: Become,
    forwarding: Forwarding,
    slowest: Duration,
    patience: Duration,
}

impl SshTransport {
    pub fn new(session: SshSession, user: &str, become_root: Become, patience: Duration) -> Self {
        let (user, forwarding) = (user.to_owned(), Forwarding::Untried);
        SshTransport { session, user, become_root, forwarding, slowest: Duration::ZERO, patience }
    }
}

impl Transport for SshTransport {
    fn host(&self) -> &str {
        self.session.host()
    }
    fn is_usable(&self) -> bool {
        self.session.usable().is_ok()
    }

    fn slowest_start(&self) -> Duration {
        self.slowest
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
        let launch = self.become_root.launch(&program, &crate::random::nonce()?);
        let mut answer = program.answer(self.session.host(), stdout).hiding(self.become_root.password());
        let asked = Instant::now();
        let end = exec(&mut self.session, &launch, patience, stdin, &mut answer);
        self.slowest = self.slowest.max(answer.begun_at().map_or(Duration::ZERO, |begun| begun - asked));
        // A reported status stands, even if the connection broke right after it (the script may have rebooted the host).
        if let Some(status) = answer.status() {
            return Ok(Output { status, stdout: Vec::new(), stderr: answer.into_stderr() });
        }
        let end = end?;
        Err(match answer.begun() {
            true => no_status(&self.session, &end, &answer.words()),
            false => Evidence::new(Some(&self.user), &answer, end.status).error(self.session.host()),
        })
    }

    fn dial(&mut self, address: SocketAddr) -> Result<Box<dyn Stream + '_>> {
        dial::dial(&mut self.session, &mut self.forwarding, address)
    }
}

/// Runs a command as the login user, without any wrapping.
pub fn exec_plain(session: &mut SshSession, command: &str, stdin: &mut dyn Read) -> Result<Plain> {
    let mut plain = Plain::default();
    let launch = Launch { command: command.to_owned(), preface: Vec::new().into() };
    plain.status = exec(session, &launch, Patience::Answer(LOOK), stdin, &mut plain)?.status;
    Ok(plain)
}

/// Runs a command to its end; how the channel ended. After a failure the session is of no further use.
fn exec(
    session: &mut SshSession,
    launch: &Launch,
    patience: Patience,
    stdin: &mut dyn Read,
    sink: &mut dyn Sink,
) -> Result<End> {
    let host = session.host().to_owned();
    let channel = session.open_channel()?;
    let mut pipes = SshPipes { session, channel, command: &launch.command, start: Start::Unsent, finished: false };
    let mut source = launch.preface.as_slice().chain(stdin);
    let pumped = pump(&mut Within::new(&mut pipes, &host, patience), &mut source, sink);
    let result = pumped.and_then(|()| pipes.close());
    if result.is_err() {
        pipes.session.give_up();
    }
    result
}

fn no_status(session: &SshSession, end: &End, words: &str) -> Error {
    let error = session.lost(RUNNING, &end.words);
    if words.is_empty() { error } else { error.detail(words) }
}

/// How a channel ended.
struct End {
    words: String,
    /// What the SSH layer reports, which is 0 for much that went wrong.
    status: i32,
}

/// Where the request to run the command stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Unsent,
    Sent,
    Granted,
}

/// The streams of a command over SSH.
struct SshPipes<'a> {
    session: &'a mut SshSession,
    channel: Channel,
    command: &'a str,
    start: Start,
    finished: bool,
}

impl SshPipes<'_> {
    /// Sends the request, and looks whether it was granted. What is written may follow the request at once, without
    /// waiting for the answer: that saves a round trip.
    fn request(&mut self) -> io::Result<()> {
        match self.channel.exec(self.command) {
            Ok(()) => {
                self.start = Start::Granted;
                Ok(())
            }
            Err(error) if code(&error) == libssh2_sys::LIBSSH2_ERROR_EAGAIN => {
                if !self.session.has_unsent() {
                    self.start = Start::Sent;
                }
                Err(io::ErrorKind::WouldBlock.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn read(&mut self, stream: i32, buffer: &mut [u8]) -> io::Result<usize> {
        if self.start != Start::Granted {
            self.request()?;
        }
        self.channel.stream(stream).read(buffer)
    }

    /// Closes the channel; how it ended.
    fn close(&mut self) -> Result<End> {
        let channel = &mut self.channel;
        let closed = self.session.drive("closing a channel", CHANNEL_LIMIT, |_| channel.close())?;
        closed.map_err(|error| self.session.lost("closing a channel", &error))?;
        let signal = self.channel.exit_signal().ok().and_then(|signal| signal.exit_signal);
        let words = match signal {
            Some(signal) => format!("it was killed by SIG{signal}"),
            None => "the host closed the channel before the script reported its status".to_owned(),
        };
        Ok(End { words, status: self.channel.exit_status().unwrap_or(0) })
    }
}

impl Pipes for SshPipes<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.start == Start::Unsent
            && let Err(error) = self.request()
            && self.start == Start::Unsent
        {
            return Err(error);
        }
        self.channel.write(bytes)
    }

    fn close_stdin(&mut self) -> io::Result<()> {
        if self.start == Start::Unsent {
            self.request()?;
        }
        if !self.finished {
            self.channel.send_eof()?;
            self.finished = true;
        }
        Ok(())
    }

    fn read_stdout(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read(0, buffer)
    }

    fn read_stderr(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read(ssh2::EXTENDED_DATA_STDERR, buffer)
    }

    fn ended(&mut self) -> bool {
        self.channel.eof()
    }

    fn unfinished(&self) -> bool {
        self.session.has_unsent()
    }

    fn moved(&mut self) {
        self.session.alive();
    }

    fn wait(&mut self) -> Result<()> {
        self.session.wait(RUNNING)
    }

    fn check(&self) -> Result<()> {
        self.session.check()
    }

    fn lost(&self, error: &io::Error) -> Error {
        self.session.lost(RUNNING, error)
    }
}
