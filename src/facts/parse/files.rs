//! Files and directories: mode, owner, and the hash, which is either fresh or recorded.

use std::collections::BTreeMap;

use super::sections::Sections;
use crate::facts::{CERTIFICATE_BYTES, EncryptionKeyFact, FileFact};

/// Files and directories that are there.
pub(super) struct Found {
    pub(super) files: BTreeMap<String, FileFact>,
    pub(super) dirs: BTreeMap<String, FileFact>,
}

impl Found {
    pub(super) fn read(sections: &Sections) -> Self {
        let recorded: BTreeMap<_, _> =
            sections.lines("recorded").filter_map(|line| line.split_once(' ')).map(swap).collect();
        let fresh: BTreeMap<_, _> = sections.lines("sha256").filter_map(fresh).collect();
        let mut found = Found { files: BTreeMap::new(), dirs: BTreeMap::new() };
        for stat in sections.lines("stat").filter_map(Stat::read) {
            let fact = |sha256: &str| FileFact {
                sha256: sha256.into(),
                mode: stat.mode & 0o7777,
                owner: stat.owner.into(),
                group: stat.group.into(),
            };
            if stat.mode & TYPE == DIRECTORY {
                found.dirs.insert(stat.path.into(), fact(""));
            } else {
                let sha256 = fresh.get(stat.path).map(String::as_str).or(recorded.get(stat.key).copied());
                // Not a regular file, or one that vanished meanwhile: there, but its hash equals no other.
                found.files.insert(stat.path.into(), fact(sha256.unwrap_or_default()));
            }
        }
        found
    }
}

const TYPE: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;

fn swap<'a>((sha256, key): (&'a str, &'a str)) -> (&'a str, &'a str) {
    (key, sha256)
}

/// A line `mode user group size mtime ctime inode path`.
struct Stat<'a> {
    mode: u32,
    owner: &'a str,
    group: &'a str,
    /// From the size on: what a recorded hash must be followed by.
    key: &'a str,
    path: &'a str,
}

impl<'a> Stat<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut parts = line.splitn(4, ' ');
        let mode = u32::from_str_radix(parts.next()?, 16).ok()?;
        let (owner, group, key) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Stat { mode, owner, group, key, path: key.splitn(5, ' ').nth(4)? })
    }
}

/// A line of sha256sum: `hash  path`. (`\hash  path` with an escaped path is for names that nobody asks about.)
fn fresh(line: &str) -> Option<(&str, String)> {
    let (sha256, path) = line.split_once("  ")?;
    if sha256.len() == 64 { Some((path, sha256.into())) } else { None }
}

/// What `head -v` printed of files of certificates. Of no file more is taken than was asked for,
/// whatever the host sends.
pub(super) fn certificates(sections: &Sections) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    let mut current = None;
    for line in sections.lines("certificates") {
        if let Some(path) = line.strip_prefix("==> ").and_then(|rest| rest.strip_suffix(" <==")) {
            current = Some(all.entry(path.into()).or_default());
        } else if let Some(text) = current.as_mut()
            && text.len() + line.len() < CERTIFICATE_BYTES
        {
            text.push_str(line);
            text.push('\n');
        }
    }
    all
}

/// Lines `name hash`, the hash as sha256sum prints it.
pub(super) fn encryption_keys(sections: &Sections) -> Vec<EncryptionKeyFact> {
    let key = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next()?.to_owned();
        let sha256 = words.next().filter(|hash| hash.len() == 64).unwrap_or_default().to_owned();
        Some(EncryptionKeyFact { name, sha256 })
    };
    sections.lines("encryption").filter_map(key).collect()
}

/// Lines `d directory`, each followed by `n name` for what is in it.
pub(super) fn listings(sections: &Sections) -> BTreeMap<String, Vec<String>> {
    let mut listings: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut current = None;
    for line in sections.lines("listings") {
        match line.split_once(' ') {
            Some(("d", dir)) => current = Some(listings.entry(dir.into()).or_default()),
            Some(("n", name)) => {
                if let Some(names) = current.as_mut() {
                    names.push(name.into());
                }
            }
            _ => {}
        }
    }
    listings
}
