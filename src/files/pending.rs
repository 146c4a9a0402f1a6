//! Files that are written together: each beside its place, all brought to the disk at the same time, and only then
//! renamed. A reader sees the old file or the new one, whole, also after a crash. Where one cannot be put into its place,
//! those that were are taken back: a key is never left with the certificate of another.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::num::NonZeroU64;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, CWD, RenameFlags, fadvise, renameat_with};
use rustix::io::Errno;
use tempfile::TempPath;

use super::place::{Place, folder};
use super::undo::{Undo, Was};
use crate::error::{Error, Result};
use crate::secret::Secret;

/// How the names of files begin that are not in their places yet.
pub const BESIDE: &str = ".kbootstrap-";

/// From so many files on, one call that brings everything to the disk is cheaper than one per file.
const MANY: usize = 16;

/// A file that is written and closed, but not yet in its place: a tree has more files than a process may have open.
/// Dropped, it is gone.
#[derive(Debug)]
pub struct Pending {
    content: Content,
    place: PathBuf,
    /// A file is there.
    replaces: bool,
    is_key: bool,
}

#[derive(Debug)]
enum Content {
    /// In a file beside the place.
    Beside(TempPath),
    /// For a device, a pipe, or a file in a folder that nothing can be added to.
    Direct(Secret),
}

impl Pending {
    /// A key, 0600 from birth. A symlink is followed, unless somebody else may have put it there.
    pub fn key(path: &Path, key: &Secret) -> Result<Self> {
        let place = Place::of(path).map_err(|e| failed(path, &e))?;
        Self::new(place, key.expose(), true).map_err(|e| failed(path, &e))
    }
    /// What anybody may read: 0644 as far as the umask allows it, or as open as the file that it replaces. A symlink is
    /// followed, as for a key.
    pub fn public(path: &Path, bytes: &[u8]) -> Result<Self> {
        let place = Place::of(path).map_err(|e| failed(path, &e))?;
        Self::new(place, bytes, false).map_err(|e| failed(path, &e))
    }

    /// What anybody may read, in a folder of ours: nothing but a regular file is replaced, and a symlink is not followed.
    pub fn own(path: &Path, bytes: &[u8]) -> Result<Self> {
        let place = Place::own(path).map_err(|e| failed(path, &e))?;
        Self::new(place, bytes, false).map_err(|e| failed(path, &e))
    }

    /// The same for what is its owner's alone: 0600.
    pub fn own_private(path: &Path, bytes: &[u8]) -> Result<Self> {
        let place = Place::own(path).map_err(|e| failed(path, &e))?;
        Self::new(place, bytes, true).map_err(|e| failed(path, &e))
    }

    fn new(place: Place, bytes: &[u8], is_key: bool) -> io::Result<Self> {
        let direct = || Content::Direct(Secret::new(bytes));
        let content = if place.is_stream {
            direct()
        } else {
            match beside(&place, bytes, is_key) {
                Err(e) if e.kind() == ErrorKind::PermissionDenied && place.old.is_some() => direct(),
                written => Content::Beside(written?),
            }
        };
        Ok(Pending { content, replaces: place.old.is_some(), place: place.path, is_key })
    }

    fn beside(&self) -> Option<&TempPath> {
        match &self.content {
            Content::Beside(temporary) => Some(temporary),
            Content::Direct(_) => None,
        }
    }

    /// Into its place. What was there is kept for as long as others may follow that cannot be put into theirs.
    fn put(self, is_last: bool) -> io::Result<Undo> {
        let Pending { content, place, replaces, is_key } = self;
        let temporary = match content {
            Content::Direct(bytes) => return into(place, bytes.expose(), is_key),
            Content::Beside(temporary) => temporary,
        };
        if replaces && !is_last {
            match renameat_with(CWD, temporary.as_os_str(), CWD, place.as_os_str(), RenameFlags::EXCHANGE) {
                Ok(()) => return Ok(Undo { place, was: Was::File(temporary) }),
                // Not every file system can exchange two files.
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOENT | Errno::BUSY) => {}
                Err(e) => return Err(e.into()),
            }
        }
        let old = if replaces && !is_last { Was::read(&place, is_key) } else { Was::unknown(replaces) };
        match temporary.persist(&place) {
            // Nothing can be renamed over a mounted file.
            Err(refused) if refused.error.kind() == ErrorKind::ResourceBusy => {
                into(place, &fs::read(&refused.path).map(zeroize::Zeroizing::new)?, is_key)
            }
            renamed => renamed.map_err(|e| e.error).map(|()| Undo { place, was: old }),
        }
    }
}

