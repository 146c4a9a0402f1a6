//! Locks on files and folders. A lock ends when its file is dropped, or with the process, however that ends.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// Waits until nobody else is at work in a folder.
pub fn folder(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    // Some network file systems lock no folders: there it is the person's care.
    let _ = file.lock();
    Ok(file)
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
    open(path).and_then(|file| file.lock().map(|()| file)).map_err(|e| failed(path, &e))
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

fn open(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(path)
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
}
