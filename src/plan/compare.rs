//! Desired state against facts.

use ring::digest::{Context, Digest, SHA256, digest};

use super::{FileChange, FileDifference, FileKind, HostPlan, SysctlChange, UnitAction, UnitChange};
use crate::facts::{FileFact, HostFacts, Module};
use crate::render::{Content, File, HostState, Unit};

/// What must change on the host so that facts become the desired state.
pub fn compare(desired: &HostState, facts: &HostFacts) -> HostPlan {
    let files: Vec<FileChange> =
        desired.files.iter().filter_map(|(path, file)| file_change(path, file, facts)).collect();
    let units = desired.units.iter().filter_map(|unit| unit_change(unit, desired, facts, &files)).collect();
    HostPlan {
        host: desired.host.clone(),
        users: desired.users.iter().filter(|user| !facts.users.contains(*user)).cloned().collect(),
        dirs: desired
            .dirs
            .iter()
            .filter(|(path, dir)| !facts.dirs.get(*path).is_some_and(|fact| owned(fact, dir.mode, &dir.owner)))
            .map(|(path, dir)| (path.clone(), dir.clone()))
            .collect(),
        modules: desired
            .modules
            .iter()
            .filter(|module| facts.modules.get(*module) != Some(&Module::Present))
            .cloned()
            .collect(),
        sysctls: desired.sysctls.iter().filter_map(|(name, to)| sysctl_change(name, to, facts)).collect(),
        images: desired.images.iter().filter(|image| !facts.images.contains(&image.name)).cloned().collect(),
        files,
        units,
    }
}

/// SHA-256 of a file's bytes, lower-case hex.
pub fn content_sha256(content: &Content) -> String {
    match content {
        Content::Text(text) => hex(&digest(&SHA256, text.as_bytes())),
        Content::Secret(secret) => hex(&digest(&SHA256, secret.expose())),
        Content::Artifact(artifact) => artifact.sha256.clone(),
    }
}

/// Names what a unit runs with: a hash over the files whose change means a restart.
/// A host remembers the key that each unit was started with, so that a run which died between
/// writing files and restarting is noticed by the next.
pub fn restart_key(unit: &Unit, desired: &HostState) -> String {
    let mut context = Context::new(&SHA256);
    for path in &unit.restart_on {
        context.update(path.as_bytes());
        context.update(b"\0");
        if let Some(file) = desired.files.get(path) {
            context.update(content_sha256(&file.content).as_bytes());
        }
        context.update(b"\n");
    }
    hex(&context.finish())
}

fn file_change(path: &str, file: &File, facts: &HostFacts) -> Option<FileChange> {
    let change = match facts.files.get(path) {
        None => FileDifference::Create,
        Some(fact) if fact.sha256 != content_sha256(&file.content) => FileDifference::Replace,
        Some(fact) if !owned(fact, file.mode, &file.owner) => FileDifference::Mode,
        Some(_) => return None,
    };
    let (kind, size) = match &file.content {
        Content::Text(text) => (FileKind::Text, text.len() as u64),
        Content::Secret(secret) => (FileKind::Secret, secret.expose().len() as u64),
        Content::Artifact(artifact) => (FileKind::Program, artifact.size),
    };
    Some(FileChange { path: path.to_owned(), change, kind, size })
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

fn unit_change(unit: &Unit, desired: &HostState, facts: &HostFacts, files: &[FileChange]) -> Option<UnitChange> {
    let key = restart_key(unit, desired);
    let fact = facts.units.get(&unit.name);
    let enable = fact.is_none_or(|f| f.enabled != "enabled");
    let changed = files.iter().find(|f| f.change != FileDifference::Mode && unit.restart_on.contains(&f.path));
    let (action, reason) = match fact {
        Some(f) if f.active == "active" => match changed {
            Some(file) => (Some(UnitAction::Restart), format!("{} changes", file.path)),
            None if f.restart_key != key => (Some(UnitAction::Restart), "it runs with older files".to_owned()),
            None => (None, "not enabled at boot".to_owned()),
        },
        Some(f) if !f.active.is_empty() && f.active != "inactive" => {
            (Some(UnitAction::Start), format!("it is {} ({})", f.active, f.sub))
        }
        _ => (Some(UnitAction::Start), "it does not run".to_owned()),
    };
    (action.is_some() || enable).then(|| UnitChange {
        name: unit.name.clone(),
        component: unit.component,
        action,
        enable,
        reason,
        key,
    })
}

fn hex(digest: &Digest) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
