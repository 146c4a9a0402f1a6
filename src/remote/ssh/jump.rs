//! A connection through a jump host: a port that is forwarded through another SSH session.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;

use rustix::event::PollFlags;
use ssh2::{Channel, Session};

use crate::error::{Error, Result};
use crate::remote::ssh::dial::{refuses_connection, refuses_forwarding};
use crate::remote::ssh::line::Line;
use crate::remote::ssh::session::{CHANNEL_LIMIT, SshSession};

/// Bytes that travel at a time in each direction.
const PIECE: usize = 64 * 1024;

/// Connects from the host of `session` to an address, and gives our end. The session lives as long as the connection.
pub fn through(mut session: SshSession, address: &str, port: u16) -> Result<Line> {
    let open = |session: &mut Session| session.channel_direct_tcpip(address, port, None);
    let shown = format!("{address}:{port}");
    let channel = session.drive("reaching the next host", CHANNEL_LIMIT, open)?.map_err(|error| {
        let host = session.host();
        let told = Error::connect(format!("{host}: cannot connect from there to {shown}"));
        if refuses_forwarding(&error) {
            told.detail("its SSH server forwards no connections")
                .hint("allow it there: `AllowTcpForwarding yes` (or `local`) in its sshd_config, and no `PermitOpen` that leaves this host out")
        } else if refuses_connection(&error) {
            told.detail(error.message().to_owned())
                .hint(format!("see that the host is up, that sshd listens on port {port}, and that the jump host may reach it"))
        } else {
            session.lost("reaching the next host", &error)
        }
    })?;
    let failed = |error: io::Error| Error::io("connecting through a jump host", &error);
    let (near, far) = UnixStream::pair().map_err(failed)?;
    far.set_nonblocking(true).map_err(failed)?;
    // It ends when either side closes: the near one with the session that speaks over it.
    thread::Builder::new().name("jump".into()).spawn(move || pass(&session, channel, far)).map_err(failed)?;
    Ok(Line::new(near))
}

/// Copies both ways until one side is at its end or broken.
fn pass(session: &SshSession, channel: Channel, mut near: UnixStream) {
    let mut channel = Forwarded(channel);
    let (mut up, mut down) = (Piece::default(), Piece::default());
    loop {
        let moved = up.step(&mut near, &mut channel).and_then(|up| Ok(up | down.step(&mut channel, &mut near)?));
        match moved {
            Ok(true) => {}
            Ok(false) => {
                // A full piece waits for room, an empty one for bytes.
                let mut wanted = PollFlags::empty();
                wanted.set(PollFlags::IN, up.is_empty());
                wanted.set(PollFlags::OUT, !down.is_empty());
                if session.wait_for_either(down.is_empty(), &near, wanted).is_err() {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

/// A channel that tells its end from a moment without bytes.
struct Forwarded(Channel);

impl Read for Forwarded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer) {
            Ok(0) if !self.0.eof() => Err(io::ErrorKind::WouldBlock.into()),
            other => other,
        }
    }
}

impl Write for Forwarded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes on their way.
#[derive(Default)]
struct Piece {
    bytes: Vec<u8>,
    at: usize,
}

impl Piece {
    fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Moves what can be moved now; whether that was anything. The end of `from` is an error: then all is over.
    fn step(&mut self, from: &mut impl Read, to: &mut impl Write) -> io::Result<bool> {
        let mut moved = false;
        if self.is_empty() {
            self.bytes.resize(PIECE, 0);
            self.at = 0;
            let read = from.read(&mut self.bytes);
            self.bytes.truncate(*read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => moved = true,
                Err(error) if would_block(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        while !self.is_empty() {
            match to.write(&self.bytes[self.at..]) {
                Ok(0) => break,
                Ok(count) => {
                    self.at += count;
                    moved = true;
                }
                Err(error) if would_block(&error) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(moved)
    }
}

fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
