//! OpenSSH's known_hosts files, as sshd(8) describes them under "SSH_KNOWN_HOSTS FILE FORMAT".
//!
//! libssh2 has a parser of its own, but it overlooks `@revoked`, patterns and `@cert-authority`, and takes a host with
//! a key of another type for a changed one.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use crate::digest::{is_hmac_sha1, sha256_bytes};

/// Where an entry stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// One key that some hosts are known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands.
    pub place: Place,
    /// What the line says of the key.
    pub marker: Marker,
    /// `ssh-ed25519` and the like.
    pub key_type: String,
    /// The public key as it goes over the wire (RFC 4253 §6.6).
    pub key: Vec<u8>,
    hosts: Hosts,
}

/// What a key is to its hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// It is theirs.
    Own,
    /// `@revoked`: it must never be accepted.
    Revoked,
    /// `@cert-authority`: it signs theirs.
    Authority,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    Hashed { salt: Vec<u8>, hash: Vec<u8> },
    Patterns(Vec<Pattern>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    negated: bool,
    glob: String,
}

/// What is known of a host's key.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It is the key that the host is known by.
    Known,
    /// The host is known by no key at all.
    Unknown,
    /// The host is known by other keys only.
    Changed(Vec<&'a Entry>),
}

/// The entries of one or more files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownHosts {
    entries: Vec<Entry>,
}

impl KnownHosts {
    /// Adds the entries of a file. Like OpenSSH, it passes over lines that it cannot read.
    pub fn add(&mut self, file: &Path, text: &str) {
        let lines = text.lines().enumerate();
        self.entries.extend(
            lines.filter_map(|(index, line)| parse_line(line, Place { file: file.to_owned(), line: index + 1 })),
        );
    }

    /// Adds a file of public keys, one a line, that no host may have.
    pub fn add_revoked(&mut self, file: &Path, text: &str) {
        let lines = text.lines().enumerate();
        self.entries.extend(lines.filter_map(|(index, line)| {
            parse_line(&format!("@revoked * {line}"), Place { file: file.to_owned(), line: index + 1 })
        }));
    }

    /// Adds the entries of others.
    pub fn append(&mut self, mut others: KnownHosts) {
        self.entries.append(&mut others.entries);
    }

    /// Those that say which keys are revoked.
    pub fn revocations(mut self) -> Self {
        self.entries.retain(|entry| entry.marker == Marker::Revoked);
        self
    }

    /// Whether a host has a key here, or an authority that signs its keys.
    pub fn knows(&self, name: &str) -> bool {
        self.of(name).any(|entry| entry.marker != Marker::Revoked)
    }

    /// Whether no line could be read.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries for a host, named as [`lookup_name`] names it.
    pub fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.hosts.matches(name))
    }

    /// The authorities whose certificates a host may show.
    pub fn authorities<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.of(name).filter(|entry| entry.marker == Marker::Authority)
    }

    /// The entry that says that a key, a host's or an authority's, must never be accepted.
    pub fn revoked<'a>(&'a self, name: &'a str, key: &[u8]) -> Option<&'a Entry> {
        self.of(name).find(|entry| entry.marker == Marker::Revoked && entry.key == key)
    }

    /// Judges the key that a host offers, and that is not [revoked](Self::revoked). A key of a type that the host is not
    /// known by is a changed key too: otherwise whoever stands in between would only have to offer another type.
    pub fn judge<'a>(&'a self, name: &'a str, key: &[u8]) -> Verdict<'a> {
        let good: Vec<&Entry> = self.of(name).filter(|entry| entry.marker == Marker::Own).collect();
        match good.iter().any(|entry| entry.key == key) {
            true => Verdict::Known,
            false if good.is_empty() => Verdict::Unknown,
            false => Verdict::Changed(good),
        }
    }
}

/// The name that a host has in known_hosts: `host` at port 22, else `[host]:port`; lower case. Brackets that are there
/// already (IPv6) do not count.
pub fn lookup_name(address: &str, port: u16) -> String {
    let address = address.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    match port {
        22 => address,
        port => format!("[{address}]:{port}"),
    }
}

/// A line for a host's key, with its newline.
pub fn line(name: &str, key: &[u8]) -> String {
    format!("{name} {} {}\n", key_type(key), STANDARD.encode(key))
}

/// `SHA256:…` as `ssh-keygen -l` shows it.
pub fn fingerprint(key: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(sha256_bytes(key)))
}

/// The type that a key in wire format says it is; `unknown` when it is not in wire format.
pub fn key_type(key: &[u8]) -> String {
    let name = key
        .split_first_chunk::<4>()
        .and_then(|(length, rest)| rest.get(..u32::from_be_bytes(*length) as usize))
        .and_then(|name| std::str::from_utf8(name).ok())
        .filter(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic()));
    name.unwrap_or("unknown").to_owned()
}

/// A key from its base64 form; none when it is not a key.
pub fn decode_key(text: &str) -> Option<Vec<u8>> {
    let key = STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok()?;
    (key_type(&key) != "unknown").then_some(key)
}

fn parse_line(line: &str, place: Place) -> Option<Entry> {
    let mut words = line.split_ascii_whitespace().peekable();
    let marker = match words.next_if(|word| word.starts_with('@')) {
        None => Marker::Own,
        Some("@revoked") => Marker::Revoked,
        Some("@cert-authority") => Marker::Authority,
        Some(_) => return None,
    };
    let hosts = parse_hosts(words.next().filter(|word| !word.starts_with('#'))?)?;
    let named = words.next()?;
    let key = decode_key(words.next()?)?;
    let key_type = key_type(&key);
    // OpenSSH passes over a line that calls a key by another type; one that must never be accepted is no less so.
    (named == key_type || marker == Marker::Revoked).then_some(())?;
    Some(Entry { place, marker, key_type, key, hosts })
}

fn parse_hosts(word: &str) -> Option<Hosts> {
    if let Some(hashed) = word.strip_prefix("|1|") {
        let (salt, hash) = hashed.split_once('|')?;
        return Some(Hosts::Hashed { salt: STANDARD.decode(salt).ok()?, hash: STANDARD.decode(hash).ok()? });
    }
    let pattern = |word: &str| {
        let glob = word.strip_prefix('!');
        Pattern { negated: glob.is_some(), glob: glob.unwrap_or(word).to_ascii_lowercase() }
    };
    Some(Hosts::Patterns(word.split(',').filter(|word| !word.is_empty()).map(pattern).collect()))
}

impl Hosts {
    fn matches(&self, name: &str) -> bool {
        match self {
            Hosts::Hashed { salt, hash } => is_hmac_sha1(salt, name.as_bytes(), hash),
            Hosts::Patterns(patterns) => {
                let hit = |pattern: &&Pattern| glob_matches(pattern.glob.as_bytes(), name.as_bytes());
                let (no, yes): (Vec<&Pattern>, Vec<&Pattern>) =
                    patterns.iter().filter(hit).partition(|pattern| pattern.negated);
                no.is_empty() && !yes.is_empty()
            }
        }
    }
}

/// `*` stands for any run of characters, `?` for any one; in time O(pattern × name).
pub fn glob_matches(glob: &[u8], name: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < name.len() {
        match glob.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == name[seen] => {
                at += 1;
                seen += 1;
            }
            _ => match star {
                Some((place, start)) => {
                    star = Some((place, start + 1));
                    (at, seen) = (place + 1, start + 1);
                }
                None => return false,
            },
        }
    }
    glob[at..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
#[path = "known_hosts_tests.rs"]
mod tests;
