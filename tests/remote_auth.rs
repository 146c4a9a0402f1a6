//! Logging in: agent, key files, passphrases, and what is said when nothing fits.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use kbootstrap::error::{Kind, Result};
use kbootstrap::remote::{Connector, Interrupt, Operator, Prompt, SshTarget};
use kbootstrap::secret::Secret;

use crate::common::process::Server;
use crate::common::sshd::{FREE, Sshd, connect, keygen, silent};

/// A private agent, ended with this.
struct SshAgent {
    _running: Server,
    socket: PathBuf,
}

impl SshAgent {
    fn start(folder: &Path) -> Self {
        let socket = folder.join("agent");
        let running = Server::start("ssh-agent", folder, Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket));
        let until = Instant::now() + Duration::from_secs(10);
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            assert!(Instant::now() < until, "the agent does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
        SshAgent { _running: running, socket }
    }
    fn add(&self, key: &Path) {
        let mut command = Command::new("ssh-add");
        assert!(command.arg("-q").arg(key).env("SSH_AUTH_SOCK", &self.socket).status().unwrap().success());
    }
}

fn without_keys(sshd: &Sshd) -> SshTarget {
    SshTarget { keys: vec![], ..sshd.ssh_target() }
}

#[test]
fn each_key_of_the_agent_is_tried() {
    let sshd = Sshd::start();
    let agent = SshAgent::start(sshd.path("").as_path());
    keygen(&sshd.path("stranger"), "ecdsa", "", &[]);
    agent.add(&sshd.path("stranger"));
    agent.add(&sshd.path("client"));
    let operator = Operator { agent: Some(agent.socket.clone()), ..Operator::default() };
    let mut host = connect(&Connector::silent(operator, Interrupt::new()), without_keys(&sshd)).unwrap();
    assert_eq!(host.run("echo in", &mut std::io::empty()).unwrap().stdout, b"in\n");
}

/// A connector with an agent that holds so many keys that no server knows.
fn full_agent(sshd: &Sshd, strangers: usize) -> (SshAgent, Connector) {
    let agent = SshAgent::start(sshd.path("").as_path());
    for number in 0..strangers {
        let path = sshd.path(&format!("stranger{number}"));
        keygen(&path, "ed25519", "", &[]);
        agent.add(&path);
    }
    let operator = Operator { agent: Some(agent.socket.clone()), ..Operator::default() };
    (agent, Connector::silent(operator, Interrupt::new()))
}

fn count(sshd: &Sshd, words: &str) -> usize {
    sshd.log().matches(words).count()
}

/// The server writes its log after it has hung up.
fn failed_connections(sshd: &Sshd, wanted: usize) {
    let until = Instant::now() + Duration::from_secs(10);
    while count(sshd, "Too many authentication failures") < wanted && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(count(sshd, "Too many authentication failures"), wanted, "{}", sshd.log());
}

#[test]
fn a_named_key_is_the_only_one_that_is_tried_however_full_the_agent_is() {
    let sshd = Sshd::with("MaxAuthTries 1");
    let (agent, connector) = full_agent(&sshd, 8);
    connect(&connector, sshd.ssh_target()).unwrap();
    assert_eq!(count(&sshd, "Failed publickey"), 0, "{}", sshd.log());
    agent.add(&sshd.path("client"));
    fs::write(sshd.path("client"), "").unwrap();
    connect(&connector, sshd.ssh_target()).expect("the agent's copy of it, by its public half");
    connect(&connector, SshTarget { keys: vec![sshd.path("client.pub")], ..sshd.ssh_target() })
        .expect("the agent's copy of a public file");
    assert_eq!(count(&sshd, "Failed publickey"), 0, "{}", sshd.log());
}

#[test]
fn a_server_that_hangs_up_after_a_few_keys_is_offered_the_others_over_a_new_connection() {
    let sshd = Sshd::with("MaxAuthTries 2");
    let (agent, connector) = full_agent(&sshd, 5);
    agent.add(&sshd.path("client"));
    connect(&connector, without_keys(&sshd)).unwrap();
    failed_connections(&sshd, 2);
    // The next connection begins with the key that was accepted.
    let before = count(&sshd, "Failed publickey");
    connect(&connector, without_keys(&sshd)).unwrap();
    assert_eq!(count(&sshd, "Failed publickey"), before, "{}", sshd.log());
}

