//! Opens transports: what all connections of a run have in common.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::random::{self, nonce};
use crate::remote::auth::{Credentials, log_in};
use crate::remote::handshake::{Failure, shake_hands};
use crate::remote::host_key::HostKeys;
use crate::remote::interrupt::Interrupt;
use crate::remote::limit::Limit;
use crate::remote::local::LocalTransport;
use crate::remote::prompt::{Answers, Nobody, Prompt, Terminal};
use crate::remote::session::SshSession;
use crate::remote::ssh::{SshTransport, exec_plain};
use crate::remote::sudo::{Become, find_become};
use crate::remote::{Connect, SshTarget, Target, Transport, Via};
use crate::secret::Secret;

/// So many handshakes at a time: they cost the operator's machine most.
const HANDSHAKES: usize = 8;
/// So many attempts at a handshake that a server drops.
const ATTEMPTS: u32 = 4;

/// Who the operator is, as far as connections need to know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Operator {
    /// The home directory, for `~/.ssh`.
    pub home: Option<PathBuf>,
    /// The socket of the SSH agent.
    pub agent: Option<PathBuf>,
    /// The login name, for sudo on the local machine.
    pub user: String,
}

impl Operator {
    /// From `HOME`, `SSH_AUTH_SOCK` and `USER`.
    pub fn from_env() -> Self {
        let path = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Operator {
            home: path("HOME"),
            agent: path("SSH_AUTH_SOCK"),
            user: std::env::var("USER").unwrap_or_else(|_| "you".into()),
        }
    }
}

/// Opens transports over SSH and on this machine. One serves all threads of a run.
#[derive(Debug)]
pub struct Connector {
    operator: Operator,
    answers: Answers,
    interrupt: Interrupt,
    handshakes: Limit,
}

impl Connector {
    /// A connector that asks for passphrases on the terminal.
    pub fn new(operator: Operator, interrupt: Interrupt) -> Self {
        Self::asking(operator, interrupt, Box::new(Terminal))
    }
    /// A connector that asks nobody: a key that needs a passphrase is passed over, a sudo password is an error.
    pub fn silent(operator: Operator, interrupt: Interrupt) -> Self {
        Self::asking(operator, interrupt, Box::new(Nobody))
    }
    /// A connector with its own way of asking, one that first takes a progress display away for instance.
    pub fn asking(operator: Operator, interrupt: Interrupt, ask: Box<dyn Prompt>) -> Self {
        Connector { operator, answers: Answers::new(ask), interrupt, handshakes: Limit::new(HANDSHAKES) }
    }
    /// Gives the sudo password of a login name, which is then not asked for.
    #[must_use]
    pub fn with_sudo_password(self, user: &str, password: Secret) -> Self {
        self.answers.preset(&format!("sudo password of {user}"), password);
        self
    }

    fn ssh(&self, host: &str, target: &SshTarget) -> Result<SshTransport> {
        let mut session = self.logged_in(host, target)?;
        let become_root =
            if target.user == "root" { Become::Root } else { self.how_to_become_root(&mut session, target)? };
        Ok(SshTransport::new(session, become_root))
    }

    fn logged_in(&self, host: &str, target: &SshTarget) -> Result<SshSession> {
        let keys = HostKeys::load(host, target, self.operator.home.as_deref())?;
        let mut attempt = 1;
        loop {
            let place = self.handshakes.enter();
            let failure = match shake_hands(host, target, &keys, &self.interrupt) {
                Ok(mut session) => {
                    log_in(&mut session, target, &self.credentials())?;
                    return Ok(session);
                }
                Err(failure) => failure,
            };
            drop(place);
            match failure {
                Failure::Passing(_) if attempt < ATTEMPTS => {
                    self.pause(host, delay(attempt, random::bytes::<1>()?[0]))?
                }
                other => return Err(other.into_error()),
            }
            attempt += 1;
        }
    }

    fn credentials(&self) -> Credentials<'_> {
        Credentials {
            agent: self.operator.agent.as_deref(),
            home: self.operator.home.as_deref(),
            answers: &self.answers,
            interrupt: &self.interrupt,
        }
    }

    fn how_to_become_root(&self, session: &mut SshSession, target: &SshTarget) -> Result<Become> {
        let host = session.host().to_owned();
        find_become(&host, &target.user, &nonce()?, &self.answers, &self.interrupt, |command, stdin| {
            exec_plain(session, command, stdin)
        })
    }

    fn pause(&self, host: &str, length: Duration) -> Result<()> {
        let until = Instant::now() + length;
        while Instant::now() < until {
            self.interrupt.check(host)?;
            thread::sleep(Duration::from_millis(20).min(length));
        }
        Ok(())
    }
}

impl Connect for Connector {
    fn connect(&self, target: &Target) -> Result<Box<dyn Transport>> {
        self.interrupt.check(&target.name)?;
        match &target.via {
            Via::Local => {
                let local = LocalTransport::new(&target.name, &self.operator.user, &self.answers, &self.interrupt)?;
                Ok(Box::new(local))
            }
            Via::Ssh(ssh) => Ok(Box::new(self.ssh(&target.name, ssh)?)),
        }
    }
}

/// How long to wait after an attempt: 0.2 s, 0.4 s, 0.8 s, give or take a half, so that many threads do not come back
/// together.
fn delay(attempt: u32, random: u8) -> Duration {
    let base = 200 * 2u64.pow(attempt - 1);
    Duration::from_millis(base / 2 + base * u64::from(random) / 255)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_and_spread() {
        assert_eq!((delay(1, 0), delay(1, 255)), (Duration::from_millis(100), Duration::from_millis(300)));
        assert_eq!((delay(3, 0), delay(3, 255)), (Duration::from_millis(400), Duration::from_millis(1200)));
    }
}
