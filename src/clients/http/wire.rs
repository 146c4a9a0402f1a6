//! HTTP/1.1 over a byte stream: ureq-proto says what the bytes mean (RFC 9112), this moves them, a few at a time.

use std::io::{self, Read, Take, Write};
use std::time::{Duration, Instant};

use ureq_proto::client::state::{Prepare, RecvBody, RecvResponse};
use ureq_proto::client::{Call, RecvBodyResult, RecvResponseResult, SendRequestResult};
use ureq_proto::http::{Response, header};
use ureq_proto::{BodyMode, Error as Malformation};

use crate::error::Error;
use crate::remote::Stream;

/// Larger heads than this are refused.
const MAX_HEAD: usize = 64 * 1024;
/// Larger bodies than this are not collected in memory: no answer of the API comes near it.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// How much is moved at once.
const PIECE: usize = 16 * 1024;
/// A stream that says "nothing yet" without having waited is not asked again at once.
const BREATH: Duration = Duration::from_millis(1);

/// Why no response could be read.
#[derive(Debug)]
pub enum WireError {
    /// The other side closed the connection before the first byte.
    Closed,
    /// It closed the connection in the middle of what is named.
    Truncated(&'static str),
    /// What came is not HTTP/1.1.
    Malformed(String),
    /// What is named is beyond all measure.
    TooLarge(&'static str),
    /// Nothing came in time.
    Timeout,
    /// The stream failed.
    Io(io::Error),
    /// Our own end failed: where the body comes from, or where it goes.
    Ours(Error),
}

impl From<Malformation> for WireError {
    fn from(error: Malformation) -> Self {
        WireError::Malformed(error.to_string())
    }
}

/// A response without its transfer coding, and whether the connection can carry another request.
type Answer = (Response<Vec<u8>>, bool);

/// One exchange on a connection; bytes beyond the response stay in `unread` for the next one.
pub struct Wire<'a> {
    pub stream: &'a mut dyn Stream,
    pub unread: &'a mut Vec<u8>,
    /// From the first byte sent to the last received; where a body is `streaming`, since anything last moved.
    pub timeout: Duration,
    pub streaming: bool,
    /// When it began, or last moved.
    pub since: Instant,
}

impl Wire<'_> {
    /// Sends a request, with a body where its head says so, and reads the response. The body of a success goes into
    /// `sink`, where there is one, instead of memory.
    pub fn exchange(
        &mut self,
        call: Call<Prepare>,
        body: Take<&mut dyn Read>,
        sink: Option<&mut dyn Write>,
    ) -> Result<Answer, WireError> {
        let (call, written) = self.send(call, body)?;
        match (written, self.receive(call, sink)) {
            // A server that refuses closes while we still write; its reason is what it sent before.
            (_, Ok(answer)) => Ok(answer),
            (Err(WireError::Io(first)), Err(second)) if tls_error(&first).is_some() || !tells(&second) => {
                Err(WireError::Io(first))
            }
            (_, Err(error)) => Err(error),
        }
    }

    /// Sends requests with their bodies one after the other, and only then reads their responses, which come in the same
    /// order (pipelining, RFC 9112 §9.3.2). Each goes to `take`; whether the connection can carry more is returned.
    pub fn pipeline(
        &mut self,
        calls: Vec<(Call<Prepare>, &[u8])>,
        mut take: impl FnMut(Response<Vec<u8>>),
    ) -> Result<bool, WireError> {
        let mut sent = Vec::with_capacity(calls.len());
        for (call, mut body) in calls {
            let length = body.len() as u64;
            let body: &mut dyn Read = &mut body;
            let (call, written) = self.send(call, body.take(length))?;
            written?;
            sent.push(call);
        }
        let mut keep_alive = true;
        for call in sent {
            if !keep_alive {
                return Err(WireError::Closed);
            }
            let (answer, more) = self.receive(call, None)?;
            keep_alive = more;
            take(answer);
        }
        Ok(keep_alive)
    }

