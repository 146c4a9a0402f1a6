//! Keys and certificates in files: read with errors that name them, written beside and renamed, keys 0600 from birth.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use zeroize::Zeroizing;

pub mod backup;
mod pending;
mod place;

pub use pending::{BESIDE, Pending, persist, place};
pub use place::folder as folder_of;

use crate::error::{Error, Result};
use crate::secret::Secret;

/// Reads a file whose bytes are wiped when dropped: it may be a key.
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Zeroizing::new(bytes)),
        Err(e) => Err(Error::input(format!("cannot read {}: {e}", path.display()))),
    }
}

/// Waits until nobody else is at work in a folder; the lock goes away with the file.
pub fn lock(folder: &Path) -> io::Result<File> {
    let file = File::open(folder)?;
    // Some network file systems lock no folders: there it is the person's care.
    let _ = file.lock();
    Ok(file)
}

/// Writes what anybody may read (0644). A symlink is followed, as a person who made it expects.
pub fn write_public(path: &Path, bytes: &[u8]) -> Result<()> {
    persist(vec![Pending::public(path, bytes)?])
}

/// Writes a key (0600), even where a file with wider permissions was. A symlink is replaced, not followed.
pub fn write_key(path: &Path, key: &Secret) -> Result<()> {
    persist(vec![Pending::key(path, key)?])
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

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
    fn a_key_does_not_follow_a_symlink_and_a_certificate_does() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "victim").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write_public(&link, b"public").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"public");
        assert_eq!(mode(&target), 0o644);
        write_key(&link, &Secret::new(*b"key")).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"public");
        assert!(!fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = write_public(Path::new("/nonexistent-folder/x.pem"), b"x").unwrap_err();
        insta::assert_snapshot!(error, @"cannot write /nonexistent-folder/x.pem: the folder does not exist");
    }
}
