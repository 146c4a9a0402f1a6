//! The folder that `render` writes to. It may be somebody else's, out of a repository: no link below it is followed, and of
//! what lies in it only that is touched which an earlier run has written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Component, Path, PathBuf};

use serde_json::{Value, json};

use crate::digest::sha256;
use crate::error::{Error, Result};
use crate::files;
use crate::state::{Content, HostState};
use crate::text::sh_path;

/// Writes states below `dir`: files as `HOST/path/on/host`, everything else (modes, owners, units, kernel settings, images)
/// as `HOST.json`, and the cluster's objects as `objects.json`. Where a host holds a secret or a program, the file says so
/// instead. Files that an earlier call wrote and that are no longer part of the state are removed, and those among them that
/// were changed since come back: they stay.
///
/// # Errors
/// Links below the folder, files in the way that no earlier call wrote, I/O. Of the first two nothing is written.
pub(super) fn write(dir: &Path, states: &[&HostState], objects: &[Value]) -> Result<Vec<PathBuf>> {
    let objects_path = dir.join("objects.json");
    let mut look = Look { dir, seen: BTreeSet::new(), errors: Vec::new() };
    let mut trees = Vec::new();
    look.at(&objects_path);
    for state in states {
        trees.push(Tree::of(dir, state, &mut look));
    }
    Error::all(look.errors)?;
    let mut left = Vec::new();
    for tree in &trees {
        left.extend(tree.write()?);
    }
    let text = serde_json::to_string_pretty(objects).map_err(|e| Error::internal(e.to_string()))?;
    put(&objects_path, &(text + "\n"))?;
    Ok(left)
}

/// A host's part of the folder.
struct Tree {
    /// Where its files are.
    root: PathBuf,
    index_path: PathBuf,
    index: String,
    /// What is to be there, by the path on the host.
    files: BTreeMap<String, String>,
    /// What an earlier call wrote, and is not wanted any more: with its SHA-256, where that is known.
    stale: BTreeMap<String, Option<String>>,
}

impl Tree {
    fn of(dir: &Path, state: &HostState, look: &mut Look<'_>) -> Self {
        let (root, index_path) = (dir.join(&state.host), dir.join(format!("{}.json", state.host)));
        let is_written = |content: &Content| *content != Content::ToIssue;
        let files = state.files.iter().filter(|(_, file)| is_written(&file.content));
        let files: BTreeMap<String, String> = files.map(|(path, file)| (path.clone(), shown(&file.content))).collect();
        let before = if look.at(&index_path) { look.index(&index_path, &state.host) } else { BTreeMap::new() };
        for (path, text) in &files {
            let target = below(&root, path);
            if look.at(&target) && !before.contains_key(path) {
                look.strange(&target, text);
            }
        }
        let stale: BTreeMap<_, _> = before.into_iter().filter(|(path, _)| !files.contains_key(path)).collect();
        for path in stale.keys() {
            look.at(&below(&root, path));
        }
        let index = format!("{:#}\n", index(state, &files));
        Tree { root, index_path, index, files, stale }
    }

    fn write(&self) -> Result<Vec<PathBuf>> {
        let mut left = Vec::new();
        for (path, digest) in &self.stale {
            let target = below(&self.root, path);
            if target.is_file() && !remove(&self.root, &target, digest.as_deref())? {
                left.push(target);
            }
        }
        // First of all what says that the others are ours: the call may be ended between two of them.
        put(&self.index_path, &self.index)?;
        for (path, text) in &self.files {
            put(&below(&self.root, path), text)?;
        }
        Ok(left)
    }
}

/// Looks at everything before anything is written.
struct Look<'a> {
    dir: &'a Path,
    /// Looked at already.
    seen: BTreeSet<PathBuf>,
    errors: Vec<Error>,
}

