//! What is in the place that a file is to go to, and what follows from it.

use std::fs::{self, Metadata};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// More symlinks in a row are a circle.
const MOST_LINKS: usize = 40;

/// Where a file goes.
#[derive(Debug)]
pub(super) struct Place {
    /// Past the symlinks that are followed.
    pub(super) path: PathBuf,
    /// The regular file that is there, and will be replaced.
    pub(super) old: Option<Metadata>,
    /// A device or a pipe is there: it is written into as it is.
    pub(super) is_stream: bool,
}

impl Place {
    /// Of what anybody may read. Symlinks are followed, also to a file that is not there yet.
    pub(super) fn followed(path: &Path) -> Result<Self> {
        match fs::metadata(path) {
            Ok(old) if old.is_file() => Ok(Place { path: fs::canonicalize(path)?, old: Some(old), is_stream: false }),
            Ok(there) => Self::no_file(path, &there),
            Err(e) if e.kind() == ErrorKind::NotFound => {
                let target = |path: &PathBuf| fs::read_link(path).ok().map(|to| folder(path).join(to));
                let mut links = std::iter::successors(Some(path.to_owned()), target);
                let end = links.by_ref().take(MOST_LINKS).last().unwrap_or_else(|| path.to_owned());
                Ok(Place { path: end, old: None, is_stream: false })
            }
            Err(e) => Err(e),
        }
    }

    /// Of a key. A symlink is replaced: whoever made it may not be the one who may read the key.
    pub(super) fn not_followed(path: &Path) -> Result<Self> {
        match fs::symlink_metadata(path) {
            Ok(old) if old.is_file() => Ok(Place { path: path.to_owned(), old: Some(old), is_stream: false }),
            Ok(there) if !there.is_symlink() => Self::no_file(path, &there),
            Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
            _ => Ok(Place { path: path.to_owned(), old: None, is_stream: false }),
        }
    }

    fn no_file(path: &Path, there: &Metadata) -> Result<Self> {
        match there.is_dir() {
            true => Err(Error::from(ErrorKind::IsADirectory)),
            false => Ok(Place { path: path.to_owned(), old: None, is_stream: true }),
        }
    }

    /// User and group of the file that is there: a service goes on reading its key after it was renewed. Where everybody
    /// may write, that file may be a stranger's, and nobody gets the new one.
    pub(super) fn owner(&self) -> Option<(u32, u32)> {
        let old = self.old.as_ref()?;
        let is_closed = fs::metadata(folder(&self.path)).is_ok_and(|folder| folder.mode() & 0o022 == 0);
        is_closed.then(|| (old.uid(), old.gid()))
    }
}

/// The folder of a file.
pub fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn links_are_followed_for_certificates_and_replaced_for_keys() {
        let at = tempfile::tempdir().unwrap();
        let path = |name: &str| at.path().canonicalize().unwrap().join(name);
        fs::write(path("file"), "x").unwrap();
        symlink("file", path("link")).unwrap();
        symlink("not-yet", path("dangling")).unwrap();
        symlink("round", path("round")).unwrap();
        assert_eq!(Place::followed(&path("link")).unwrap().path, path("file"));
        assert_eq!(Place::followed(&path("dangling")).unwrap().path, path("not-yet"));
        assert!(Place::followed(&path("round")).is_err());
        assert_eq!(Place::not_followed(&path("link")).unwrap().path, path("link"));
        assert!(Place::not_followed(&path("link")).unwrap().old.is_none());
    }

    #[test]
    fn folders_are_refused_and_devices_stay() {
        let null = Path::new("/dev/null");
        assert!(Place::followed(null).unwrap().is_stream && Place::not_followed(null).unwrap().is_stream);
        for refused in [Place::followed(Path::new("/")), Place::not_followed(Path::new("/"))] {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::IsADirectory);
        }
    }

    #[test]
    fn the_owner_is_kept_only_where_no_stranger_can_have_put_the_file() {
        let at = tempfile::tempdir().unwrap();
        let path = at.path().join("key");
        fs::write(&path, "x").unwrap();
        let metadata = fs::metadata(&path).unwrap();
        let owner = || Place::not_followed(&path).unwrap().owner();
        assert_eq!(owner(), Some((metadata.uid(), metadata.gid())));
        fs::set_permissions(at.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(owner(), None);
    }
}
