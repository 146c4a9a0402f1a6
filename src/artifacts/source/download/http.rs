//! HTTP as downloads need it: small answers, and files that are resumed where they were interrupted.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ureq::http::{Response, StatusCode};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};
use zeroize::Zeroizing;

use super::hosts::{Failure, Hosts};
use super::roots;
use super::token::{Answer, Challenge, Tokens};
use crate::children::interrupted;
use crate::error::{Error, Result};

/// A small answer: a checksum file, a manifest.
const SMALL: u64 = 4 << 20;

/// An HTTP client with the mirror, if there is one.
pub struct Client<'a> {
    agent: Agent,
    interrupt: &'a AtomicBool,
    mirror: Option<String>,
    hosts: Hosts,
    tokens: Tokens,
}

impl<'a> Client<'a> {
    /// Trusts the operating system's certificates; uses the proxy that the environment names. Ends once `interrupt` is
    /// raised.
    pub fn new(mirror: Option<&str>, interrupt: &'a AtomicBool) -> Result<Self> {
        // A mirror on plain HTTP needs no certificates on this machine.
        let plain = mirror.is_some_and(|m| m.starts_with("http://"));
        let roots = if plain { Vec::new() } else { roots::system()? };
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            // A redirect cannot lead from HTTPS to plain HTTP.
            .https_only(!plain)
            .timeout_resolve(Some(Duration::from_secs(20)))
            .timeout_connect(Some(Duration::from_secs(20)))
            .timeout_recv_response(Some(Duration::from_secs(60)))
            .timeout_per_read(Some(Duration::from_secs(60)))
            .user_agent(concat!("kbootstrap/", env!("CARGO_PKG_VERSION")))
            .build();
        let mirror = mirror.map(|m| m.trim_end_matches('/').to_owned());
        if let Some(bad) = mirror.as_ref().filter(|m| !m.starts_with("http://") && !m.starts_with("https://")) {
            return Err(Error::input(format!("the mirror {bad:?} does not begin with https:// or http://")));
        }
        if mirror.as_deref().is_some_and(has_login) {
            return Err(Error::input(
                "the mirror's address has a name or password in it, which would be in artifacts.lock",
            )
            .hint("leave out what stands before the `@`: nothing is sent of it"));
        }
        let (agent, hosts, tokens) = (Agent::new_with_config(config), Hosts::default(), Tokens::default());
        Ok(Client { agent, interrupt, mirror, hosts, tokens })
    }

    /// Whether what it brings can be changed by whoever is on the way.
    pub fn is_plain(&self) -> bool {
        self.mirror.as_ref().is_some_and(|mirror| mirror.starts_with("http://"))
    }

    fn go_on(&self) -> Result<()> {
        if self.interrupt.load(Ordering::SeqCst) { Err(interrupted()) } else { Ok(()) }
    }

    /// The URL that is asked: with a mirror, its prefix before the host and path.
    pub fn address(&self, url: &str) -> String {
        match &self.mirror {
            Some(mirror) => format!("{mirror}/{}", url.trim_start_matches("https://")),
            None => url.to_owned(),
        }
    }

    /// A small answer, at most 4 MiB.
    pub fn small(&self, url: &str, accept: &str) -> Result<Vec<u8>> {
        let address = self.address(url);
        self.hosts.check(&address)?;
        let mut attempt = 0;
        loop {
            self.go_on()?;
            let failure = match self.get(&address, ("Accept", accept)) {
                Ok(mut response) if response.status() == StatusCode::OK => {
                    match response.body_mut().with_config().limit(SMALL).read_to_vec() {
                        Ok(bytes) => return Ok(bytes),
                        Err(e) => Failure::Broken(reason(&e)),
                    }
                }
                Ok(response) => Failure::status(response.status()),
                Err(failure) => failure,
            };
            attempt += 1;
            self.hosts.pause_or_give_up(&address, failure, attempt)?;
        }
    }

    /// Downloads into `part`, going on behind what is there, and says how many bytes it now has: `most` at the most.
    /// `progress` gets the bytes so far and in all.
    pub fn file(&self, url: &str, part: &Path, most: u64, progress: &dyn Fn(u64, u64)) -> Result<u64> {
        let io = |e: &io::Error| Error::io(format!("write {}", part.display()), e);
        let address = self.address(url);
        self.hosts.check(&address)?;
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(part).map_err(|e| io(&e))?;
        let (mut attempt, mut furthest) = (0, 0);
        loop {
            let before = file.seek(SeekFrom::End(0)).map_err(|e| io(&e))?;
            let failure = match self.rest(&address, &mut file, (before, most), progress) {
                Ok(length) => return Ok(length),
                Err(failure) => failure,
            };
            self.go_on()?;
            let now = file.seek(SeekFrom::End(0)).map_err(|e| io(&e))?;
            attempt = if now > furthest.max(before) { 1 } else { attempt + 1 };
            furthest = furthest.max(now);
            self.hosts.pause_or_give_up(&address, failure, attempt)?;
        }
    }

    /// One answer; where the registry demands a token, one is fetched and shown. A redirection does not take it along.
    fn get(&self, address: &str, header: (&str, &str)) -> Result<Response<Body>, Failure> {
        let once = || {
            let mut request = self.agent.get(address).header(header.0, header.1);
            if let Some(token) = self.tokens.header(address) {
                request = request.header("Authorization", token.expose());
            }
            let response = request.call().map_err(|e| Failure::Broken(reason(&e)))?;
            self.hosts.answered(address);
            Ok(response)
        };
        let response = once()?;
        let challenge = match response.status() {
            StatusCode::UNAUTHORIZED => self::header(&response, "www-authenticate").and_then(Challenge::read),
            _ => None,
        };
        let Some(challenge) = challenge else { return Ok(response) };
        self.tokens.keep(address, self.token(&challenge)?);
        once()
    }

