//! Files that are written together: each beside its place, all brought to the disk at the same time, and only then
//! renamed. A reader sees the old file or the new one, whole, also after a crash.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::error::{Error, Result};
use crate::parallel;
use crate::secret::Secret;

/// A file that is written and closed, but not yet in its place: a tree has more files than a process may have open.
/// Dropped, it is gone.
#[derive(Debug)]
pub struct Pending {
    temporary: TempPath,
    place: PathBuf,
    is_key: bool,
}

/// From so many files on, one call that brings everything to the disk is cheaper than one per file.
const MANY: usize = 16;

impl Pending {
    /// A key, 0600 from birth. A symlink in its place will be replaced, not followed.
    pub fn key(place: &Path, key: &Secret) -> Result<Self> {
        Self::new(place.to_owned(), key.expose(), 0o600)
    }

    /// What anybody may read, 0644. A symlink is followed.
    pub fn public(place: &Path, bytes: &[u8]) -> Result<Self> {
        Self::new(fs::canonicalize(place).unwrap_or_else(|_| place.to_owned()), bytes, 0o644)
    }

    fn new(place: PathBuf, bytes: &[u8], mode: u32) -> Result<Self> {
        let write = || {
            let mut file = tempfile::Builder::new()
                .prefix(".kbootstrap-")
                .permissions(Permissions::from_mode(0o600))
                .tempfile_in(folder(&place))?;
            file.write_all(bytes)?;
            if mode != 0o600 {
                file.as_file().set_permissions(Permissions::from_mode(mode))?;
            }
            Ok(file.into_temp_path())
        };
        let temporary = write().map_err(|e| failed(&place, &e))?;
        Ok(Pending { temporary, place, is_key: mode == 0o600 })
    }
}

/// Brings all to the disk, and then into their places, in their order. That a key is in its place is on the disk, too,
/// when this returns: what is made from a key can be made again.
pub fn persist(files: Vec<Pending>) -> Result<()> {
    let folders: BTreeSet<PathBuf> = files.iter().filter(|file| file.is_key).map(|file| folder(&file.place)).collect();
    place(files)?;
    for path in folders {
        File::open(&path).and_then(|folder| folder.sync_all()).map_err(|e| failed(&path, &e))?;
    }
    Ok(())
}

/// The same for what can be made again, keys too: after a crash in the next seconds a place may have what it had before.
pub fn place(files: Vec<Pending>) -> Result<()> {
    if files.len() < MANY {
        sync_each(&files)?;
    } else {
        let mut systems: BTreeMap<u64, File> = BTreeMap::new();
        for file in &files {
            let device = fs::metadata(&file.temporary).map_err(|e| failed(&file.place, &e))?.dev();
            if let Entry::Vacant(entry) = systems.entry(device) {
                entry.insert(File::open(&file.temporary).map_err(|e| failed(&file.place, &e))?);
            }
        }
        for system in systems.values() {
            rustix::fs::syncfs(system).map_err(|e| Error::io("bring files to the disk", &e.into()))?;
        }
    }
    for file in files {
        file.temporary.persist(&file.place).map_err(|e| failed(&file.place, &e.error))?;
    }
    Ok(())
}

/// All at the same time: a disk brings them home together.
fn sync_each(files: &[Pending]) -> Result<()> {
    let sync = |file: &Pending| {
        File::open(&file.temporary).and_then(|opened| opened.sync_all()).map_err(|e| failed(&file.place, &e))
    };
    Error::all(parallel::each(files, files.len(), sync).into_iter().filter_map(Result::err))
}

fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn failed(path: &Path, e: &io::Error) -> Error {
    // Of the causes only the system's: tempfile puts its own random name into the text.
    let wrapped = e.get_ref().and_then(|inner| inner.source()?.downcast_ref::<io::Error>());
    let cause = wrapped.unwrap_or(e);
    if e.kind() == io::ErrorKind::NotFound {
        return Error::input(format!("cannot write {}: the folder does not exist", path.display()))
            .hint("make the folder first");
    }
    Error::input(format!("cannot write {}: {cause}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_files_come_whole_and_with_their_modes() {
        let folder = tempfile::tempdir().unwrap();
        for count in [1, 3 * MANY] {
            let mut files = Vec::new();
            for n in 0..count {
                let (key, public) = (folder.path().join(format!("{n}-key")), folder.path().join(format!("{n}")));
                fs::write(&key, "old").unwrap();
                fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
                files.push(Pending::key(&key, &Secret::new(*b"secret")).unwrap());
                files.push(Pending::public(&public, b"public").unwrap());
            }
            persist(files).unwrap();
            let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode("0-key"), mode("0")), (0o600, 0o644));
            assert_eq!(fs::read(folder.path().join(format!("{}-key", count - 1))).unwrap(), b"secret");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2 * count, "nothing is left beside them");
        }
    }

    #[test]
    fn what_is_not_brought_to_its_place_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        drop(Pending::key(&folder.path().join("a"), &Secret::new(*b"x")).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
