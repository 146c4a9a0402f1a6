//! The client: requests over one kept-alive connection, failures reported with the peer's name.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use serde_json::Value;
use time::PrimitiveDateTime;
use time::macros::format_description;
use ureq_proto::client::Call;
use ureq_proto::client::state::Prepare;
use ureq_proto::http;

use super::tls::{Identity, Tls};
use super::wire::{Wire, WireError, tls_error};
use crate::certs::tls::Witness;
use crate::error::{Error, Result};
use crate::remote::{Stream, Transport};
use crate::text::bracketed;

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
    stream: Box<dyn Stream + 't>,
    tls: Option<(Tls, Arc<Witness>)>,
    unread: Vec<u8>,
    open: bool,
    ahead: Answers,
    until: Option<Instant>,
}

/// Answers that were asked for ahead, by path and what was sent there.
#[derive(Debug, Clone, Default)]
pub struct Answers(BTreeMap<(String, Vec<u8>), Response>);

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
    /// The longest that it may take, from the first byte sent to the last received; where a body is streamed, the
    /// longest that nothing may move.
    pub timeout: Duration,
}

impl<'a> Request<'a> {
    /// A request without a body, with the usual timeout.
    pub fn new(method: &'a str, path: &'a str) -> Self {
        Request { method, path, headers: &[], body: None, timeout: REQUEST_TIMEOUT }
    }
}

