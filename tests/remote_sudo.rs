//! Users beside root: sudo without a password, with one, and not at all.

use std::io;

use kbootstrap::error::Kind;
use kbootstrap::remote::{Connector, Transport};
use kbootstrap::secret::Secret;

use crate::common::sshd::{ASKED, FREE, PASSWORD, POOR, Sshd, connect, silent};

fn knowing(user: &str, password: &str) -> Connector {
    silent().with_sudo_password(user, Secret::new(password))
}

fn check(host: &mut dyn Transport) {
    let output = host.run("id -un; echo $HOME; cat; echo words >&2; exit 3", &mut &b"payload"[..]).unwrap();
    assert_eq!((output.status, output.stdout.as_slice()), (3, &b"root\n/root\npayload"[..]));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "words\n");
    let mut big = io::Read::take(io::repeat(7), 5_000_000);
    assert_eq!(host.run("wc -c", &mut big).unwrap().stdout, b"5000000\n");
}

#[test]
fn sudo_without_a_password() {
    let sshd = Sshd::start();
    check(&mut *connect(&silent(), sshd.ssh_target_of(FREE)).unwrap());
}

#[test]
fn sudo_with_a_password_by_stdin() {
    let sshd = Sshd::start();
    let mut host = connect(&knowing(ASKED, PASSWORD), sshd.ssh_target_of(ASKED)).unwrap();
    check(&mut *host);
    let listed =
        host.run("tr '\\0' ' ' < /proc/$PPID/cmdline; tr '\\0' ' ' < /proc/$$/cmdline", &mut io::empty()).unwrap();
    let shown = String::from_utf8(listed.stdout).unwrap();
    assert!(shown.contains("sudo") && !shown.contains(PASSWORD) && !shown.contains("right"), "{shown}");
}

#[test]
fn a_password_that_turns_out_unneeded_does_not_spill_into_the_payload() {
    let sshd = Sshd::start();
    let mut host = connect(&knowing(ASKED, PASSWORD), sshd.ssh_target_of(ASKED)).unwrap();
    let open = format!("{ASKED} ALL=(ALL) NOPASSWD: ALL");
    assert_eq!(host.run(&format!("echo '{open}' >> /etc/sudoers"), &mut io::empty()).unwrap().status, 0);
    check(&mut *host);
}

#[test]
fn a_wrong_password_is_one_attempt_and_an_error() {
    let sshd = Sshd::start();
    let error = connect(&knowing(ASKED, "not this"), sshd.ssh_target_of(ASKED)).err().unwrap();
    assert_eq!(error.kind, Kind::Connect);
    insta::assert_snapshot!(error, @"web1: sudo did not accept the password of kbasked");
}

#[test]
fn no_terminal_and_no_password() {
    let sshd = Sshd::start();
    let error = connect(&silent(), sshd.ssh_target_of(ASKED)).err().unwrap();
    insta::assert_snapshot!(error, @"web1: sudo wants the password of kbasked, and there is no terminal to ask for it");
}

#[test]
fn a_user_that_may_not_use_sudo() {
    let sshd = Sshd::start();
    let error = connect(&knowing(POOR, PASSWORD), sshd.ssh_target_of(POOR)).err().unwrap();
    insta::assert_snapshot!(error, @"web1: kbpoor cannot become root with sudo");
    assert!(error.details[0].contains("not in the sudoers file"), "{error:?}");
}

/// The error of a user whom sudo lets do only what these lines say.
fn denied(user: &str, sudoers: &str) -> kbootstrap::error::Error {
    let sshd = Sshd::start();
    std::fs::write(sshd.path("sudoers"), format!("root ALL=(ALL) ALL\n{sudoers}\n")).unwrap();
    connect(&silent(), sshd.ssh_target_of(user)).err().expect("sudo must not let it in")
}

#[test]
fn each_thing_that_is_in_sudos_way_has_words_of_its_own() {
    let error = denied(FREE, &format!("Defaults requiretty\n{FREE} ALL=(ALL) NOPASSWD: ALL"));
    insta::assert_snapshot!(error, @"web1: sudo lets kbfree work on a terminal only (`requiretty`)");
    assert!(error.hints[0].contains("Defaults:kbfree !requiretty"), "{error:?}");
    let error = denied(FREE, &format!("Defaults noexec\n{FREE} ALL=(ALL) NOPASSWD: ALL"));
    insta::assert_snapshot!(error, @"web1: what kbfree runs with sudo may start no other program (`noexec`)");
    let error = denied(FREE, &format!("{FREE} ALL=(ALL) NOPASSWD: /usr/bin/id"));
    insta::assert_snapshot!(error, @"web1: kbfree may run some commands with sudo, and /bin/sh is not one of them");
}
