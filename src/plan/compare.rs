//! Desired state against facts.

use std::collections::BTreeSet;

use super::packages;
use super::{DirChange, FileChange, FileDifference, FileKind, HostPlan, SysctlChange, UnitAction, UnitChange};
use crate::digest::{Sha256, sha256};
use crate::facts::{FileFact, HostFacts, Module, UnitFact};
use crate::state::{Content, File, HostState, Unit};

/// What must change on the host so that facts become the desired state.
pub fn compare(desired: &HostState, facts: &HostFacts) -> HostPlan {
    let files: Vec<FileChange> =
        desired.files.iter().filter_map(|(path, file)| file_change(path, file, facts)).collect();
    let mut units: Vec<UnitChange> = Vec::new();
    for unit in &desired.units {
        units.extend(unit_change(unit, desired, facts, &files, &units));
    }
    HostPlan {
        host: desired.host.clone(),
        users: desired.users.iter().filter(|user| !facts.users.contains(*user)).cloned().collect(),
        dirs: desired
            .dirs
            .iter()
            .filter(|(path, dir)| {
                let is_right = |fact| owned(fact, dir.mode, &dir.owner) && !facts.acls.contains(*path);
                !facts.dirs.get(*path).is_some_and(is_right)
            })
            .map(|(path, dir)| {
                let acl = if facts.acls.contains(path) { " with an ACL" } else { "" };
                let from = facts.dirs.get(path).map(|fact| has(fact) + acl);
                (path.clone(), DirChange { to: dir.clone(), from })
            })
            .collect(),
        modules: desired
            .modules
            .iter()
            .filter(|module| facts.modules.get(*module) != Some(&Module::Present))
            .cloned()
            .collect(),
        sysctls: desired.sysctls.iter().filter_map(|(name, to)| sysctl_change(name, to, facts)).collect(),
        images: desired.images.iter().filter(|image| !facts.images.contains(&image.name)).cloned().collect(),
        packages: packages::changes(desired, facts),
        files,
        units,
    }
}

/// SHA-256 of a file's bytes, lower-case hex.
pub fn content_sha256(content: &Content) -> String {
    match content {
        Content::Text(text) => sha256(text.as_bytes()),
        Content::Secret(secret) => sha256(secret.expose()),
        Content::Artifact(artifact) => artifact.sha256.clone(),
        // Equal to nothing that a host can have.
        Content::ToIssue => String::new(),
    }
}

/// Names what a unit runs with: a hash over the files whose change means a restart.
/// A host remembers the key that each unit was started with, so that a run which died between
/// writing files and restarting is noticed by the next.
/// Where it can read files again without a restart, their hash stands behind a `+`.
pub fn restart_key(unit: &Unit, desired: &HostState) -> String {
    let key = hash_of(&unit.restart_on, desired);
    match unit.reload_on.is_empty() {
        true => key,
        false => format!("{key}+{}", hash_of(&unit.reload_on, desired)),
    }
}

fn hash_of(paths: &BTreeSet<String>, desired: &HostState) -> String {
    let mut hash = Sha256::default();
    for path in paths {
        hash.update(path);
        hash.update(b"\0");
        if let Some(file) = desired.files.get(path) {
            hash.update(content_sha256(&file.content));
        }
        hash.update(b"\n");
    }
    hash.finish()
}

/// Whether two keys differ only in what is read again without a restart.
fn same_but_reloaded(one: &str, other: &str) -> bool {
    matches!((one.split_once('+'), other.split_once('+')), (Some((one, _)), Some((other, _))) if one == other)
}

fn file_change(path: &str, file: &File, facts: &HostFacts) -> Option<FileChange> {
    let change = match facts.files.get(path) {
        None => FileDifference::Create,
        // Whoever can change what it leads to would change what is ours.
        Some(_) if facts.is_link(path) => FileDifference::Replace,
        Some(fact) if fact.sha256 != content_sha256(&file.content) => FileDifference::Replace,
        Some(fact) if owned(fact, file.mode, &file.owner) => return None,
        // Whoever could open it may hold it open, and write it after its owner is another.
        Some(fact) if fact.is_open_to_others(&file.owner) || facts.has_second_name(path) => FileDifference::Replace,
        Some(_) => FileDifference::Mode,
    };
    let (kind, size) = match &file.content {
        Content::Text(text) => (FileKind::Text, text.len() as u64),
        Content::Secret(secret) => (FileKind::Secret, secret.expose().len() as u64),
        Content::Artifact(artifact) => (FileKind::Program, artifact.size),
        Content::ToIssue => (FileKind::ToIssue, 0),
    };
    let right = |fact: &&FileFact| fact.sha256 == content_sha256(&file.content) && !facts.is_link(path);
    let access = facts.files.get(path).filter(right);
    let access = access.map(|fact| (has(fact), access_words(file.mode, &file.owner, &file.owner)));
    Some(FileChange { path: path.to_owned(), change, kind, size, access })
}

fn has(fact: &FileFact) -> String {
    access_words(fact.mode, &fact.owner, &fact.group)
}

/// `0600 root`, `0640 root:adm`.
pub(super) fn access_words(mode: u32, owner: &str, group: &str) -> String {
    if owner == group { format!("{mode:04o} {owner}") } else { format!("{mode:04o} {owner}:{group}") }
}