impl Look<'_> {
    /// Whether something is at the place, and no link is there or on the way to it from the folder.
    fn at(&mut self, place: &Path) -> bool {
        let mut way: Vec<&Path> = place.ancestors().take_while(|path| *path != self.dir).collect();
        way.reverse();
        for path in way {
            match fs::symlink_metadata(path) {
                Ok(there) if there.is_symlink() => {
                    if self.seen.insert(path.to_owned()) {
                        let text =
                            format!("{} is a link, and what is written there would go elsewhere", path.display());
                        self.errors.push(Error::input(text).hint(format!("remove the link: rm {}", sh_path(path))));
                    }
                    return false;
                }
                Ok(_) => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// What an earlier call wrote, by its index.
    fn index(&mut self, path: &Path, host: &str) -> BTreeMap<String, Option<String>> {
        let value = files::read(path).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        match value.filter(|value| value["host"] == host && value["files"].is_object()) {
            Some(value) => written_before(&value),
            None => {
                self.errors.push(not_ours(path));
                BTreeMap::new()
            }
        }
    }

    /// Of a file that no index has: one that says the same may stay.
    fn strange(&mut self, path: &Path, text: &str) {
        if !files::read(path).is_ok_and(|bytes| bytes.as_slice() == text.as_bytes()) {
            self.errors.push(not_ours(path));
        }
    }
}

fn not_ours(path: &Path) -> Error {
    Error::input(format!("{} is there, and was not written by `kbootstrap render`", path.display()))
        .hint("write to another folder, or move it away")
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

/// `written`: what goes into files, by path; the index has the SHA-256 of each.
fn index(state: &HostState, written: &BTreeMap<String, String>) -> Value {
    let files = state.files.iter().map(|(path, file)| {
        let kind = match &file.content {
            Content::Text(_) => "text",
            Content::Secret(_) => "secret",
            Content::Artifact(_) => "artifact",
            Content::ToIssue => TO_ISSUE,
        };
        let mut about = json!({"mode": octal(file.mode), "owner": file.owner, "content": kind});
        if let Some(text) = written.get(path) {
            about["sha256"] = sha256(text.as_bytes()).into();
        }
        (path.clone(), about)
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
        "packages": state.packages,
    })
}

/// What is not there yet.
const TO_ISSUE: &str = "to-issue";

fn octal(mode: u32) -> String {
    format!("{mode:04o}")
}

/// The files of an index, those left out that no call can have written. Older versions kept no SHA-256.
fn written_before(index: &Value) -> BTreeMap<String, Option<String>> {
    let is_path = |path: &str| {
        path.starts_with('/') && Path::new(path).components().skip(1).all(|part| matches!(part, Component::Normal(_)))
    };
    let files = index["files"].as_object().into_iter().flatten();
    files
        .filter(|(path, about)| is_path(path) && about["content"] != TO_ISSUE)
        .map(|(path, about)| (path.clone(), about["sha256"].as_str().map(str::to_owned)))
        .collect()
}

/// Removes the file if it is as it was written, and the folders that become empty by it.
fn remove(root: &Path, target: &Path, digest: Option<&str>) -> Result<bool> {
    if digest != Some(sha256(&files::read(target)?).as_str()) {
        return Ok(false);
    }
    fs::remove_file(target).map_err(|e| Error::io(format!("cannot remove {}", target.display()), &e))?;
    for folder in target.ancestors().skip(1).take_while(|folder| folder.starts_with(root)) {
        if fs::remove_dir(folder).is_err() {
            break; // not empty
        }
    }
    Ok(true)
}

fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// Puts a new file in the place: of one that is there, other names may lie elsewhere.
fn put(path: &Path, text: &str) -> Result<()> {
    let folder = files::folder_of(path);
    fs::create_dir_all(&folder).map_err(|e| Error::io(format!("cannot make {}", folder.display()), &e))?;
    let make = |new: &Path| File::create_new(new)?.write_all(text.as_bytes());
    files::replace(path, make).map_err(|e| match e.kind() {
        ErrorKind::IsADirectory => Error::input(format!("cannot write {}: it is a folder", path.display())),
        _ => Error::io(format!("cannot write {}", path.display()), &e),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

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

    fn text(text: &str) -> Content {
        Content::Text(text.into())
    }

    fn written(dir: &Path, files: &[(&str, Content)]) -> Result<Vec<PathBuf>> {
        write(dir, &[&state(files)], &[])
    }

    #[test]
    fn a_tree_shows_text_hides_secrets_and_loses_what_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let artifact = ArtifactRef { name: "kubelet".into(), version: "1.36.3".into(), sha256: "ab".into(), size: 1 };
        let first = [
            ("/etc/a/b.conf", text("x\n")),
            ("/etc/key", Content::Secret(Secret::new(*b"hunter2"))),
            ("/usr/bin/kubelet", Content::Artifact(artifact)),
        ];
        written(dir.path(), &first).unwrap();
        let read = |path: &str| fs::read_to_string(dir.path().join(path)).ok();
        assert_eq!(read("n1/etc/a/b.conf").unwrap(), "x\n");
        assert_eq!(read("n1/etc/key").unwrap(), "<secret>\n");
        assert_eq!(read("n1/usr/bin/kubelet").unwrap(), "<kubelet 1.36.3 sha256:ab>\n");
        assert_eq!(read("objects.json").unwrap(), "[]\n");
        let index: Value = serde_json::from_str(&read("n1.json").unwrap()).unwrap();
        let about = json!({"mode": "0600", "owner": "root", "content": "secret", "sha256": sha256(b"<secret>\n")});
        assert_eq!(index["files"]["/etc/key"], about, "the digest is of what is seen, not of the key");

        fs::write(dir.path().join("n1/README"), "mine").unwrap();
        assert!(written(dir.path(), &[("/etc/key", text("y\n"))]).unwrap().is_empty());
        assert_eq!((read("n1/etc/a/b.conf"), read("n1/etc/key").as_deref()), (None, Some("y\n")));
        assert!(!dir.path().join("n1/usr").exists(), "empty folders go too");
        assert_eq!(read("n1/README").unwrap(), "mine", "what is not ours stays");
    }

    #[test]
    fn links_below_the_folder_are_named_and_nothing_is_written_or_removed() {
        let place = tempfile::tempdir().unwrap();
        let (home, dir) = (place.path().join("home"), place.path().join("tree"));
        fs::create_dir_all(home.join("etc")).unwrap();
        fs::write(home.join(".bashrc"), "mine").unwrap();
        let index = json!({"host": "n1", "files": {"/.bashrc": {"content": "text", "sha256": sha256(b"mine")}}});
        let wanted = [("/etc/x", text("x"))];
        let links: [(&str, &Path); 4] =
            [("n1", &home), ("n1/etc", &home), ("n1.json", &home.join("new")), ("objects.json", &home.join("new"))];
        for (link, to) in links {
            fs::create_dir_all(dir.join("n1")).unwrap();
            fs::write(dir.join("n1.json"), index.to_string()).unwrap();
            let link = dir.join(link);
            let _ = fs::remove_dir(&link).or_else(|_| fs::remove_file(&link));
            symlink(to, &link).unwrap();
            let error = written(&dir, &wanted).unwrap_err();
            let text = format!("{} is a link, and what is written there would go elsewhere", link.display());
            assert_eq!(error.message, text);
            assert_eq!(fs::read_to_string(home.join(".bashrc")).unwrap(), "mine");
            assert_eq!(fs::read_dir(&home).unwrap().count(), 2, "{}", link.display());
            assert_eq!(fs::read_dir(home.join("etc")).unwrap().count(), 0);
            fs::remove_dir_all(&dir).unwrap();
        }
        // The folder itself is where the operator says.
        fs::create_dir(&dir).unwrap();
        symlink(&dir, place.path().join("mine")).unwrap();
        written(&place.path().join("mine"), &wanted).unwrap();
        assert!(dir.join("n1/etc/x").exists());
    }

    #[test]
    fn what_no_earlier_run_wrote_is_neither_replaced_nor_removed() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path();
        let read = |path: &str| fs::read_to_string(dir.join(path)).unwrap();
        fs::create_dir_all(dir.join("n1/etc")).unwrap();
        for (path, wanted) in [("n1/etc/x", text("x")), ("n1.json", text("x"))] {
            fs::write(dir.join(path), "mine").unwrap();
            let error = written(dir, &[("/etc/x", wanted)]).unwrap_err();
            assert!(error.message.ends_with("is there, and was not written by `kbootstrap render`"), "{error}");
            assert_eq!(read(path), "mine");
            fs::remove_file(dir.join(path)).unwrap();
        }
        // An index of an older version, and a file that was changed since.
        let index = json!({"host": "n1", "files": {"/etc/old": {"content": "text"}, "/../out": {"content": "text"}}});
        fs::write(dir.join("n1.json"), index.to_string()).unwrap();
        fs::write(dir.join("n1/etc/old"), "old").unwrap();
        assert_eq!(written(dir, &[("/etc/x", text("x"))]).unwrap(), [dir.join("n1/etc/old")]);
        fs::write(dir.join("n1/etc/x"), "changed").unwrap();
        assert_eq!(written(dir, &[]).unwrap(), [dir.join("n1/etc/x")]);
        assert_eq!((read("n1/etc/old"), read("n1/etc/x")), ("old".into(), "changed".into()));
    }

    #[test]
    fn another_name_of_a_file_keeps_what_it_had() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("tree");
        written(&dir, &[("/etc/x", text("x"))]).unwrap();
        fs::hard_link(dir.join("n1/etc/x"), place.path().join("mine")).unwrap();
        written(&dir, &[("/etc/x", text("y"))]).unwrap();
        assert_eq!(fs::read_to_string(place.path().join("mine")).unwrap(), "x");
        assert_eq!(fs::read_to_string(dir.join("n1/etc/x")).unwrap(), "y");
    }
}
