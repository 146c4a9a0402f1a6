//! The certificates that a live server shows, whether they verify or not.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv6Addr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, ClientConnection, Error as TlsError};

use super::starttls::StartTls;
use crate::certs::tls::{ClientCertificate, Witness, config};
use crate::error::{Error, Result};
use crate::pki::Certificate;
use crate::secret::Secret;
use crate::text::{host_port, split_host_port};

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&host_port(&self.host, self.port))
    }
}

/// How to ask a server.
#[derive(Debug, Clone)]
pub struct Client {
    /// Server name to ask for (SNI), in place of the host.
    pub server_name: Option<String>,
    /// The longest that connecting and shaking hands may take, each.
    pub timeout: Duration,
    /// Certificate chain and key (PEM) to show to servers that want one. etcd, kubelet and API server show theirs
    /// before they look at ours, so that none is needed for them.
    pub identity: Option<(Vec<u8>, Secret)>,
    /// The protocol in which TLS is asked for first; none where the server begins with it.
    pub start: Option<StartTls>,
}

impl Server {
    /// `host:port`; an IPv6 address is in brackets.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = split_host_port(text)?;
        let port = port?.parse().ok().filter(|port| *port != 0)?;
        match host.parse::<Ipv6Addr>() {
            Ok(v6) => Some(Server { host: v6.to_string(), port }),
            Err(_) if host.is_empty() || text.starts_with('[') || host.contains(['/', ' ']) => None,
            Err(_) => Some(Server { host: host.to_owned(), port }),
        }
    }

    /// The same, where the port may be left out.
    pub fn parse_or(text: &str, port: u16) -> Option<Self> {
        if text.parse::<Ipv6Addr>().is_ok() {
            return Some(Server { host: text.to_owned(), port });
        }
        Self::parse(text).or_else(|| Self::parse(&format!("{text}:{port}")))
    }

    /// Its chain as it sent it, the leaf first.
    pub fn chain(&self, client: &Client) -> Result<Vec<Certificate>> {
        let name = client.server_name.as_deref().unwrap_or(&self.host);
        let server_name = ServerName::try_from(name.to_owned())
            .map_err(|_| Error::usage(format!("`{name}` is no name that a server can have")))?;
        let witness = Witness::of_anyone();
        let ours = client.identity.as_ref().map(|(chain, key)| ClientCertificate::new(chain, key)).transpose()?;
        let config = config(witness.clone(), ours.as_ref())?;
        let mut connection = ClientConnection::new(Arc::new(config), server_name)
            .map_err(|e| Error::internal(format!("set up TLS: {e}")))?;
        let mut stream = self.connect(client.timeout)?;
        let end = Instant::now() + client.timeout;
        if let Some(protocol) = client.start {
            let began = protocol.begin(&mut Until { stream: &stream, end }, name);
            began.map_err(|e| self.not_begun(&e, protocol, client.timeout))?;
        }
        let outcome = loop {
            if let Some(chain) = witness.seen() {
                break Ok(chain);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break Err(io::Error::from(ErrorKind::TimedOut));
            }
            if let Err(e) = stream.set_read_timeout(Some(left)).and(stream.set_write_timeout(Some(left))) {
                break Err(e);
            }
            match step(&mut connection, &mut stream) {
                Ok(()) => {}
                // What comes after the certificate (a demand for ours, for example) is of no interest.
                Err(e) => break witness.seen().ok_or(e),
            }
        };
        let chain = outcome.map_err(|e| self.explain(&e, client))?;
        let place = self.to_string();
        chain.iter().map(|der| Certificate::from_der(der, &place)).collect()
    }

    fn connect(&self, timeout: Duration) -> Result<TcpStream> {
        let addresses: Vec<_> = (self.host.as_str(), self.port)
            .to_socket_addrs()
            .map_err(|e| Error::connect(format!("{self}: cannot find its address: {e}")))?
            .collect();
        let mut failure = Error::connect(format!("{self}: it has no address"));
        for address in addresses {
            match TcpStream::connect_timeout(&address, timeout) {
                Ok(stream) => return Ok(stream),
                Err(e) => failure = Error::connect(format!("{self}: cannot connect: {}", words(&e, timeout))),
            }
        }
        Err(failure)
    }

    fn not_begun(&self, error: &io::Error, protocol: StartTls, timeout: Duration) -> Error {
        match error.kind() {
            ErrorKind::ConnectionRefused => {
                Error::connect(format!("{self}: the server does not change to TLS ({protocol}): {error}"))
            }
            _ => Error::connect(format!("{self}: TLS could not be asked for ({protocol}): {}", words(error, timeout)))
                .hint("check that a server of this protocol listens there, and that it does not begin with TLS"),
        }
    }

    fn explain(&self, error: &io::Error, client: &Client) -> Error {
        let other_program = match StartTls::usual_at(self.port).filter(|_| client.start.is_none()) {
            Some(protocol) => format!("a server on this port wants to be asked for TLS: --starttls {protocol}"),
            None => "check that a TLS server listens there, and not another program".to_owned(),
        };
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
        match tls {
            Some(TlsError::AlertReceived(alert)) => {
                Error::connect(format!("{self}: the server ended TLS before it showed a certificate: {alert:?}"))
                    .hint(hint_for(*alert))
            }
            Some(other) => Error::connect(format!("{self}: TLS: {other}")).hint(other_program),
            None => Error::connect(format!("{self}: no certificate came: {}", words(error, client.timeout)))
                .hint(other_program),
        }
    }

    /// Whether the host is an address: names are matched differently.
    pub(super) fn asked_name(&self, client: &Client) -> String {
        client.server_name.clone().unwrap_or_else(|| self.host.clone())
    }
}

