//! Host keys: known, unknown, changed, revoked, pinned, and accepted when new.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use kbootstrap::error::{Error, Kind};
use kbootstrap::remote::SshTarget;

use crate::common::sshd::{Sshd, connect, silent};

fn refused(sshd: &Sshd, target: SshTarget) -> Error {
    let error = connect(&silent(), target).err().expect("the connection must be refused");
    assert!(!sshd.log().contains("Accepted publickey"), "we logged in to a host that we do not trust");
    error
}

fn with_known_hosts(sshd: &Sshd, text: &str) -> SshTarget {
    fs::write(sshd.path("known_hosts"), text).unwrap();
    sshd.ssh_target()
}

#[test]
fn an_unknown_host_is_refused_with_its_fingerprint() {
    let sshd = Sshd::start();
    let error = refused(&sshd, with_known_hosts(&sshd, ""));
    let key = sshd.path("host_ed25519.pub");
    let listed = Command::new("ssh-keygen").arg("-lf").arg(key).output().unwrap().stdout;
    let fingerprint = String::from_utf8(listed).unwrap().split_whitespace().nth(1).unwrap().to_owned();
    assert_eq!(error.kind, Kind::Connect);
    assert_eq!(error.message, format!("web1: the host key of [127.0.0.1]:{} is not known", sshd.port));
    assert_eq!(error.details, [format!("it offers ssh-ed25519 {fingerprint}")]);
    assert_eq!(error.hints.len(), 3);
}

#[test]
fn nothing_is_added_to_a_file_of_another_kind() {
    let sshd = Sshd::start();
    let authorized = format!("# mine\n{} me@home\n", sshd.public_key("client"));
    let error = refused(&sshd, SshTarget { accept_new: true, ..with_known_hosts(&sshd, &authorized) });
    assert!(error.message.ends_with("is no known_hosts file: nothing is added to it"), "{error:?}");
    assert_eq!(fs::read_to_string(sshd.path("known_hosts")).unwrap(), authorized);
}

/// A line of known_hosts is one of authorized_keys where the host's name is an option of it.
#[test]
fn a_file_that_is_not_the_operators_gets_no_key_unless_it_is_trusted() {
    let sshd = Sshd::start();
    let text = format!("no-pty {}\n", sshd.public_key("client"));
    for (name, before) in [("authorized", Some(&text)), ("fresh_known_hosts", None)] {
        let file = sshd.path(name);
        before.iter().for_each(|text| fs::write(&file, text).unwrap());
        let target =
            SshTarget { accept_new: true, may_record: false, known_hosts: Some(file.clone()), ..sshd.ssh_target() };
        let error = refused(&sshd, target);
        assert!(
            error.message.contains("no host key is added to") && error.details[0].starts_with("it offers"),
            "{error:?}"
        );
        assert_eq!(fs::read_to_string(&file).ok().as_ref(), before);
    }
}

#[test]
fn no_folder_is_made_for_a_key() {
    let sshd = Sshd::start();
    let file = sshd.path("deep/known_hosts");
    let error = refused(&sshd, SshTarget { accept_new: true, known_hosts: Some(file), ..sshd.ssh_target() });
    assert!(error.message.contains(": there is no folder ") && !sshd.path("deep").exists(), "{error:?}");
}

#[test]
fn a_known_hosts_file_without_end_is_not_read_to_the_end() {
    let sshd = Sshd::start();
    let error = refused(&sshd, SshTarget { known_hosts: Some("/dev/zero".into()), ..sshd.ssh_target() });
    assert!(error.message.contains("larger than"), "{error:?}");
}

#[test]
fn a_changed_key_names_the_line_and_is_not_replaced() {
    let sshd = Sshd::start();
    let text = format!("# comment\n[127.0.0.1]:{} {}\n", sshd.port, sshd.public_key("client"));
    let error = refused(&sshd, SshTarget { accept_new: true, ..with_known_hosts(&sshd, &text) });
    let place = format!("{}:2", sshd.path("known_hosts").display());
    assert!(error.message.contains("HAS CHANGED") && error.details[1].starts_with(&place), "{error:?}");
    assert_eq!(fs::read_to_string(sshd.path("known_hosts")).unwrap(), text);
}