/// Writes into what is there; where that fails, it has what it had before.
fn into(place: PathBuf, bytes: &[u8], is_key: bool) -> io::Result<Undo> {
    let undo = Undo { was: Was::read(&place, is_key), place };
    match overwrite(&undo.place, bytes, is_key) {
        Ok(()) => Ok(undo),
        Err(e) => {
            // Of two failures the first one is the error.
            let _ = undo.back();
            Err(e)
        }
    }
}

/// Writes a file where nothing is, 0600 where it is `private`; false where something is there.
pub(super) fn create(path: &Path, bytes: &[u8], private: bool) -> Result<bool> {
    let place = Place { path: path.to_owned(), old: None, is_stream: false };
    let written = beside(&place, bytes, private).and_then(|file| {
        File::open(&file)?.sync_all()?;
        Ok(file)
    });
    match written.map_err(|e| failed(path, &e))?.persist_noclobber(path) {
        Err(e) if e.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        put => put.map(|()| true).map_err(|e| failed(path, &e.error)),
    }
}

fn beside(place: &Place, bytes: &[u8], is_key: bool) -> io::Result<TempPath> {
    let mode = if is_key { 0o600 } else { 0o644 };
    let mut file = tempfile::Builder::new()
        .prefix(BESIDE)
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder(&place.path))?;
    file.write_all(bytes)?;
    if let Some((user, group)) = place.owner() {
        // Who is not root makes files of their own only.
        let _ = fchown(file.as_file(), Some(user), Some(group));
    }
    if let Some(old) = place.old.as_ref().filter(|_| !is_key) {
        file.as_file().set_permissions(Permissions::from_mode(old.mode() & 0o777))?;
    }
    Ok(file.into_temp_path())
}

