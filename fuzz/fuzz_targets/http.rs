//! What an API server or a member of etcd answers, which may be anybody: an error, or a response within its limit.
#![no_main]

use std::io::{self, Cursor, Read, Write};

use kbootstrap::clients::http::{Client, Request};
use kbootstrap_fuzz::{MIB, within};
use libfuzzer_sys::fuzz_target;

struct Answer(Cursor<Vec<u8>>);

impl Read for Answer {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}
impl Write for Answer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fuzz_target!(|data: &[u8]| {
    let answer = Answer(Cursor::new(data.to_vec()));
    within(16 * data.len() + MIB, || {
        let mut client = Client::plain(Box::new(answer), "n1:6443".into(), "10.0.0.1");
        // One after the other, as on a connection that is kept.
        for _ in 0..3 {
            let Ok(response) = client.send(&Request::new("GET", "/api/v1/nodes")) else { return };
            assert!(response.body.len() <= data.len());
            let _ = response.json();
        }
    });
});