#[test]
fn a_revoked_key_is_refused() {
    let sshd = Sshd::start();
    let known = sshd.known_hosts_line("host_ed25519");
    let error =
        refused(&sshd, with_known_hosts(&sshd, &format!("{known}@revoked * {}\n", sshd.public_key("host_ed25519"))));
    assert!(error.message.contains("is marked @revoked in"), "{error:?}");
}

#[test]
fn hashed_names_of_ssh_keygen_are_understood() {
    let sshd = Sshd::start();
    let file = sshd.path("known_hosts");
    assert!(Command::new("ssh-keygen").arg("-Hf").arg(&file).output().unwrap().status.success());
    assert!(fs::read_to_string(&file).unwrap().starts_with("|1|"));
    connect(&silent(), sshd.ssh_target()).unwrap();
}

#[test]
fn the_server_is_asked_for_the_type_of_key_that_is_known() {
    let sshd = Sshd::start();
    let target = with_known_hosts(&sshd, &sshd.known_hosts_line("host_ecdsa"));
    connect(&silent(), target).unwrap();
}

#[test]
fn the_port_is_part_of_the_name() {
    let sshd = Sshd::start();
    let error = refused(&sshd, with_known_hosts(&sshd, &format!("127.0.0.1 {}\n", sshd.public_key("host_ed25519"))));
    assert!(error.message.ends_with("is not known"), "{error:?}");
}

#[test]
fn a_pin_decides_alone() {
    let sshd = Sshd::start();
    let pinned = |host_key: String| SshTarget {
        host_key: Some(host_key),
        known_hosts: Some("/nonexistent/known_hosts".into()),
        ..sshd.ssh_target()
    };
    let error = refused(&sshd, pinned(sshd.public_key("client")));
    assert!(error.message.ends_with("is not the one that the inventory pins"), "{error:?}");
    connect(&silent(), pinned(sshd.public_key("host_ed25519"))).unwrap();
    connect(&silent(), pinned(sshd.public_key("host_ecdsa"))).unwrap();
    let fingerprint = error.details[0].rsplit(' ').next().unwrap().to_owned();
    connect(&silent(), pinned(fingerprint)).unwrap();
}

#[test]
fn eight_threads_accept_a_new_host_and_one_line_is_written() {
    let sshd = Sshd::start();
    let file = sshd.path("fresh_known_hosts");
    let target = SshTarget { accept_new: true, known_hosts: Some(file.clone()), ..sshd.ssh_target() };
    let connector = silent();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| connect(&connector, target.clone()).unwrap());
        }
    });
    assert_eq!(fs::read_to_string(&file).unwrap(), sshd.known_hosts_line("host_ed25519"));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    connect(&silent(), SshTarget { accept_new: false, ..target }).unwrap();
}

#[test]
fn accepting_leaves_the_other_lines_alone() {
    let sshd = Sshd::start();
    let before = format!("other.example.org {} # without a newline", sshd.public_key("client").trim());
    let target = with_known_hosts(&sshd, &before);
    connect(&silent(), SshTarget { accept_new: true, ..target }).unwrap();
    let after = fs::read_to_string(sshd.path("known_hosts")).unwrap();
    assert_eq!(after, format!("{before}\n{}", sshd.known_hosts_line("host_ed25519")));
}

#[test]
fn algorithms_that_do_not_fit_are_named_on_both_sides() {
    for (line, what, option) in [
        ("KexAlgorithms diffie-hellman-group1-sha1", "no key exchange in common", "KexAlgorithms"),
        ("Ciphers aes128-cbc", "no cipher in common", "Ciphers"),
        ("Ciphers aes128-ctr\nMACs umac-64@openssh.com", "no MAC in common", "MACs"),
    ] {
        let sshd = Sshd::with(line);
        let error = refused(&sshd, sshd.ssh_target());
        assert_eq!(error.message, format!("web1: no SSH connection with 127.0.0.1:{}", sshd.port));
        let theirs = format!("the server offers {}", line.rsplit(' ').next().unwrap());
        assert_eq!((error.details[0].as_str(), error.details[1].as_str()), (what, theirs.as_str()), "{error:?}");
        assert!(error.details[2].starts_with("we have ") && error.hints[0].contains(option), "{error:?}");
    }
}
