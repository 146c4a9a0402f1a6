//! Protocols that begin in clear and change to TLS when asked (STARTTLS): what is said until then.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};

use crate::pki::tlv;

/// No line of a protocol is longer, nor is any answer of LDAP, MySQL or XMPP.
const LONGEST: usize = 64 << 10;
/// No greeting has more lines.
const LINES: usize = 200;

/// A protocol that has a command for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum StartTls {
    /// RFC 3207.
    Smtp,
    /// RFC 2033, with SMTP's command.
    Lmtp,
    /// RFC 9051 §6.2.1.
    Imap,
    /// RFC 2595 §4.
    Pop3,
    /// RFC 5804 §2.2.
    Sieve,
    /// RFC 4642.
    Nntp,
    /// RFC 4217.
    Ftp,
    /// RFC 4511 §4.14.
    Ldap,
    /// SSLRequest of PostgreSQL's protocol.
    Postgres,
    /// SSLRequest of MySQL's and MariaDB's protocol.
    Mysql,
    /// RFC 6120 §5, as a client.
    Xmpp,
    /// The same as another server.
    XmppServer,
}

/// All with the ports where they are found.
const PORTS: [(StartTls, &[u16]); 12] = [
    (StartTls::Smtp, &[25, 587]),
    (StartTls::Lmtp, &[24]),
    (StartTls::Imap, &[143]),
    (StartTls::Pop3, &[110]),
    (StartTls::Sieve, &[4190]),
    (StartTls::Nntp, &[119]),
    (StartTls::Ftp, &[21]),
    (StartTls::Ldap, &[389]),
    (StartTls::Postgres, &[5432]),
    (StartTls::Mysql, &[3306]),
    (StartTls::Xmpp, &[5222]),
    (StartTls::XmppServer, &[5269]),
];

impl fmt::Display for StartTls {
    /// As on the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = clap::ValueEnum::to_possible_value(self);
        f.write_str(value.as_ref().map_or("", clap::builder::PossibleValue::get_name))
    }
}

impl StartTls {
    /// The port where it is usually found.
    pub fn port(self) -> u16 {
        PORTS.iter().find(|(protocol, _)| *protocol == self).map_or(0, |(_, ports)| ports[0])
    }

    /// The protocol that is usually found at a port.
    pub(super) fn usual_at(port: u16) -> Option<Self> {
        PORTS.iter().find(|(_, ports)| ports.contains(&port)).map(|(protocol, _)| *protocol)
    }

    /// Asks a server for TLS, and reads until it has agreed. `host` is the name that is asked for.
    ///
    /// # Errors
    /// Of kind `ConnectionRefused` where the server does not want to, in its own words.
    pub(super) fn begin(self, stream: &mut (impl Read + Write), host: &str) -> io::Result<()> {
        match self {
            StartTls::Smtp => mail(stream, "EHLO"),
            StartTls::Lmtp => mail(stream, "LHLO"),
            StartTls::Imap => imap(stream),
            StartTls::Pop3 => {
                expect(line(stream)?, "+OK")?;
                say(stream, "STLS\r\n")?;
                expect(line(stream)?, "+OK")
            }
            StartTls::Sieve => {
                until_ok(stream)?;
                say(stream, "STARTTLS\r\n")?;
                until_ok(stream)
            }
            StartTls::Nntp => {
                expect(reply(stream)?, "20")?;
                say(stream, "STARTTLS\r\n")?;
                expect(reply(stream)?, "382")
            }
            StartTls::Ftp => {
                expect(reply(stream)?, "220")?;
                say(stream, "AUTH TLS\r\n")?;
                expect(reply(stream)?, "234")
            }
            StartTls::Ldap => ldap(stream),
            StartTls::Postgres => postgres(stream),
            StartTls::Mysql => mysql(stream),
            StartTls::Xmpp => xmpp(stream, "jabber:client", host),
            StartTls::XmppServer => xmpp(stream, "jabber:server", host),
        }
    }
}

fn mail(stream: &mut (impl Read + Write), hello: &str) -> io::Result<()> {
    expect(reply(stream)?, "220")?;
    say(stream, &format!("{hello} localhost\r\n"))?;
    let offers = reply(stream)?;
    expect(offers.clone(), "250")?;
    if !offers.to_ascii_uppercase().contains("STARTTLS") {
        return Err(refused("it does not offer STARTTLS"));
    }
    say(stream, "STARTTLS\r\n")?;
    expect(reply(stream)?, "220")
}

