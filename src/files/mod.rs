//! Keys and certificates in files: read with errors that name them, written beside and renamed, keys 0600 from birth.

use std::fs::Permissions;
use std::fs::{self, DirEntry};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use pending::failed;

#[cfg(test)]
pub(crate) mod acl;
pub mod backup;
pub mod bounded;
pub mod lock;
mod pending;
mod piecewise;
mod place;
mod private;
mod real;
mod tree;
mod undo;
mod way;

pub use pending::{BESIDE, Pending, persist, persist_each, place};
pub use piecewise::Piecewise;
pub use place::{folder as folder_of, pair};
pub use private::{check_private, check_way, private_folder};
pub use real::{is_within, real};
pub use tree::copy_folder;
pub use way::{Owners, fault_on_way};

use crate::error::{Error, Result};
use crate::secret::Secret;

/// Reads a file whose bytes are wiped when dropped: it may be a key.
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    bounded::bytes(path).map_err(|e| Error::input(format!("cannot read {}: {e}", path.display())))
}

/// Where a file goes that is written to `path`: where its symlinks lead.
///
/// # Errors
/// I/O; a folder; a link that somebody else may have put there.
pub fn followed(path: &Path) -> Result<PathBuf> {
    place::Place::of(path).map(|place| place.path).map_err(|e| failed(path, &e))
}

/// Writes what anybody may read (0644). A symlink is followed, as a person who made it expects.
pub fn write_public(path: &Path, bytes: &[u8]) -> Result<()> {
    persist(vec![Pending::public(path, bytes)?])
}

/// Writes what anybody may read (0644) in a folder of ours, which somebody else may have prepared: a symlink is replaced.
pub fn write_own(path: &Path, bytes: &[u8]) -> Result<()> {
    persist(vec![Pending::own(path, bytes)?])
}

/// Writes what anybody may read to a place where nothing is; false where something is there.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<bool> {
    pending::create(path, bytes, false)
}

/// The same for what is its owner's alone (0600).
pub fn write_new_private(path: &Path, bytes: &[u8]) -> Result<bool> {
    pending::create(path, bytes, true)
}

/// Writes what is its owner's alone (0600) in a folder of ours, which somebody else may have prepared: a symlink is replaced.
pub fn write_own_private(path: &Path, bytes: &[u8]) -> Result<()> {
    persist(vec![Pending::own_private(path, bytes)?])
}

/// Takes up what is written piece by piece beside `path`, in a folder of ours: a file of [`scratch`], 0644 once it is in its
/// place. Nothing but a regular file or a link is replaced.
pub fn put(file: NamedTempFile, path: &Path) -> Result<()> {
    place::Place::own(path).map_err(|e| failed(path, &e))?;
    let readable = file.as_file().set_permissions(Permissions::from_mode(0o644));
    readable.and_then(|()| file.persist(path).map_err(|e| e.error)).map(drop).map_err(|e| failed(path, &e))
}

/// A file that is written piece by piece, 0600, and vanishes unless it is [`put`] into a place of the same folder.
pub fn scratch(folder: &Path) -> Result<NamedTempFile> {
    let made = tempfile::Builder::new().prefix(BESIDE).tempfile_in(folder);
    made.map_err(|e| Error::io(format!("write to {}", folder.display()), &e))
}

/// What killed runs have left in a folder: temporary files, keys among them. Those younger than `before` may be
/// somebody's who is at work.
pub fn leftovers(folder: &Path, before: SystemTime) -> Vec<PathBuf> {
    let is_left = |entry: &DirEntry| {
        let name = entry.file_name();
        let random = name.to_str().and_then(|name| name.strip_prefix(BESIDE));
        random.is_some_and(|random| random.len() == 6 && random.bytes().all(|b| b.is_ascii_alphanumeric()))
            && entry.metadata().is_ok_and(|meta| meta.is_file() && meta.modified().is_ok_and(|time| time < before))
    };
    // It may not exist yet, or be one that may be written into and not be read.
    fs::read_dir(folder).into_iter().flatten().flatten().filter(is_left).map(|entry| entry.path()).collect()
}

/// Renames what `make` makes (a link, a copy) to `path`: there is never a moment without it.
pub fn replace(path: &Path, make: impl FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    let made = tempfile::Builder::new().prefix(BESIDE).make_in(folder_of(path), make)?;
    made.persist(path).map_err(|e| e.error)
}

/// Writes a key (0600), even where a file with wider permissions was. A symlink is followed.
pub fn write_key(path: &Path, key: &Secret) -> Result<()> {
    persist(vec![Pending::key(path, key)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_key_is_0600_even_over_an_older_file_that_was_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a-key.pem");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        write_key(&path, &Secret::new(*b"new")).unwrap();
        assert_eq!((fs::read(&path).unwrap().as_slice(), mode(&path)), (b"new".as_slice(), 0o600));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn keys_and_certificates_follow_symlinks() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write_public(&link, b"public").unwrap();
        assert_eq!((fs::read(&target).unwrap().as_slice(), mode(&target)), (b"public".as_slice(), 0o644));
        write_key(&link, &Secret::new(*b"key")).unwrap();
        assert_eq!((fs::read(&target).unwrap().as_slice(), mode(&target)), (b"key".as_slice(), 0o600));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn a_file_of_our_folder_replaces_a_symlink_and_nothing_else_than_files() {
        let folder = tempfile::tempdir().unwrap();
        let (target, path) = (folder.path().join("target"), folder.path().join("artifacts.lock"));
        std::os::unix::fs::symlink(&target, &path).unwrap();
        write_own(&path, b"new").unwrap();
        assert!(!target.exists() && fs::symlink_metadata(&path).unwrap().is_file());
        assert_eq!((fs::read(&path).unwrap().as_slice(), mode(&path)), (b"new".as_slice(), 0o644));
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let error = write_own(&pipe, b"new").unwrap_err();
        assert_eq!(error.message, format!("cannot write {}: it is no file", pipe.display()));
    }

    #[test]
    fn what_is_its_owners_alone_is_0600_also_over_an_older_file() {
        let folder = tempfile::tempdir().unwrap();
        let (own, new) = (folder.path().join("record.json"), folder.path().join("prod.yaml"));
        write_own(&own, b"old").unwrap();
        write_own_private(&own, b"new").unwrap();
        assert!(write_new_private(&new, b"new").unwrap() && !write_new_private(&new, b"other").unwrap());
        assert_eq!((mode(&own), mode(&new)), (0o600, 0o600));
        assert_eq!((fs::read(&own).unwrap(), fs::read(&new).unwrap()), (b"new".to_vec(), b"new".to_vec()));
    }

    #[test]
    fn nothing_but_a_file_is_replaced_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let error = put(scratch(folder.path()).unwrap(), &pipe).unwrap_err();
        assert_eq!(error.message, format!("cannot write {}: it is no file", pipe.display()));
        assert!(std::os::unix::fs::FileTypeExt::is_fifo(&fs::metadata(&pipe).unwrap().file_type()));
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = write_public(Path::new("/nonexistent-folder/x.pem"), b"x").unwrap_err();
        insta::assert_snapshot!(error, @"cannot write /nonexistent-folder/x.pem: the folder does not exist");
    }
}
