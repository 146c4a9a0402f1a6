//! From an address to an encrypted session with a host whose key was checked.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use rustix::net::sockopt::set_tcp_user_timeout;
use ssh2::{MethodType, Session};

use crate::error::{Error, Kind, Result};
use crate::remote::SshTarget;
use crate::remote::host_key::HostKeys;
use crate::remote::interrupt::Interrupt;
use crate::remote::session::{SshSession, code};

/// Fastest first on machines with AES instructions, which is nearly all of them; libssh2 itself prefers ChaCha20.
const CIPHERS: &str = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,\
                       aes128-ctr,aes192-ctr,aes256-ctr";
/// Unacknowledged data for so long means that the host is gone, in milliseconds.
const USER_TIMEOUT: u32 = 20_000;

/// Why there is no session.
#[derive(Debug)]
pub(super) enum Failure {
    /// It may work in a moment: the server refused or dropped the connection before it said who it is, as sshd does
    /// when too many log in at once (MaxStartups).
    Passing(Error),
    /// Trying again changes nothing.
    Final(Error),
}

impl Failure {
    pub(super) fn into_error(self) -> Error {
        match self {
            Failure::Passing(error) | Failure::Final(error) => error,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Final(error)
    }
}

/// Connects, agrees on keys and checks the host's.
pub(super) fn shake_hands(
    host: &str,
    target: &SshTarget,
    keys: &HostKeys,
    interrupt: &Interrupt,
) -> Result<SshSession, Failure> {
    let limit = Duration::from_secs(target.connect_timeout.max(1));
    let socket = reach(host, target, limit, interrupt)?;
    let mut session = SshSession::new(host, socket, interrupt.clone())?;
    prefer(session.raw(), &keys.algorithms()).map_err(|error| Error::internal(format!("{host}: {error}")))?;
    match session.drive("agreeing on keys", limit, Session::handshake) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(no_handshake(host, target, &error)),
        Err(error) if error.kind == Kind::Interrupted => return Err(error.into()),
        Err(error) => return Err(Failure::Final(no_session(host, target, &error.details.join("\n")))),
    }
    let key = session.raw().host_key().map(|(key, _)| key.to_vec());
    keys.check(&key.ok_or_else(|| Error::connect(format!("{host}: the server showed no host key")))?)?;
    session.watch();
    Ok(session)
}

fn prefer(session: &Session, host_keys: &str) -> Result<(), ssh2::Error> {
    session.method_pref(MethodType::HostKey, host_keys)?;
    session.method_pref(MethodType::CryptCs, CIPHERS)?;
    session.method_pref(MethodType::CryptSc, CIPHERS)
}

/// A TCP connection to the first of the name's addresses that answers.
fn reach(host: &str, target: &SshTarget, limit: Duration, interrupt: &Interrupt) -> Result<TcpStream, Failure> {
    let shown = format!("{}:{}", target.address, target.port);
    let address = target.address.trim_start_matches('[').trim_end_matches(']');
    let addresses: Vec<SocketAddr> = (address, target.port)
        .to_socket_addrs()
        .map_err(|error| {
            Error::connect(format!("{host}: cannot find the address of {}", target.address))
                .detail(error.to_string())
                .hint("write an IP address, or a name that this machine can resolve")
        })?
        .collect();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no addresses");
    for address in &addresses {
        interrupt.check(host)?;
        match TcpStream::connect_timeout(address, limit).and_then(prepared) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    let error = Error::connect(format!("{host}: cannot connect to {shown}")).detail(last.to_string()).hint(format!(
        "see that the host is up, that sshd listens on port {}, and that no firewall is in the way",
        target.port
    ));
    Err(match last.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => Failure::Passing(error),
        _ => Failure::Final(error),
    })
}

fn prepared(socket: TcpStream) -> io::Result<TcpStream> {
    socket.set_nodelay(true)?;
    set_tcp_user_timeout(&socket, USER_TIMEOUT)?;
    Ok(socket)
}

fn no_session(host: &str, target: &SshTarget, why: &str) -> Error {
    Error::connect(format!("{host}: no SSH connection with {}:{}", target.address, target.port)).detail(why)
}

fn no_handshake(host: &str, target: &SshTarget, error: &ssh2::Error) -> Failure {
    let told = no_session(host, target, &error.to_string());
    match code(error) {
        libssh2_sys::LIBSSH2_ERROR_SOCKET_DISCONNECT
        | libssh2_sys::LIBSSH2_ERROR_SOCKET_RECV
        | libssh2_sys::LIBSSH2_ERROR_SOCKET_SEND
        | libssh2_sys::LIBSSH2_ERROR_BANNER_RECV => Failure::Passing(
            told.hint("the server closed the connection at once: it is starting, it is overloaded (MaxStartups), it blocks this address, or it is no SSH server"),
        ),
        libssh2_sys::LIBSSH2_ERROR_METHOD_NONE | libssh2_sys::LIBSSH2_ERROR_KEX_FAILURE => Failure::Final(
            told.hint("the server and we have no algorithm in common; OpenSSH 7.4 or newer is needed"),
        ),
        _ => Failure::Final(told),
    }
}
