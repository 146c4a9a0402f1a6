//! The client: requests over one kept-alive connection, failures reported with the peer's name.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::message::{REQUEST_TIMEOUT, Request, Response, Upload, prepare, response, short};
use super::tls::{Identity, Tls};
use super::wire::{Wire, WireError, tls_error};
use crate::certs::tls::Witness;
use crate::error::{Error, Result};
use crate::remote::{Stream, Transport};
use crate::text::bracketed;

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

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
