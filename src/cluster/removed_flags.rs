//! Flags that programs no longer know: with one of them a program exits at once, so they are refused beforehand.
//! Which they are stands with each component.

use super::Versions;

/// The first release without a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Kubernetes 1.N.
    Kubernetes(u64),
    /// etcd 3.N.
    Etcd(u64),
}

/// A flag that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemovedFlag {
    /// Its name without dashes; a trailing `*` stands for any ending.
    pub flag: &'static str,
    /// The first release without it.
    pub since: Since,
    /// What to do instead.
    pub replacement: &'static str,
}

/// A value that flags no longer take, in a list that is joined by commas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemovedValue {
    /// The flags.
    pub flags: &'static [&'static str],
    /// What it is, for people.
    pub what: &'static str,
    /// The value.
    pub value: &'static str,
    /// Since when, and what to do instead.
    pub replacement: &'static str,
}

impl RemovedFlag {
    /// A flag that is gone since Kubernetes 1.`minor`.
    pub const fn kubernetes(flag: &'static str, minor: u64, replacement: &'static str) -> Self {
        RemovedFlag { flag, since: Since::Kubernetes(minor), replacement }
    }
    /// A flag that is gone since etcd 3.`minor`.
    pub const fn etcd(flag: &'static str, minor: u64, replacement: &'static str) -> Self {
        RemovedFlag { flag, since: Since::Etcd(minor), replacement }
    }
    /// For example `Kubernetes 1.35`.
    pub fn release(&self) -> String {
        match self.since {
            Since::Kubernetes(minor) => format!("Kubernetes 1.{minor}"),
            Since::Etcd(minor) => format!("etcd 3.{minor}"),
        }
    }
    fn matches(&self, flag: &str) -> bool {
        match self.flag.strip_suffix('*') {
            Some(start) => flag.starts_with(start),
            None => flag == self.flag,
        }
    }
}

/// The entry of a flag that is gone in these versions.
pub fn removed(
    tables: &'static [&'static [RemovedFlag]],
    flag: &str,
    versions: &Versions,
) -> Option<&'static RemovedFlag> {
    let flag = flag.trim_start_matches('-').replace('_', "-");
    let (flag, _) = flag.split_once('=').unwrap_or((&flag, ""));
    let gone = |since| match since {
        Since::Kubernetes(minor) => versions.kubernetes.minor >= minor,
        Since::Etcd(minor) => versions.etcd.minor >= minor,
    };
    tables.iter().copied().flatten().find(|removed| removed.matches(flag) && gone(removed.since))
}

/// The entry of a value that the flag no longer takes.
pub fn removed_value(table: &'static [RemovedValue], flag: &str, value: &str) -> Option<&'static RemovedValue> {
    let holds = |removed: &&RemovedValue| value.split(',').any(|one| one.trim() == removed.value);
    table.iter().filter(|removed| removed.flags.contains(&flag)).find(holds)
}
