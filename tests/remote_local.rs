//! This machine as a host: the same meaning as over SSH.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use kbootstrap::error::Kind;
use kbootstrap::remote::{Connect, Connector, Interrupt, Operator, Target, Transport, Via};
use rustix::process::getuid;

fn here(interrupt: Interrupt) -> Box<dyn Transport> {
    assert!(getuid().is_root(), "to run scripts on this machine as on a host needs root");
    let connector = Connector::silent(Operator::default(), interrupt);
    connector.connect(&Target { name: "here".into(), via: Via::Local }).unwrap()
}

#[test]
fn status_streams_and_stdin() {
    let mut host = here(Interrupt::new());
    let output = host.run("pwd; cat; echo words >&2; exit 9", &mut &b"payload"[..]).unwrap();
    assert_eq!(
        (output.status, output.stdout.as_slice(), output.stderr.as_slice()),
        (9, &b"/\npayload"[..], &b"words\n"[..])
    );
    assert_eq!(host.run("exit 3", &mut io::repeat(0).take(10 << 20)).unwrap().status, 3);
    let output = host.run("head -c 3000000 /dev/zero >&2; cat", &mut io::repeat(1).take(3_000_000)).unwrap();
    assert_eq!((output.stdout.len(), output.stderr.len()), (3_000_000, 65536));
}

#[test]
fn a_killed_shell_is_no_success() {
    let mut host = here(Interrupt::new());
    let error = host.run("echo words >&2; kill -9 $$", &mut io::empty()).unwrap_err();
    assert_eq!(error.kind, Kind::Connect);
    assert!(error.details[0].starts_with("words"), "{error:?}");
}

#[test]
fn what_is_left_in_the_background_lives_on_and_is_not_waited_for() {
    let mut host = here(Interrupt::new());
    let start = Instant::now();
    let output = host.run("sleep 15 & echo $!", &mut io::empty()).unwrap();
    assert!(start.elapsed() < Duration::from_secs(5));
    let id = String::from_utf8(output.stdout).unwrap();
    assert_eq!(host.run(&format!("kill {id}"), &mut io::empty()).unwrap().status, 0);
}

#[test]
fn an_interrupt_ends_the_script_and_what_it_started() {
    let interrupt = Interrupt::new();
    let mut host = here(interrupt.clone());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("id");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !std::fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n')) {
                std::thread::sleep(Duration::from_millis(10));
            }
            interrupt.raise();
        });
        let script = format!("sh -c 'echo $$ > {}; exec sleep 60'", file.display());
        let error = host.run(&script, &mut io::empty()).unwrap_err();
        assert_eq!(error.kind, Kind::Interrupted);
    });
    let id = std::fs::read_to_string(&file).unwrap();
    let until = Instant::now() + Duration::from_secs(5);
    while std::path::Path::new(&format!("/proc/{}/exe", id.trim())).read_link().is_ok() {
        assert!(Instant::now() < until, "the script still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
}