    /// Whether everything could be written is for later: the answer may say why not.
    fn send(
        &mut self,
        call: Call<Prepare>,
        mut body: Take<&mut dyn Read>,
    ) -> Result<(Call<RecvResponse>, Result<(), WireError>), WireError> {
        let headers = call.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
        let path = call.uri().path_and_query().map_or(0, |path| path.as_str().len());
        let mut out = vec![0; headers.sum::<usize>() + path + PIECE];
        let mut call = call.proceed();
        let mut filled = call.write(&mut out)?;
        let mut call = match call.proceed()? {
            Some(SendRequestResult::SendBody(call)) => call,
            Some(SendRequestResult::RecvResponse(call)) => return Ok((call, self.write_all(&out[..filled]))),
            Some(SendRequestResult::Await100(_)) | None => {
                return Err(WireError::Ours(Error::internal("a request cannot be sent as it is")));
            }
        };
        let mut piece = vec![0; PIECE];
        let mut written = Ok(());
        while !call.can_proceed() {
            let count = body.read(&mut piece).map_err(|e| ours("read what a server is to receive", &e))?;
            if count == 0 && !call.is_chunked() {
                return Err(ours("read what a server is to receive", &io::ErrorKind::UnexpectedEof.into()));
            }
            let mut rest = &piece[..count];
            loop {
                let (used, made) = call.write(rest, &mut out[filled..])?;
                written = self.write_all(&out[..filled + made]);
                (rest, filled) = (&rest[used..], 0);
                if rest.is_empty() || written.is_err() {
                    break;
                }
            }
            if written.is_err() && call.is_chunked() {
                call.write(&[], &mut out)?;
            } else if written.is_err() {
                call.consume_direct_write(rest.len() + body.limit() as usize)?;
            }
        }
        let call = call.proceed().ok_or_else(|| WireError::Ours(Error::internal("a body did not end")))?;
        Ok((call, written))
    }

    fn receive(&mut self, mut call: Call<RecvResponse>, sink: Option<&mut dyn Write>) -> Result<Answer, WireError> {
        let head = self.head(&mut call)?;
        let sink = sink.filter(|_| head.status().is_success());
        let (body, keep_alive) = match call.proceed() {
            Some(RecvResponseResult::RecvBody(call)) => self.body(call, sink)?,
            Some(RecvResponseResult::Redirect(call)) => (Vec::new(), !call.must_close_connection()),
            Some(RecvResponseResult::Cleanup(call)) => (Vec::new(), !call.must_close_connection()),
            None => (Vec::new(), false),
        };
        Ok((head.map(|()| body), keep_alive))
    }

    /// The head of the final response; interim ones (1xx) are passed over.
    fn head(&mut self, call: &mut Call<RecvResponse>) -> Result<Response<()>, WireError> {
        loop {
            let parsed = call.try_response(self.unread, false);
            let (used, response) = parsed.map_err(|error| malformed(error, self.unread))?;
            self.unread.drain(..used);
            if let Some(response) = response {
                let mut codings = response.headers().get_all(header::TRANSFER_ENCODING).iter();
                return match codings.find(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked")) {
                    Some(coding) => Err(WireError::Malformed(format!("transfer coding {coding:?}"))),
                    None => Ok(response),
                };
            }
            if self.unread.len() > MAX_HEAD {
                return Err(WireError::TooLarge("head"));
            }
            let fresh = self.unread.is_empty();
            if used == 0 && self.fill()? == 0 {
                return Err(if fresh { WireError::Closed } else { WireError::Truncated("head") });
            }
        }
    }

