//! Becoming root: nothing to do for root, sudo for anyone else.

use std::io::Read;

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::remote::interrupt::Interrupt;
use crate::remote::login::prompt::{Answers, Question, Reply};
use crate::remote::script::not_started::Evidence;
use crate::remote::script::text::{Plain, Program, bootstrap, opening};
use crate::secret::Secret;

/// How commands become root's.
#[derive(Debug, Clone)]
pub enum Become {
    /// We are root.
    Root,
    /// sudo asks for nothing.
    Sudo,
    /// sudo wants this password.
    SudoWith(Secret),
}

/// A command, and what to send it before the payload.
pub struct Launch {
    /// For the login shell.
    pub command: String,
    /// For stdin; wiped.
    pub preface: Zeroizing<Vec<u8>>,
}

impl Become {
    /// The password that sudo gets, where it wants one.
    pub fn password(&self) -> Option<&Secret> {
        match self {
            Become::SudoWith(password) => Some(password),
            Become::Root | Become::Sudo => None,
        }
    }
    /// How `program` is started. A password goes first, by stdin; sudo leaves it lying there when it finds that it
    /// needs none.
    pub fn launch(&self, program: &Program, nonce: &str) -> Launch {
        let size = program.text.len();
        let go = format!("__KB_GO_{nonce}");
        let mut preface = Zeroizing::new(Vec::with_capacity(size + 512));
        let bootstrap = bootstrap(size, &go);
        let command = match self {
            Become::Root => bootstrap,
            Become::Sudo => format!("sudo -n -H -- {bootstrap}"),
            Become::SudoWith(password) => {
                preface.extend_from_slice(password.expose());
                preface.push(b'\n');
                format!("sudo -k -S -p '' -H -- {bootstrap}")
            }
        };
        preface.extend_from_slice(opening(&go).as_bytes());
        preface.extend_from_slice(program.text.as_bytes());
        Launch { command, preface }
    }
}

/// Finds out how `user` becomes root. `run` runs a command as that user with some stdin.
pub fn find_become(
    host: &str,
    user: &str,
    nonce: &str,
    answers: &Answers,
    interrupt: &Interrupt,
    mut run: impl FnMut(&str, &mut dyn Read) -> Result<Plain>,
) -> Result<Become> {
    let proof = Proof { shell: format!("__KB_SHELL_{nonce}"), root: format!("__KB_ROOT_{nonce}") };
    let no = |denial: Denial, plain: &Plain| denial.error(host, user, plain);
    let plain = run(&format!("env LC_ALL=C sudo -n -- {}", proof.command()), &mut std::io::empty())?;
    match proof.judge(&plain) {
        Ok(()) => return Ok(Become::Sudo),
        Err(Denial::WantsPassword) => {}
        Err(denial) => return Err(no(denial, &plain)),
    }
    let question = Question { what: format!("sudo password of {user}"), on: Some(host.to_owned()) };
    let mut wrong: Option<Secret> = None;
    loop {
        let password = match answers.get(&question, wrong.as_ref(), interrupt)? {
            Reply::Answer(password) => password,
            Reply::Nobody => {
                // It may list what is allowed without a password, and then it says whether the shell is.
                let listed = run("env LC_ALL=C sudo -n -l /bin/sh", &mut std::io::empty())?;
                let limited = listed.status != 0 && Denial::of(&listed) != Denial::WantsPassword;
                return Err(no(if limited { Denial::Limited } else { Denial::WantsPassword }, &plain));
            }
            Reply::Exhausted => return Err(no(Denial::WrongPassword, &plain)),
        };
        let line = Zeroizing::new([password.expose(), b"\n"].concat());
        let plain = run(&format!("env LC_ALL=C sudo -k -S -p '' -- {}", proof.command()), &mut line.as_slice())?;
        let plain = plain.without(&password);
        match proof.judge(&plain) {
            Ok(()) => return Ok(Become::SudoWith(password)),
            Err(Denial::WrongPassword) => wrong = Some(password),
            Err(denial) => return Err(no(denial, &plain)),
        }
    }
}

/// Shows that a shell ran as root, and that it could start a program.
struct Proof {
    shell: String,
    root: String,
}

impl Proof {
    fn command(&self) -> String {
        format!("/bin/sh -c 'echo {}; env echo {}'", self.shell, self.root)
    }

    fn judge(&self, plain: &Plain) -> Result<(), Denial> {
        if contains(&plain.stdout, &self.root) {
            Ok(())
        } else if contains(&plain.stdout, &self.shell) {
            Err(Denial::NoExec)
        } else {
            Err(Denial::of(plain))
        }
    }
}

/// Why sudo does not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Denial {
    WantsPassword,
    WrongPassword,
    /// It runs on a terminal only.
    NeedsTerminal,
    /// It is not installed.
    Missing,
    /// What it starts may start nothing.
    NoExec,
    /// Other commands are allowed, and a shell is not.
    Limited,
    /// It never ran: the login shell does something else.
    NotAsked,
    Other,
}

