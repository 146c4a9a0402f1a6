//! HTTP/1.1 as it comes off the wire (RFC 9112): one response at a time, however it is cut into reads.

use std::io::{self, Read};
use std::time::{Duration, Instant};

/// Larger heads than this are refused.
const MAX_HEAD: usize = 64 * 1024;
/// Larger bodies than this are refused: nothing that we ask for comes near it.
const MAX_BODY: usize = 64 * 1024 * 1024;
const MAX_HEADERS: usize = 100;
/// How much is asked of the stream at once.
const READ_SIZE: usize = 16 * 1024;
/// A stream that says "nothing yet" without having waited is not asked again at once.
const BREATH: Duration = Duration::from_millis(1);

/// A response as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// Status code.
    pub status: u16,
    /// Header names in lower case, and their values.
    pub headers: Vec<(String, String)>,
    /// The body without its transfer coding.
    pub body: Vec<u8>,
    /// Whether the connection can carry another request.
    pub keep_alive: bool,
}

/// Why no response could be read.
#[derive(Debug)]
pub enum WireError {
    /// The other side closed the connection before the first byte.
    Closed,
    /// It closed the connection in the middle of what is named.
    Truncated(&'static str),
    /// What came is not HTTP/1.1.
    Malformed(String),
    /// The head or the body is beyond all measure.
    TooLarge(&'static str),
    /// Nothing came in time.
    Timeout,
    /// The stream failed.
    Io(io::Error),
}

/// What stands before a body.
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    http11: bool,
}

/// How the end of a body is found (RFC 9112 §6.3).
#[derive(Debug, PartialEq, Eq)]
enum Framing {
    None,
    Length(usize),
    Chunked,
    UntilClose,
}

/// Reads responses from a stream; bytes beyond a response stay in `buffer` for the next one.
pub struct Reader<'a> {
    stream: &'a mut dyn Read,
    buffer: &'a mut Vec<u8>,
    deadline: Instant,
}

impl<'a> Reader<'a> {
    /// Reads until `deadline` at the latest, as far as the stream lets go of the thread.
    pub fn new(stream: &'a mut dyn Read, buffer: &'a mut Vec<u8>, deadline: Instant) -> Self {
        Reader { stream, buffer, deadline }
    }

    /// The response to a request other than HEAD and CONNECT. Interim responses (1xx) are skipped.
    pub fn response(&mut self) -> Result<Raw, WireError> {
        let head = loop {
            let head = self.head()?;
            if !(100..200).contains(&head.status) {
                break head;
            }
        };
        let framing = framing(&head)?;
        let body = self.body(&framing)?;
        let keep_alive = framing != Framing::UntilClose && keeps_alive(&head);
        Ok(Raw { status: head.status, headers: head.headers, body, keep_alive })
    }

    fn head(&mut self) -> Result<Head, WireError> {
        loop {
            if !self.buffer.is_empty()
                && let Some((head, length)) = parse_head(self.buffer)?
            {
                self.buffer.drain(..length);
                return Ok(head);
            }
            if self.buffer.len() > MAX_HEAD {
                return Err(WireError::TooLarge("head"));
            }
            let fresh = self.buffer.is_empty();
            if self.fill()? == 0 {
                return Err(if fresh { WireError::Closed } else { WireError::Truncated("head") });
            }
        }
    }

    fn body(&mut self, framing: &Framing) -> Result<Vec<u8>, WireError> {
        match *framing {
            Framing::None => Ok(Vec::new()),
            Framing::Length(length) => self.exactly(length, "body"),
            Framing::Chunked => self.chunked(),
            Framing::UntilClose => self.rest(),
        }
    }

    fn exactly(&mut self, length: usize, what: &'static str) -> Result<Vec<u8>, WireError> {
        if length > MAX_BODY {
            return Err(WireError::TooLarge("body"));
        }
        while self.buffer.len() < length {
            if self.fill()? == 0 {
                return Err(WireError::Truncated(what));
            }
        }
        Ok(self.buffer.drain(..length).collect())
    }

    fn rest(&mut self) -> Result<Vec<u8>, WireError> {
        while self.fill()? != 0 {
            if self.buffer.len() > MAX_BODY {
                return Err(WireError::TooLarge("body"));
            }
        }
        Ok(std::mem::take(self.buffer))
    }

