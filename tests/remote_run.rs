//! Scripts over SSH: what comes back is what happened.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use kbootstrap::error::Kind;
use kbootstrap::remote::{Connector, Interrupt, Operator, Output, Transport};

use crate::artifacts_fixture::sha256;
use crate::common::sshd::{Sshd, connect};

fn run(transport: &mut dyn Transport, script: &str) -> Output {
    transport.run(script, &mut io::empty()).unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn status_and_streams_are_the_scripts_own() {
    let sshd = Sshd::start();
    let mut host = sshd.transport();
    let output = run(&mut *host, "echo out; echo err >&2; printf 'no newline'; exit 7");
    assert_eq!((output.status, text(&output.stdout), text(&output.stderr)), (7, "out\nno newline", "err\n"));
    assert_eq!(run(&mut *host, "true"), Output::default());
    assert_eq!(run(&mut *host, "set -eu; false; echo unreached").status, 1);
    assert_eq!(run(&mut *host, "if then").status, 2, "a syntax error is the script's failure");
    let output = run(&mut *host, "id -u; pwd; umask; echo $LC_ALL; command -v ip >/dev/null || command -v sysctl");
    assert!(text(&output.stdout).starts_with("0\n/\n0022\nC\n"), "{output:?}");
}

#[test]
fn a_killed_script_is_no_success() {
    let sshd = Sshd::start();
    let mut host = sshd.transport();
    assert_eq!(run(&mut *host, "sh -c 'kill -9 $$'").status, 137);
    let error = host.run("echo last words >&2; kill -9 $$", &mut io::empty()).unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (Kind::Connect, "web1: connection lost while running a script"));
    assert_eq!(error.details, ["it was killed by SIGKILL", "last words"]);
    assert_eq!(run(&mut *host, "echo still here").stdout, b"still here\n", "the session goes on");
}

#[test]
fn silence_is_no_loss_as_long_as_the_host_answers() {
    let sshd = Sshd::start();
    assert_eq!(run(&mut *sshd.transport(), "sleep 12; exit 4").status, 4);
}

#[test]
fn a_channel_that_the_server_closes_is_no_success() {
    let sshd = Sshd::with("ChannelTimeout session:*=1");
    let error = sshd.transport().run("sleep 30", &mut io::empty()).unwrap_err();
    assert_eq!(error.kind, Kind::Connect, "{error:?}");
}

#[test]
fn five_megabytes_on_both_streams_at_once() {
    let sshd = Sshd::start();
    let script = "head -c 5000000 /dev/zero >&2 & head -c 5000000 /dev/zero; wait; echo end >&2";
    let output = run(&mut *sshd.transport(), script);
    assert_eq!((output.status, output.stdout.len(), output.stderr.len()), (0, 5_000_000, 64 * 1024));
    assert!(output.stderr.ends_with(b"\0end\n") && output.stdout.iter().all(|&byte| byte == 0));
}

/// Bytes that depend on their place, so that a lost or doubled piece is noticed.
struct Counting {
    at: u64,
    end: u64,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min((self.end - self.at) as usize);
        for (place, byte) in (self.at..).zip(&mut buffer[..count]) {
            *byte = (place.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8;
        }
        self.at += count as u64;
        Ok(count)
    }
}

fn hash_of(mut source: impl Read) -> String {
    let mut bytes = Vec::new();
    source.read_to_end(&mut bytes).unwrap();
    sha256(&bytes)
}

#[test]
fn fifty_megabytes_of_stdin_arrive_whole() {
    let sshd = Sshd::start();
    let source = || Counting { at: 0, end: 50 << 20 };
    let output = sshd.transport().run("sha256sum", &mut source()).unwrap();
    assert_eq!(text(&output.stdout), format!("{}  -\n", hash_of(source())));
}

#[test]
fn ten_megabytes_there_and_back_while_the_host_answers_before_it_has_all() {
    let sshd = Sshd::start();
    let source = || Counting { at: 0, end: 10 << 20 };
    let output = sshd.transport().run("cat", &mut source()).unwrap();
    assert_eq!((output.status, output.stdout.len()), (0, 10 << 20));
    assert_eq!(sha256(&output.stdout), hash_of(source()));
}

#[test]
fn a_script_need_not_read_its_stdin() {
    let sshd = Sshd::start();
    let mut host = sshd.transport();
    let output = host.run("echo early; exit 3", &mut Counting { at: 0, end: 20 << 20 }).unwrap();
    assert_eq!((output.status, text(&output.stdout)), (3, "early\n"));
    assert_eq!(run(&mut *host, "echo next").stdout, b"next\n");
}

#[test]
fn long_scripts_are_sent_whole_and_leave_stdin_alone() {
    let sshd = Sshd::start();
    let mut host = sshd.transport();
    for lines in [1_000, 50_000] {
        let script: String = (0..lines).map(|line| format!(": 'a line of the script, number {line}'\n")).collect();
        let output = host.run(&format!("{script}cat; echo '<{lines}>'"), &mut &b"payload"[..]).unwrap();
        assert_eq!((output.status, text(&output.stdout)), (0, format!("payload<{lines}>\n").as_str()));
    }
}