impl Denial {
    /// From sudo's own words, which are the same in the C locale everywhere.
    fn of(plain: &Plain) -> Self {
        let words = String::from_utf8_lossy(&plain.stderr);
        let says = |what: &str| words.contains(what);
        match () {
            () if says("try again") || says("incorrect password") => Denial::WrongPassword,
            () if says("password is required") => Denial::WantsPassword,
            () if says("must have a tty") => Denial::NeedsTerminal,
            () if says("is not allowed to execute") => Denial::Limited,
            // What `env` says of a program that is not there (POSIX).
            () if plain.status == 127 => Denial::Missing,
            () if !says("sudo") => Denial::NotAsked,
            () => Denial::Other,
        }
    }

    fn error(self, host: &str, user: &str, plain: &Plain) -> Error {
        let allow = format!("echo '{user} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/{user}");
        let (what, hint) = match self {
            Denial::WantsPassword => {
                return Error::connect(format!(
                    "{host}: sudo wants the password of {user}, and there is no terminal to ask for it"
                ))
                .hint("run this on a terminal, or allow sudo without a password (NOPASSWD) on the host");
            }
            Denial::WrongPassword => {
                return Error::connect(format!("{host}: sudo did not accept the password of {user}"))
                    .hint(format!("try `sudo -k true` as {user} on the host"));
            }
            Denial::NotAsked => return Evidence::of(user, plain).error(host),
            Denial::NeedsTerminal => (
                format!("sudo lets {user} work on a terminal only (`requiretty`)"),
                format!(
                    "allow it without one, on the host: echo 'Defaults:{user} !requiretty' > /etc/sudoers.d/{user}-notty"
                ),
            ),
            Denial::Missing => (
                format!("sudo is not installed, and {user} is not root"),
                "install it with the host's package manager (the package is called sudo everywhere), or log in as root"
                    .to_owned(),
            ),
            Denial::NoExec => (
                format!("what {user} runs with sudo may start no other program (`noexec`)"),
                format!("allow it on the host: echo 'Defaults:{user} !noexec' > /etc/sudoers.d/{user}-exec"),
            ),
            Denial::Limited => (
                format!("{user} may run some commands with sudo, and /bin/sh is not one of them"),
                format!("everything is done by scripts that /bin/sh runs as root; allow it on the host: {allow}"),
            ),
            Denial::Other => (
                format!("{user} cannot become root with sudo"),
                format!("log in as root, or allow it on the host: {allow}"),
            ),
        };
        let said = String::from_utf8_lossy(&plain.stderr).trim().to_owned();
        let error = Error::connect(format!("{host}: {what}")).hint(hint);
        if said.is_empty() { error } else { error.detail(said) }
    }
}

fn contains(stdout: &[u8], proof: &str) -> bool {
    stdout.windows(proof.len()).any(|window| window == proof.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::login::prompt::Nobody;

    fn plain(stdout: &str, stderr: &str) -> Plain {
        Plain { stdout: stdout.into(), stderr: stderr.into(), status: 1 }
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
        assert!(launch.preface.starts_with(b"hunter2\n\n\n\n\n__KB_GO_n\nLC_ALL=C"));
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
        let of = |stdout: &str, stderr: &str, status| {
            let answer = Plain { stdout: stdout.into(), stderr: stderr.into(), status };
            become_root(&answers, move |_, _| Ok(answer.clone())).unwrap_err()
        };
        insta::assert_snapshot!(of("", "env: 'sudo': No such file or directory", 127), @"web1: sudo is not installed, and kim is not root");
        insta::assert_snapshot!(of("", "sudo: sorry, you must have a tty to run sudo", 1), @"web1: sudo lets kim work on a terminal only (`requiretty`)");
        insta::assert_snapshot!(of("__KB_SHELL_n\n", "/bin/sh: 1: env: Permission denied", 126), @"web1: what kim runs with sudo may start no other program (`noexec`)");
        insta::assert_snapshot!(of("", "Sorry, user kim is not allowed to execute '/bin/sh' as root on web1.", 1), @"web1: kim may run some commands with sudo, and /bin/sh is not one of them");
        insta::assert_snapshot!(of("", "kim is not in the sudoers file.", 1), @"web1: kim cannot become root with sudo");
        insta::assert_snapshot!(of("", "", 1), @"web1: the login shell of kim ended with status 1 before it ran anything");
    }

    #[test]
    fn without_a_terminal_sudo_is_asked_whether_the_shell_is_allowed_at_all() {
        let answers = Answers::new(Box::new(Nobody));
        let limited = |command: &str, _: &mut dyn Read| {
            Ok(if command.contains(" -l ") { plain("", "") } else { plain("", "sudo: a password is required") })
        };
        insta::assert_snapshot!(become_root(&answers, limited).unwrap_err(), @"web1: kim may run some commands with sudo, and /bin/sh is not one of them");
    }
}
