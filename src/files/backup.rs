//! The file that is about to be replaced, kept beside its successor.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Keeps the file at `path` as `path.1`, or the next number that is free; none where nothing is there. It is a second
/// name of the same file, so that at every moment the old or the new one lies at `path`. A secret one becomes 0600.
pub fn keep(path: &Path, secret: bool) -> Result<Option<PathBuf>> {
    for number in 1..=u32::MAX {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        let kept = PathBuf::from(name);
        match fs::hard_link(path, &kept) {
            Ok(()) => {
                let failed = |e| Error::io(format!("protect {}", kept.display()), &e);
                // A link is kept as a link: what it points to is not ours.
                if secret && fs::symlink_metadata(&kept).map_err(failed)?.is_file() {
                    fs::set_permissions(&kept, Permissions::from_mode(0o600)).map_err(failed)?;
                }
                return Ok(Some(kept));
            }
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => {
                return Err(Error::io(format!("cannot keep {} as {}", path.display(), kept.display()), &e));
            }
        }
    }
    Err(Error::input(format!("{} has too many backups", path.display())))
}

/// Keeps all of them, each with whether it is secret, or none.
pub fn keep_all(files: &[(&Path, bool)]) -> Result<Vec<Option<PathBuf>>> {
    let mut all = Vec::new();
    for (path, secret) in files {
        match keep(path, *secret) {
            Ok(kept) => all.push(kept),
            Err(error) => {
                // They are second names of files that are still in their places.
                for kept in all.iter().flatten() {
                    let _ = fs::remove_file(kept);
                }
                return Err(error);
            }
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_old_file_is_kept_and_secrets_are_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a-key.pem");
        assert_eq!(keep(&path, true).unwrap(), None);
        for (text, kept) in [("one", "a-key.pem.1"), ("two", "a-key.pem.2")] {
            fs::write(folder.path().join("new"), text).unwrap();
            fs::rename(folder.path().join("new"), &path).unwrap();
            let kept = folder.path().join(kept);
            assert_eq!(keep(&path, true).unwrap().as_deref(), Some(kept.as_path()));
            assert_eq!(fs::read_to_string(&kept).unwrap(), text);
            assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_link_is_kept_as_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "x").unwrap();
        fs::set_permissions(&target, Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let kept = keep(&link, true).unwrap().unwrap();
        assert!(fs::symlink_metadata(kept).unwrap().is_symlink());
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o644);
    }
}