/// Its default is to ban an address after five failures, and a connection that ends without a login is one.
#[test]
fn so_few_connections_fail_that_fail2ban_does_not_strike() {
    let sshd = Sshd::with("MaxAuthTries 2");
    let (_agent, connector) = full_agent(&sshd, 12);
    let error = connect(&connector, without_keys(&sshd)).err().unwrap();
    insta::assert_snapshot!(error, @"web1: 127.0.0.1 let nobody in as root: no key was accepted");
    assert_eq!(error.details[1], "6 more were not tried: a server bars who offers too many", "{error:?}");
    assert!(error.hints[0].starts_with("name the right key in the inventory"), "{error:?}");
    failed_connections(&sshd, 3);
}

#[test]
fn a_users_certificate_is_shown_from_a_file_and_from_the_agent() {
    for (kind, bits) in [("ed25519", "256"), ("ecdsa", "384"), ("rsa", "2048")] {
        let sshd = Sshd::made(|at| {
            keygen(&at.join("ca"), "ed25519", "", &[]);
            fs::write(at.join("authorized_keys"), "").unwrap();
            format!("TrustedUserCAKeys {}/ca.pub", at.display())
        });
        let key = sshd.path("mine");
        keygen(&key, kind, "", &["-b", bits]);
        let target = SshTarget { keys: vec![key.clone()], ..sshd.ssh_target() };
        assert!(connect(&silent(), target.clone()).is_err(), "the key alone is nobody's");
        let mut sign = Command::new("ssh-keygen");
        sign.args(["-q", "-I", "kim", "-n", "root", "-s"]).arg(sshd.path("ca")).arg(&key);
        assert!(sign.status().unwrap().success());
        connect(&silent(), target.clone()).unwrap_or_else(|error| panic!("{kind}: {error:?}\n{}", sshd.log()));
        let (agent, connector) = full_agent(&sshd, 0);
        agent.add(&key);
        fs::write(&key, "").unwrap();
        match connect(&connector, target) {
            Err(error) if kind == "rsa" => {
                let told = |text: &String| text.contains("RSA certificate");
                assert!(error.details.iter().any(told) && error.hints.iter().any(told), "{error:?}");
            }
            other => drop(other.unwrap_or_else(|error| panic!("agent, {kind}: {error:?}\n{}", sshd.log()))),
        }
    }
}

#[test]
fn a_second_factor_is_named() {
    let sshd = Sshd::with("AuthenticationMethods publickey,password\nPasswordAuthentication yes");
    let error = connect(&silent(), sshd.ssh_target_of(FREE)).err().unwrap();
    insta::assert_snapshot!(error, @"web1: 127.0.0.1 accepts our key for kbfree, and wants a second factor: password");
    assert!(error.hints[0].contains("AuthenticationMethods publickey"), "{error:?}");
}

#[test]
fn root_that_may_not_log_in_is_named() {
    let sshd = Sshd::with("PermitRootLogin no");
    let error = connect(&silent(), sshd.ssh_target()).err().unwrap();
    insta::assert_snapshot!(error, @"web1: 127.0.0.1 knows our key, and does not let root in");
    assert!(error.hints[0].contains("PermitRootLogin no"), "{error:?}");
}

