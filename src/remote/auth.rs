//! Proving who we are: the agent's keys, then key files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ssh2::{Agent, PublicKey, Session};

use crate::error::{Error, Result};
use crate::remote::SshTarget;
use crate::remote::interrupt::Interrupt;
use crate::remote::key_file::{KeyFile, candidates, public_half};
use crate::remote::known_hosts::fingerprint;
use crate::remote::prompt::{Answers, Reply};
use crate::remote::session::{SshSession, code};
use crate::secret::Secret;

/// How long a server may think about one key; some ask a directory first.
const LIMIT: Duration = Duration::from_secs(30);

/// What the operator can offer.
pub(super) struct Credentials<'a> {
    /// The agent's socket.
    pub(super) agent: Option<&'a Path>,
    /// The home directory, for the usual key files.
    pub(super) home: Option<&'a Path>,
    /// Passphrases.
    pub(super) answers: &'a Answers,
    /// The wish to stop.
    pub(super) interrupt: &'a Interrupt,
}

/// Logs in, or says what was tried in order and what the server would take.
///
/// Keys that need a passphrase come last, so that nobody is asked for one in vain.
pub(super) fn log_in(session: &mut SshSession, target: &SshTarget, with: &Credentials<'_>) -> Result<()> {
    let accepted = accepted_methods(session, &target.user)?;
    let mut login = Login { session, user: &target.user, with, tried: Vec::new() };
    if login.session.raw().authenticated() || login.agent(&target.keys)? || login.key_files(&target.keys)? {
        return Ok(());
    }
    Err(refused(login.session.host(), target, &accepted, &login.tried))
}

/// The methods that the server offers. Asking is an attempt without credentials, which some servers let in.
fn accepted_methods(session: &mut SshSession, user: &str) -> Result<String> {
    let methods = |session: &mut Session| session.auth_methods(user).map(str::to_owned);
    match session.drive("logging in", LIMIT, methods)? {
        Ok(methods) => Ok(methods),
        Err(_) if session.raw().authenticated() => Ok(String::new()),
        Err(error) => Err(session.lost("logging in", &error)),
    }
}

struct Login<'a> {
    session: &'a mut SshSession,
    user: &'a str,
    with: &'a Credentials<'a>,
    tried: Vec<String>,
}

