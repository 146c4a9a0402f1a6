//! Locks. Each is on a file that nobody else can open: whoever can open a file can lock it, and keep us waiting. A lock ends
//! when it is dropped, or with the process, however that ends.

use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use super::private::is_mine;
use crate::error::{Error, Result};

/// So long another process is waited for. One that fetches and builds programs takes a quarter of an hour.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// The name of the file in a folder that says that somebody is at work there.
const IN_FOLDER: &str = ".kbootstrap-lock";

/// A folder in which no other process of ours is at work. Dropped, nothing is left of it.
#[derive(Debug)]
pub struct FolderLock {
    path: PathBuf,
    // Closed after the file was removed: who waits for it sees that it is gone.
    _file: File,
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Where it stays, the next one takes it.
        let _ = fs::remove_file(&self.path);
    }
}

/// Waits until no other process of ours is at work in a folder. Where it cannot be locked (nothing can be made in it, its
/// file system knows no locks, or the file is a stranger's), there is no lock, and it is the person's care.
/// `say` gets what there is to say: that it waits, or that a stranger's file keeps it from locking.
///
/// # Errors
/// Usage: the other one does not end.
pub fn folder(path: &Path, say: impl Fn(&str)) -> Result<Option<FolderLock>> {
    folder_within(path, PATIENCE, say)
}

fn folder_within(folder: &Path, patience: Duration, say: impl Fn(&str)) -> Result<Option<FolderLock>> {
    let (path, deadline) = (folder.join(IN_FOLDER), Instant::now() + patience);
    let mut waits = false;
    loop {
        let Ok(file) = open(&path) else {
            if fs::symlink_metadata(&path).is_ok() {
                say(&format!("{} is not locked against other runs: {} is not ours", folder.display(), path.display()));
            }
            return Ok(None);
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let file = match within(file, if waits { left } else { Duration::ZERO }) {
            Ok(Some(file)) => file,
            Ok(None) if waits => return Err(too_long(&path, patience)),
            Ok(None) => {
                say(&format!("waiting for another kbootstrap at work in {}", folder.display()));
                waits = true;
                continue;
            }
            Err(_) => return Ok(None),
        };
        // The one before may have removed it between open and lock.
        if matches!((file.metadata(), fs::symlink_metadata(&path)), (Ok(a), Ok(b)) if a.ino() == b.ino()) {
            return Ok(Some(FolderLock { path, _file: file }));
        }
    }
}

/// Locks a file, which is made where it is missing; none when another process has it.
pub fn now(path: &Path) -> Result<Option<File>> {
    open(path).and_then(|file| within(file, Duration::ZERO)).map_err(|e| failed(path, &e))
}

/// The same, and waits. `busy` is called once, before it waits for another process.
pub fn wait(path: &Path, busy: impl FnOnce()) -> Result<File> {
    if let Some(file) = now(path)? {
        return Ok(file);
    }
    busy();
    let held = open(path).and_then(|file| within(file, PATIENCE)).map_err(|e| failed(path, &e))?;
    held.ok_or_else(|| too_long(path, PATIENCE))
}

fn too_long(path: &Path, patience: Duration) -> Error {
    let text = format!("another process has had {} locked for {} minutes", path.display(), patience.as_secs() / 60);
    Error::usage(text).hint(format!("end it; `fuser {}` says which it is", path.display()))
}

/// Locks what is open; none when another process has it for that long.
pub fn within(file: File, patience: Duration) -> io::Result<Option<File>> {
    let deadline = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(Duration::from_millis(10)),
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(e)) => return Err(e),
        }
    }
}

/// A file of ours, 0600. A link is not followed, a pipe not waited for, and a stranger's file not taken.
fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = File::options().create(true).append(true).mode(0o600).custom_flags(flags).open(path)?;
    let there = file.metadata()?;
    if !there.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is no file"));
    }
    if !is_mine(&there) {
        let text = format!("it belongs to another user (uid {})", there.uid());
        return Err(io::Error::new(ErrorKind::PermissionDenied, text));
    }
    // Older versions left it open to readers.
    if there.mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

fn failed(path: &Path, e: &io::Error) -> Error {
    Error::io(format!("lock {}", path.display()), e)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn one_at_a_time_has_it_and_the_next_waits() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = now(&path).unwrap().unwrap();
        assert!(now(&path).unwrap().is_none());
        assert!(within(open(&path).unwrap(), Duration::from_millis(30)).unwrap().is_none());
        let (busy, is_busy) = mpsc::channel();
        let second = {
            let path = path.clone();
            std::thread::spawn(move || wait(&path, || busy.send(()).unwrap()).map(drop))
        };
        is_busy.recv().unwrap();
        drop(held);
        second.join().unwrap().unwrap();
        assert!(now(&path).unwrap().is_some());
    }

    #[test]
    fn nobody_else_can_open_what_is_locked() {
        let dir = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::symlink_metadata(path).unwrap().mode() & 0o777;
        let (new, old) = (dir.path().join("new"), dir.path().join("old"));
        fs::write(&old, "").unwrap();
        fs::set_permissions(&old, Permissions::from_mode(0o644)).unwrap();
        let _held = [now(&new).unwrap().unwrap(), now(&old).unwrap().unwrap()];
        assert_eq!((mode(&new), mode(&old)), (0o600, 0o600));

        let (link, target, pipe) = (dir.path().join("link"), dir.path().join("target"), dir.path().join("pipe"));
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(now(&link).is_err() && !target.exists(), "a link is not followed");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(now(&pipe).is_err());
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&new, Some(65534), None).unwrap();
            assert!(now(&new).unwrap_err().message.starts_with("lock "), "a stranger's");
        }
    }

    #[test]
    fn one_at_a_time_is_at_work_in_a_folder_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let silent = |text: &str| panic!("{text}");
        let held = folder(dir.path(), silent).unwrap().unwrap();
        assert_eq!(fs::metadata(dir.path().join(IN_FOLDER)).unwrap().mode() & 0o777, 0o600);
        let said = std::cell::RefCell::new(Vec::new());
        let say = |text: &str| said.borrow_mut().push(text.to_owned());
        let error = folder_within(dir.path(), Duration::from_millis(30), say).unwrap_err();
        assert!(error.message.starts_with("another process has had "), "{error}");
        assert_eq!(said.take(), [format!("waiting for another kbootstrap at work in {}", dir.path().display())]);

        let (busy, is_busy) = mpsc::channel();
        let second = {
            let path = dir.path().to_owned();
            std::thread::spawn(move || folder(&path, |_| busy.send(()).unwrap()).map(drop))
        };
        is_busy.recv().unwrap();
        drop(held);
        second.join().unwrap().unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        drop(folder(dir.path(), silent).unwrap().unwrap());
    }

    #[test]
    fn a_strangers_lock_on_the_folder_or_on_a_file_of_his_keeps_nobody() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o1777)).unwrap();
        let by_stranger = File::open(dir.path()).unwrap();
        by_stranger.lock().unwrap();
        drop(folder(dir.path(), |text| panic!("{text}")).unwrap().unwrap());
        // One that leads to a file which he has locked.
        let theirs = dir.path().join("theirs");
        let file = File::create(&theirs).unwrap();
        file.lock().unwrap();
        std::os::unix::fs::symlink(&theirs, dir.path().join(IN_FOLDER)).unwrap();
        let said = std::cell::RefCell::new(String::new());
        assert!(folder(dir.path(), |text| *said.borrow_mut() = text.to_owned()).unwrap().is_none());
        assert!(said.borrow().ends_with(" is not ours"), "{said:?}");
    }
}