fn owned(fact: &FileFact, mode: u32, owner: &str) -> bool {
    fact.mode == mode && fact.owner == owner && fact.group == owner
}

fn sysctl_change(name: &str, to: &str, facts: &HostFacts) -> Option<SysctlChange> {
    let from = facts.sysctls.get(name).map(|s| s.value.clone()).unwrap_or_default();
    (from.split_whitespace().ne(to.split_whitespace())).then(|| SysctlChange {
        name: name.to_owned(),
        from,
        to: to.to_owned(),
    })
}

/// `before` are the changes of units that come before it.
fn unit_change(
    unit: &Unit,
    desired: &HostState,
    facts: &HostFacts,
    files: &[FileChange],
    before: &[UnitChange],
) -> Option<UnitChange> {
    let key = restart_key(unit, desired);
    let fact = facts.units.get(&unit.name);
    let enable = fact.is_none_or(|f| f.enabled != "enabled");
    let changed =
        |paths: &BTreeSet<String>| files.iter().find(|f| f.change != FileDifference::Mode && paths.contains(&f.path));
    let (changed, reloads) = (changed(&unit.restart_on), changed(&unit.reload_on));
    let restarts = |name: &&str| before.iter().any(|c| c.name == **name && c.action == Some(UnitAction::Restart));
    let (action, reason) = match fact {
        Some(f) if f.is_foreign(&unit.file) => {
            (Some(UnitAction::Start), format!("it takes the place of {}", f.fragment))
        }
        Some(f) if f.active == "active" => match changed {
            Some(file) => (Some(UnitAction::Restart), format!("{} changes", file.path)),
            None if f.restart_key != key && same_but_reloaded(&f.restart_key, &key) => {
                let why =
                    reloads.map_or("it runs with older files".to_owned(), |file| format!("{} changes", file.path));
                (Some(UnitAction::Reload), why)
            }
            None if f.restart_key != key => (Some(UnitAction::Restart), "it runs with older files".to_owned()),
            None if let Some(reason) = stale(unit, f, facts).or_else(|| unmade(unit, desired, facts)) => {
                (Some(UnitAction::Restart), reason)
            }
            None if let Some(with) = unit.part_of.filter(restarts) => {
                (Some(UnitAction::Restart), format!("{with} restarts, and this with it"))
            }
            None if let Some(file) = reloads => (Some(UnitAction::Reload), format!("{} changes", file.path)),
            None if let Some(path) = newer(&unit.reload_on, f, facts) => {
                (Some(UnitAction::Reload), format!("{path} was written after it was read"))
            }
            None => (None, "not enabled at boot".to_owned()),
        },
        Some(f) if f.load == "masked" => (Some(UnitAction::Start), "it is masked".to_owned()),
        Some(f) if !f.active.is_empty() && f.active != "inactive" => {
            (Some(UnitAction::Start), format!("it is {} ({})", f.active, f.sub))
        }
        _ => {
            let lost = facts.lost.get(&unit.name).map(|lost| format!(", and {}", lost.join("; ")));
            (Some(UnitAction::Start), format!("it does not run{}", lost.unwrap_or_default()))
        }
    };
    (action.is_some() || enable).then(|| UnitChange {
        name: unit.name.clone(),
        component: unit.component,
        rollout: unit.rollout,
        part_of: unit.part_of,
        action,
        enable,
        unmask: fact.is_some_and(|f| f.load == "masked"),
        reason,
        key,
    })
}

/// What runs is not what was rendered, although the files are right.
fn stale(unit: &Unit, fact: &UnitFact, facts: &HostFacts) -> Option<String> {
    if let Some(elsewhere) = fact.from_elsewhere(&unit.file).filter(|_| fact.goes_before(&unit.file).is_none()) {
        return Some(format!("systemd has it from {elsewhere}"));
    }
    if let Some(program) = fact.other_program() {
        return Some(format!("it runs {program}"));
    }
    if fact.reload_needed {
        return Some("systemd has not read its files since they were changed".into());
    }
    let newer = newer(&unit.restart_on, fact, facts);
    newer.map(|path| format!("{path} was written after it was started"))
}

/// Somebody has changed it and put it back: nobody knows which of both runs. A clock that was wrong shows nothing.
fn newer<'p>(paths: &'p BTreeSet<String>, fact: &UnitFact, facts: &HostFacts) -> Option<&'p String> {
    let newer = |path: &&String| facts.files.get(*path).is_some_and(|file| file.written > fact.recorded);
    paths.iter().filter(|_| fact.recorded > 0).find(newer)
}

/// What the unit made when it started and is no longer there as it was made.
fn unmade(unit: &Unit, desired: &HostState, facts: &HostFacts) -> Option<String> {
    if let Some(lost) = facts.lost.get(&unit.name) {
        return Some(format!("{}: {}", lost.join("; "), unit.without));
    }
    unit.makes.iter().find_map(|(path, source)| {
        let wanted = content_sha256(&desired.files.get(source)?.content);
        match facts.files.get(path) {
            Some(there) if there.sha256 != wanted => Some(format!("{path}, which it makes, was changed")),
            Some(there) if there.is_open_to_others("root") => {
                Some(format!("{path}, which it makes, may be written by others ({})", has(there)))
            }
            Some(_) => None,
            None => Some(format!("{path}, which it makes, is gone")),
        }
    })
}
