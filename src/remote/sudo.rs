//! Becoming root: nothing to do for root, sudo for anyone else.

use std::io::Read;

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::remote::interrupt::Interrupt;
use crate::remote::prompt::{Answers, Reply};
use crate::remote::script::{Plain, Program, bootstrap};
use crate::secret::Secret;

/// How commands become root's.
#[derive(Debug, Clone)]
pub(super) enum Become {
    /// We are root.
    Root,
    /// sudo asks for nothing.
    Sudo,
    /// sudo wants this password.
    SudoWith(Secret),
}

/// A command, and what to send it before the payload.
pub(super) struct Launch {
    /// For the login shell.
    pub(super) command: String,
    /// For stdin; wiped.
    pub(super) preface: Zeroizing<Vec<u8>>,
}

impl Become {
    /// How `program` is started. A password goes first, by stdin; after it a mark, because sudo leaves the password
    /// lying there when it finds that it needs none.
    pub(super) fn launch(&self, program: &Program, nonce: &str) -> Launch {
        let size = program.text.len();
        let mut preface = Zeroizing::new(Vec::with_capacity(size + 512));
        let command = match self {
            Become::Root => bootstrap(size, None),
            Become::Sudo => format!("sudo -n -H -- {}", bootstrap(size, None)),
            Become::SudoWith(password) => {
                let go = format!("__KB_GO_{nonce}");
                preface.extend_from_slice(password.expose());
                preface.extend_from_slice(format!("\n{go}\n").as_bytes());
                format!("sudo -k -S -p '' -H -- {}", bootstrap(size, Some(&go)))
            }
        };
        preface.extend_from_slice(program.text.as_bytes());
        Launch { command, preface }
    }
}

/// Finds out how `user` becomes root. `run` runs a command as that user with some stdin.
pub(super) fn find_become(
    host: &str,
    user: &str,
    nonce: &str,
    answers: &Answers,
    interrupt: &Interrupt,
    mut run: impl FnMut(&str, &mut dyn Read) -> Result<Plain>,
) -> Result<Become> {
    let proof = format!("__KB_ROOT_{nonce}");
    let plain = run(&format!("env LC_ALL=C sudo -n -- /bin/sh -c 'echo {proof}'"), &mut std::io::empty())?;
    if contains(&plain.stdout, &proof) {
        return Ok(Become::Sudo);
    }
    let words = String::from_utf8_lossy(&plain.stderr).trim().to_owned();
    if !words.contains("password is required") {
        return Err(no_sudo(host, user, &words));
    }
    let question = format!("sudo password of {user}");
    let mut wrong: Option<Secret> = None;
    loop {
        let password = match answers.get(&question, wrong.as_ref(), interrupt)? {
            Reply::Answer(password) => password,
            Reply::Nobody => return Err(needs_password(host, user)),
            Reply::Exhausted => return Err(wrong_password(host, user)),
        };
        let line = Zeroizing::new([password.expose(), b"\n"].concat());
        let plain = run(&format!("env LC_ALL=C sudo -k -S -p '' -- /bin/sh -c 'echo {proof}'"), &mut line.as_slice())?;
        if contains(&plain.stdout, &proof) {
            return Ok(Become::SudoWith(password));
        }
        let words = String::from_utf8_lossy(&plain.stderr).trim().to_owned();
        if !words.contains("try again") && !words.contains("incorrect password") {
            return Err(no_sudo(host, user, &words));
        }
        wrong = Some(password);
    }
}

fn contains(stdout: &[u8], proof: &str) -> bool {
    stdout.windows(proof.len()).any(|window| window == proof.as_bytes())
}

fn no_sudo(host: &str, user: &str, words: &str) -> Error {
    Error::connect(format!("{host}: {user} cannot become root with sudo"))
        .detail(if words.is_empty() { "sudo said nothing".to_owned() } else { words.to_owned() })
        .hint(format!(
            "log in as root, or allow it on the host: echo '{user} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/{user}"
        ))
}

fn needs_password(host: &str, user: &str) -> Error {
    Error::connect(format!("{host}: sudo wants the password of {user}, and there is no terminal to ask for it"))
        .hint("run this on a terminal, or allow sudo without a password (NOPASSWD) on the host")
}

fn wrong_password(host: &str, user: &str) -> Error {
    Error::connect(format!("{host}: sudo did not accept the password of {user}"))
        .hint(format!("try `sudo -k true` as {user} on the host"))
}

/// Why a script was never started, in the words of whoever refused.
pub(super) fn not_started(host: &str, words: &str) -> Error {
    Error::connect(format!("{host}: the host did not run a script that it was given"))
        .detail(if words.is_empty() { "it said nothing".to_owned() } else { words.to_owned() })
        .hint("see that the login shell, a forced command, or sudo lets /bin/sh and dd run, and that start-up files do not read stdin")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::prompt::Nobody;

    fn plain(stdout: &str, stderr: &str) -> Plain {
        Plain { stdout: stdout.into(), stderr: stderr.into() }
    }

    fn become_root(answers: &Answers, run: impl FnMut(&str, &mut dyn Read) -> Result<Plain>) -> Result<Become> {
        find_become("web1", "kim", "n", answers, &Interrupt::new(), run)
    }

    #[test]
    fn sudo_without_a_password_is_noticed_despite_noise() {
        let answers = Answers::new(Box::new(Nobody));
        assert!(matches!(become_root(&answers, |_, _| Ok(plain("hello\n__KB_ROOT_n\n", ""))), Ok(Become::Sudo)));
    }

    #[test]
    fn the_password_goes_by_stdin_and_never_in_a_command() {
        let answers = Answers::new(Box::new(Nobody));
        answers.preset("sudo password of kim", Secret::new("hunter2"));
        let mut seen = Vec::new();
        let become_root = become_root(&answers, |command, stdin| {
            let mut sent = String::new();
            stdin.read_to_string(&mut sent).unwrap();
            seen.push((command.to_owned(), sent.clone()));
            Ok(if sent.is_empty() { plain("", "sudo: a password is required") } else { plain("__KB_ROOT_n", "") })
        })
        .unwrap();
        assert_eq!(seen[1].1, "hunter2\n");
        let launch = become_root.launch(&Program::new("id", "n").unwrap(), "n");
        assert!(launch.preface.starts_with(b"hunter2\n__KB_GO_n\nLC_ALL=C"));
        assert!(!launch.command.contains("hunter2") && seen.iter().all(|(command, _)| !command.contains("hunter2")));
        assert!(!format!("{become_root:?}").contains("hunter2"));
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        let answers = Answers::new(Box::new(Nobody));
        let wants = |_: &str, _: &mut dyn Read| Ok(plain("", "sudo: a password is required"));
        insta::assert_snapshot!(become_root(&answers, wants).unwrap_err(), @"web1: sudo wants the password of kim, and there is no terminal to ask for it");
        answers.preset("sudo password of kim", Secret::new("x"));
        let mut first = true;
        let wrong = |_: &str, _: &mut dyn Read| {
            let words = if std::mem::take(&mut first) { "sudo: a password is required" } else { "Sorry, try again." };
            Ok(plain("", words))
        };
        insta::assert_snapshot!(become_root(&answers, wrong).unwrap_err(), @"web1: sudo did not accept the password of kim");
        let missing = |_: &str, _: &mut dyn Read| Ok(plain("", "env: 'sudo': No such file or directory"));
        insta::assert_snapshot!(become_root(&answers, missing).unwrap_err(), @"web1: kim cannot become root with sudo");
    }
}
