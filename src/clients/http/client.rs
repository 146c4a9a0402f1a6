//! The client: requests over one kept-alive connection, failures told with the peer's name.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use serde_json::Value;
use time::PrimitiveDateTime;
use time::macros::format_description;

use super::tls::{Identity, Tls, Witness};
use super::wire::{Raw, Reader, WireError, write_all};
use crate::error::{Error, Result};
use crate::remote::{Stream, Transport};

/// How long one request may take unless it says otherwise.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// One connection to one server.
///
/// It is not opened again by itself: it borrows its stream from a transport that can do nothing else meanwhile.
/// A stream whose reads return `TimedOut` or `WouldBlock` is asked again until the request's deadline; on one that
/// blocks for ever the deadline cannot be kept.
pub struct Client<'t> {
    peer: String,
    host: String,
    link: Link<'t>,
    unread: Vec<u8>,
    open: bool,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Method, for example `GET`.
    pub method: &'a str,
    /// Path and query, percent-encoded (see [`encode`]).
    pub path: &'a str,
    /// Further header lines; names and values without line breaks.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body and its media type.
    pub body: Option<(&'a str, &'a [u8])>,
    /// The longest that it may take, from the first byte sent to the last received.
    pub timeout: Duration,
}

impl<'a> Request<'a> {
    /// A request without a body, with the usual timeout.
    pub fn new(method: &'a str, path: &'a str) -> Self {
        Request { method, path, headers: &[], body: None, timeout: REQUEST_TIMEOUT }
    }
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Header names in lower case, and their values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).map_err(|e| Error::health(format!("an answer is not JSON: {e}")))
    }
    /// The body as text, what is not UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    /// The first value of a header, its name given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
    /// The server's clock, from the `Date` header (RFC 9110 §6.6.1), whole seconds.
    pub fn date(&self) -> Option<PrimitiveDateTime> {
        let format =
            format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
        PrimitiveDateTime::parse(self.header("date")?, format).ok()
    }
}

enum Link<'t> {
    Tls { stream: Box<StreamOwned<ClientConnection, Box<dyn Stream + 't>>>, tls: Tls, witness: Arc<Witness> },
    Plain(Box<dyn Stream + 't>),
}

impl Link<'_> {
    fn read(&mut self) -> &mut dyn Read {
        match self {
            Link::Tls { stream, .. } => stream,
            Link::Plain(stream) => stream,
        }
    }
    fn write(&mut self) -> &mut dyn Write {
        match self {
            Link::Tls { stream, .. } => stream,
            Link::Plain(stream) => stream,
        }
    }
}

impl<'t> Client<'t> {
    /// Connects from the transport's host to `address` and speaks TLS. `server_name` is the IP address or DNS name
    /// that the server's certificate must carry. A refused certificate may show only at the first request (TLS 1.3).
    pub fn connect(
        transport: &'t mut dyn Transport,
        address: SocketAddr,
        server_name: &str,
        identity: &Identity,
    ) -> Result<Self> {
        Self::dial(transport, address, server_name, &Tls::new(identity)?)
    }

    /// As [`Client::connect`], with an identity that was checked before, or none.
    pub fn dial(transport: &'t mut dyn Transport, address: SocketAddr, server_name: &str, tls: &Tls) -> Result<Self> {
        let peer = format!("{address} (asked through {})", transport.host());
        Self::over(transport.dial(address)?, peer, server_name, tls)
    }

    /// TLS over a stream that is already there; `peer` names it in messages.
    pub fn over(stream: Box<dyn Stream + 't>, peer: String, server_name: &str, tls: &Tls) -> Result<Self> {
        let name = ServerName::try_from(server_name.to_owned())
            .map_err(|_| Error::input(format!("{peer}: {server_name:?} is neither an IP address nor a DNS name")))?;
        let session = tls.session()?;
        let connection = ClientConnection::new(session.config, name)
            .map_err(|e| Error::internal(format!("{peer}: start TLS: {e}")))?;
        let stream = Box::new(StreamOwned::new(connection, stream));
        let link = Link::Tls { stream, tls: tls.clone(), witness: session.witness };
        Ok(Client { peer, host: bracketed(server_name), link, unread: Vec::new(), open: true })
    }

    /// HTTP without TLS over a stream that is already there.
    pub fn plain(stream: Box<dyn Stream + 't>, peer: String, host: &str) -> Self {
        Client { peer, host: bracketed(host), link: Link::Plain(stream), unread: Vec::new(), open: true }
    }

    /// Whom it speaks to, for messages.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// Whether it can carry another request, as far as is known.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The client certificate in words, where there is one.
    pub fn identity(&self) -> Option<String> {
        match &self.link {
            Link::Tls { tls, .. } => tls.ours(),
            Link::Plain(_) => None,
        }
    }

