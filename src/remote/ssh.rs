//! The SSH transport: one session to one host, one command at a time.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::time::Duration;

use ssh2::{Channel, Session};

use crate::error::{Error, Result};
use crate::random::nonce;
use crate::remote::escalate::{Launch, Rise, not_started};
use crate::remote::link::{Link, code};
use crate::remote::pump::{Pipes, pump};
use crate::remote::script::{Plain, Program, Sink, tail};
use crate::remote::ssh_dial::{self, Forwarding};
use crate::remote::{Output, Stream, Transport};

/// How long opening or closing a channel may take.
pub(super) const CHANNEL_LIMIT: Duration = Duration::from_secs(30);
/// Receive window of a channel, in bytes.
const WINDOW: u32 = 2 * 1024 * 1024;
/// Largest packet, in bytes (RFC 4253 §6.1 asks for no more).
const PACKET: u32 = 32 * 1024;
const RUNNING: &str = "running a script";

/// An authenticated session.
pub(super) struct SshTransport {
    link: Link,
    rise: Rise,
    forwarding: Forwarding,
}

impl SshTransport {
    pub(super) fn new(link: Link, rise: Rise) -> Self {
        SshTransport { link, rise, forwarding: Forwarding::Untried }
    }
}

impl Transport for SshTransport {
    fn host(&self) -> &str {
        self.link.host()
    }
    fn is_usable(&self) -> bool {
        self.link.usable().is_ok()
    }

    fn run(&mut self, script: &str, stdin: &mut dyn Read) -> Result<Output> {
        let nonce = nonce()?;
        let program = Program::new(script, &nonce)?;
        let launch = self.rise.launch(&program, &nonce);
        let mut answer = program.answer();
        let end = exec(&mut self.link, &launch, stdin, &mut answer);
        // A reported status stands, even if the connection broke right after it (the script may have rebooted the host).
        if let Some(status) = answer.status() {
            let (stdout, stderr) = answer.into_streams();
            return Ok(Output { status, stdout, stderr: tail(stderr) });
        }
        let end = end?;
        Err(match answer.begun() {
            true => no_status(&self.link, &end, &answer.words()),
            false => not_started(self.link.host(), &answer.words()),
        })
    }

    fn dial(&mut self, address: SocketAddr) -> Result<Box<dyn Stream + '_>> {
        ssh_dial::dial(&mut self.link, &mut self.forwarding, address)
    }
}

/// Runs a command as the login user, without any wrapping.
pub(super) fn exec_plain(link: &mut Link, command: &str, stdin: &mut dyn Read) -> Result<Plain> {
    let mut plain = Plain::default();
    let launch = Launch { command: command.to_owned(), preface: Vec::new().into() };
    exec(link, &launch, stdin, &mut plain)?;
    Ok(plain)
}

/// Opens a channel for a command.
pub(super) fn open_session(link: &mut Link) -> Result<Channel> {
    link.usable()?;
    let open = |session: &mut Session| session.channel_open("session", WINDOW, PACKET, None);
    match link.drive("opening a channel", CHANNEL_LIMIT, open)? {
        Ok(channel) => Ok(channel),
        Err(error) => {
            let error = link.lost("opening a channel", &error);
            link.give_up();
            Err(error)
        }
    }
}

/// Runs a command to its end; how the channel ended. After a failure the session is of no further use.
fn exec(link: &mut Link, launch: &Launch, stdin: &mut dyn Read, sink: &mut dyn Sink) -> Result<String> {
    let channel = open_session(link)?;
    let mut pipes = SshPipes { link, channel, command: &launch.command, start: Start::Unsent, finished: false };
    let mut source = launch.preface.as_slice().chain(stdin);
    let result = pump(&mut pipes, &mut source, sink).and_then(|()| pipes.close());
    if result.is_err() {
        pipes.link.give_up();
    }
    result
}

fn no_status(link: &Link, end: &str, words: &str) -> Error {
    let error = link.lost(RUNNING, &end);
    if words.is_empty() { error } else { error.detail(words) }
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
    link: &'a mut Link,
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
                if !self.link.has_unsent() {
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

    /// Closes the channel; how it ended, in words.
    fn close(&mut self) -> Result<String> {
        let channel = &mut self.channel;
        let closed = self.link.drive("closing a channel", CHANNEL_LIMIT, |_| channel.close())?;
        closed.map_err(|error| self.link.lost("closing a channel", &error))?;
        let signal = self.channel.exit_signal().ok().and_then(|signal| signal.exit_signal);
        Ok(match signal {
            Some(signal) => format!("it was killed by SIG{signal}"),
            None => "the host closed the channel before the script reported its status".to_owned(),
        })
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
        io::Write::write(&mut self.channel, bytes)
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
        self.link.has_unsent()
    }

    fn moved(&mut self) {
        self.link.alive();
    }

    fn wait(&mut self) -> Result<()> {
        self.link.wait(RUNNING)
    }

    fn check(&self) -> Result<()> {
        self.link.check()
    }

    fn lost(&self, error: &io::Error) -> Error {
        self.link.lost(RUNNING, error)
    }
}