impl Login<'_> {
    /// Keys that the inventory names come first: a server hangs up after a few wrong ones (MaxAuthTries).
    fn agent(&mut self, named: &[PathBuf]) -> Result<bool> {
        let Some(socket) = self.with.agent else {
            self.tried.push("agent: none (SSH_AUTH_SOCK is not set)".into());
            return Ok(false);
        };
        let (agent, mut identities) = match identities(self.session.raw(), socket) {
            Ok(found) => found,
            Err(error) => {
                self.tried.push(format!("agent at {}: {}", socket.display(), error.message()));
                return Ok(false);
            }
        };
        if identities.is_empty() {
            self.tried.push("agent: it holds no keys".into());
        }
        let named: Vec<Vec<u8>> = named.iter().filter_map(|path| public_half(path)).collect();
        identities.sort_by_key(|identity| !named.iter().any(|key| key == identity.blob()));
        for identity in &identities {
            let label = format!("agent key {} ({})", fingerprint(identity.blob()), identity.comment());
            if self.attempt(&label, |_, user| agent.userauth(user, identity))? == Tried::In {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn key_files(&mut self, named: &[PathBuf]) -> Result<bool> {
        let mut locked = Vec::new();
        for path in candidates(named, self.with.home) {
            match KeyFile::read(&path) {
                Err(error) => self.tried.push(format!("{}: {error}", path.display())),
                Ok(key) if key.encrypted => locked.push(key),
                Ok(key) => {
                    if self.key(&key, None)? == Tried::In {
                        return Ok(true);
                    }
                }
            }
        }
        for key in &locked {
            if self.locked_key(key)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn locked_key(&mut self, key: &KeyFile) -> Result<bool> {
        let question = format!("passphrase of {}", key.path.display());
        let mut wrong: Option<Secret> = None;
        loop {
            let passphrase = match self.with.answers.get(&question, wrong.as_ref(), self.with.interrupt)? {
                Reply::Answer(passphrase) => passphrase,
                Reply::Exhausted => return Ok(false),
                Reply::Nobody => {
                    let why = "it needs a passphrase, and there is no terminal to ask for it (load it with ssh-add)";
                    self.tried.push(format!("{}: {why}", key.path.display()));
                    return Ok(false);
                }
            };
            match self.key(key, Some(&passphrase))? {
                Tried::In => return Ok(true),
                Tried::Refused => return Ok(false),
                Tried::Unusable => wrong = Some(passphrase),
            }
        }
    }

    fn key(&mut self, key: &KeyFile, passphrase: Option<&Secret>) -> Result<Tried> {
        let passphrase = passphrase.map(|secret| String::from_utf8_lossy(secret.expose()));
        let label = key.path.display().to_string();
        self.attempt(&label, |session, user| {
            session.userauth_pubkey_memory(user, None, &key.text, passphrase.as_deref())
        })
    }

    fn attempt(
        &mut self,
        label: &str,
        mut call: impl FnMut(&mut Session, &str) -> Result<(), ssh2::Error>,
    ) -> Result<Tried> {
        let user = self.user;
        let (tried, words) = match self.session.drive("logging in", LIMIT, |session| call(session, user))? {
            Ok(()) if self.session.raw().authenticated() => (Tried::In, "accepted".to_owned()),
            Ok(()) => (Tried::Refused, "accepted, but the server wants a further proof".to_owned()),
            Err(error) if hung_up(&error) => {
                self.tried.push(format!("{label}: the server hung up"));
                return Err(self.too_many());
            }
            Err(error) => match code(&error) {
                libssh2_sys::LIBSSH2_ERROR_AUTHENTICATION_FAILED => (Tried::Refused, "refused".to_owned()),
                libssh2_sys::LIBSSH2_ERROR_FILE => {
                    (Tried::Unusable, "not readable (wrong passphrase, or no private key)".to_owned())
                }
                _ => (Tried::Refused, error.message().to_owned()),
            },
        };
        self.tried.push(format!("{label}: {words}"));
        Ok(tried)
    }

    fn too_many(&self) -> Error {
        Error::connect(format!(
            "{}: the server ended the connection while we logged in as {}",
            self.session.host(),
            self.user
        ))
        .detail(format!("tried, in this order:\n{}", self.tried.join("\n")))
        .hint("servers allow few attempts (MaxAuthTries): keep fewer keys in the agent")
    }
}

/// Whether the connection ended in the middle of an attempt. libssh2 calls that an unverified key when it was waiting
/// for the answer; only its words tell.
fn hung_up(error: &ssh2::Error) -> bool {
    match code(error) {
        libssh2_sys::LIBSSH2_ERROR_SOCKET_DISCONNECT
        | libssh2_sys::LIBSSH2_ERROR_SOCKET_RECV
        | libssh2_sys::LIBSSH2_ERROR_SOCKET_SEND => true,
        libssh2_sys::LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED => error.message().starts_with("Waiting for"),
        _ => false,
    }
}

/// What came of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tried {
    In,
    Refused,
    Unusable,
}

fn identities(session: &Session, socket: &Path) -> Result<(Agent, Vec<PublicKey>), ssh2::Error> {
    let mut agent = session.agent()?;
    agent.set_identity_path(socket)?;
    agent.connect()?;
    agent.list_identities()?;
    let identities = agent.identities()?;
    Ok((agent, identities))
}

fn refused(host: &str, target: &SshTarget, accepted: &str, tried: &[String]) -> Error {
    let user = &target.user;
    let error = Error::connect(format!("{host}: {} let nobody in as {user}: no key was accepted", target.address))
        .detail(format!("tried, in this order:\n{}", tried.join("\n")))
        .detail(format!("the server accepts: {accepted}"));
    if accepted.split(',').any(|method| method == "publickey") {
        error.hint(format!("put a public key of yours into ~{user}/.ssh/authorized_keys on the host, or name the right user and key in the inventory"))
    } else {
        error.hint(format!("the server takes no public keys from {user}: see PubkeyAuthentication and PermitRootLogin in its sshd_config"))
    }
}