/// A connection on which every step ends in time.
struct Until<'a> {
    stream: &'a TcpStream,
    end: Instant,
}

impl Until<'_> {
    fn left(&self) -> io::Result<Duration> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::Error::from(ErrorKind::TimedOut)) } else { Ok(left) }
    }
}

impl Read for Until<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(room)
    }
}

impl Write for Until<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// What may be behind an alert.
fn hint_for(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            "there may be no common cipher suite (certinfo asks for TLS 1.3, and for ECDHE with AES-GCM or ChaCha20 in \
             TLS 1.2; not for RSA key exchange, DHE or CBC), no common kind of key, or no certificate for this server \
             name (--servername); `openssl s_client -connect HOST:PORT -showcerts` asks for more"
        }
        AlertDescription::ProtocolVersion => {
            "it may know no version from TLS 1.2 on; `openssl s_client -connect HOST:PORT -showcerts -tls1` asks for older ones"
        }
        AlertDescription::UnrecognisedName => {
            "it has no certificate for this server name: ask for another (--servername)"
        }
        _ => "does it want another server name (--servername)?",
    }
}

/// Writes what is to be written, else reads once.
fn step(connection: &mut ClientConnection, stream: &mut TcpStream) -> io::Result<()> {
    if connection.wants_write() {
        return connection.write_tls(stream).map(drop);
    }
    if connection.read_tls(stream)? == 0 {
        return Err(io::Error::new(ErrorKind::UnexpectedEof, "the server closed the connection"));
    }
    connection.process_new_packets().map(drop).map_err(|e| io::Error::new(ErrorKind::InvalidData, e))
}

fn words(error: &io::Error, timeout: Duration) -> String {
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => format!("no answer within {} s", timeout.as_secs_f32()),
        _ => error.to_string(),
    }
}

/// Whether one of a certificate's names (`DNS:a`, `IP:10.0.0.1`) covers what the server was asked by: addresses by
/// address, names by name, a wildcard for exactly one label (RFC 9525 §6.3).
pub fn covers(sans: &[String], host: &str) -> bool {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return sans.iter().filter_map(|san| san.strip_prefix("IP:")).any(|san| san.parse() == Ok(ip));
    }
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    sans.iter().filter_map(|san| san.strip_prefix("DNS:")).any(|san| {
        let san = san.to_ascii_lowercase();
        match san.strip_prefix("*.") {
            Some(rest) => host.split_once('.').is_some_and(|(first, domain)| !first.is_empty() && domain == rest),
            None => san == host,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_may_be_left_out_where_there_is_a_usual_one() {
        let read = |text| Server::parse_or(text, 443).map(|server| server.to_string());
        for (text, server) in [
            ("a.b", "a.b:443"),
            ("a.b:6443", "a.b:6443"),
            ("[::1]:2379", "[::1]:2379"),
            ("[::1]", "[::1]:443"),
            ("::1", "[::1]:443"),
        ] {
            assert_eq!(read(text).as_deref(), Some(server), "{text}");
        }
        assert_eq!((read("a:b"), read(""), read("a:0")), (None, None, None));
    }

    #[test]
    fn names_cover_as_clients_match_them() {
        let sans = ["DNS:a.example".to_owned(), "DNS:*.b.example".into(), "IP:10.0.0.1".into(), "IP:fd00::1".into()];
        for host in ["a.example", "A.Example.", "x.b.example", "10.0.0.1", "fd00:0::1"] {
            assert!(covers(&sans, host), "{host}");
        }
        for host in ["b.example", "x.y.b.example", ".b.example", "10.0.0.2", "example", ""] {
            assert!(!covers(&sans, host), "{host}");
        }
    }
}
