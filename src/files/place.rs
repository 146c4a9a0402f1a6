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
    /// Symlinks are followed, also to a file that is not there yet, for keys and certificates alike: who made them wants the
    /// pair where they lead.
    ///
    /// # Errors
    /// I/O; a folder; a link that somebody else may have put there.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let end = end(path)?;
        match fs::symlink_metadata(&end) {
            Ok(old) if old.is_file() => Ok(Place { path: end, old: Some(old), is_stream: false }),
            Ok(there) => Self::no_file(&end, &there),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(Place { path: end, old: None, is_stream: false }),
            Err(e) => Err(e),
        }
    }

    /// Of a file in a folder of ours, which somebody else may have prepared: a symlink is replaced.
    ///
    /// # Errors
    /// I/O; anything but a regular file or a link.
    pub(super) fn own(path: &Path) -> Result<Self> {
        let old = match fs::symlink_metadata(path) {
            Ok(old) if old.is_file() => Some(old),
            Ok(there) if there.is_symlink() => None,
            Ok(there) if there.is_dir() => return Err(Error::from(ErrorKind::IsADirectory)),
            Ok(_) => return Err(Error::other("it is no file")),
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Err(e),
        };
        Ok(Place { path: path.to_owned(), old, is_stream: false })
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

/// Where the links at a path lead; the path itself where it is none.
fn end(path: &Path) -> Result<PathBuf> {
    let mut end = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(link) = fs::symlink_metadata(&end) else { return Ok(end) };
        // The kernel knows more of its own links than their text (`/dev/stdout`).
        if !link.is_symlink() || fs::metadata(&end).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
            return Ok(end);
        }
        let around = fs::metadata(folder(&end))?;
        if is_planted(&link, &around, rustix::process::geteuid().as_raw()) {
            let text = format!(
                "{} is a link that user {} has put into a folder that everybody may write to",
                end.display(),
                link.uid()
            );
            return Err(Error::new(ErrorKind::PermissionDenied, text));
        }
        end = folder(&end).join(fs::read_link(&end)?);
    }
    Err(rustix::io::Errno::LOOP.into())
}

/// As the kernel judges (`fs.protected_symlinks`), whether or not the folder is sticky; root's links are nobody's trap.
fn is_planted(link: &Metadata, around: &Metadata, me: u32) -> bool {
    around.mode() & 0o002 != 0 && ![0, me, around.uid()].contains(&link.uid())
}

/// Refuses a pair of which only one is a link: it would be in two places, each with the half of another pair.
pub fn pair(certificate: &Path, key: &Path) -> crate::error::Result<()> {
    let is_link = |path: &Path| fs::symlink_metadata(path).is_ok_and(|there| there.is_symlink());
    let (link, plain) = match (is_link(certificate), is_link(key)) {
        (true, false) => (certificate, key),
        (false, true) => (key, certificate),
        _ => return Ok(()),
    };
    let (link, plain) = (link.display(), plain.display());
    let text = format!("{link} is a link and {plain} is none: key and certificate would be in different places");
    Err(crate::error::Error::input(text).hint(format!("make {plain} a link, too, or remove the link {link}")))
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
    fn links_are_followed() {
        let at = tempfile::tempdir().unwrap();
        let path = |name: &str| at.path().canonicalize().unwrap().join(name);
        fs::write(path("file"), "x").unwrap();
        symlink("file", path("link")).unwrap();
        symlink("not-yet", path("dangling")).unwrap();
        symlink("round", path("round")).unwrap();
        symlink("link", path("second")).unwrap();
        for link in ["link", "second"] {
            let place = Place::of(&path(link)).unwrap();
            assert_eq!((place.path, place.old.is_some()), (path("file"), true));
        }
        assert_eq!(Place::of(&path("dangling")).unwrap().path, path("not-yet"));
        assert!(Place::of(&path("round")).is_err());
    }

    #[test]
    fn a_link_that_a_stranger_can_have_put_there_is_refused() {
        let at = tempfile::tempdir().unwrap();
        symlink("victim", at.path().join("link")).unwrap();
        let link = fs::symlink_metadata(at.path().join("link")).unwrap();
        let around = |mode: u32| {
            fs::set_permissions(at.path(), fs::Permissions::from_mode(mode)).unwrap();
            fs::metadata(at.path()).unwrap()
        };
        let (own, other) = (link.uid(), link.uid() + 1);
        // Whose the link is decides, and that others may make some in the folder.
        assert!(!is_planted(&link, &around(0o1777), own));
        assert!(!is_planted(&link, &around(0o755), other));
        assert!(!is_planted(&link, &around(0o1777), other), "the folder's owner may do as they like");
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::lchown(at.path().join("link"), Some(12345), None).unwrap();
            let link = fs::symlink_metadata(at.path().join("link")).unwrap();
            assert!(is_planted(&link, &around(0o1777), own) && is_planted(&link, &around(0o777), own));
            let error = Place::of(&at.path().join("link")).unwrap_err();
            assert!(
                error
                    .to_string()
                    .ends_with("is a link that user 12345 has put into a folder that everybody may write to")
            );
        }
    }

    #[test]
    fn a_pair_goes_to_one_place() {
        let at = tempfile::tempdir().unwrap();
        let path = |name: &str| at.path().join(name);
        symlink("elsewhere", path("a.pem")).unwrap();
        assert!(pair(&path("b.pem"), &path("b-key.pem")).is_ok());
        for key in ["a-key.pem", "b-key.pem"] {
            assert!(pair(&path("a.pem"), &path(key)).is_err() && pair(&path(key), &path("a.pem")).is_err());
        }
        symlink("elsewhere-key", path("a-key.pem")).unwrap();
        assert!(pair(&path("a.pem"), &path("a-key.pem")).is_ok());
    }

    #[test]
    fn folders_are_refused_and_devices_stay() {
        let null = Path::new("/dev/null");
        assert!(Place::of(null).unwrap().is_stream);
        assert_eq!(Place::of(Path::new("/")).unwrap_err().kind(), ErrorKind::IsADirectory);
    }

    #[test]
    fn the_owner_is_kept_only_where_no_stranger_can_have_put_the_file() {
        let at = tempfile::tempdir().unwrap();
        let path = at.path().join("key");
        fs::write(&path, "x").unwrap();
        let metadata = fs::metadata(&path).unwrap();
        let owner = || Place::of(&path).unwrap().owner();
        assert_eq!(owner(), Some((metadata.uid(), metadata.gid())));
        fs::set_permissions(at.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(owner(), None);
    }
}
