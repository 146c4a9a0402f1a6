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
use crate::common::sshd::{Sshd, connect, keygen, silent};

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

#[test]
fn the_agents_copy_of_a_named_key_is_tried_before_its_other_keys() {
    let sshd = Sshd::with("MaxAuthTries 2");
    let agent = SshAgent::start(sshd.path("").as_path());
    for name in ["one", "two", "three"] {
        keygen(&sshd.path(name), "ed25519", "", &[]);
        agent.add(&sshd.path(name));
    }
    let operator = Operator { agent: Some(agent.socket.clone()), ..Operator::default() };
    let connector = Connector::silent(operator, Interrupt::new());
    let error = connect(&connector, sshd.ssh_target()).err().unwrap();
    insta::assert_snapshot!(error, @"web1: the server ended the connection while we logged in as root");
    let outcomes: Vec<&str> = error.details[0].lines().filter_map(|line| line.rsplit(": ").next()).collect();
    assert_eq!(outcomes[1..], ["refused", "the server hung up"], "{error:?}");
    agent.add(&sshd.path("client"));
    connect(&connector, sshd.ssh_target()).unwrap();
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
    missing: No such file or directory (os error 2)
    stranger: refused
    client.pub: not a private key
    locked: it needs a passphrase, and there is no terminal to ask for it (load it with ssh-add)
    the server accepts: publickey
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