/// Writes into what is there.
pub(super) fn overwrite(place: &Path, bytes: &[u8], is_key: bool) -> io::Result<()> {
    let mut file = File::options().write(true).truncate(true).open(place)?;
    let is_file = file.metadata()?.is_file();
    if is_file && is_key {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    file.write_all(bytes)?;
    if is_file { file.sync_all() } else { Ok(()) }
}

/// Brings all to the disk, and then into their places, in their order: all of them, or none. That a key is in its place is
/// on the disk, too, when this returns: what is made from a key can be made again.
pub fn persist(files: Vec<Pending>) -> Result<()> {
    Error::all(persist_each(vec![files]).into_iter().filter_map(Result::err))
}

/// The same for many groups of files that belong together, each whole or not at all; the results are in their order.
pub fn persist_each(groups: Vec<Vec<Pending>>) -> Vec<Result<()>> {
    let folders_of = |group: &Vec<Pending>| -> BTreeSet<PathBuf> {
        let keys = group.iter().filter(|file| file.is_key && file.beside().is_some());
        keys.map(|file| folder(&file.place)).collect()
    };
    let folders: Vec<_> = groups.iter().map(folders_of).collect();
    let placed = place_each(groups);
    let all: BTreeSet<&PathBuf> = folders.iter().flatten().collect();
    let sync = |path: &Path| File::open(path).and_then(|folder| folder.sync_all()).map_err(|e| failed(path, &e));
    let synced: BTreeMap<&PathBuf, Result<()>> = all.into_iter().map(|path| (path, sync(path))).collect();
    let on_disk = |own: &BTreeSet<PathBuf>| own.iter().try_for_each(|path| synced[path].clone());
    placed.into_iter().zip(&folders).map(|(placed, own)| placed.and_then(|()| on_disk(own))).collect()
}

/// As [`persist`] for what can be made again, keys too: after a crash in the next seconds a place may have what it had before.
pub fn place(files: Vec<Pending>) -> Result<()> {
    Error::all(place_each(vec![files]).into_iter().filter_map(Result::err))
}

fn place_each(groups: Vec<Vec<Pending>>) -> Vec<Result<()>> {
    let synced = sync(&groups);
    groups.into_iter().zip(synced).map(|(group, synced)| synced.and_then(|()| put_all(group))).collect()
}

/// Brings what is beside the places to the disk; one result for each group.
fn sync(groups: &[Vec<Pending>]) -> Vec<Result<()>> {
    let files: Vec<&Pending> = groups.iter().flatten().collect();
    if files.len() >= MANY {
        let whole = sync_systems(&files);
        return groups.iter().map(|_| whole.clone()).collect();
    }
    let mut each = sync_each(&files).into_iter();
    groups.iter().map(|group| Error::all(each.by_ref().take(group.len()).filter_map(Result::err))).collect()
}

fn sync_systems(files: &[&Pending]) -> Result<()> {
    let mut systems: BTreeMap<u64, File> = BTreeMap::new();
    for (file, temporary) in files.iter().filter_map(|file| file.beside().map(|temporary| (file, temporary))) {
        let device = fs::metadata(temporary).map_err(|e| failed(&file.place, &e))?.dev();
        if let Entry::Vacant(entry) = systems.entry(device) {
            entry.insert(File::open(temporary).map_err(|e| failed(&file.place, &e))?);
        }
    }
    let sync = |system: &File| rustix::fs::syncfs(system).map_err(|e| Error::io("bring files to the disk", &e.into()));
    systems.values().try_for_each(sync)
}

/// All at the same time: what is written of the first by its sync is the others', too, once all are under way.
fn sync_each(files: &[&Pending]) -> Vec<Result<()>> {
    let open = |file: &&Pending| file.beside().map(File::open).transpose().map_err(|e| failed(&file.place, &e));
    let opened: Vec<Result<Option<File>>> = files.iter().map(open).collect();
    for file in opened.iter().flatten().flatten() {
        // Linux begins to write out the page that this byte is in, and waits for nothing: these files have one page, or few.
        // What is not begun here is written by the sync. Of whole pages it would also wait until no processor has them.
        let _ = fadvise(file, 0, NonZeroU64::new(1), Advice::DontNeed);
    }
    let sync = |(file, opened): (&&Pending, Result<Option<File>>)| match opened? {
        Some(opened) => opened.sync_all().map_err(|e| failed(&file.place, &e)),
        None => Ok(()),
    };
    files.iter().zip(opened).map(sync).collect()
}

/// Into their places, in their order; where one cannot be, those before it are taken back.
fn put_all(files: Vec<Pending>) -> Result<()> {
    let (mut done, last) = (Vec::new(), files.len().saturating_sub(1));
    for (n, file) in files.into_iter().enumerate() {
        let path = file.place.clone();
        match file.put(n == last) {
            Ok(undo) => done.push(undo),
            Err(e) => return Err(done.into_iter().rev().fold(failed(&path, &e), take_back)),
        }
    }
    Ok(())
}

fn take_back(error: Error, undo: Undo) -> Error {
    let path = undo.place.clone();
    match undo.back() {
        Ok(()) => error.detail(format!("{} is as it was", path.display())),
        Err(e) => error.detail(format!("{} is new, and could not be taken back: {e}", path.display())),
    }
}

pub(super) fn failed(path: &Path, e: &io::Error) -> Error {
    let shown = path.display();
    let error = match e.kind() {
        // A folder that is there, and takes no files, says the same.
        ErrorKind::NotFound if !folder(path).is_dir() => {
            Error::input(format!("cannot write {shown}: the folder does not exist")).hint("make the folder first")
        }
        ErrorKind::IsADirectory => Error::input(format!("cannot write {shown}: it is a folder")),
        _ => {
            // tempfile adds its own random name.
            let cause = e.to_string();
            let cause = cause.split_once(" at path ").map_or(cause.as_str(), |(cause, _)| cause);
            Error::local(format!("cannot write {shown}: {cause}"))
        }
    };
    error.caused_by(io::Error::from(e.kind()))
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
    fn what_is_no_file_is_written_into() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = {
            let pipe = pipe.clone();
            std::thread::spawn(move || fs::read(pipe).unwrap())
        };
        persist(vec![Pending::public(&pipe, b"public").unwrap()]).unwrap();
        assert_eq!(reader.join().unwrap(), b"public");
        std::os::unix::fs::symlink("/dev/null", folder.path().join("null")).unwrap();
        persist(vec![Pending::public(&folder.path().join("null"), b"public").unwrap()]).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside them");
    }

    #[test]
    fn a_certificate_stays_as_open_and_both_stay_with_their_owner() {
        let folder = tempfile::tempdir().unwrap();
        let (key, public) = (folder.path().join("key"), folder.path().join("public"));
        for path in [&key, &public] {
            fs::write(path, "old").unwrap();
            fs::set_permissions(path, Permissions::from_mode(0o640)).unwrap();
        }
        let user = if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&key, Some(12345), Some(12346)).unwrap();
            12345
        } else {
            rustix::process::geteuid().as_raw()
        };
        persist(vec![
            Pending::key(&key, &Secret::new(*b"secret")).unwrap(),
            Pending::public(&public, b"public").unwrap(),
        ])
        .unwrap();
        let metadata = |path: &Path| fs::metadata(path).unwrap();
        assert_eq!((metadata(&key).mode() & 0o777, metadata(&key).uid()), (0o600, user));
        assert_eq!(metadata(&public).mode() & 0o777, 0o640);
    }

    #[test]
    fn a_folder_in_the_place_is_refused_before_anything_is_renamed() {
        let folder = tempfile::tempdir().unwrap();
        let error = Pending::public(folder.path(), b"public").unwrap_err();
        assert_eq!(error.message, format!("cannot write {}: it is a folder", folder.path().display()));
    }

    #[test]
    fn what_is_not_brought_to_its_place_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        drop(Pending::key(&folder.path().join("a"), &Secret::new(*b"x")).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