fn imap(stream: &mut (impl Read + Write)) -> io::Result<()> {
    expect(line(stream)?, "* OK")?;
    say(stream, "a STARTTLS\r\n")?;
    for _ in 0..LINES {
        let said = line(stream)?;
        // Others are told to everybody, and answer nothing.
        if said.starts_with("a ") {
            return expect(said, "a OK");
        }
    }
    Err(endless())
}

fn until_ok(stream: &mut impl Read) -> io::Result<()> {
    for _ in 0..LINES {
        let said = line(stream)?;
        if ["OK", "NO", "BYE"].iter().any(|end| said.starts_with(end)) {
            return expect(said, "OK");
        }
    }
    Err(endless())
}

/// ExtendedRequest 1 of `1.3.6.1.4.1.1466.20037`; the answer's result code must be 0.
fn ldap(stream: &mut (impl Read + Write)) -> io::Result<()> {
    const EXTENDED_RESPONSE: u8 = 0x78;
    let name = b"1.3.6.1.4.1.1466.20037";
    let request = [&[0x30, 29, 2, 1, 1, 0x77, 24, 0x80, 22], name.as_slice()].concat();
    stream.write_all(&request)?;
    let answer = der(stream)?;
    let parts = tlv::only(&answer, 0x30).and_then(tlv::all).unwrap_or_default();
    let response = parts.iter().find(|part| part.tag == EXTENDED_RESPONSE).and_then(|part| tlv::all(part.content));
    match response.as_deref() {
        Some([code, ..]) if code.content == [0] => Ok(()),
        Some([code, _, words, ..]) => {
            let code = code.content.last().copied().unwrap_or_default();
            Err(refused(&format!("LDAP result {code} {}", String::from_utf8_lossy(words.content))))
        }
        _ => Err(foreign("it does not speak LDAP")),
    }
}

fn postgres(stream: &mut (impl Read + Write)) -> io::Result<()> {
    // Its length, and a version that no protocol has: 1234.5679.
    stream.write_all(&[0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f])?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    match answer {
        [b'S'] => Ok(()),
        [b'N'] => Err(refused("its ssl is off")),
        _ => Err(foreign("it does not speak PostgreSQL's protocol")),
    }
}

fn mysql(stream: &mut (impl Read + Write)) -> io::Result<()> {
    const SSL: u16 = 0x0800;
    let mut header = [0; 4];
    stream.read_exact(&mut header)?;
    let length = usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
    let greeting = exactly(stream, length)?;
    let Some((10, rest)) = greeting.split_first() else {
        // An error packet: a code, and words.
        let words = greeting.get(3..).filter(|_| greeting.first() == Some(&0xff)).unwrap_or_default();
        return Err(match words {
            [] => foreign("it does not speak MySQL's protocol"),
            words => refused(&String::from_utf8_lossy(words)),
        });
    };
    // A version that ends with 0, a number of 4 bytes, 8 bytes of a challenge and a 0 stand before what it is capable of.
    let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    let capable = rest.get(end + 14..end + 16).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    if capable.is_none_or(|capable| capable & SSL == 0) {
        return Err(refused("its ssl is off"));
    }
    // SSL, protocol 4.1, and authentication of 4.1; packets of 16 MiB; UTF-8.
    let mut request = [[32, 0, 0, 1], [0x00, 0x8a, 0, 0], [0, 0, 0, 1], [33, 0, 0, 0]].concat();
    request.resize(36, 0);
    stream.write_all(&request)
}

fn xmpp(stream: &mut (impl Read + Write), namespace: &str, host: &str) -> io::Result<()> {
    say(
        stream,
        &format!(
            "<?xml version='1.0'?><stream:stream xmlns='{namespace}' xmlns:stream='http://etherx.jabber.org/streams' \
             to='{host}' version='1.0'>"
        ),
    )?;
    let offers = until(stream, &["</stream:features>", "<stream:features/>", "</stream:stream>"])?;
    if !offers.contains("urn:ietf:params:xml:ns:xmpp-tls") {
        return Err(refused("it does not offer STARTTLS"));
    }
    say(stream, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")?;
    let answer = until(stream, &["/>", "</proceed>", "</failure>", "</stream:stream>"])?;
    if answer.contains("<proceed") { Ok(()) } else { Err(refused(answer.trim())) }
}

fn say(stream: &mut impl Write, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes())?;
    stream.flush()
}

/// A line without its end. Byte by byte: what follows the last line is TLS.
fn line(stream: &mut impl Read) -> io::Result<String> {
    Ok(until(stream, &["\n"])?.trim_end().to_owned())
}

