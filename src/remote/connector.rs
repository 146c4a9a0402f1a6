//! Opens transports: what all connections of a run have in common.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::random::{self, nonce};
use crate::remote::host_keys::host_key::HostKeys;
use crate::remote::interrupt::Interrupt;
use crate::remote::local::LocalTransport;
use crate::remote::login::auth::{Credentials, Login, Outcome};
use crate::remote::login::offers::Keys;
use crate::remote::login::prompt::{Answers, Nobody, Prompt, Terminal};
use crate::remote::route::destination::{Destination, Hop, Way, advice};
use crate::remote::route::ssh_config::Advice;
use crate::remote::script::limit::Limit;
use crate::remote::script::sudo::{Become, find_become};
use crate::remote::ssh::handshake::{Failure, reach, shake_hands};
use crate::remote::ssh::jump;
use crate::remote::ssh::line::Line;
use crate::remote::ssh::proxy_command;
use crate::remote::ssh::session::SshSession;
use crate::remote::ssh::transport::{SshTransport, exec_plain};
use crate::remote::{Connect, PATIENCE, SshConfig, SshTarget, Target, Transport, Via};
use crate::secret::Secret;

/// So many handshakes at a time: they cost the operator's machine most.
const HANDSHAKES: usize = 8;
/// So many attempts at a handshake that a server drops.
const ATTEMPTS: u32 = 4;
/// So many jump hosts one behind the other; more are a circle.
const JUMPS: usize = 10;

/// Who the operator is, as far as connections need to know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Operator {
    /// The home directory, for `~/.ssh`.
    pub home: Option<PathBuf>,
    /// The socket of the SSH agent.
    pub agent: Option<PathBuf>,
    /// The login name, for sudo on the local machine.
    pub user: String,
    /// The SSH configuration that is asked about hosts.
    pub ssh_config: SshConfig,
}

impl Operator {
    /// From `HOME`, `SSH_AUTH_SOCK` and `USER`.
    pub fn from_env(ssh_config: SshConfig) -> Self {
        let path = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Operator {
            home: path("HOME"),
            agent: path("SSH_AUTH_SOCK"),
            user: std::env::var("USER").unwrap_or_else(|_| "you".into()),
            ssh_config,
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
    known: Mutex<Known>,
    patience: Duration,
}

/// What was learned of hosts in this run.
#[derive(Debug, Default)]
struct Known {
    /// What the SSH configuration says, by address, port and user: it is asked once about each.
    advised: HashMap<(String, Option<u16>, Option<String>), Option<Advice>>,
    /// The key that each user of each host is let in by.
    keys: HashMap<(String, String), String>,
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
        Connector {
            operator,
            answers: Answers::new(ask),
            interrupt,
            handshakes: Limit::new(HANDSHAKES),
            known: Mutex::default(),
            patience: PATIENCE,
        }
    }
    /// Waits so long instead of [`PATIENCE`] for a host that goes on without taking what is sent to it.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Connector { patience, ..self }
    }
    /// Gives the sudo password of a login name, which is then not asked for.
    #[must_use]
    pub fn with_sudo_password(self, user: &str, password: Secret) -> Self {
        self.answers.preset(&format!("sudo password of {user}"), password);
        self
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ssh(&self, host: &str, target: &SshTarget) -> Result<SshTransport> {
        let to = self.destination(host, target)?;
        let mut session = self.logged_in(host, &to).map_err(|error| match to.source(&self.operator) {
            Some(source) => error.detail(source),
            None => error,
        })?;
        let become_root = if to.user == "root" { Become::Root } else { self.how_to_become_root(&mut session, &to)? };
        Ok(SshTransport::new(session, &to.user, become_root, self.patience))
    }

    fn destination(&self, host: &str, target: &SshTarget) -> Result<Destination> {
        let key = (target.address.clone(), target.port, target.user.clone());
        let known = self.known().advised.get(&key).cloned();
        let advice = match known {
            Some(advice) => advice,
            None => {
                let advice = advice(target, &self.operator).map_err(|error| error.context(host))?;
                self.known().advised.insert(key, advice.clone());
                advice
            }
        };
        Destination::decide(target, advice, &self.operator).map_err(|error| error.context(host))
    }

    fn logged_in(&self, host: &str, to: &Destination) -> Result<SshSession> {
        let mut attempt = 1;
        loop {
            let place = self.handshakes.enter();
            let failure = match self.session(host, to, 0) {
                Ok(session) => return Ok(session),
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

    /// Connects and logs in, over as many connections as the server wants; `depth` is how many jump hosts are behind.
    fn session(&self, host: &str, to: &Destination, depth: usize) -> Result<SshSession, Failure> {
        let host_keys = HostKeys::load(host, to)?;
        let keys = Keys::read(to, self.operator.home.as_deref());
        let credentials = Credentials { answers: &self.answers, interrupt: &self.interrupt };
        let whose = (to.shown(), to.user.clone());
        let favourite = self.known().keys.get(&whose).cloned();
        let mut login = Login::new(host, to, &keys, &credentials, favourite);
        loop {
            let line = self.line(host, to, depth)?;
            let mut session = match shake_hands(host, to, &host_keys, line, &self.interrupt) {
                Ok(session) => session,
                // It has refused keys: to begin anew would be more failures, of which somebody may keep count.
                Err(failure) if login.has_begun() => return Err(Failure::Final(login.barred(failure.into_error()))),
                Err(failure) => return Err(failure),
            };
            if let Outcome::In(key) = login.over(&mut session)? {
                self.known().keys.insert(whose, key);
                return Ok(session);
            }
        }
    }

    fn line(&self, host: &str, to: &Destination, depth: usize) -> Result<Line, Failure> {
        match &to.way {
            Way::Direct => reach(host, to, &self.interrupt),
            Way::Command(command) => Ok(proxy_command::start(host, command)?),
            Way::Jumps(hops) => self.jump(host, to, hops, depth),
        }
    }

    /// Goes through the last of the hops, which is reached through those before it.
    fn jump(&self, host: &str, to: &Destination, hops: &[Hop], depth: usize) -> Result<Line, Failure> {
        let Some((last, before)) = hops.split_last() else { return reach(host, to, &self.interrupt) };
        let mut hop = to.of_hop(last, &self.operator)?;
        if hop.shown() == to.shown() {
            // `Host *` with a ProxyJump is true of the jump host, too; OpenSSH passes over it.
            return self.jump(host, to, before, depth);
        }
        if depth == JUMPS {
            let error =
                Error::input(format!("{host}: more than {JUMPS} jump hosts one behind the other: is it a circle?"));
            return Err(error.hint("correct ProxyJump in the SSH configuration").into());
        }
        if !before.is_empty() {
            hop.way = Way::Jumps(before.to_vec());
        }
        let name = format!("{host}: jump host {}", last.host);
        let session = self.session(&name, &hop, depth + 1)?;
        Ok(jump::through(session, &to.address, to.port)?)
    }

    fn how_to_become_root(&self, session: &mut SshSession, to: &Destination) -> Result<Become> {
        let host = session.host().to_owned();
        find_become(&host, &to.user, &nonce()?, &self.answers, &self.interrupt, |command, stdin| {
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
                let (user, patience) = (&self.operator.user, self.patience);
                let local = LocalTransport::new(&target.name, user, &self.answers, &self.interrupt, patience)?;
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