    fn chunked(&mut self) -> Result<Vec<u8>, WireError> {
        let mut body = Vec::new();
        loop {
            let line = self.line("chunk")?;
            let size = chunk_size(&line)?;
            if size == 0 {
                break;
            }
            if body.len().saturating_add(size) > MAX_BODY {
                return Err(WireError::TooLarge("body"));
            }
            body.append(&mut self.exactly(size, "chunk")?);
            if self.exactly(2, "chunk")? != b"\r\n" {
                return Err(WireError::Malformed("a chunk is longer than its size says".into()));
            }
        }
        while !self.line("trailer")?.is_empty() {}
        Ok(body)
    }

    /// One line without its end.
    fn line(&mut self, what: &'static str) -> Result<Vec<u8>, WireError> {
        loop {
            if let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') {
                let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
            if self.buffer.len() > MAX_HEAD {
                return Err(WireError::TooLarge(what));
            }
            if self.fill()? == 0 {
                return Err(WireError::Truncated(what));
            }
        }
    }

    /// Takes more bytes from the stream; 0 when the other side is done.
    fn fill(&mut self) -> Result<usize, WireError> {
        let start = self.buffer.len();
        loop {
            if Instant::now() >= self.deadline {
                return Err(WireError::Timeout);
            }
            self.buffer.resize(start + READ_SIZE, 0);
            let outcome = self.stream.read(&mut self.buffer[start..]);
            self.buffer.truncate(start + *outcome.as_ref().unwrap_or(&0));
            match outcome {
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => std::thread::sleep(BREATH),
                // TLS that ends without close_notify; what it means is decided by where it happens.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                Err(error) => return Err(WireError::Io(error)),
            }
        }
    }
}

/// Writes all of `bytes` until `deadline` at the latest.
pub fn write_all(stream: &mut dyn io::Write, mut bytes: &[u8], deadline: Instant) -> Result<(), WireError> {
    loop {
        let outcome = if bytes.is_empty() { stream.flush().map(|()| 0) } else { stream.write(bytes) };
        match outcome {
            Ok(_) if bytes.is_empty() => return Ok(()),
            Ok(0) => return Err(WireError::Io(io::ErrorKind::WriteZero.into())),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_timeout(&error) => {
                if Instant::now() >= deadline {
                    return Err(WireError::Timeout);
                }
                std::thread::sleep(BREATH);
            }
            Err(error) => return Err(WireError::Io(error)),
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// The head and its length in bytes; none while it is incomplete.
fn parse_head(bytes: &[u8]) -> Result<Option<(Head, usize)>, WireError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(WireError::Malformed(format!("{error}: {}", excerpt(bytes)))),
    };
    let headers = response
        .headers
        .iter()
        .map(|header| (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).trim().to_owned()));
    let head = Head {
        status: response.code.unwrap_or_default(),
        headers: headers.collect(),
        http11: response.version == Some(1),
    };
    Ok(Some((head, length)))
}

/// The beginning of something that was not understood, fit for a message.
fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]);
    format!("{:?}", text.lines().next().unwrap_or_default())
}

fn framing(head: &Head) -> Result<Framing, WireError> {
    if head.status == 204 || head.status == 304 {
        return Ok(Framing::None);
    }
    if let Some(coding) = value(head, "transfer-encoding") {
        return if coding.eq_ignore_ascii_case("chunked") {
            Ok(Framing::Chunked)
        } else {
            Err(WireError::Malformed(format!("transfer coding {coding:?}")))
        };
    }
    let mut lengths = head.headers.iter().filter(|(name, _)| name == "content-length").map(|(_, value)| value);
    let Some(length) = lengths.next() else { return Ok(Framing::UntilClose) };
    if lengths.any(|other| other != length) {
        return Err(WireError::Malformed("two different lengths of one body".into()));
    }
    length.parse().map(Framing::Length).map_err(|_| WireError::Malformed(format!("content length {length:?}")))
}

fn keeps_alive(head: &Head) -> bool {
    match value(head, "connection") {
        Some(options) => {
            let has = |word: &str| options.split(',').any(|option| option.trim().eq_ignore_ascii_case(word));
            !has("close") && (head.http11 || has("keep-alive"))
        }
        None => head.http11,
    }
}

fn value<'h>(head: &'h Head, name: &str) -> Option<&'h str> {
    head.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// The size in a chunk's first line, extensions ignored.
