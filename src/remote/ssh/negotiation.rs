//! Why two sides find no algorithm in common: what a server offers, asked again in plain text, and what we have.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use ssh2::{MethodType, Session};

use crate::remote::ssh::handshake::CIPHERS;
use crate::remote::wire::Wire;

/// How long a server may take to show what it offers.
const LIMIT: Duration = Duration::from_secs(5);
/// SSH_MSG_KEXINIT (RFC 4253 §7.1).
const KEXINIT: u8 = 20;
/// The largest packet that everybody must take, in bytes (RFC 4253 §6.1).
const LARGEST: u32 = 35_000;
/// Lines that a server may say before it identifies itself.
const LINES: usize = 50;

/// What one side can do, in its order of preference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    key_exchanges: Vec<String>,
    host_keys: Vec<String>,
    ciphers: Vec<String>,
    macs: Vec<String>,
}

/// What the two sides have not in common.
#[derive(Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The kind of algorithm.
    pub what: &'static str,
    /// sshd_config's option for it.
    pub option: &'static str,
    pub theirs: String,
    pub ours: String,
}

impl Offer {
    /// Ours, with the host key algorithms that are proposed.
    pub fn ours(session: &Session, host_keys: &str) -> Self {
        let able = |kind| -> Vec<String> {
            session
                .supported_algs(kind)
                .map(|names| names.iter().map(|name| (*name).to_owned()).collect())
                .unwrap_or_default()
        };
        let listed = |names: &str| names.split(',').map(str::to_owned).collect();
        Offer {
            key_exchanges: real(able(MethodType::Kex)),
            host_keys: listed(host_keys),
            ciphers: listed(CIPHERS),
            macs: able(MethodType::MacCs),
        }
    }

    /// A server's: it shows it to everybody who connects, before anything is agreed on.
    pub fn of_server(socket: &mut TcpStream) -> io::Result<Self> {
        socket.set_read_timeout(Some(LIMIT))?;
        socket.set_write_timeout(Some(LIMIT))?;
        socket.write_all(b"SSH-2.0-kbootstrap\r\n")?;
        identification(socket)?;
        let mut head = [0; 5];
        socket.read_exact(&mut head)?;
        let [a, b, c, d, padding] = head;
        let length = u32::from_be_bytes([a, b, c, d]);
        if length > LARGEST || length < u32::from(padding) + 2 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut packet = vec![0; length as usize - 1];
        socket.read_exact(&mut packet)?;
        Self::parse(&packet).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn parse(packet: &[u8]) -> Option<Self> {
        let mut wire = Wire(packet.strip_prefix(&[KEXINIT])?);
        wire.bytes(16)?;
        let mut list = || Some(wire.names()?.into_iter().map(str::to_owned).collect::<Vec<_>>());
        let (key_exchanges, host_keys, ciphers, _, macs) = (list()?, list()?, list()?, list()?, list()?);
        let key_exchanges = real(key_exchanges);
        Some(Offer { key_exchanges, host_keys, ciphers, macs })
    }

    /// The first kind of algorithm that this one, the client, has none of in common with `server`.
    pub fn mismatch(&self, server: &Offer) -> Option<Mismatch> {
        let kinds = [
            ("key exchange", "KexAlgorithms", &self.key_exchanges, &server.key_exchanges),
            ("host key algorithm", "HostKeyAlgorithms", &self.host_keys, &server.host_keys),
            ("cipher", "Ciphers", &self.ciphers, &server.ciphers),
        ];
        for (what, option, ours, theirs) in kinds {
            if common(ours, theirs).is_none() {
                return Some(Mismatch::new(what, option, ours, theirs));
            }
        }
        let cipher = common(&self.ciphers, &server.ciphers)?;
        let authenticates = cipher.contains("gcm") || cipher.contains("poly1305");
        let fits = authenticates || common(&self.macs, &server.macs).is_some();
        (!fits).then(|| Mismatch::new("MAC", "MACs", &self.macs, &server.macs))
    }
}

impl Mismatch {
    fn new(what: &'static str, option: &'static str, ours: &[String], theirs: &[String]) -> Self {
        Mismatch { what, option, theirs: theirs.join(","), ours: ours.join(",") }
    }
}

fn common<'a>(ours: &'a [String], theirs: &[String]) -> Option<&'a str> {
    ours.iter().find(|name| theirs.contains(name)).map(String::as_str)
}

/// Without the names that only say what else a side understands (RFC 8308, OpenSSH's PROTOCOL).
fn real(key_exchanges: Vec<String>) -> Vec<String> {
    let says_more = |name: &String| name.starts_with("ext-info-") || name.starts_with("kex-strict-");
    key_exchanges.into_iter().filter(|name| !says_more(name)).collect()
}

/// Reads up to the line in which the server says what it is. Others may come before (RFC 4253 §4.2).
fn identification(socket: &mut impl Read) -> io::Result<()> {
    for _ in 0..LINES {
        let mut line = Vec::new();
        let mut byte = [0];
        while !line.ends_with(b"\n") && line.len() < 1024 {
            socket.read_exact(&mut byte)?;
            line.extend_from_slice(&byte);
        }
        if line.starts_with(b"SSH-") {
            return Ok(());
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(key_exchange: &str, host_key: &str, cipher: &str, mac: &str) -> Offer {
        let list = |names: &str| names.split(',').map(str::to_owned).collect();
        Offer { key_exchanges: list(key_exchange), host_keys: list(host_key), ciphers: list(cipher), macs: list(mac) }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let ours = offer("k1,k2", "h1", "aes128-gcm@openssh.com,aes128-ctr", "m1");
        let what = |server: Offer| ours.mismatch(&server).map(|mismatch| (mismatch.what, mismatch.theirs));
        assert_eq!(what(offer("k2", "h1", "aes128-ctr", "m1")), None);
        assert_eq!(what(offer("k3,k4", "h1", "aes128-ctr", "m1")), Some(("key exchange", "k3,k4".into())));
        assert_eq!(what(offer("k1", "h2", "aes128-ctr", "m1")), Some(("host key algorithm", "h2".into())));
        assert_eq!(what(offer("k1", "h1", "3des-cbc", "m1")), Some(("cipher", "3des-cbc".into())));
        assert_eq!(what(offer("k1", "h1", "aes128-ctr", "m2")), Some(("MAC", "m2".into())));
        assert_eq!(what(offer("k1", "h1", "aes128-gcm@openssh.com", "m2")), None, "it needs no MAC");
    }

    #[test]
    fn a_servers_offer_is_read() {
        let mut packet = vec![KEXINIT];
        packet.extend([0; 16]);
        for names in ["k1,k2,kex-strict-s-v00@openssh.com", "h1", "c1", "c2", "m1", "m2"] {
            packet.extend((names.len() as u32).to_be_bytes());
            packet.extend(names.bytes());
        }
        assert_eq!(Offer::parse(&packet), Some(offer("k1,k2", "h1", "c1", "m1")));
        assert_eq!(Offer::parse(&packet[..30]), None);
        assert_eq!(Offer::parse(&[21]), None);
        let mut lines = &b"Welcome\r\nSSH-2.0-x\r\nrest"[..];
        identification(&mut lines).unwrap();
        assert_eq!(lines, b"rest");
    }
}
