//! `kbootstrap render`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use time::OffsetDateTime;

use super::args::ClusterArgs;
use crate::artifacts::Store;
use crate::cli::context::{Ctx, not_a_format};
use crate::engine::{Access, Session, desire, names_only, programs, questions, survey};
use crate::error::{Error, Result};
use crate::facts::HostFacts;
use crate::plan::Desired;
use crate::render::Templates;
use crate::state::{Content, HostState};
use crate::trust;

/// Write every host's files to a folder, for reading and for git diff
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kbootstrap render -i prod.yaml -o tree            # asks the hosts for their facts
  kbootstrap render -i prod.yaml -o tree --offline  # takes every host for an ordinary Debian 12

Keys are never written: where a host holds one, the file says so. HOST.json has modes, owners, units and settings. \
Certificates that lack are issued into the cluster's folder first.")]
pub struct Args {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The folder to write to; files of an earlier run that are no longer wanted are removed from it
    #[arg(short = 'o', long, value_name = "DIR")]
    output_dir: PathBuf,
    /// Do not ask the hosts: take each for an ordinary one
    #[arg(long)]
    offline: bool,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        not_a_format(&self.output_dir, "the folder to write to (HOST.json in it is JSON)")?;
        let session = self.cluster.open(ctx, "render", Access::Write)?;
        let result = self.render(ctx, &session);
        session.finish(result)?;
        Ok(0)
    }

    fn render(&self, ctx: &Ctx, session: &Session) -> Result<()> {
        let desired = desired(session, self.offline)?;
        for state in desired.hosts.values() {
            write_tree(&self.output_dir, state)?;
        }
        let objects = self.output_dir.join("objects.json");
        let text = serde_json::to_string_pretty(&desired.objects).map_err(|e| Error::internal(e.to_string()))?;
        write(&objects, &(text + "\n"))?;
        let files: usize = desired.hosts.values().map(|h| h.files.len()).sum();
        ctx.out.line(&format!("{files} files of {} hosts in {}", desired.hosts.len(), self.output_dir.display()))
    }
}

fn desired(session: &Session, offline: bool) -> Result<Desired> {
    let cluster = &session.cluster;
    let trust =
        trust::ensure(&session.catalogue, cluster, &session.dir, OffsetDateTime::now_utc(), session.reporter())?;
    let templates = Templates::load(&session.catalogue, cluster, session.folder())?;
    let expected = desire(&session.catalogue, cluster, &BTreeMap::new(), &trust, &names_only, &templates)?;
    let facts = if offline {
        session.reporter().info("the hosts are not asked: each is taken for an ordinary Debian 12");
        let ordinary = HostFacts::ordinary();
        cluster.hosts.iter().map(|h| (h.name.clone(), ordinary.clone())).collect()
    } else {
        survey(cluster, &session.pool, &questions(&session.catalogue, cluster, &expected, false))?
    };
    let store = Store::open_default()?;
    let programs = programs(session, &store, facts.values().map(|f| f.arch.as_str()))?;
    desire(&session.catalogue, cluster, &facts, &trust, &programs.find(), &templates)
}

/// Writes a host's state below `dir`: its files as `HOST/path/on/host`, everything else (modes, owners, units,
/// kernel settings, images) as `HOST.json`. Where the host holds a secret or a program, the file says so instead.
/// Files that an earlier call wrote and that are no longer part of the state are removed; no others are touched.
pub fn write_tree(dir: &Path, state: &HostState) -> Result<()> {
    let index_path = dir.join(format!("{}.json", state.host));
    let root = dir.join(&state.host);
    let stale = written_before(&index_path).into_iter().filter(|path| !state.files.contains_key(path));
    for path in stale {
        remove(&root, &path)?;
    }
    for (path, file) in &state.files {
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
        Content::ToIssue => "<to be issued>\n".into(),
        Content::Artifact(artifact) => format!("<{} {} sha256:{}>\n", artifact.name, artifact.version, artifact.sha256),
    }
}

fn index(state: &HostState) -> Value {
    let files = state.files.iter().map(|(path, file)| {
        let kind = match &file.content {
            Content::Text(_) => "text",
            Content::Secret(_) => "secret",
            Content::ToIssue => "to-issue",
            Content::Artifact(_) => "artifact",
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
