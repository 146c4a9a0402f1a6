//! Responses in pieces of every size, cut off, endless, and none at all.

use super::*;

/// Gives the bytes in pieces of some size, and takes whatever is written.
struct Drip<'a>(&'a [u8], usize);
impl Read for Drip<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(into.len()).min(self.0.len());
        into[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}
impl Write for Drip<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The answer to a GET.
fn get(stream: &mut dyn Stream, unread: &mut Vec<u8>, timeout: Duration) -> Result<Answer, WireError> {
    let call = Call::new(ureq_proto::http::Request::get("/").header("host", "web").body(()).unwrap()).unwrap();
    let mut nothing: &[u8] = &[];
    let body = (&mut nothing as &mut dyn Read).take(0);
    Wire { stream, unread, timeout, streaming: false, since: Instant::now() }.exchange(call, body, None)
}

const SOON: Duration = Duration::from_secs(5);

/// All responses in `bytes`, read in pieces of every size.
fn read(bytes: &[u8], count: usize) -> Result<Vec<Answer>, WireError> {
    let mut results = [1, 2, 3, 7, PIECE].map(|step| {
        let (mut stream, mut unread) = (Drip(bytes, step), Vec::new());
        (0..count).map(|_| get(&mut stream, &mut unread, SOON)).collect::<Result<Vec<_>, _>>()
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
    assert_eq!((both[0].0.status().as_u16(), both[0].0.body().as_slice(), both[0].1), (200, &b"ok"[..], true));
    assert!(both[0].0.headers()["x-a"] == "b");
    assert_eq!((both[1].0.status().as_u16(), both[1].0.body().as_slice(), both[1].1), (404, &b""[..], false));
    assert!(matches!(read(bytes, 3), Err(WireError::Closed)));
}

#[test]
fn chunks_extensions_and_trailers() {
    let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;a=b\r\nwiki\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    let both = read(bytes, 2).unwrap();
    assert_eq!(both[0].0.body(), b"wiki0123456789");
    assert!(both[0].1);
    assert_eq!(both[1].0.status().as_u16(), 204);
}

#[test]
fn interim_responses_are_skipped() {
    let one = read(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx", 1).unwrap();
    assert_eq!((one[0].0.status().as_u16(), one[0].0.body().as_slice()), (201, &b"x"[..]));
}

#[test]
fn without_a_length_the_body_ends_with_the_connection() {
    let one = read(b"HTTP/1.0 200 OK\r\n\r\nall of it", 1).unwrap();
    assert_eq!((one[0].0.body().as_slice(), one[0].1), (&b"all of it"[..], false));
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
            "Malformed(\"conflicting content-length headers: \\\"HTTP/1.1 200 OK\\\"\")",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "Malformed(\"content-length header not a number: \\\"HTTP/1.1 200 OK\\\"\")",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "TooLarge(\"body\")"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+4\r\nwiki",
            "Malformed(\"a chunk's size begins with '+'\")",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nwiki\r\n",
            "Malformed(\"chunk expected crlf as next character\")",
        ),
    ] {
        // How much of a foreign protocol is quoted depends on the pieces: one piece here.
        let error = get(&mut Drip(bytes, PIECE), &mut Vec::new(), SOON).unwrap_err();
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
    impl Write for Silent {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let began = Instant::now();
    let error = get(&mut Silent, &mut Vec::new(), Duration::from_millis(20)).unwrap_err();
    assert!(matches!(error, WireError::Timeout));
    assert!(began.elapsed() >= Duration::from_millis(20));
}

#[test]
fn what_is_too_large_is_refused_before_it_fills_the_memory() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let heads = [&b"HTTP/1.1 200 OK\r\nX: "[..], chunked, &[chunked, &b"2\r\nhi"[..]].concat()];
    for head in heads {
        let endless = [head, &vec![b'1'; 2 * MAX_HEAD]].concat();
        let mut unread = Vec::new();
        assert!(get(&mut Drip(&endless, PIECE), &mut unread, SOON).is_err(), "{head:?}");
        assert!(unread.len() <= MAX_HEAD + PIECE, "{} bytes kept", unread.len());
    }
}