#[test]
fn noisy_and_greedy_surroundings_do_not_matter() {
    let sshd = Sshd::with("SetEnv BASH_ENV=/nonexistent FOO=bar");
    let profile = sshd.path("homes").join(crate::common::sshd::FREE).join(".bashrc");
    std::fs::write(&profile, "echo welcome; echo careful >&2; alias cat=false; echo __KB_BEGIN_; sleep 0.2\n").unwrap();
    let mut host = connect(&crate::common::sshd::silent(), sshd.ssh_target_of(crate::common::sshd::FREE)).unwrap();
    let output = host.run("cat; echo done >&2", &mut &b"in"[..]).unwrap();
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("in", "done\n"));
}

#[test]
fn what_is_left_in_the_background_is_not_waited_for() {
    let sshd = Sshd::start();
    let mut host = sshd.transport();
    let start = Instant::now();
    let output = run(&mut *host, "sleep 20 & echo started");
    assert_eq!(output.stdout, b"started\n");
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(run(&mut *host, "echo next").stdout, b"next\n");
}

#[test]
fn an_interrupt_ends_a_run_promptly() {
    let sshd = Sshd::start();
    let interrupt = Interrupt::new();
    let connector = Connector::silent(Operator::default(), interrupt.clone());
    let mut host = connect(&connector, sshd.ssh_target()).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(300));
            interrupt.raise();
        });
        let start = Instant::now();
        let error = host.run("sleep 30", &mut io::empty()).unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (Kind::Interrupted, "web1: interrupted"));
        assert!(start.elapsed() < Duration::from_secs(2));
    });
    let error = connect(&connector, sshd.ssh_target()).err().unwrap();
    assert_eq!(error.kind, Kind::Interrupted);
}

#[test]
fn an_unreadable_source_is_our_error() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("disk on fire"))
        }
    }
    let sshd = Sshd::start();
    let error = sshd.transport().run("cat", &mut Broken).unwrap_err();
    insta::assert_snapshot!(error, @"reading what a host is to receive: disk on fire");
}

/// A server whose user has this start-up file, and the error of a script that is given to it.
fn with_start_up_file(text: &str) -> (Sshd, kbootstrap::error::Result<Output>) {
    let sshd = Sshd::start();
    std::fs::write(sshd.path("homes").join(crate::common::sshd::FREE).join(".bashrc"), text).unwrap();
    let target = sshd.ssh_target_of(crate::common::sshd::FREE);
    let output = connect(&crate::common::sshd::silent(), target)
        .and_then(|mut host| host.run("cat; echo done", &mut &b"payload"[..]));
    (sshd, output)
}

#[test]
fn a_start_up_file_that_reads_a_line_does_no_harm() {
    let (_sshd, output) = with_start_up_file("read -r answer; read -r -t 1 answer; echo \"<$answer>\"\n");
    assert_eq!(text(&output.unwrap().stdout), "payloaddone\n");
}

#[test]
fn a_start_up_file_that_reads_all_is_named() {
    let (_sshd, output) = with_start_up_file("cat >/dev/null\n");
    let error = output.unwrap_err();
    insta::assert_snapshot!(error, @"web1: a start-up file of kbfree's login shell reads the standard input that is meant for a script");
    assert!(error.hints[0].contains("~kbfree/.bashrc"), "{error:?}");
}

#[test]
fn a_start_up_file_that_ends_the_shell_is_named() {
    let (_sshd, output) = with_start_up_file("exit 1\n");
    insta::assert_snapshot!(output.unwrap_err(), @"web1: the login shell of kbfree ended with status 1 before it ran anything");
}

#[test]
fn a_forced_command_is_named() {
    let sshd = Sshd::with("ForceCommand echo only backups here");
    for user in ["root", crate::common::sshd::FREE] {
        let target = sshd.ssh_target_of(user);
        let error = connect(&crate::common::sshd::silent(), target)
            .and_then(|mut host| host.run("true", &mut io::empty()))
            .unwrap_err();
        assert_eq!(error.message, format!("web1: the host runs something else than what {user} asks for"));
        assert_eq!(error.details, ["it said: only backups here"]);
        assert!(error.hints[0].contains("ForceCommand"), "{error:?}");
    }
}

#[test]
fn nologin_is_named() {
    let sshd = Sshd::start();
    let passwd = std::fs::read_to_string(sshd.path("passwd")).unwrap();
    let changed: String = passwd
        .lines()
        .map(|line| match line.starts_with(crate::common::sshd::FREE) {
            true => line.replace("/bin/bash", "/usr/sbin/nologin") + "\n",
            false => line.to_owned() + "\n",
        })
        .collect();
    std::fs::write(sshd.path("passwd"), changed).unwrap();
    let error = connect(&crate::common::sshd::silent(), sshd.ssh_target_of(crate::common::sshd::FREE)).err().unwrap();
    insta::assert_snapshot!(error, @"web1: kbfree may not log in: its login shell is nologin");
}

#[test]
fn the_time_that_a_login_shell_takes_is_known() {
    let sshd = Sshd::start();
    std::fs::write(sshd.path("homes").join(crate::common::sshd::FREE).join(".bashrc"), "sleep 2\n").unwrap();
    let mut host = connect(&crate::common::sshd::silent(), sshd.ssh_target_of(crate::common::sshd::FREE)).unwrap();
    host.run("sleep 3", &mut io::empty()).unwrap();
    let took = host.slowest_start();
    assert!(took >= Duration::from_secs(2) && took < Duration::from_millis(4500), "{took:?}");
}
