//! The tree that every host is laid over: built once with debootstrap, checked each time, shared and never written.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::folders::Folders;
use super::system::System;
use super::{manifest, mirror, mounts, recipe};
use crate::error::{Error, Result};
use crate::files;
use crate::ui::{Reporter, step};

const STEP: &str = "build the hosts' tree with debootstrap";

/// The tree's path. Where there is none, or it is damaged, it is built: about a minute, once.
pub fn ensure(folders: &Folders, system: System, reporter: &dyn Reporter) -> Result<PathBuf> {
    let dir = folders.trees();
    fs::create_dir_all(&dir).map_err(|e| Error::io(format!("make {}", dir.display()), &e))?;
    // Two processes do not build at once; the second one finds what the first has built.
    let busy = || reporter.info("waiting for another process that uses the cached tree");
    let _lock = files::lock::wait(&dir.join(".lock"), busy)?;
    let tree = dir.join(format!("tree-{}", recipe::hash(system)));
    if is_whole(&tree) {
        return Ok(tree);
    }
    if tree.exists() {
        discard(&tree, reporter)?;
    }
    step::run(reporter, "", STEP, |_| {
        build(&dir, &tree, system, reporter)?;
        let note = tree.display().to_string();
        Ok((tree, note))
    })
}

fn manifest_path(tree: &Path) -> PathBuf {
    tree.with_extension("manifest")
}

fn is_whole(tree: &Path) -> bool {
    let expected = fs::read_to_string(manifest_path(tree)).unwrap_or_default();
    !expected.is_empty() && manifest::of(tree).is_ok_and(|now| now == expected.trim())
}

/// A damaged tree goes, unless hosts still stand on it.
fn discard(tree: &Path, reporter: &dyn Reporter) -> Result<()> {
    let option = format!("lowerdir={}", tree.display());
    if let Some(user) = mounts::all()?.iter().find(|m| m.options.split(',').any(|o| o == option)) {
        return Err(Error::local(format!("the cached tree {} is damaged, and hosts stand on it", tree.display()))
            .detail(format!("in use by {}", user.point.display()))
            .hint("end the labs with `kbootstrap lab down --all`; the next `lab up` builds it again"));
    }
    reporter.warn(&format!("the cached tree {} is damaged: building it again", tree.display()));
    mounts::remove_folder(tree)
}

fn build(dir: &Path, tree: &Path, system: System, reporter: &dyn Reporter) -> Result<()> {
    remove_unfinished(dir)?;
    let partial = dir.join(format!("partial-{}", std::process::id()));
    debootstrap(&partial, system, reporter)?;
    recipe::apply(&partial)?;
    let hash = manifest::of(&partial)?;
    files::write_public(&manifest_path(tree), hash.as_bytes())?;
    fs::rename(&partial, tree).map_err(|e| Error::io(format!("rename {}", partial.display()), &e))
}

/// What builds left behind that were killed; the lock says that none of them is running.
fn remove_unfinished(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("partial-") {
            // A debootstrap that lost its reader may still be writing its last file.
            mounts::remove_folder(&entry.path()).or_else(|_| {
                std::thread::sleep(std::time::Duration::from_secs(2));
                mounts::remove_folder(&entry.path())
            })?;
        }
    }
    Ok(())
}

/// Runs debootstrap in a mount namespace of its own, so that its mounts go with it. It ends when this process does: its
/// next line of progress finds nobody who reads.
fn debootstrap(target: &Path, system: System, reporter: &dyn Reporter) -> Result<()> {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "debootstrap", "--variant=minbase"]);
    command.arg(format!("--include={}", recipe::packages(system).join(","))).arg(system.debian.suite()).arg(target);
    command.args(mirror::find(system.debian));
    let log = tempfile::tempfile().map_err(|e| Error::io("make a temporary file", &e))?;
    let errors = log.try_clone().map_err(|e| Error::io("make a temporary file", &e))?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
    let mut child = command.spawn().map_err(|e| Error::io("run debootstrap", &e))?;
    let mut lines = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        follow(BufReader::new(stdout), &mut lines, reporter);
    }
    let status = child.wait().map_err(|e| Error::io("wait for debootstrap", &e))?;
    if status.success() {
        return Ok(());
    }
    lines.extend(tail(log));
    let last = lines[lines.len().saturating_sub(15)..].join("\n");
    Err(Error::local(format!("debootstrap of {system} failed ({status})"))
        .detail(last)
        .hint("it needs a Debian mirror: see /etc/apt/sources.list, and http_proxy where there is a proxy"))
}

/// Says once what it is doing now: hundreds of packages, four kinds of work.
fn follow(output: impl BufRead, lines: &mut Vec<String>, reporter: &dyn Reporter) {
    let phases = [("Retrieving", "fetching packages"), ("Extracting", "unpacking"), ("Configuring", "configuring")];
    let mut now = "";
    for line in output.lines().map_while(std::result::Result::ok) {
        let word = line.strip_prefix("I: ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        if let Some((_, phase)) = phases.iter().find(|(first, _)| *first == word)
            && *phase != now
        {
            now = phase;
            reporter.info(&format!("debootstrap: {phase}"));
        }
        lines.push(line);
    }
}

fn tail(mut log: File) -> Vec<String> {
    if io::Seek::rewind(&mut log).is_err() {
        return Vec::new();
    }
    BufReader::new(log).lines().map_while(std::result::Result::ok).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::Silent;

    #[test]
    fn a_tree_is_whole_only_while_it_is_as_it_was_built() {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree-x");
        fs::create_dir(&tree).unwrap();
        fs::write(tree.join("init"), "whole").unwrap();
        assert!(!is_whole(&tree), "there is no manifest yet");
        fs::write(manifest_path(&tree), manifest::of(&tree).unwrap()).unwrap();
        assert!(is_whole(&tree));
        fs::write(tree.join("init"), "brok").unwrap();
        assert!(!is_whole(&tree));
        discard(&tree, &Silent).unwrap();
        assert!(!tree.exists());
    }

    #[test]
    fn what_killed_builds_left_is_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["partial-42", "tree-x"] {
            fs::create_dir_all(dir.path().join(name).join("etc")).unwrap();
        }
        remove_unfinished(dir.path()).unwrap();
        assert!(!dir.path().join("partial-42").exists() && dir.path().join("tree-x/etc").exists());
    }
}
