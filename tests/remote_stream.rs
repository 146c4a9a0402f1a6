//! Streams of any size through a host: what goes in and what comes out is in flight, never collected.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kbootstrap::remote::{Connect, Connector, Interrupt, Operator, Target, Transport, Via};
use kbootstrap::secret::Secret;

use crate::common::sshd::{ASKED, PASSWORD, Sshd, connect, silent};

/// More than all windows, pipes and buffers between the two ends hold together.
const IN_FLIGHT: usize = 12 << 20;
/// No divisor of any buffer's size, so that a piece which is lost, doubled or moved is noticed.
const PERIOD: usize = 65_521;

fn pattern() -> Vec<u8> {
    (0..PERIOD).map(|n| (n * 31 + n / 256) as u8).collect()
}

/// Gives so many bytes of the pattern, and tells how many it gave.
struct Source {
    pattern: Vec<u8>,
    left: usize,
    given: Arc<AtomicUsize>,
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let at = self.given.load(Ordering::SeqCst) % PERIOD;
        let count = into.len().min(self.left).min(PERIOD - at);
        into[..count].copy_from_slice(&self.pattern[at..at + count]);
        self.left -= count;
        self.given.fetch_add(count, Ordering::SeqCst);
        Ok(count)
    }
}

/// Compares with the pattern what comes, and how far it is behind.
struct Sink {
    pattern: Vec<u8>,
    taken: usize,
    given: Arc<AtomicUsize>,
    behind: usize,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let at = self.taken % PERIOD;
        let count = bytes.len().min(PERIOD - at);
        assert!(bytes[..count] == self.pattern[at..at + count], "other bytes came after {}", self.taken);
        self.behind = self.behind.max(self.given.load(Ordering::SeqCst) - self.taken);
        self.taken += count;
        Ok(count)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Everything goes to the host and comes back, and at no time is more than a little of it under way.
fn there_and_back(host: &mut dyn Transport, size: usize) {
    let given = Arc::new(AtomicUsize::new(0));
    let mut source = Source { pattern: pattern(), left: size, given: given.clone() };
    let mut sink = Sink { pattern: pattern(), taken: 0, given, behind: 0 };
    let output = host.stream("cat; echo words >&2; exit 5", &mut source, &mut sink).unwrap();
    assert_eq!((output.status, output.stdout.len(), output.stderr.as_slice()), (5, 0, &b"words\n"[..]));
    assert_eq!(sink.taken, size);
    assert!(sink.behind < IN_FLIGHT, "{} bytes were held", sink.behind);
}

#[test]
fn hundreds_of_megabytes_over_ssh() {
    there_and_back(&mut *Sshd::start().transport(), 300 << 20);
}

#[test]
fn hundreds_of_megabytes_through_sudo_with_a_password() {
    let sshd = Sshd::start();
    let connector = silent().with_sudo_password(ASKED, Secret::new(PASSWORD));
    there_and_back(&mut *connect(&connector, sshd.ssh_target_of(ASKED)).unwrap(), 100 << 20);
}

#[test]
fn hundreds_of_megabytes_on_this_machine() {
    let connector = Connector::silent(Operator::default(), Interrupt::new());
    let mut host = connector.connect(&Target { name: "here".into(), via: Via::Local }).unwrap();
    there_and_back(&mut *host, 300 << 20);
}

#[test]
fn a_writer_that_fails_ends_the_script_and_says_why() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let sshd = Sshd::start();
    let mut host = sshd.transport();
    let error = host.stream("cat /dev/zero", &mut io::empty(), &mut Full).unwrap_err();
    insta::assert_snapshot!(error, @"writing what a host sends: no storage space");
    assert!(!host.is_usable(), "what is left of the output would be taken for that of the next script");
}