    /// Reads a body to its end, into `sink` or memory; and whether the connection can carry another request.
    fn body(
        &mut self,
        mut call: Call<RecvBody>,
        mut sink: Option<&mut dyn Write>,
    ) -> Result<(Vec<u8>, bool), WireError> {
        call.stop_on_chunk_boundary(true);
        let mut body = Vec::new();
        let mut piece = vec![0; PIECE];
        let mode = call.body_mode();
        if sink.is_none() && matches!(mode, BodyMode::LengthDelimited(length) if length > MAX_BODY as u64) {
            return Err(WireError::TooLarge("body"));
        }
        while mode == BodyMode::CloseDelimited || !call.can_proceed() {
            // ureq-proto would take a sign before a chunk's size.
            if let Some(first) = self.unread.first().filter(|first| !first.is_ascii_hexdigit())
                && call.is_on_chunk_boundary()
            {
                return Err(WireError::Malformed(format!("a chunk's size begins with {:?}", char::from(*first))));
            }
            let (used, made) = call.read(self.unread, &mut piece)?;
            self.unread.drain(..used);
            match &mut sink {
                Some(sink) => sink.write_all(&piece[..made]).map_err(|e| ours("write what a server sends", &e))?,
                None => body.extend_from_slice(&piece[..made]),
            }
            if body.len() > MAX_BODY || self.unread.len() > MAX_HEAD {
                return Err(WireError::TooLarge("body"));
            }
            if used == 0 && self.fill()? == 0 {
                match mode {
                    BodyMode::CloseDelimited => break,
                    BodyMode::Chunked if call.is_ended_chunked() => return Err(WireError::Truncated("trailer")),
                    BodyMode::Chunked => return Err(WireError::Truncated("chunk")),
                    _ => return Err(WireError::Truncated("body")),
                }
            }
        }
        let keep_alive = match call.proceed() {
            Some(RecvBodyResult::Redirect(call)) => !call.must_close_connection(),
            Some(RecvBodyResult::Cleanup(call)) => !call.must_close_connection(),
            None => false,
        };
        Ok((body, keep_alive))
    }

    /// Takes more bytes from the stream; 0 when the other side is done.
    fn fill(&mut self) -> Result<usize, WireError> {
        let mut piece = [0; PIECE];
        match self.patiently(|stream| stream.read(&mut piece)) {
            Ok(count) => {
                self.unread.extend_from_slice(&piece[..count]);
                Ok(count)
            }
            // TLS that ends without close_notify; what it means is decided by where it happens.
            Err(WireError::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            Err(error) => Err(error),
        }
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), WireError> {
        while !bytes.is_empty() {
            match self.patiently(|stream| stream.write(bytes))? {
                0 => return Err(WireError::Io(io::ErrorKind::WriteZero.into())),
                count => bytes = &bytes[count..],
            }
        }
        self.patiently(|stream| stream.flush().map(|()| 0)).map(drop)
    }

    /// Repeats a call until it is through or there is no time left.
    fn patiently(&mut self, mut call: impl FnMut(&mut dyn Stream) -> io::Result<usize>) -> Result<usize, WireError> {
        while self.since.elapsed() < self.timeout {
            match call(self.stream) {
                Ok(count) => {
                    if self.streaming && count > 0 {
                        self.since = Instant::now();
                    }
                    return Ok(count);
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => std::thread::sleep(BREATH),
                    _ => return Err(WireError::Io(error)),
                },
            }
        }
        Err(WireError::Timeout)
    }
}

/// The TLS failure in a stream's error, where it is one.
pub fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Whether the error says more than that the connection is gone.
fn tells(error: &WireError) -> bool {
    match error {
        WireError::Io(error) => tls_error(error).is_some(),
        WireError::Closed | WireError::Timeout => false,
        _ => true,
    }
}

fn ours(what: &str, error: &io::Error) -> WireError {
    WireError::Ours(Error::io(what, error))
}

/// What was not understood, with its beginning.
fn malformed(error: Malformation, bytes: &[u8]) -> WireError {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]);
    let why = match error {
        Malformation::HttpParseFail(why) => why,
        other => other.to_string(),
    };
    WireError::Malformed(format!("{why}: {:?}", text.lines().next().unwrap_or_default()))
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
