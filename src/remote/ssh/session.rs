//! One SSH session that never blocks where we cannot see it: every wait notices an interrupt and a dead host.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use ssh2::{BlockDirections, Channel, ErrorCode, Session};

use crate::error::{Error, Result};
use crate::remote::interrupt::Interrupt;
use crate::remote::ssh::line::Line;

/// How often a wait looks around.
const TICK: Duration = Duration::from_millis(100);
/// Silence after which the host is asked whether it is still there.
const ASK_AFTER: Duration = Duration::from_secs(5);
/// How long it may take to answer; with [`ASK_AFTER`], a dead host is noticed within 20 s.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// How long opening or closing a channel may take.
pub const CHANNEL_LIMIT: Duration = Duration::from_secs(30);
/// How long a host may take no bytes when a channel is closed.
const CLOSED: Duration = Duration::from_secs(5);
/// Receive window of a channel, in bytes.
const WINDOW: u32 = 2 * 1024 * 1024;
/// Largest packet, in bytes (RFC 4253 §6.1 asks for no more).
const PACKET: u32 = 32 * 1024;

/// libssh2's word for "try again when the socket is ready" (`LIBSSH2_ERROR_EAGAIN`).
const EAGAIN: i32 = libssh2_sys::LIBSSH2_ERROR_EAGAIN;

/// An SSH session and its socket.
pub struct SshSession {
    host: String,
    session: Session,
    line: Line,
    interrupt: Interrupt,
    heard: Instant,
    watched: bool,
    broken: bool,
    /// Channels that we have closed, and the host not yet.
    closing: Vec<Channel>,
}

impl SshSession {
    /// A session over `line`, not spoken on yet.
    pub fn new(host: &str, line: Line, interrupt: Interrupt) -> Result<Self> {
        let internal = |error: ssh2::Error| Error::internal(format!("{host}: no SSH session: {error}"));
        let mut session = Session::new().map_err(internal)?;
        let own = line.try_clone().map_err(|error| Error::io(format!("{host}: SSH socket"), &error))?;
        session.set_tcp_stream(own);
        session.set_blocking(false);
        session.set_keepalive(true, 2);
        let now = Instant::now();
        let (host, closing) = (host.to_owned(), Vec::new());
        Ok(SshSession { host, session, line, interrupt, heard: now, watched: false, broken: false, closing })
    }

    /// The host's name, for messages.
    pub fn host(&self) -> &str {
        &self.host
    }
    /// The session, for calls that do not touch the network.
    pub fn raw(&self) -> &Session {
        &self.session
    }
    /// From now on the host is asked for a sign of life in times of silence.
    pub fn watch(&mut self) {
        self.watched = true;
    }
    /// Notes that the host is alive.
    pub fn alive(&mut self) {
        self.heard = Instant::now();
    }
    /// Notes that the session is of no further use, and closes it.
    pub fn give_up(&mut self) {
        self.broken = true;
        self.line.shut();
    }
    /// What a command that carries the session said on its standard error.
    pub fn words_of_the_way(&self) -> Option<String> {
        self.line.words()
    }
    /// Fails on a session that was given up.
    pub fn usable(&self) -> Result<()> {
        if self.broken {
            return Err(Error::connect(format!("{}: the SSH connection was lost earlier", self.host)));
        }
        Ok(())
    }
    /// Fails when interrupted.
    pub fn check(&self) -> Result<()> {
        self.interrupt.check(&self.host)
    }

    /// What a broken connection means; `doing` fits after "while".
    pub fn lost(&self, doing: &str, why: &dyn std::fmt::Display) -> Error {
        Error::connect(format!("{}: connection lost while {doing}", self.host))
            .detail(why.to_string())
            .hint("see whether the host is up and reachable, then run the same command again: it goes on from what the host has")
    }

    /// Opens a channel for a command.
    pub fn open_channel(&mut self) -> Result<Channel> {
        self.usable()?;
        let open = |session: &mut Session| session.channel_open("session", WINDOW, PACKET, None);
        self.drive("opening a channel", CHANNEL_LIMIT, open)?.map_err(|error| {
            let error = self.lost("opening a channel", &error);
            self.give_up();
            error
        })
    }

    /// Closes a channel without waiting until the host has closed its end, too: that costs a way there and back, and
    /// nothing comes of it. Not for channels of commands, of which a host may allow one at a time.
    pub fn close_soon(&mut self, mut channel: Channel) -> Result<()> {
        self.closing.retain_mut(|channel| matches!(channel.close(), Err(error) if code(&error) == EAGAIN));
        let until = Instant::now() + CLOSED;
        while matches!(channel.close(), Err(error) if code(&error) == EAGAIN) {
            if !self.has_unsent() {
                self.closing.push(channel);
                break;
            }
            if Instant::now() > until {
                return Err(self.lost("closing a channel", &"the host takes nothing"));
            }
            self.wait("closing a channel")?;
        }
        Ok(())
    }

