//! Proving who we are: named keys alone, else the agent's and the usual files.

use std::path::Path;
use std::time::Duration;

use ssh2::{Agent, PublicKey, Session};

use crate::error::{Error, Result};
use crate::remote::host_keys::known_hosts::fingerprint;
use crate::remote::interrupt::Interrupt;
use crate::remote::login::key_file::{CertificateFile, KeyFile};
use crate::remote::login::offers::{Keys, Offer, is_beyond_agents};
use crate::remote::login::prompt::{Answers, Question, Reply};
use crate::remote::route::destination::Destination;
use crate::remote::ssh::session::{SshSession, code};
use crate::secret::Secret;

/// How long a server may think about one key; some ask a directory first.
const LIMIT: Duration = Duration::from_secs(30);
/// So many connections are made to offer keys. Each that ends without a login is a failure to fail2ban, which strikes
/// at the fifth.
const CONNECTIONS: u32 = 3;

/// What the operator can offer.
pub struct Credentials<'a> {
    /// Passphrases.
    pub answers: &'a Answers,
    /// The wish to stop.
    pub interrupt: &'a Interrupt,
}

/// What came of offering keys over one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Logged in, with the key of this label.
    In(String),
    /// The server hung up after too many keys; there are others to offer over a new connection.
    HungUp,
}

/// A login, over as many connections as it takes.
pub struct Login<'a> {
    host: &'a str,
    to: &'a Destination,
    with: &'a Credentials<'a>,
    keys: &'a Keys,
    /// The key that was accepted before is offered first.
    favourite: Option<String>,
    connections: u32,
    tried: Vec<Try>,
}

/// A key that was tried.
struct Try {
    label: String,
    words: String,
    offered: bool,
    /// The server knows the key, and let nobody in all the same.
    known: bool,
    remedy: Option<String>,
}

impl Try {
    fn line(&self) -> String {
        format!("{}: {}", self.label, self.words)
    }
}

/// What came of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    In,
    Refused,
    /// The key cannot be read with that passphrase.
    Unreadable,
    HungUp,
}

impl<'a> Login<'a> {
    /// Begins one.
    pub fn new(
        host: &'a str,
        to: &'a Destination,
        keys: &'a Keys,
        with: &'a Credentials<'a>,
        favourite: Option<String>,
    ) -> Self {
        Login { host, to, with, keys, favourite, connections: 0, tried: Vec::new() }
    }

    /// Whether keys were offered.
    pub fn has_begun(&self) -> bool {
        self.connections > 0
    }

    /// The error of a server that takes no further connection from who has offered wrong keys.
    pub fn barred(&self, error: Error) -> Error {
        let tried: Vec<String> = self.tried.iter().map(Try::line).collect();
        let mut barred = Error::connect(format!(
            "{}: {} let nobody in as {}, and takes no further connection now",
            self.host, self.to.address, self.to.user
        ))
        .detail(format!("tried, in this order:\n{}", tried.join("\n")));
        for detail in error.details {
            barred = barred.detail(detail);
        }
        barred
            .hint("name the right key in the inventory (`ssh: {keys: […]}`): then it is the only one that is tried")
            .hint("the host may bar this machine for some minutes (PerSourcePenalties, fail2ban): wait before you try again")
    }

