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
    let stream = Script { answers: io::Cursor::new(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"), told: &mut told };
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
        let answer = io::Cursor::new(&b"HTTP/1.1 413 Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig"[..]);
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
}