/// A body that is read as it is sent.
pub struct Upload<'a> {
    /// Its media type.
    pub media_type: &'a str,
    /// Its length; where that is not known it travels in chunks.
    pub length: Option<u64>,
    /// Where it comes from.
    pub source: &'a mut dyn Read,
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
        let tls = Some((tls.clone(), session.witness));
        Ok(Client {
            peer,
            host: bracketed(server_name),
            stream,
            tls,
            unread: Vec::new(),
            open: true,
            ahead: Answers::default(),
            until: None,
        })
    }

    /// HTTP without TLS over a stream that is already there.
    pub fn plain(stream: Box<dyn Stream + 't>, peer: String, host: &str) -> Self {
        Client {
            peer,
            host: bracketed(host),
            stream,
            tls: None,
            unread: Vec::new(),
            open: true,
            ahead: Answers::default(),
            until: None,
        }
    }

    /// What gives these answers and asks nobody: every other request fails.
    pub fn of(answers: Answers, peer: &str) -> Client<'static> {
        Client { open: false, ahead: answers, ..Client::plain(Box::new(std::io::empty()), peer.to_owned(), peer) }
    }

    /// No request is waited for beyond this, whatever its own timeout is.
    #[must_use]
    pub fn until(self, end: Instant) -> Self {
        Client { until: Some(end), ..self }
    }

    /// Whom it speaks to, for messages.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// The certificate that the server shows, in DER; none where it could not be reached.
    pub fn server_certificate(&mut self) -> Option<Vec<u8>> {
        // It is shown before anything is answered, and to whomever.
        let _ = self.send(&Request::new("GET", "/healthz"));
        let (_, witness) = self.tls.as_ref()?;
        witness.seen()?.first().map(|certificate| certificate.to_vec())
    }

    /// Whether it can carry another request, as far as is known.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The client certificate in words, where there is one.
    pub fn identity(&self) -> Option<String> {
        self.tls.as_ref().and_then(|(tls, _)| tls.ours())
    }

    /// Sends a request and reads the answer, whatever its status. `body` may be empty.
    pub fn request(&mut self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Result<Response> {
        let body = (!body.is_empty()).then_some((content_type, body));
        self.send(&Request { body, ..Request::new(method, path) })
    }

    /// Sends a request and reads the answer, whatever its status. After an error the connection is closed.
    pub fn send(&mut self, request: &Request<'_>) -> Result<Response> {
        self.ask(request, None)
    }

    /// As [`Client::send`], but the body of a success goes into `sink` as it comes, however long it is.
    pub fn download(&mut self, request: &Request<'_>, sink: &mut dyn Write) -> Result<Response> {
        self.ask(request, Some(sink))
    }

    /// As [`Client::send`], with a body that is sent as it is read, however long it is, in place of the request's own.
    pub fn upload(&mut self, request: &Request<'_>, body: Upload<'_>) -> Result<Response> {
        self.exchange(request, body, None, true)
    }

    /// Asks many things at once: GETs of these paths. See [`Client::send_ahead`].
    pub fn ahead(&mut self, paths: &[String]) -> Result<()> {
        let requests: Vec<Request<'_>> = paths.iter().map(|path| Request::new("GET", path)).collect();
        self.send_ahead(&requests)
    }

    /// Asks many things at once, which the server answers one after the other. The answers are kept, and each is given to
    /// the next request to its path with the same body and no further headers: so many requests cost one way there and
    /// back.
    pub fn send_ahead(&mut self, requests: &[Request<'_>]) -> Result<()> {
        if !self.open {
            return Err(Error::connect(format!("{}: the connection is closed", self.peer)));
        }
        let call = |request: &Request<'_>| {
            let (media_type, body) = request.body.unwrap_or_default();
            let upload = Upload { media_type, length: Some(body.len() as u64), source: &mut std::io::empty() };
            prepare(request, &self.host, &upload)
        };
        let body = |request: &Request<'_>| request.body.map(|(_, body)| body.to_vec()).unwrap_or_default();
        let bodies: Vec<Vec<u8>> = requests.iter().map(body).collect();
        let calls = requests.iter().map(call).collect::<Result<Vec<_>>>()?;
        let calls = calls.into_iter().zip(bodies.iter().map(Vec::as_slice)).collect();
        self.open = false;
        let (stream, unread) = (&mut *self.stream, &mut self.unread);
        let mut wire = Wire { stream, unread, timeout: REQUEST_TIMEOUT, streaming: true, since: Instant::now() };
        let mut answers = Vec::with_capacity(requests.len());
        let ended = wire.pipeline(calls, |answer| answers.push(response(answer)));
        let missed = requests.get(answers.len()).map(|r| format!("{} {}", r.method, short(r.path))).unwrap_or_default();
        let asked = requests.iter().map(|request| request.path.to_owned()).zip(bodies);
        self.ahead.0.extend(asked.zip(answers));
        self.open = ended.map_err(|e| self.failure(e).context(missed))?;
        Ok(())
    }

    /// What was asked for ahead and not taken yet.
    pub fn answers(&self) -> Answers {
        self.ahead.clone()
    }

    fn ask(&mut self, request: &Request<'_>, sink: Option<&mut dyn Write>) -> Result<Response> {
        let (media_type, mut source) = request.body.unwrap_or_default();
        if request.headers.is_empty()
            && sink.is_none()
            && let Some(answer) = self.ahead.0.remove(&(request.path.to_owned(), source.to_vec()))
        {
            return Ok(answer);
        }
        let body = Upload { media_type, length: Some(source.len() as u64), source: &mut source };
        let streaming = sink.is_some();
        self.exchange(request, body, sink, streaming)
    }

    fn exchange(
        &mut self,
        request: &Request<'_>,
        body: Upload<'_>,
        sink: Option<&mut dyn Write>,
        streaming: bool,
    ) -> Result<Response> {
        if !self.open {
            return Err(Error::connect(format!("{}: the connection is closed", self.peer)));
        }
        let call = prepare(request, &self.host, &body)?;
        self.open = false;
        let left = self.until.map_or(request.timeout, |end| end.saturating_duration_since(Instant::now()));
        let (stream, unread, timeout) = (&mut *self.stream, &mut self.unread, request.timeout.min(left));
        let mut wire = Wire { stream, unread, timeout, streaming, since: Instant::now() };
        let (answer, keep_alive) = wire
            .exchange(call, body.source.take(body.length.unwrap_or(u64::MAX)), sink)
            .map_err(|e| self.failure(e).context(format!("{} {}", request.method, short(request.path))))?;
        self.open = keep_alive;
        Ok(response(answer))
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
            WireError::Io(error) => match (&self.tls, tls_error(&error)) {
                (Some((tls, witness)), Some(reason)) => tls.explain(peer, reason, witness),
                _ => Error::connect(format!("{peer}: {error}")),
            },
            WireError::Ours(error) => error.context(peer),
        }
    }
}

fn response(answer: http::Response<Vec<u8>>) -> Response {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = answer.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    Response { status: answer.status().as_u16(), headers, body: answer.into_body() }
}