    /// Offers the keys that were not offered yet. When none is accepted, the error says what was tried in order, what
    /// the server would take, and what to do.
    pub fn over(&mut self, session: &mut SshSession) -> Result<Outcome> {
        self.connections += 1;
        let accepted = self.methods(session)?;
        if session.raw().authenticated() {
            return Ok(Outcome::In(String::new()));
        }
        let agent = self.agent(session);
        let identities: &[PublicKey] = agent.as_ref().map_or(&[], |(_, identities)| identities);
        let blobs: Vec<&[u8]> = identities.iter().map(PublicKey::blob).collect();
        if self.connections == 1 {
            self.tried.extend(self.keys.unusable(&blobs).map(|(path, why)| Try {
                label: path.display().to_string(),
                words: why.words(),
                offered: false,
                known: false,
                remedy: Some(why.remedy(path)),
            }));
        }
        for identity in identities.iter().filter(|identity| self.connections == 1 && is_beyond_agents(identity.blob()))
        {
            self.tried.push(Try {
                label: agent_label(identity),
                words: "an RSA certificate cannot be proved through an agent".to_owned(),
                offered: false,
                known: false,
                remedy: Some("name the key file that the RSA certificate is for in the inventory, or have a key of type ed25519 or ecdsa certified".to_owned()),
            });
        }
        let mut offers: Vec<(String, Offer<'_>)> =
            self.keys.order(&blobs).into_iter().map(|offer| (label(&offer, identities), offer)).collect();
        offers.retain(|(label, _)| self.tried.iter().all(|tried| tried.label != *label));
        offers.sort_by_key(|(label, _)| self.favourite.as_ref() != Some(label));
        self.offer(session, &offers, agent.as_ref(), &accepted)
    }

    fn offer(
        &mut self,
        session: &mut SshSession,
        offers: &[(String, Offer<'_>)],
        agent: Option<&(Agent, Vec<PublicKey>)>,
        accepted: &str,
    ) -> Result<Outcome> {
        for (at, (label, offer)) in offers.iter().enumerate() {
            let answer = match (offer, agent) {
                (Offer::Agent(index), Some((agent, identities))) => {
                    self.attempt(session, label, accepted, |_, user| agent.userauth(user, &identities[*index]))?
                }
                (Offer::File(key, certificate), _) => self.file(session, label, key, *certificate, accepted)?,
                (Offer::Agent(_), None) => continue,
            };
            match answer {
                Answer::In => return Ok(Outcome::In(label.clone())),
                Answer::HungUp if at + 1 < offers.len() && self.connections < CONNECTIONS => {
                    return Ok(Outcome::HungUp);
                }
                Answer::HungUp => return Err(self.refused(accepted, offers.len() - at - 1)),
                Answer::Refused | Answer::Unreadable => {}
            }
        }
        Err(self.refused(accepted, 0))
    }

    /// The methods that the server offers now. Asking is an attempt without credentials, which some servers let in.
    fn methods(&self, session: &mut SshSession) -> Result<String> {
        let methods = |session: &mut Session| session.auth_methods(&self.to.user).map(str::to_owned);
        match session.drive("logging in", LIMIT, methods)? {
            Ok(methods) => Ok(methods),
            Err(_) if session.raw().authenticated() => Ok(String::new()),
            Err(error) => Err(session.lost("logging in", &error)),
        }
    }

    /// The agent and its keys; what is wrong with it is noted once.
    fn agent(&mut self, session: &SshSession) -> Option<(Agent, Vec<PublicKey>)> {
        let (label, words) = match &self.to.agent {
            None => ("agent".to_owned(), "none (SSH_AUTH_SOCK is not set)".to_owned()),
            Some(socket) => match identities(session.raw(), socket) {
                Ok(found) if !found.1.is_empty() => return Some(found),
                Ok(_) => ("agent".to_owned(), "it holds no keys".to_owned()),
                Err(error) => (format!("agent at {}", socket.display()), error.message().to_owned()),
            },
        };
        if self.connections == 1 {
            self.tried.push(Try { label, words, offered: false, known: false, remedy: None });
        }
        None
    }

    fn file(
        &mut self,
        session: &mut SshSession,
        label: &str,
        key: &KeyFile,
        certificate: Option<&CertificateFile>,
        accepted: &str,
    ) -> Result<Answer> {
        let certificate = certificate.map(|certificate| certificate.text.as_str());
        if !key.encrypted {
            return self.attempt(session, label, accepted, |session, user| {
                session.userauth_pubkey_memory(user, certificate, &key.text, None)
            });
        }
        let question = Question { what: format!("passphrase of {}", key.path.display()), on: None };
        let mut wrong: Option<Secret> = None;
        loop {
            let passphrase = match self.with.answers.get(&question, wrong.as_ref(), self.with.interrupt)? {
                Reply::Answer(passphrase) => passphrase,
                Reply::Exhausted => return Ok(Answer::Unreadable),
                Reply::Nobody => {
                    self.tried.push(Try {
                        label: label.to_owned(),
                        words: "it needs a passphrase, and there is no terminal to ask for it".to_owned(),
                        offered: false,
                        known: false,
                        remedy: Some(format!("load the key into an agent: ssh-add {}", key.path.display())),
                    });
                    return Ok(Answer::Unreadable);
                }
            };
            let words = String::from_utf8_lossy(passphrase.expose()).into_owned();
            let words = zeroize::Zeroizing::new(words);
            let answer = self.attempt(session, label, accepted, |session, user| {
                session.userauth_pubkey_memory(user, certificate, &key.text, Some(&words))
            })?;
            match answer {
                Answer::Unreadable => wrong = Some(passphrase),
                answer => return Ok(answer),
            }
        }
    }

    fn attempt(
        &mut self,
        session: &mut SshSession,
        label: &str,
        accepted: &str,
        mut call: impl FnMut(&mut Session, &str) -> Result<(), ssh2::Error>,
    ) -> Result<Answer> {
        let user = self.to.user.as_str();
        let result = session.drive("logging in", LIMIT, |session| call(session, user))?;
        let (answer, known, words) = match result {
            Ok(()) if session.raw().authenticated() => (Answer::In, true, "accepted".to_owned()),
            Ok(()) => (Answer::Refused, true, "accepted, but the server wants a further proof".to_owned()),
            Err(error) => match Refusal::of(&error) {
                Refusal::Unknown => (Answer::Refused, false, "refused".to_owned()),
                Refusal::HungUp => (Answer::HungUp, false, "refused, and the server hung up".to_owned()),
                Refusal::HungUpOnProof => return Err(self.turned_away(session, label)),
                Refusal::Unreadable => {
                    (Answer::Unreadable, false, "not readable (wrong passphrase, or no private key)".to_owned())
                }
                Refusal::Known => {
                    let left = self.methods(session)?;
                    if !takes_keys(&left) && takes_keys(accepted) {
                        return Err(self.wants_more(label, &left));
                    }
                    (Answer::Refused, true, format!("the server knows this key, and does not let {user} in"))
                }
                Refusal::Other => (Answer::Refused, false, error.message().to_owned()),
            },
        };
        let offered = answer != Answer::Unreadable;
        self.tried.push(Try { label: label.to_owned(), words, offered, known, remedy: None });
        Ok(answer)
    }

    /// The server took the key and ended the connection: the account is not let in.
    fn turned_away(&self, session: &SshSession, label: &str) -> Error {
        let user = &self.to.user;
        let error =
            Error::connect(format!("{}: {} took our key, and then turned {user} away", self.host, self.to.address))
                .detail(format!("the key: {label}"));
        let banner = session.raw().userauth_banner().ok().flatten().map(|words| words.trim().to_owned());
        let error = match banner.filter(|words| !words.is_empty()) {
            Some(words) => error.detail(format!("it said: {words}")),
            None => error,
        };
        error.hint(format!("look at the account {user} on the host: it may be locked or expired (`chage -l {user}`), /etc/nologin may lie there, or the host is still starting; its own reason stands in `journalctl -u ssh -u sshd`"))
    }

    /// One proof was right, and the server wants another of a kind that we have not.
    fn wants_more(&self, label: &str, left: &str) -> Error {
        let user = &self.to.user;
        Error::connect(format!(
            "{}: {} accepts our key for {user}, and wants a second factor: {left}",
            self.host, self.to.address
        ))
        .detail(format!("the key: {label}"))
        .hint(format!("kbootstrap logs in by key alone: let it, for this user or this machine's address only, in the host's sshd_config: `Match User {user}` with `AuthenticationMethods publickey`"))
        .hint("or name another user in the inventory, one with sudo that needs no second factor")
    }

    fn refused(&self, accepted: &str, left: usize) -> Error {
        let (user, address) = (&self.to.user, &self.to.address);
        let known = self.tried.iter().any(|tried| tried.known);
        let offered = self.tried.iter().any(|tried| tried.offered);
        let why = match (known, offered) {
            (true, _) => format!("knows our key, and does not let {user} in"),
            (false, true) => format!("let nobody in as {user}: no key was accepted"),
            (false, false) => format!("cannot be logged in to as {user}: there is no key to offer"),
        };
        let tried: Vec<String> = self.tried.iter().map(Try::line).collect();
        let mut error = Error::connect(format!("{}: {address} {why}", self.host))
            .detail(format!("tried, in this order:\n{}", tried.join("\n")));
        if left > 0 {
            error = error.detail(format!("{left} more were not tried: a server bars who offers too many"));
        }
        if !accepted.is_empty() {
            error = error.detail(format!("the server accepts: {accepted}"));
        }
        for remedy in self.tried.iter().filter_map(|tried| tried.remedy.as_ref()) {
            error = error.hint(remedy.clone());
        }
        if known && user == "root" {
            error.hint("root may not log in there (`PermitRootLogin no` in its sshd_config): name a user with sudo in the inventory (`ssh: {user: …}`), or allow `PermitRootLogin prohibit-password`")
        } else if known {
            error.hint(format!("look at the account {user} on the host: it may be locked, or left out by AllowUsers or AllowGroups in its sshd_config"))
        } else if !accepted.is_empty() && !takes_keys(accepted) {
            error.hint(format!("the server takes no public keys from {user}: see PubkeyAuthentication and AuthenticationMethods in its sshd_config"))
        } else if left > 0 {
            error
                .hint("name the right key in the inventory (`ssh: {keys: […]}`): then it is the only one that is tried")
        } else if offered {
            error.hint(format!("put a public key of yours into ~{user}/.ssh/authorized_keys on the host, or name the right user and key in the inventory"))
        } else if self.tried.iter().all(|tried| tried.remedy.is_none()) {
            error.hint("name a key in the inventory (`ssh: {keys: […]}`), load one into an agent, or make one: ssh-keygen -t ed25519")
        } else {
            error
        }
    }
}

fn takes_keys(methods: &str) -> bool {
    methods.split(',').any(|method| method == "publickey")
}

/// How an attempt failed. libssh2 calls it an unverified key, too, when the connection ended while it waited for an
/// answer; only its words tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// The server does not know the key.
    Unknown,
    /// It does, and did not take the proof.
    Known,
    /// The connection ended when the key was offered.
    HungUp,
    /// The connection ended when the key was proved.
    HungUpOnProof,
    /// The file cannot be read with that passphrase.
    Unreadable,
    Other,
}

impl Refusal {
    fn of(error: &ssh2::Error) -> Self {
        match (code(error), error.message()) {
            (libssh2_sys::LIBSSH2_ERROR_AUTHENTICATION_FAILED, _) => Refusal::Unknown,
            (libssh2_sys::LIBSSH2_ERROR_FILE, _) => Refusal::Unreadable,
            (libssh2_sys::LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED, "Waiting for publickey USERAUTH response") => {
                Refusal::HungUpOnProof
            }
            (libssh2_sys::LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED, words) if words.starts_with("Waiting for") => {
                Refusal::HungUp
            }
            (libssh2_sys::LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED, _) => Refusal::Known,
            (
                libssh2_sys::LIBSSH2_ERROR_SOCKET_DISCONNECT
                | libssh2_sys::LIBSSH2_ERROR_SOCKET_RECV
                | libssh2_sys::LIBSSH2_ERROR_SOCKET_SEND,
                _,
            ) => Refusal::HungUp,
            _ => Refusal::Other,
        }
    }
}

fn identities(session: &Session, socket: &Path) -> Result<(Agent, Vec<PublicKey>), ssh2::Error> {
    let mut agent = session.agent()?;
    agent.set_identity_path(socket)?;
    agent.connect()?;
    agent.list_identities()?;
    let identities = agent.identities()?;
    Ok((agent, identities))
}

fn agent_label(identity: &PublicKey) -> String {
    format!("agent key {} ({})", fingerprint(identity.blob()), identity.comment())
}

fn label(offer: &Offer<'_>, identities: &[PublicKey]) -> String {
    match offer {
        Offer::Agent(index) => agent_label(&identities[*index]),
        Offer::File(key, None) => key.path.display().to_string(),
        Offer::File(_, Some(certificate)) => certificate.path.display().to_string(),
    }
}