/// An answer of numbered lines; all but the last have a `-` behind the number.
fn reply(stream: &mut impl Read) -> io::Result<String> {
    let mut all = String::new();
    for _ in 0..LINES {
        let said = line(stream)?;
        let more = said.as_bytes().get(3) == Some(&b'-');
        all.push_str(&said);
        all.push('\n');
        if !more {
            return Ok(all.trim_end().to_owned());
        }
    }
    Err(endless())
}

fn until(stream: &mut impl Read, ends: &[&str]) -> io::Result<String> {
    let mut read = Vec::new();
    let mut byte = [0];
    while !ends.iter().any(|end| read.ends_with(end.as_bytes())) {
        if read.len() == LONGEST {
            return Err(endless());
        }
        stream.read_exact(&mut byte)?;
        read.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&read).into_owned())
}

fn exactly(stream: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    if length > LONGEST {
        return Err(endless());
    }
    let mut read = vec![0; length];
    stream.read_exact(&mut read)?;
    Ok(read)
}

/// One value of BER with a definite length.
fn der(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = exactly(stream, 2)?;
    let length = match head[1] {
        short @ 0..0x80 => usize::from(short),
        long => {
            let digits = exactly(stream, usize::from(long & 0x7f).min(8))?;
            head.extend(&digits);
            digits.iter().fold(0usize, |n, digit| n.saturating_mul(256).saturating_add(usize::from(*digit)))
        }
    };
    head.extend(exactly(stream, length)?);
    Ok(head)
}

fn expect(said: String, begin: &str) -> io::Result<()> {
    if said.starts_with(begin) { Ok(()) } else { Err(refused(&said)) }
}

fn refused(words: &str) -> io::Error {
    io::Error::new(ErrorKind::ConnectionRefused, crate::text::shortened(words))
}

fn foreign(words: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, words.to_owned())
}

fn endless() -> io::Error {
    foreign("what it says has no end")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a server says, and what it was told.
    struct Script<'a> {
        says: &'a [u8],
        told: Vec<u8>,
    }

    impl Read for Script<'_> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            self.says.read(room)
        }
    }

    impl Write for Script<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.told.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn with(protocol: StartTls, says: &[u8]) -> (io::Result<()>, Vec<u8>, usize) {
        let mut script = Script { says, told: Vec::new() };
        let result = protocol.begin(&mut script, "host.example");
        (result, script.told, script.says.len())
    }

    #[test]
    fn nothing_of_tls_is_read_and_a_refusal_is_in_the_server_s_words() {
        let refusal = |protocol, says: &[u8]| {
            let error = with(protocol, says).0.unwrap_err();
            format!("{:?}: {error}", error.kind())
        };
        let (result, told, left) =
            with(StartTls::Smtp, b"220-a\r\n220 b\r\n250-x\r\n250-STARTTLS\r\n250 y\r\n220 go\r\nTLS");
        assert!(result.is_ok() && left == 3);
        assert_eq!(told, b"EHLO localhost\r\nSTARTTLS\r\n");
        let (result, _, left) = with(StartTls::Imap, b"* OK hi\r\n* CAPABILITY x\r\na OK go\r\nTLS");
        assert!(result.is_ok() && left == 3);
        assert_eq!(refusal(StartTls::Smtp, b"220 b\r\n250 x\r\n"), "ConnectionRefused: it does not offer STARTTLS");
        assert_eq!(refusal(StartTls::Smtp, b"554 go away\r\n"), "ConnectionRefused: 554 go away");
        assert_eq!(refusal(StartTls::Imap, b"* OK\r\na BAD no\r\n"), "ConnectionRefused: a BAD no");
        assert_eq!(refusal(StartTls::Postgres, b"N"), "ConnectionRefused: its ssl is off");
        assert_eq!(refusal(StartTls::Mysql, b"\x09\0\0\0\xff\x15\x04No way"), "ConnectionRefused: No way");
        let ldap = b"\x30\x11\x02\x01\x01\x78\x0c\x0a\x01\x02\x04\x00\x04\x05wrong";
        assert_eq!(refusal(StartTls::Ldap, ldap), "ConnectionRefused: LDAP result 2 wrong");
        assert_eq!(refusal(StartTls::Pop3, &[b'x'; LONGEST + 1]), "InvalidData: what it says has no end");
    }

    #[test]
    fn ports_are_usual() {
        assert_eq!((StartTls::Ldap.port(), StartTls::usual_at(587)), (389, Some(StartTls::Smtp)));
        assert_eq!((StartTls::XmppServer.to_string(), StartTls::usual_at(443)), ("xmpp-server".into(), None));
    }

    proptest! {
        #[test]
        fn nothing_panics(at in 0..PORTS.len(), says in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = with(PORTS[at].0, &says);
        }
    }
}