    /// What the token server gives to somebody without a name.
    fn token(&self, Challenge { realm, query }: &Challenge) -> Result<Answer, Failure> {
        let about = |reason: String| format!("no token from {realm}: {reason}");
        let query = query.iter().map(|(name, value)| (name, value));
        let mut response =
            self.agent.get(realm).query_pairs(query).call().map_err(|e| Failure::Broken(about(reason(&e))))?;
        if response.status() != StatusCode::OK {
            return Err(Failure::status(response.status()).map(about));
        }
        let text = response.body_mut().with_config().limit(SMALL).read_to_vec();
        let text = Zeroizing::new(text.map_err(|e| Failure::Broken(about(reason(&e))))?);
        // The text may hold a token: what is wrong with it is not quoted.
        serde_json::from_slice(&text).map_err(|_| Failure::Refused(about("the answer has no token".into())))
    }

    /// One request for what is behind `from`, up to `most` bytes in all.
    fn rest(
        &self,
        address: &str,
        file: &mut File,
        (from, most): (u64, u64),
        progress: &dyn Fn(u64, u64),
    ) -> Result<u64, Failure> {
        let range = format!("bytes={from}-");
        let mut response = self.get(address, if from > 0 { ("Range", &range) } else { ("Accept", "*/*") })?;
        let local = |e: io::Error| Failure::Refused(format!("write: {e}"));
        let (start, total) = match (response.status(), from) {
            (StatusCode::OK, _) => (0, header(&response, "content-length").and_then(|v| v.parse().ok())),
            (StatusCode::PARTIAL_CONTENT, _) => match content_range(&response) {
                Some((start, total)) if start == from => (start, total),
                _ => {
                    file.set_len(0).map_err(local)?;
                    return Err(Failure::Broken("the server continued somewhere else".into()));
                }
            },
            // Nothing is behind what we have: either it is whole, or it is of another file.
            (StatusCode::RANGE_NOT_SATISFIABLE, 1..) => match content_range_total(&response) {
                Some(total) if total == from => return Ok(from),
                _ => {
                    file.set_len(0).map_err(local)?;
                    return Err(Failure::Broken("the partial file did not fit".into()));
                }
            },
            (status, _) => return Err(Failure::status(status)),
        };
        if total.is_some_and(|total| total > most) {
            file.set_len(0).map_err(local)?;
            return Err(too_much(total, most));
        }
        file.set_len(start).and_then(|()| file.seek(SeekFrom::Start(start))).map_err(local)?;
        // One byte more tells that there is too much.
        let body = response.body_mut().as_reader().take(most.saturating_add(1).saturating_sub(start));
        let end = self.copy(body, file, (start, total.unwrap_or(0)), progress)?;
        if end > most {
            file.set_len(0).map_err(local)?;
            return Err(too_much(None, most));
        }
        match total {
            Some(total) if end < total => {
                Err(Failure::Broken(format!("the connection ended after {end} of {total} bytes")))
            }
            _ => Ok(end),
        }
    }

    fn copy(
        &self,
        mut from: impl Read,
        to: &mut File,
        (start, total): (u64, u64),
        progress: &dyn Fn(u64, u64),
    ) -> Result<u64, Failure> {
        let mut buffer = vec![0; 1 << 18];
        let mut done = start;
        let mut told = start;
        loop {
            if self.interrupt.load(Ordering::SeqCst) {
                return Err(Failure::Refused("interrupted".into()));
            }
            match from.read(&mut buffer) {
                Ok(0) => return Ok(done),
                Ok(n) => {
                    to.write_all(&buffer[..n]).map_err(|e| Failure::Refused(format!("write: {e}")))?;
                    done += n as u64;
                    if done - told >= 1 << 20 || done == total {
                        told = done;
                        progress(done, total);
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Failure::Broken(reason(&e))),
            }
        }
    }
}

/// Whether a name or password stands in the address.
pub fn has_login(address: &str) -> bool {
    let authority = address.split("://").nth(1).and_then(|rest| rest.split('/').next());
    authority.is_some_and(|authority| authority.contains('@'))
}

fn too_much(total: Option<u64>, most: u64) -> Failure {
    let total = total.map_or_else(String::new, |total| format!(" {total} bytes,"));
    Failure::Refused(format!("the server would send{total} more than the {most} bytes that it can be"))
}

/// An error's text without the words of the library.
fn reason(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    text.strip_prefix("io: ").unwrap_or(&text).to_owned()
}

fn header<'r>(response: &'r Response<Body>, name: &str) -> Option<&'r str> {
    response.headers().get(name)?.to_str().ok()
}

/// Start and total of `bytes 5-9/10` (RFC 9110 §14.4).
fn content_range(response: &Response<Body>) -> Option<(u64, Option<u64>)> {
    let (range, total) = header(response, "content-range")?.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, total.parse().ok()))
}

/// Total of `bytes */10`.
fn content_range_total(response: &Response<Body>) -> Option<u64> {
    header(response, "content-range")?.strip_prefix("bytes */")?.parse().ok()
}