#[test]
fn each_key_that_cannot_be_used_has_its_own_hint() {
    let sshd = Sshd::start();
    keygen(&sshd.path("locked"), "ed25519", "secret", &[]);
    fs::write(sshd.path("text"), "hello").unwrap();
    let keys = ["missing.pem", "locked", "client.pub", "text"].map(|name| sshd.path(name)).to_vec();
    let error = connect(&silent(), SshTarget { keys, ..sshd.ssh_target() }).err().unwrap();
    let folder = format!("{}/", sshd.path("").display().to_string().trim_end_matches('/'));
    let shown = format!("{}\n{}", error.message, error.hints.join("\n")).replace(&folder, "");
    insta::assert_snapshot!(shown, @"
    web1: 127.0.0.1 cannot be logged in to as root: there is no key to offer
    correct the path missing.pem: a relative one starts at the inventory's folder
    name the private key, the file without `.pub`, instead of client.pub, or load it into the agent
    text must be a private key in OpenSSH's format or PEM
    load the key into an agent: ssh-add locked
    ");
}

#[test]
fn a_key_file_comes_after_the_agent() {
    let sshd = Sshd::start();
    let operator = Operator { agent: Some(sshd.path("no-agent-here")), ..Operator::default() };
    connect(&Connector::silent(operator, Interrupt::new()), sshd.ssh_target()).unwrap();
}

#[test]
fn the_usual_key_files_are_found_in_the_home_directory() {
    let sshd = Sshd::start();
    let home = sshd.path("operator");
    fs::create_dir_all(home.join(".ssh")).unwrap();
    keygen(&home.join(".ssh/id_ed25519"), "ed25519", "", &[]);
    fs::copy(sshd.path("client"), home.join(".ssh/id_rsa")).unwrap();
    let operator = Operator { home: Some(home), ..Operator::default() };
    connect(&Connector::silent(operator, Interrupt::new()), without_keys(&sshd)).unwrap();
}

#[test]
fn refusal_lists_what_was_tried_and_what_would_be_taken() {
    let sshd = Sshd::start();
    keygen(&sshd.path("stranger"), "ed25519", "", &[]);
    keygen(&sshd.path("locked"), "ed25519", "secret", &[]);
    let keys = ["missing", "locked", "stranger", "client.pub"].map(|name| sshd.path(name)).to_vec();
    let error = connect(&silent(), SshTarget { keys, ..sshd.ssh_target() }).err().unwrap();
    assert_eq!(error.kind, Kind::Connect);
    let folder = format!("{}/", sshd.path("").display().to_string().trim_end_matches('/'));
    let shown =
        format!("{}\n{}\n{}", error.message, error.details.join("\n"), error.hints.join("\n")).replace(&folder, "");
    insta::assert_snapshot!(shown, @"
    web1: 127.0.0.1 let nobody in as root: no key was accepted
    tried, in this order:
    agent: none (SSH_AUTH_SOCK is not set)
    missing: there is no such file
    client.pub: this is the public half of a key
    stranger: refused
    locked: it needs a passphrase, and there is no terminal to ask for it
    the server accepts: publickey
    correct the path missing: a relative one starts at the inventory's folder
    name the private key, the file without `.pub`, instead of client.pub, or load it into the agent
    load the key into an agent: ssh-add locked
    put a public key of yours into ~root/.ssh/authorized_keys on the host, or name the right user and key in the inventory
    ");
}

/// Answers with wrong passphrases first, then with the right one.
struct Forgetful {
    wrong: u32,
    asked: Arc<AtomicU32>,
}

impl Prompt for Forgetful {
    fn ask(&self, question: &str, _: &Interrupt) -> Result<Option<Secret>> {
        assert!(question.contains("passphrase of /") && question.ends_with(": "), "{question}");
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(Some(Secret::new(if number < self.wrong { "wrong" } else { "open sesame" })))
    }
}

fn asking(wrong: u32) -> (Connector, Arc<AtomicU32>) {
    let asked = Arc::new(AtomicU32::new(0));
    let ask = Box::new(Forgetful { wrong, asked: Arc::clone(&asked) });
    (Connector::asking(Operator::default(), Interrupt::new(), ask), asked)
}

#[test]
fn a_passphrase_is_asked_once_for_all_threads() {
    let sshd = Sshd::start();
    for (name, format) in [("locked", "RFC4716"), ("locked-pkcs8", "PKCS8")] {
        let key = sshd.path(name);
        keygen(&key, if format == "PKCS8" { "ecdsa" } else { "ed25519" }, "open sesame", &["-m", format]);
        fs::copy(key.with_extension("pub"), sshd.path("authorized_keys")).unwrap();
        let (connector, asked) = asking(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    connect(&connector, SshTarget { keys: vec![key.clone()], ..sshd.ssh_target() }).unwrap();
                });
            }
        });
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{name}");
    }
}

#[test]
fn a_mistyped_passphrase_is_asked_again_but_not_for_ever() {
    let sshd = Sshd::start();
    let key = sshd.path("locked");
    keygen(&key, "ed25519", "open sesame", &[]);
    fs::copy(key.with_extension("pub"), sshd.path("authorized_keys")).unwrap();
    let target = SshTarget { keys: vec![key], ..sshd.ssh_target() };
    let (connector, asked) = asking(2);
    connect(&connector, target.clone()).unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    let (connector, asked) = asking(9);
    assert_eq!(connect(&connector, target).err().unwrap().kind, Kind::Connect);
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[test]
fn rsa_keys_work_too() {
    let sshd = Sshd::start();
    let key = sshd.path("rsa");
    keygen(&key, "rsa", "", &["-b", "2048"]);
    fs::copy(key.with_extension("pub"), sshd.path("authorized_keys")).unwrap();
    connect(&silent(), SshTarget { keys: vec![key], ..sshd.ssh_target() }).unwrap();
}
