//! From an address to an encrypted session with a host whose key was checked.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};

use rustix::net::sockopt::set_tcp_user_timeout;
use ssh2::{MethodType, Session};

use crate::error::{Error, Kind, Result};
use crate::remote::host_keys::host_key::HostKeys;
use crate::remote::interrupt::Interrupt;
use crate::remote::route::destination::{Destination, Way};
use crate::remote::ssh::line::Line;
use crate::remote::ssh::negotiation::{Mismatch, Offer};
use crate::remote::ssh::session::{SshSession, code};

/// Fastest first on machines with AES instructions, which is nearly all of them; libssh2 itself prefers ChaCha20.
pub const CIPHERS: &str = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,\
                       aes128-ctr,aes192-ctr,aes256-ctr";
/// Unacknowledged data for so long means that the host is gone, in milliseconds.
const USER_TIMEOUT: u32 = 20_000;

/// Why there is no session.
#[derive(Debug)]
pub enum Failure {
    /// It may work in a moment: the server refused or dropped the connection before it said who it is, as sshd does
    /// when too many log in at once (MaxStartups).
    Passing(Error),
    /// Trying again changes nothing.
    Final(Error),
}

impl Failure {
    pub fn into_error(self) -> Error {
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

/// Agrees on keys over an open line, and checks the host's.
pub fn shake_hands(
    host: &str,
    to: &Destination,
    keys: &HostKeys,
    line: Line,
    interrupt: &Interrupt,
) -> Result<SshSession, Failure> {
    let mut session = SshSession::new(host, line, interrupt.clone())?;
    prefer(session.raw(), &keys.algorithms()).map_err(|error| Error::internal(format!("{host}: {error}")))?;
    match session.drive("agreeing on keys", to.connect_timeout, Session::handshake) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(no_handshake(&session, to, keys, interrupt, &error)),
        Err(error) if error.kind == Kind::Interrupted => return Err(error.into()),
        Err(error) => return Err(Failure::Final(no_session(&session, to, &error.details.join("\n")))),
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
pub fn reach(host: &str, to: &Destination, interrupt: &Interrupt) -> Result<Line, Failure> {
    tcp(host, to, interrupt).map(Line::from)
}

fn tcp(host: &str, to: &Destination, interrupt: &Interrupt) -> Result<TcpStream, Failure> {
    let addresses: Vec<SocketAddr> = (to.address.as_str(), to.port)
        .to_socket_addrs()
        .map_err(|error| {
            Error::connect(format!("{host}: cannot find the address of {}", to.address))
                .detail(error.to_string())
                .hint("write an IP address, or a name that this machine can resolve; names of ~/.ssh/config are known too, unless --ssh-config says otherwise")
        })?
        .collect();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no addresses");
    for address in &addresses {
        interrupt.check(host)?;
        match TcpStream::connect_timeout(address, to.connect_timeout).and_then(prepared) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    let error = Error::connect(format!("{host}: cannot connect to {}", to.shown())).detail(last.to_string()).hint(
        format!("see that the host is up, that sshd listens on port {}, and that no firewall is in the way", to.port),
    );
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

/// Looks at what the server offers, over a connection of its own. Behind a proxy it stays unknown.
fn mismatch(session: &SshSession, to: &Destination, keys: &HostKeys, interrupt: &Interrupt) -> Option<Mismatch> {
    if to.way != Way::Direct {
        return None;
    }
    let mut socket = tcp(session.host(), to, interrupt).ok()?;
    let theirs = Offer::of_server(&mut socket).ok()?;
    Offer::ours(session.raw(), &keys.algorithms()).mismatch(&theirs)
}

fn no_session(session: &SshSession, to: &Destination, why: &str) -> Error {
    let error = Error::connect(format!("{}: no SSH connection with {}", session.host(), to.shown())).detail(why);
    match session.words_of_the_way() {
        Some(words) => error.detail(format!("the ProxyCommand said: {words}")),
        None => error,
    }
}

fn no_handshake(
    session: &SshSession,
    to: &Destination,
    keys: &HostKeys,
    interrupt: &Interrupt,
    error: &ssh2::Error,
) -> Failure {
    // A server that is overloaded closes before it says who it is; one that did say so may have no use for us.
    if session.raw().banner().is_some()
        && let Some(mismatch) = mismatch(session, to, keys, interrupt)
    {
        let Mismatch { what, option, theirs, ours } = mismatch;
        return Failure::Final(
            no_session(session, to, &format!("no {what} in common"))
                .detail(format!("the server offers {theirs}"))
                .detail(format!("we have {ours}"))
                .hint(format!("allow one of ours in the host's sshd_config (`{option}`), and load it anew; OpenSSH 7.4 or newer has them")),
        );
    }
    let told = no_session(session, to, &error.to_string());
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
