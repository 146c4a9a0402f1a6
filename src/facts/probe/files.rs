//! Files and directories: mode, owner, and the hash, which is either fresh or recorded.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::Sections;
use super::script::Variables;
use super::{Group, Questions};
use crate::cluster::Layout;
use crate::facts::{CERTIFICATE_BYTES, EncryptionKeyFact, FileFact, HostFacts, RECORD_FROM};

/// Files, directories, what is in some of them.
pub(super) const GROUP: Group = Group { shell: include_str!("files.sh"), ask, read };

fn ask(questions: &Questions, _: &Layout, variables: &mut Variables) {
    variables.set("record_from", &RECORD_FROM.to_string());
    variables.set("rehash", if questions.rehash { "yes" } else { "" });
    variables.list("files", &questions.files);
    variables.list("dirs", &questions.dirs);
    variables.list("listings", &questions.listings);
    variables.list("certificates", &questions.certificates);
    let encryption = questions.encryption.as_deref().filter(|path| !path.contains('\n'));
    variables.set("encryption", encryption.unwrap_or_default());
}

fn read(sections: &Sections, facts: &mut HostFacts) {
    let recorded: BTreeMap<_, _> =
        sections.lines("recorded").filter_map(|line| line.split_once(' ')).map(swap).collect();
    let fresh: BTreeMap<_, _> = sections.lines("sha256").filter_map(fresh).collect();
    let (users, groups) = (names(sections, "/etc/passwd", "passwd"), names(sections, "/etc/group", "group"));
    let name = |names: &BTreeMap<&str, &str>, id: &str| names.get(id).map_or(id, |name| name).to_owned();
    let not_asked: BTreeSet<&str> = sections.lines("records").collect();
    for stat in sections.lines("stat").filter_map(Stat::read).filter(|stat| !not_asked.contains(stat.path)) {
        let fact = |sha256: &str| FileFact {
            sha256: sha256.into(),
            mode: stat.mode & 0o7777,
            owner: name(&users, stat.owner),
            group: name(&groups, stat.group),
            written: stat.written(),
        };
        if stat.mode & TYPE == DIRECTORY {
            facts.dirs.insert(stat.path.into(), fact(""));
        } else {
            let sha256 = fresh.get(stat.path).map(String::as_str).or(recorded.get(stat.key).copied());
            // Not a regular file, or one that vanished meanwhile: there, but its hash equals no other.
            facts.files.insert(stat.path.into(), fact(sha256.unwrap_or_default()));
        }
    }
    facts.certificates = certificates(sections);
    facts.encryption_keys = encryption_keys(sections);
    facts.listings = listings(sections);
}

/// The names of users or groups by their numbers: of lines `name:password:number:…` of the file, and of the section for
/// those that are elsewhere. One that has no name is its number, as in a listing.
fn names<'a>(sections: &Sections<'a>, file: &str, elsewhere: &str) -> BTreeMap<&'a str, &'a str> {
    let here = sections.lines("accounts").filter_map(|line| line.strip_prefix(file)?.strip_prefix(':'));
    let read = |line: &'a str| {
        let mut words = line.split(':');
        let name = words.next()?;
        Some((words.nth(1)?, name))
    };
    // Of several names for a number the first is shown.
    let all: Vec<_> = here.chain(sections.lines(elsewhere)).filter_map(read).collect();
    all.into_iter().rev().collect()
}

/// When each file that was looked at was last written, microseconds since 1970, by its path.
pub(super) fn written<'a>(sections: &Sections<'a>) -> BTreeMap<&'a str, u64> {
    let stats = sections.lines("stat").filter_map(Stat::read);
    stats.map(|stat| (stat.path, stat.written())).collect()
}

const TYPE: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;

/// `1763735756.123456789`: seconds since 1970 as stat prints them. What lies before is 1970.
fn micros(seconds: &str) -> u64 {
    let (whole, part) = seconds.split_once('.').unwrap_or((seconds, ""));
    let number = |digits: &str| digits.parse::<u64>().unwrap_or(0);
    number(whole).saturating_mul(1_000_000).saturating_add(number(part.get(..6).unwrap_or_default()))
}

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

    fn written(&self) -> u64 {
        micros(self.key.split(' ').nth(1).unwrap_or_default())
    }
}

/// A line of sha256sum: `hash  path`. (`\hash  path` with an escaped path is for names that nobody asks about.)
fn fresh(line: &str) -> Option<(&str, String)> {
    let (sha256, path) = line.split_once("  ")?;
    if sha256.len() == 64 { Some((path, sha256.into())) } else { None }
}

/// Files of certificates that are there, and their lines, each after its file's name and a colon. Of no file more is
/// taken than [`CERTIFICATE_BYTES`], and nothing but what can be in PEM.
fn certificates(sections: &Sections) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> =
        sections.lines("certificate-files").map(|path| (path.to_owned(), String::new())).collect();
    for line in sections.texts() {
        // The longest name that fits: one may have a colon in it, and so may a line.
        let mut names = line.match_indices(':').map(|(at, _)| line.split_at(at)).rev();
        let Some((path, line)) = names.find(|(path, _)| all.contains_key(*path)) else { continue };
        let Some(text) = all.get_mut(path) else { continue };
        let plain = |c: &char| matches!(c, ' '..='~');
        if text.len() + line.len() < CERTIFICATE_BYTES {
            text.extend(line[1..].chars().filter(plain).chain(['\n']));
        }
    }
    all
}

/// Lines `name hash`, the hash as sha256sum prints it.
fn encryption_keys(sections: &Sections) -> Vec<EncryptionKeyFact> {
    let key = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next()?.to_owned();
        let sha256 = words.next().filter(|hash| hash.len() == 64).unwrap_or_default().to_owned();
        Some(EncryptionKeyFact { name, sha256 })
    };
    sections.lines("encryption").filter_map(key).collect()
}

/// Lines `d directory`, each followed by `n name` for what is in it.
fn listings(sections: &Sections) -> BTreeMap<String, Vec<String>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_names_from_the_file_or_from_elsewhere_and_else_numbers() {
        let text = "\x1en accounts\n/etc/passwd:root:x:0:0::/root:/bin/sh\n/etc/passwd:toor:x:0:0::/:/bin/sh\n\
            /etc/group:root:x:0:\n\x1en passwd\netcd:x:105:110::/:/bin/false\n\x1en group\netcd:x:110:\n\
            \x1en records\n/r/units/a.service\n\x1en stat\n81a4 0 0 1 1.0 1.0 5 /a\n8180 105 110 1 1.0 1.0 6 /b c\n\
            8180 4242 7 1 2.500000000 1.0 7 /d\n8180 0 0 1 3.0 1.0 8 /r/units/a.service\n\x1en end\n1\n";
        let (sections, mut facts) = (Sections::split(text, "n").unwrap(), HostFacts::default());
        read(&sections, &mut facts);
        let owners = |path: &str| (facts.files[path].owner.as_str(), facts.files[path].group.as_str());
        assert_eq!((owners("/a"), owners("/b c"), owners("/d")), (("root", "root"), ("etcd", "etcd"), ("4242", "7")));
        assert_eq!(
            (facts.files.len(), facts.files["/d"].written),
            (3, 2_500_000),
            "a record of ours is no file that was asked about"
        );
        assert_eq!(written(&sections)["/r/units/a.service"], 3_000_000);
    }
}