    /// Repeats a libssh2 call until it is through. `Err` of the inner result is libssh2's refusal; the outer one is an
    /// interrupt, a lost connection or the time limit, after which the session is given up: libssh2 would insist on
    /// finishing that call first.
    pub fn drive<T>(
        &mut self,
        doing: &str,
        limit: Duration,
        call: impl FnMut(&mut Session) -> Result<T, ssh2::Error>,
    ) -> Result<Result<T, ssh2::Error>> {
        let result = self.repeat(doing, limit, call);
        if result.is_err() {
            self.give_up();
        }
        result
    }

    fn repeat<T>(
        &mut self,
        doing: &str,
        limit: Duration,
        mut call: impl FnMut(&mut Session) -> Result<T, ssh2::Error>,
    ) -> Result<Result<T, ssh2::Error>> {
        let until = Instant::now() + limit;
        loop {
            self.check()?;
            match call(&mut self.session) {
                Err(error) if error.code() == ErrorCode::Session(EAGAIN) => {}
                result => return Ok(result),
            }
            if Instant::now() > until {
                let why = format!("no answer within {} s", limit.as_secs());
                return Err(self.lost(doing, &why));
            }
            self.wait(doing)?;
        }
    }

    /// Waits until the socket is ready for what libssh2 wants, or a moment.
    pub fn wait(&mut self, doing: &str) -> Result<()> {
        self.check()?;
        if self.is_ready(doing)? {
            self.alive();
        } else if self.watched && self.heard.elapsed() > ASK_AFTER {
            self.ask_for_a_sign(doing)?;
        }
        Ok(())
    }

    /// Sends a keepalive and waits for any bytes. libssh2 must not read meanwhile: it would swallow the answer
    /// without a word. Nor is one sent into a full socket: libssh2 cannot finish one that was cut in half.
    fn ask_for_a_sign(&mut self, doing: &str) -> Result<()> {
        let room = self.poll(PollFlags::OUT, Duration::ZERO).map_err(|error| self.lost(doing, &error))?;
        if room.contains(PollFlags::OUT) && !self.has_unsent() {
            self.session.keepalive_send().map_err(|error| self.lost(doing, &error))?;
        }
        let until = Instant::now() + ANSWER_WITHIN;
        while Instant::now() < until {
            self.check()?;
            if self.is_ready(doing)? {
                self.alive();
                return Ok(());
            }
        }
        let why = format!("the host has not been heard of for {} s", self.heard.elapsed().as_secs());
        Err(self.lost(doing, &why))
    }

    /// Whether bytes came, or room for a packet that is stuck. Both are signs of life.
    fn is_ready(&self, doing: &str) -> Result<bool> {
        let ready = self.poll(self.wanted(), TICK).map_err(|error| self.lost(doing, &error))?;
        Ok(!ready.is_empty())
    }

    /// Whether a packet is stuck halfway into the socket.
    pub fn has_unsent(&self) -> bool {
        matches!(self.session.block_directions(), BlockDirections::Outbound | BlockDirections::Both)
    }

    fn wanted(&self) -> PollFlags {
        if self.has_unsent() { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN }
    }

    fn poll(&self, wanted: PollFlags, limit: Duration) -> io::Result<PollFlags> {
        let mut fds = [PollFd::new(&self.line, wanted)];
        poll_for(&mut fds, limit)?;
        Ok(fds[0].revents())
    }

    /// Waits a moment until this session or `other` can go on; this one for bytes only when they would be `taken`.
    pub fn wait_for_either(&self, taken: bool, other: &impl AsFd, wanted: PollFlags) -> io::Result<()> {
        let mut own = PollFlags::empty();
        own.set(PollFlags::IN, taken);
        own.set(PollFlags::OUT, self.has_unsent());
        poll_for(&mut [PollFd::new(&self.line, own), PollFd::new(other, wanted)], TICK)
    }
}

impl Drop for SshSession {
    /// Says goodbye if that is possible at once. The socket is shut first, so that libssh2 frees what it holds
    /// instead of waiting for a peer.
    fn drop(&mut self) {
        if !self.broken {
            let _ = self.session.disconnect(None, "done", None);
        }
        self.line.shut();
    }
}

fn poll_for(fds: &mut [PollFd<'_>], limit: Duration) -> io::Result<()> {
    let limit = Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: i64::from(limit.subsec_nanos()) };
    match poll(fds, Some(&limit)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// libssh2's number for an error.
pub fn code(error: &ssh2::Error) -> i32 {
    match error.code() {
        ErrorCode::Session(code) | ErrorCode::SFTP(code) => code,
    }
}
