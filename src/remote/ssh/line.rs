//! What an SSH session speaks over: a socket, and whatever is behind it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::{io, net};

use rustix::net::{Shutdown, shutdown};

use crate::remote::ssh::proxy_command::ProxyCommand;

/// A socket that is shut when this is dropped.
pub struct Line {
    socket: OwnedFd,
    command: Option<ProxyCommand>,
}

impl Line {
    /// A socket with nothing behind it that we would have to keep.
    pub fn new(socket: impl Into<OwnedFd>) -> Self {
        Line { socket: socket.into(), command: None }
    }
    /// The near end of a command's standard input and output.
    pub fn of_command(socket: impl Into<OwnedFd>, command: ProxyCommand) -> Self {
        Line { socket: socket.into(), command: Some(command) }
    }
    /// A second handle on the socket.
    pub fn try_clone(&self) -> io::Result<OwnedFd> {
        self.socket.try_clone()
    }
    /// Ends both directions.
    pub fn shut(&self) {
        // Whoever is at the other end may have done so already.
        let _ = shutdown(&self.socket, Shutdown::Both);
    }
    /// What the command behind it said on its standard error.
    pub fn words(&self) -> Option<String> {
        self.command.as_ref().map(ProxyCommand::words).filter(|words| !words.is_empty())
    }
}

impl From<net::TcpStream> for Line {
    fn from(socket: net::TcpStream) -> Self {
        Line::new(socket)
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.shut();
    }
}