fn chunk_size(line: &[u8]) -> Result<usize, WireError> {
    let text = String::from_utf8_lossy(line);
    let digits = text.split(';').next().unwrap_or_default().trim();
    // from_str_radix alone would take a sign.
    let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let size = if valid { usize::from_str_radix(digits, 16).ok() } else { None };
    size.ok_or_else(|| WireError::Malformed(format!("chunk size {digits:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives the bytes in pieces of `step`.
    struct Drip<'a>(&'a [u8], usize);
    impl Read for Drip<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(into.len()).min(self.0.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    /// All responses in `bytes`, read in pieces of every size.
    fn read(bytes: &[u8], count: usize) -> Result<Vec<Raw>, WireError> {
        let mut results = [1, 2, 3, 7, READ_SIZE].map(|step| {
            let (mut stream, mut buffer) = (Drip(bytes, step), Vec::new());
            (0..count).map(|_| Reader::new(&mut stream, &mut buffer, soon()).response()).collect::<Result<Vec<_>, _>>()
        });
        let last = std::mem::replace(&mut results[4], Err(WireError::Closed));
        for result in &results[..4] {
            assert_eq!(format!("{result:?}"), format!("{last:?}"), "depends on how the stream is cut");
        }
        last
    }

    #[test]
    fn responses_follow_one_another_on_one_connection() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A:  b \r\n\r\nokHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let both = read(bytes, 2).unwrap();
        assert_eq!((both[0].status, both[0].body.as_slice(), both[0].keep_alive), (200, &b"ok"[..], true));
        assert!(both[0].headers.contains(&("x-a".into(), "b".into())));
        assert_eq!((both[1].status, both[1].body.as_slice(), both[1].keep_alive), (404, &b""[..], false));
        assert!(matches!(read(bytes, 3), Err(WireError::Closed)));
    }

    #[test]
    fn chunks_extensions_and_trailers() {
        let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;a=b\r\nwiki\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
        let both = read(bytes, 2).unwrap();
        assert_eq!(both[0].body, b"wiki0123456789");
        assert!(both[0].keep_alive);
        assert_eq!(both[1].status, 204);
    }

    #[test]
    fn interim_responses_are_skipped() {
        let one = read(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx", 1).unwrap();
        assert_eq!((one[0].status, one[0].body.as_slice()), (201, &b"x"[..]));
    }

    #[test]
    fn without_a_length_the_body_ends_with_the_connection() {
        let one = read(b"HTTP/1.0 200 OK\r\n\r\nall of it", 1).unwrap();
        assert_eq!((one[0].body.as_slice(), one[0].keep_alive), (&b"all of it"[..], false));
    }

    #[test]
    fn what_is_cut_off_is_told() {
        for (bytes, what) in [
            (&b"HTTP/1.1 200 O"[..], "Truncated(\"head\")"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfour", "Truncated(\"body\")"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nfour", "Truncated(\"chunk\")"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "Truncated(\"trailer\")"),
            (b"", "Closed"),
        ] {
            assert_eq!(format!("{:?}", read(bytes, 1).unwrap_err()), what);
        }
    }

    #[test]
    fn what_is_not_http_is_refused() {
        for (bytes, what) in [
            (&b"SSH-2.0-OpenSSH_9.2\r\n"[..], "Malformed(\"invalid HTTP version: \\\"SSH-2.0-OpenSSH_9.2\\\"\")"),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
                "Malformed(\"two different lengths of one body\")",
            ),
            (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "Malformed(\"content length \\\"-1\\\"\")"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "TooLarge(\"body\")"),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+4\r\nwiki",
                "Malformed(\"chunk size \\\"+4\\\"\")",
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nwiki\r\n",
                "Malformed(\"a chunk is longer than its size says\")",
            ),
        ] {
            // How much of a foreign protocol is quoted depends on the pieces: one piece here.
            let (mut stream, mut buffer) = (Drip(bytes, READ_SIZE), Vec::new());
            let error = Reader::new(&mut stream, &mut buffer, soon()).response().unwrap_err();
            assert_eq!(format!("{error:?}"), what);
        }
    }

    #[test]
    fn a_silent_stream_is_given_up_at_the_deadline() {
        struct Silent;
        impl Read for Silent {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::WouldBlock.into())
            }
        }
        let deadline = Instant::now() + Duration::from_millis(20);
        let error = Reader::new(&mut Silent, &mut Vec::new(), deadline).response().unwrap_err();
        assert!(matches!(error, WireError::Timeout));
        assert!(Instant::now() >= deadline);
    }
}
