//! `kbootstrap render`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::args::ClusterArgs;
use crate::cli::context::{Ctx, not_a_format};
use crate::engine::{self, Access};
use crate::error::{Error, Result};
use crate::state::{Content, HostState};

/// Write every host's files to a folder, for reading and for git diff
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # asks the hosts for their facts
  kbootstrap render -i prod.yaml -o tree
  # takes every host for an ordinary Debian 12
  kbootstrap render -i prod.yaml -o tree --offline

Keys are never written: where a host holds one, the file says so. HOST.json has modes, owners, units and settings. \
Nothing else is written: certificates that `up` would issue are left out, and it says so.")]
pub struct Args {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The folder to write to; files of an earlier run that are no longer wanted are removed from it
    #[arg(short = 'o', long, value_name = "DIR")]
    output_dir: PathBuf,
    /// Do not ask the hosts: take each for a default host
    #[arg(long)]
    offline: bool,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        not_a_format(&self.output_dir, "the folder to write to (HOST.json in it is JSON)")?;
        let session = self.cluster.open(ctx, "render", Access::Read)?;
        let desired = engine::desired(&session, self.offline)?;
        for state in desired.hosts.values() {
            write_tree(&self.output_dir, state)?;
        }
        let objects = self.output_dir.join("objects.json");
        let text = serde_json::to_string_pretty(&desired.objects).map_err(|e| Error::internal(e.to_string()))?;
        write(&objects, &(text + "\n"))?;
        let files = || desired.hosts.values().flat_map(|h| h.files.values());
        let left_out = files().filter(|file| file.content == Content::ToIssue).count();
        let (written, hosts) = (files().count() - left_out, desired.hosts.len());
        ctx.out.line(&format!("{written} files of {hosts} hosts in {}", self.output_dir.display()))?;
        if left_out > 0 {
            let text = format!("{left_out} files are left out: certificates and keys that `kbootstrap up` will issue");
            session.reporter().info(&text);
        }
        Ok(0)
    }
}

/// Writes a host's state below `dir`: its files as `HOST/path/on/host`, everything else (modes, owners, units,
/// kernel settings, images) as `HOST.json`. Where the host holds a secret or a program, the file says so instead.
/// Files that an earlier call wrote and that are no longer part of the state are removed; no others are touched.
pub fn write_tree(dir: &Path, state: &HostState) -> Result<()> {
    let index_path = dir.join(format!("{}.json", state.host));
    let root = dir.join(&state.host);
    let is_written = |path: &String| state.files.get(path).is_some_and(|file| file.content != Content::ToIssue);
    let stale = written_before(&index_path).into_iter().filter(|path| !is_written(path));
    for path in stale {
        remove(&root, &path)?;
    }
    for (path, file) in state.files.iter().filter(|(path, _)| is_written(path)) {
        let target = below(&root, path);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent).map_err(|e| Error::io(format!("cannot make {}", parent.display()), &e))?;
        }
        write(&target, &shown(&file.content))?;
    }
    write(&index_path, &format!("{:#}\n", index(state)))
}

/// What may be seen of a file: never the bytes of a secret.
fn shown(content: &Content) -> String {
    match content {
        Content::Text(text) => text.to_string(),
        Content::Secret(_) => "<secret>\n".into(),
        Content::Artifact(a) if a.sha256.is_empty() => format!("<{} {}, to be fetched>\n", a.name, a.version),
        Content::Artifact(a) => format!("<{} {} sha256:{}>\n", a.name, a.version, a.sha256),
        Content::ToIssue => "<to be issued>\n".into(),
    }
}

fn index(state: &HostState) -> Value {
    let files = state.files.iter().map(|(path, file)| {
        let kind = match &file.content {
            Content::Text(_) => "text",
            Content::Secret(_) => "secret",
            Content::Artifact(_) => "artifact",
            Content::ToIssue => "to-issue",
        };
        (path.clone(), json!({"mode": octal(file.mode), "owner": file.owner, "content": kind}))
    });
    let dirs =
        state.dirs.iter().map(|(path, dir)| (path.clone(), json!({"mode": octal(dir.mode), "owner": dir.owner})));
    json!({
        "host": state.host,
        "users": state.users,
        "dirs": dirs.collect::<serde_json::Map<_, _>>(),
        "files": files.collect::<serde_json::Map<_, _>>(),
        "units": state.units,
        "sysctls": state.sysctls,
        "modules": state.modules,
        "images": state.images,
    })
}

fn octal(mode: u32) -> String {
    format!("{mode:04o}")
}

/// The files that the last call wrote, from its index. A folder without one, or with another's, has none of ours.
fn written_before(index: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(index).unwrap_or_default();
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    let paths = value["files"].as_object().into_iter().flatten().map(|(path, _)| path.clone());
    paths.filter(|path| path.starts_with('/') && !path.split('/').any(|part| part == "..")).collect()
}

/// Removes the file, and the folders that become empty by it.
fn remove(root: &Path, path: &str) -> Result<()> {
    let target = below(root, path);
    match std::fs::remove_file(&target) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::io(format!("cannot remove {}", target.display()), &e));
        }
        _ => {}
    }
    for folder in target.ancestors().skip(1).take_while(|folder| folder.starts_with(root)) {
        if std::fs::remove_dir(folder).is_err() {
            break; // not empty
        }
    }
    Ok(())
}

fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|e| Error::io(format!("cannot write {}", path.display()), &e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::state::{ArtifactRef, File};

    fn state(files: &[(&str, Content)]) -> HostState {
        let file = |content: &Content| File { content: content.clone(), mode: 0o600, owner: "root".into() };
        HostState {
            host: "n1".into(),
            files: files.iter().map(|(path, content)| (path.to_string(), file(content))).collect(),
            ..HostState::default()
        }
    }

    #[test]
    fn a_tree_shows_text_hides_secrets_and_loses_what_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let artifact = ArtifactRef { name: "kubelet".into(), version: "1.36.3".into(), sha256: "ab".into(), size: 1 };
        let first = state(&[
            ("/etc/a/b.conf", Content::Text("x\n".into())),
            ("/etc/key", Content::Secret(Secret::new(*b"hunter2"))),
            ("/usr/bin/kubelet", Content::Artifact(artifact)),
        ]);
        write_tree(dir.path(), &first).unwrap();
        let read = |path: &str| std::fs::read_to_string(dir.path().join(path)).ok();
        assert_eq!(read("n1/etc/a/b.conf").unwrap(), "x\n");
        assert_eq!(read("n1/etc/key").unwrap(), "<secret>\n");
        assert_eq!(read("n1/usr/bin/kubelet").unwrap(), "<kubelet 1.36.3 sha256:ab>\n");
        let index: Value = serde_json::from_str(&read("n1.json").unwrap()).unwrap();
        assert_eq!(index["files"]["/etc/key"], json!({"mode": "0600", "owner": "root", "content": "secret"}));

        std::fs::write(dir.path().join("n1/README"), "mine").unwrap();
        write_tree(dir.path(), &state(&[("/etc/key", Content::Text("y\n".into()))])).unwrap();
        assert_eq!((read("n1/etc/a/b.conf"), read("n1/etc/key").as_deref()), (None, Some("y\n")));
        assert!(!dir.path().join("n1/usr").exists(), "empty folders go too");
        assert_eq!(read("n1/README").unwrap(), "mine", "what is not ours stays");
    }
}
