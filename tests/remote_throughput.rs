//! How fast bytes reach a host, beside OpenSSH's own client. Run it by itself, in release mode:
//! `cargo test --release --test integration throughput -- --ignored --nocapture`

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::sshd::{Sshd, connect, silent};

const SIZE: u64 = 300 << 20;
const ROUNDS: usize = 5;

#[test]
#[ignore = "a measurement, on a machine with nothing else to do: make test-long"]
fn throughput() {
    let sshd = Sshd::start();
    let source = sshd.path("source");
    std::io::copy(&mut File::open("/dev/urandom").unwrap().take(SIZE), &mut File::create(&source).unwrap()).unwrap();
    for sink in ["/dev/null".to_owned(), sshd.path("sink").display().to_string()] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(timed(|| push(&sshd, &source, &sink)));
            theirs.push(timed(|| plain_ssh(&sshd, &source, &sink)));
            if sink != "/dev/null" {
                assert_eq!(fs::metadata(&sink).unwrap().len(), SIZE);
            }
        }
        report(&sink, median(ours), median(theirs));
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Connecting is part of both.
fn push(sshd: &Sshd, source: &Path, sink: &str) {
    let mut host = connect(&silent(), sshd.ssh_target()).unwrap();
    let output = host.run(&format!("cat > {sink}"), &mut File::open(source).unwrap()).unwrap();
    assert_eq!(output.status, 0);
}

fn plain_ssh(sshd: &Sshd, source: &Path, sink: &str) {
    let option = |name: &str, value: String| ["-o".to_owned(), format!("{name}={value}")];
    let status = Command::new("ssh")
        .args(["-F", "none", "-p", &sshd.port.to_string(), "-i"])
        .arg(sshd.path("client"))
        .args(option("UserKnownHostsFile", sshd.path("known_hosts").display().to_string()))
        .args(option("IdentitiesOnly", "yes".into()))
        .args(["root@127.0.0.1", &format!("cat > {sink}")])
        .stdin(Stdio::from(File::open(source).unwrap()))
        .status()
        .unwrap();
    assert!(status.success());
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn report(sink: &str, ours: Duration, theirs: Duration) {
    let rate = |time: Duration| SIZE as f64 / 1e6 / time.as_secs_f64();
    let sink = if sink == "/dev/null" { sink } else { "a file" };
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    let line = format!("to {sink}: ours {:.0} MB/s, ssh {:.0} MB/s, ratio {ratio:.2}\n", rate(ours), rate(theirs));
    std::io::stdout().write_all(line.as_bytes()).unwrap();
    assert!(ratio > 0.5, "less than half as fast as ssh: {line}");
}