    /// Sends a request and reads the answer, whatever its status. `body` may be empty.
    pub fn request(&mut self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Result<Response> {
        let body = (!body.is_empty()).then_some((content_type, body));
        self.send(&Request { body, ..Request::new(method, path) })
    }

    /// Sends a request and reads the answer, whatever its status. After an error the connection is closed.
    pub fn send(&mut self, request: &Request<'_>) -> Result<Response> {
        if !self.open {
            return Err(Error::connect(format!("{}: the connection is closed", self.peer)));
        }
        let bytes = render(request, &self.host)?;
        self.open = false;
        let raw = self.exchange(&bytes, Instant::now() + request.timeout);
        let raw = raw.map_err(|e| self.failure(e).context(format!("{} {}", request.method, short(request.path))))?;
        self.open = raw.keep_alive;
        Ok(Response { status: raw.status, headers: raw.headers, body: raw.body })
    }

    fn exchange(&mut self, bytes: &[u8], deadline: Instant) -> Result<Raw, WireError> {
        let written = write_all(self.link.write(), bytes, deadline);
        let answer = Reader::new(self.link.read(), &mut self.unread, deadline).response();
        match (written, answer) {
            // A server that refuses closes while we still write; its reason is what it sent before.
            (_, Ok(raw)) => Ok(raw),
            (Err(WireError::Io(first)), Err(second)) if tls_error(&first).is_some() || !tells(&second) => {
                Err(WireError::Io(first))
            }
            (_, Err(error)) => Err(error),
        }
    }

    fn failure(&self, error: WireError) -> Error {
        let peer = &self.peer;
        match error {
            WireError::Closed => Error::connect(format!("{peer}: the server closed the connection without an answer")),
            WireError::Truncated(what) => {
                Error::connect(format!("{peer}: the connection ended in the middle of a response ({what})"))
            }
            WireError::Malformed(why) => Error::health(format!("{peer}: the answer is not HTTP: {why}")),
            WireError::TooLarge(what) => Error::health(format!("{peer}: the answer is too large ({what})")),
            WireError::Timeout => Error::health(format!("{peer}: no answer in time")),
            WireError::Io(error) => match (&self.link, tls_error(&error)) {
                (Link::Tls { tls, witness, .. }, Some(reason)) => tls.explain(peer, reason, witness),
                _ => Error::connect(format!("{peer}: {error}")),
            },
        }
    }
}

/// Whether the error says more than that the connection is gone.
fn tells(error: &WireError) -> bool {
    match error {
        WireError::Io(error) => tls_error(error).is_some(),
        WireError::Closed | WireError::Timeout => false,
        _ => true,
    }
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn render(request: &Request<'_>, host: &str) -> Result<Vec<u8>> {
    let mut head = String::new();
    // Writing to a String cannot fail.
    let _ = write!(head, "{} {} HTTP/1.1\r\nHost: {host}\r\n", request.method, request.path);
    let _ = write!(head, "User-Agent: kbootstrap/{}\r\n", env!("CARGO_PKG_VERSION"));
    if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
        head.push_str("Accept: application/json\r\n");
    }
    for (name, value) in request.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if let Some((media_type, body)) = request.body {
        let _ = write!(head, "Content-Type: {media_type}\r\nContent-Length: {}\r\n", body.len());
    } else if request.method != "GET" {
        head.push_str("Content-Length: 0\r\n");
    }
    head.push_str("\r\n");
    let parts = [request.method, request.path].into_iter().chain(request.headers.iter().flat_map(|(n, v)| [*n, *v]));
    if parts.clone().any(|part| part.bytes().any(|byte| byte.is_ascii_control()))
        || request.path.bytes().any(|byte| byte == b' ')
    {
        return Err(Error::internal(format!("{} {:?} cannot be sent as it is", request.method, request.path)));
    }
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(request.body.map_or(&[], |(_, body)| body));
    Ok(bytes)
}

/// The path without its query, for messages: a query can be kilobytes long.
fn short(path: &str) -> &str {
    path.split('?').next().unwrap_or(path)
}

/// An IPv6 address in brackets, anything else as it is.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// Percent-encodes one path segment or query value (RFC 3986: everything but unreserved characters).
pub fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers with what it was given and remembers what it was told.
    struct Script<'a> {
        answers: io::Cursor<&'a [u8]>,
        told: &'a mut Vec<u8>,
    }
    impl Read for Script<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.answers.read(into)
        }
    }
    impl Write for Script<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.told.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn requests_share_a_connection_until_the_server_ends_it() {
        let answers = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: Sat, 21 Nov 2026 14:35:01 GMT\r\n\r\n{}HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        let mut told = Vec::new();
        let stream = Script { answers: io::Cursor::new(answers), told: &mut told };
        let mut client = Client::plain(Box::new(stream), "web".into(), "::1");
        let first = client.request("GET", "/a", "", b"").unwrap();
        assert_eq!(first.date().unwrap().to_string(), "2026-11-21 14:35:01.0");
        assert_eq!(client.request("POST", "/b", "text/plain", b"hi").unwrap().status, 201);
        assert!(!client.is_open());
        let error = client.request("GET", "/c", "", b"").unwrap_err();
        insta::assert_snapshot!(error, @"web: the connection is closed");
        drop(client);
        let version = env!("CARGO_PKG_VERSION");
        let told = String::from_utf8(told).unwrap().replace(version, "X").replace("\r\n", "\n");
        insta::assert_snapshot!(told, @"
        GET /a HTTP/1.1
        Host: [::1]
        User-Agent: kbootstrap/X
        Accept: application/json

        POST /b HTTP/1.1
        Host: [::1]
        User-Agent: kbootstrap/X
        Accept: application/json
        Content-Type: text/plain
        Content-Length: 2

        hi
        ");
    }

    #[test]
    fn a_connection_that_ends_early_is_told_with_the_request() {
        let mut told = Vec::new();
        let stream =
            Script { answers: io::Cursor::new(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"), told: &mut told };
        let mut client = Client::plain(Box::new(stream), "web".into(), "web");
        let error = client.request("GET", "/a?b=c", "", b"").unwrap_err();
        insta::assert_snapshot!(error, @"GET /a: web: the connection ended in the middle of a response (body)");
        assert!(!client.is_open());
    }

    #[test]
    fn nothing_slips_into_the_head() {
        for path in ["/a b", "/a\r\nX: y", "/a\n"] {
            assert!(render(&Request::new("GET", path), "h").is_err(), "{path:?}");
        }
        let headers = [("X", "a\r\nY: b")];
        assert!(render(&Request { headers: &headers, ..Request::new("GET", "/") }, "h").is_err());
        assert_eq!(encode("a b/ü?"), "a%20b%2F%C3%BC%3F");
    }
}