/// The request as ureq-proto takes it, which refuses what would break out of the head.
fn prepare(request: &Request<'_>, host: &str, body: &Upload<'_>) -> Result<Call<Prepare>> {
    let agent = concat!("kbootstrap/", env!("CARGO_PKG_VERSION"));
    let mut head = http::Request::builder().method(request.method).uri(request.path);
    head = head.header("host", host).header("user-agent", agent);
    if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
        head = head.header("accept", "application/json");
    }
    for (name, value) in request.headers {
        head = head.header(*name, *value);
    }
    if !body.media_type.is_empty() {
        head = head.header("content-type", body.media_type);
    }
    head = match body.length {
        Some(0) if request.method == "GET" => head,
        Some(length) => head.header("content-length", length),
        None => head.header("transfer-encoding", "chunked"),
    };
    let call = head.body(()).ok().and_then(|head| Call::new(head).ok());
    call.ok_or_else(|| Error::internal(format!("{} {:?} cannot be sent as it is", request.method, request.path)))
}

/// The path without its query, for messages: a query can be kilobytes long.
fn short(path: &str) -> &str {
    path.split('?').next().unwrap_or(path)
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
    use std::io;

    use super::*;

    /// Answers with what it was given and remembers what was written to it.
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
        host: [::1]
        user-agent: kbootstrap/X
        accept: application/json

        POST /b HTTP/1.1
        host: [::1]
        user-agent: kbootstrap/X
        accept: application/json
        content-type: text/plain
        content-length: 2

        hi
        ");
    }

    #[test]
    fn what_was_asked_ahead_is_answered_once_and_without_another_way_there() {
        let answers = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nbHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nc";
        let mut told = Vec::new();
        let stream = Script { answers: io::Cursor::new(answers), told: &mut told };
        let mut client = Client::plain(Box::new(stream), "web".into(), "web");
        client.ahead(&["/a".into(), "/b".into()]).unwrap();
        let mut alone = Client::of(client.answers(), "web");
        assert_eq!(alone.send(&Request::new("GET", "/b")).unwrap().text(), "b");
        assert!(alone.send(&Request::new("GET", "/b")).is_err(), "nobody is asked");
        let mut get = |path| client.send(&Request::new("GET", path)).map(|answer| (answer.status, answer.text()));
        assert_eq!(get("/b").unwrap(), (404, "b".into()));
        assert_eq!(get("/a").unwrap(), (200, "a".into()));
        assert_eq!(get("/a").unwrap(), (200, "c".into()), "the second time it is asked again");
        assert!(get("/a").is_err());
        drop(client);
        let told = String::from_utf8(told).unwrap();
        let asked: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("GET ")?.split(' ').next()).collect();
        assert_eq!(asked, ["/a", "/b", "/a", "/a"]);
    }

    #[test]
    fn what_was_sent_ahead_is_told_apart_by_its_body() {
        let answers = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb";
        let mut told = Vec::new();
        let stream = Script { answers: io::Cursor::new(answers), told: &mut told };
        let mut client = Client::plain(Box::new(stream), "etcd".into(), "etcd");
        let post = |body| Request { body: Some(("text/plain", body)), ..Request::new("POST", "/range") };
        client.send_ahead(&[post(b"one"), post(b"two")]).unwrap();
        assert_eq!(client.send(&post(b"two")).unwrap().text(), "b");
        assert_eq!(client.send(&post(b"one")).unwrap().text(), "a");
        assert!(client.send(&post(b"one")).is_err());
        drop(client);
        let told = String::from_utf8(told).unwrap();
        let (first, second) = (told.find("one").unwrap(), told.find("two").unwrap());
        assert!(told[first..second].starts_with("onePOST /range HTTP/1.1\r\n"), "{told}");
    }

    #[test]
    fn a_server_that_closes_in_the_middle_of_what_was_asked_ahead() {
        let mut told = Vec::new();
        let answers = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na";
        let stream = Script { answers: io::Cursor::new(answers), told: &mut told };
        let mut client = Client::plain(Box::new(stream), "web".into(), "web");
        let error = client.ahead(&["/a".into(), "/b".into()]).unwrap_err();
        insta::assert_snapshot!(error, @"GET /b: web: the server closed the connection without an answer");
        assert_eq!(client.send(&Request::new("GET", "/a")).unwrap().text(), "a");
        assert!(client.send(&Request::new("GET", "/b")).is_err());
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

    /// A server that sends chunks of a kilobyte, and looks whether each arrives before the next is made.
    struct Endless {
        head: &'static [u8],
        chunks: usize,
        told: Vec<u8>,
    }
    impl Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let piece = if !self.head.is_empty() {
                std::mem::take(&mut self.head).to_vec()
            } else if self.chunks > 0 {
                self.chunks -= 1;
                [&b"400\r\n"[..], &[7; 1024], b"\r\n"].concat()
            } else {
                b"0\r\n\r\n".to_vec()
            };
            into[..piece.len()].copy_from_slice(&piece);
            Ok(piece.len())
        }
    }
    impl Write for Endless {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.told.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Counts, and remembers the longest piece.
    #[derive(Default)]
    struct Count(usize, usize);
    impl Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            (self.0, self.1) = (self.0 + bytes.len(), self.1.max(bytes.len()));
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_body_that_is_streamed_may_be_larger_than_one_that_is_collected() {
        let server = |status: &'static [u8]| {
            let stream = Endless { head: status, chunks: 70 * 1024, told: Vec::new() };
            Client::plain(Box::new(stream), "web".into(), "web")
        };
        let ok = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (mut client, mut sink) = (server(ok), Count::default());
        let answer = client.download(&Request::new("GET", "/"), &mut sink).unwrap();
        assert_eq!((answer.status, answer.body.len(), sink.0), (200, 0, 70 << 20));
        assert!(sink.1 <= 16 * 1024 && client.is_open(), "{} bytes at once", sink.1);
        let error = server(ok).send(&Request::new("GET", "/")).unwrap_err();
        insta::assert_snapshot!(error, @"GET /: web: the answer is too large (body)");
        // What a failure says is read, not written where the body should go.
        let refused = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
        let (mut client, mut sink) = (server(refused), Count::default());
        assert_eq!(client.download(&Request::new("GET", "/"), &mut sink).unwrap().text(), "no");
        assert_eq!(sink.0, 0);
    }

    #[test]
    fn a_body_is_sent_as_it_is_read() {
        for length in [Some(1 << 20), None] {
            let mut told = Vec::new();
            let answers = io::Cursor::new(&b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"[..]);
            let mut client = Client::plain(Box::new(Script { answers, told: &mut told }), "web".into(), "web");
            let mut source = io::repeat(b'z').take(1 << 20);
            let body = Upload { media_type: "a/b", length, source: &mut source };
            assert_eq!(client.upload(&Request::new("PUT", "/"), body).unwrap().status, 200);
            drop(client);
            assert_eq!(told.iter().filter(|&&byte| byte == b'z').count(), 1 << 20);
            assert_eq!(told.ends_with(b"\r\n0\r\n\r\n"), length.is_none());
        }
        let stream = Endless { head: b"", chunks: 0, told: Vec::new() };
        let mut client = Client::plain(Box::new(stream), "web".into(), "web");
        let body = Upload { media_type: "a/b", length: Some(9), source: &mut &b"four"[..] };
        let error = client.upload(&Request::new("PUT", "/"), body).unwrap_err();
        insta::assert_snapshot!(error, @"PUT /: web: read what a server is to receive: unexpected end of file");
        assert!(!client.is_open());
    }

    #[test]
    fn a_server_that_refuses_a_body_is_heard() {
        struct Refusing(io::Cursor<&'static [u8]>);
        impl Read for Refusing {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                self.0.read(into)
            }
        }
        impl Write for Refusing {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for length in [Some(1 << 40), None] {
            let answer =
                io::Cursor::new(&b"HTTP/1.1 413 Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig"[..]);
            let mut client = Client::plain(Box::new(Refusing(answer)), "web".into(), "web");
            let body = Upload { media_type: "a/b", length, source: &mut io::repeat(b'z') };
            let answer = client.upload(&Request::new("PUT", "/"), body).unwrap();
            assert_eq!((answer.status, answer.text().as_str(), client.is_open()), (413, "big", false));
        }
    }

    #[test]
    fn nothing_slips_into_the_head() {
        let head = |request: &Request<'_>| {
            prepare(request, "h", &Upload { media_type: "", length: Some(0), source: &mut io::empty() })
        };
        for path in ["/a b", "/a\r\nX: y", "/a\n"] {
            assert!(head(&Request::new("GET", path)).is_err(), "{path:?}");
        }
        let headers = [("X", "a\r\nY: b")];
        assert!(head(&Request { headers: &headers, ..Request::new("GET", "/") }).is_err());
        assert_eq!(encode("a b/ü?"), "a%20b%2F%C3%BC%3F");
    }
}
