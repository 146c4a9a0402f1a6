//! Where files are: whether a path may be written so, and whether two spellings are one file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::files;

/// Why something cannot be the path of a file or folder: message and hint.
type Refused = (String, &'static str);

/// Whether a text can be the name or path of a file.
pub(super) fn file(text: &str) -> Result<(), Refused> {
    let last = text.rsplit('/').next().unwrap_or_default();
    match last {
        "" if text.is_empty() => Err(("a file needs a name".into(), "leave it out to have the name that is usual")),
        "" | "." | ".." => Err((format!("`{text}` is a folder, not a file"), "add the name of the file")),
        // Without a folder before it, `~` is the beginning of a name.
        _ if text.contains('/') => folder(text),
        _ => Ok(()),
    }
}

/// Whether a text can be the path of a folder.
pub(super) fn folder(text: &str) -> Result<(), Refused> {
    match text.starts_with('~') {
        // Only shells know what it means: here it would be a folder of that name.
        true => Err((
            format!("`{text}`: `~` does not stand for the home folder here"),
            "write the whole path, or `./~…` where the name does begin with `~`",
        )),
        false => Ok(()),
    }
}

/// Tells which paths are one file. Keeps what it has asked about folders: a tree has many files in few of them.
#[derive(Debug, Default)]
pub(super) struct Places {
    folders: BTreeMap<PathBuf, PathBuf>,
}

impl Places {
    /// What all spellings of a file have in common. A symlink is followed, as writing follows it.
    pub(super) fn identity(&mut self, path: &Path) -> PathBuf {
        if fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink())
            && let Ok(target) = fs::canonicalize(path)
        {
            return target;
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return files::real(path) };
        self.folders.entry(parent.to_owned()).or_insert_with(|| files::real(parent)).join(name)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_exists_is_asked_and_what_does_not_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("deep/real")).unwrap();
        symlink(at("deep/real"), at("link")).unwrap();
        fs::write(at("deep/real/a.pem"), "").unwrap();
        symlink(at("deep/real/a.pem"), at("b.pem")).unwrap();
        let mut places = Places::default();
        let mut same = |a: &str, b: &str| places.identity(&at(a)) == places.identity(&at(b));
        assert!(same("link/x.pem", "deep/real/x.pem"), "a folder by two names");
        assert!(same("link/../x.pem", "deep/x.pem"), "the system follows a link before it goes up");
        assert!(same("new/../new/x.pem", "new//./x.pem"), "folders that do not exist yet");
        assert!(same("b.pem", "link/a.pem"), "files are written through links");
    }

    #[test]
    fn paths_that_nobody_means_are_refused() {
        for bad in ["", ".", "..", "a/", "a/..", "~/x.pem"] {
            assert!(file(bad).is_err(), "{bad}");
        }
        assert!(file("../a/x.pem").is_ok() && file("~x.pem").is_ok());
        assert!(folder("~").is_err() && folder("~bob/x").is_err() && folder("./~").is_ok() && folder("").is_ok());
    }
}
