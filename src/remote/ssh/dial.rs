//! A TCP port as the host sees it, through the SSH session.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ssh2::{Channel, Session};

use crate::error::{Error, Result};
use crate::random::nonce;
use crate::remote::Stream;
use crate::remote::ssh::relay;
use crate::remote::ssh::session::{CHANNEL_LIMIT, SshSession};

/// How long a read or a write may stand still before whoever reads is asked whether to go on.
pub const STALL: Duration = Duration::from_secs(1);
/// How long it may take until a port is open.
pub const OPENED: Duration = Duration::from_secs(30);

/// Whether the server forwards ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarding {
    /// Nobody asked yet, or it does.
    Untried,
    /// It does not: asking again would only cost a round trip.
    Refused,
}

/// Connects from the host: by a forwarded channel, or by a relay command where the server forwards nothing.
pub fn dial<'a>(
    session: &'a mut SshSession,
    forwarding: &mut Forwarding,
    address: SocketAddr,
) -> Result<Box<dyn Stream + 'a>> {
    session.usable()?;
    if *forwarding == Forwarding::Untried {
        let (host, port) = (address.ip().to_string(), address.port());
        let open = |session: &mut Session| session.channel_direct_tcpip(&host, port, None);
        match session.drive("dialling", CHANNEL_LIMIT, open)? {
            Ok(channel) => return Ok(Box::new(ChannelStream { session, channel, end: End::Soon })),
            Err(error) if refuses_forwarding(&error) => *forwarding = Forwarding::Refused,
            Err(error) if refuses_connection(&error) => {
                return Err(not_listening(session.host(), address, error.message()));
            }
            Err(error) => return Err(session.lost("dialling", &error)),
        }
    }
    let channel = open_relay(session, address)?;
    Ok(Box::new(ChannelStream { session, channel, end: End::Now }))
}

/// libssh2 tells the reasons of RFC 4254 §5.1 apart in its message only.
pub fn refuses_forwarding(error: &ssh2::Error) -> bool {
    ["prohibited", "unknown channel type"].iter().any(|reason| error.message().contains(reason))
}

/// The server forwards, but nobody answers at that port.
pub fn refuses_connection(error: &ssh2::Error) -> bool {
    error.message().contains("connect failed")
}

/// What it means that nobody answers at a port.
pub fn not_listening(host: &str, address: SocketAddr, why: &str) -> Error {
    Error::connect(format!("{host}: cannot connect from the host to {address}")).detail(why.to_owned())
}

fn open_relay(session: &mut SshSession, address: SocketAddr) -> Result<Channel> {
    let mark = format!("__KB_OPEN_{}", nonce()?);
    let command = relay::command(address, &mark);
    let channel = session.open_channel()?;
    let mut stream = ChannelStream { session, channel, end: End::Now };
    stream.start(&command)?;
    match stream.skip_past(mark.as_bytes()) {
        Ok(true) => Ok(stream.into_channel()),
        Ok(false) => {
            let words = stream.stderr();
            let host = stream.session.host().to_owned();
            drop(stream);
            Err(not_listening(&host, address, &words)
                .hint("the SSH server forwards no ports (AllowTcpForwarding no), so a relay was tried: it needs bash, socat or nc on the host"))
        }
        Err(error) => Err(stream.session.lost("dialling", &error)),
    }
}

/// A channel as a blocking stream with a time limit on standing still.
struct ChannelStream<'a> {
    session: &'a mut SshSession,
    channel: Channel,
    end: End,
}

/// How a channel is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Not here: somebody else goes on with it.
    Handed,
    /// Without waiting for the host.
    Soon,
    /// Together with the host: it is a command's, and a host may allow one at a time.
    Now,
}

impl ChannelStream<'_> {
    fn start(&mut self, command: &str) -> Result<()> {
        let channel = &mut self.channel;
        let started = self.session.drive("dialling", CHANNEL_LIMIT, |_| channel.exec(command))?;
        started.map_err(|error| self.session.lost("dialling", &error))
    }

    /// Reads up to and with a line that holds `mark`, byte by byte, as what follows is not ours.
    fn skip_past(&mut self, mark: &[u8]) -> io::Result<bool> {
        let mut line = Vec::new();
        let mut byte = [0];
        while self.until_moved(OPENED, |channel| channel.read(&mut byte))? == 1 {
            match byte[0] {
                b'\n' if line.ends_with(mark) => return Ok(true),
                b'\n' => line.clear(),
                other => line.push(other),
            }
        }
        Ok(false)
    }

    fn stderr(&mut self) -> String {
        let mut words = vec![0; 4096];
        let count = self.channel.stderr().read(&mut words).unwrap_or(0);
        String::from_utf8_lossy(&words[..count]).trim().to_owned()
    }

    fn into_channel(mut self) -> Channel {
        self.end = End::Handed;
        self.channel.clone()
    }

    /// Repeats a call until it moves something, the peer stands still for too long, or somebody interrupts.
    fn until_moved(
        &mut self,
        limit: Duration,
        mut call: impl FnMut(&mut Channel) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let until = Instant::now() + limit;
        loop {
            match call(&mut self.channel) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
            if Instant::now() > until {
                let why = format!("{}: nothing moved for {} s", self.session.host(), limit.as_secs());
                return Err(io::Error::new(io::ErrorKind::TimedOut, why));
            }
            self.session.wait("talking to a port").map_err(io::Error::other)?;
        }
    }
}

impl Read for ChannelStream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.until_moved(STALL, |channel| channel.read(buffer))
    }
}

impl Write for ChannelStream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.until_moved(STALL, |channel| channel.write(bytes))
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for ChannelStream<'_> {
    fn drop(&mut self) {
        let channel = &mut self.channel;
        let closed = match self.end {
            End::Handed => true,
            End::Soon => self.session.close_soon(channel.clone()).is_ok(),
            End::Now => {
                let closed = self.session.drive("closing a channel", Duration::from_secs(5), |_| channel.close());
                matches!(closed, Ok(Ok(())))
            }
        };
        if !closed {
            self.session.give_up();
        }
    }
}
