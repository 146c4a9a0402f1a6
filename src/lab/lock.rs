//! One process at a time works on a lab, and so do the programs that it has started: one that outlives a killed
//! `lab up` still holds the lock, and `lab down` waits for it.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::process::Stdio;
use std::time::Duration;

use super::command;
use super::folders::LabFolder;
use crate::error::{Error, Result};
use crate::files::lock;

/// The lock; it ends when dropped, or with the process and its children.
#[derive(Debug)]
pub struct Lock {
    folder: File,
}

impl Lock {
    /// Makes the lab's folder (0700: it holds a key) and locks it.
    pub fn make(folder: &LabFolder, patience: Duration) -> Result<Self> {
        let path = folder.path();
        loop {
            let parents = path.parent().map_or(Ok(()), fs::create_dir_all);
            match parents.and_then(|()| DirBuilder::new().mode(0o700).create(path)) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(Error::io(format!("make {}", path.display()), &e));
                }
                _ => {}
            }
            if let Some(lock) = Self::existing(folder, patience)? {
                return Ok(lock);
            }
        }
    }

    /// Locks the lab's folder; none where there is none. Waits this long for another process.
    pub fn existing(folder: &LabFolder, patience: Duration) -> Result<Option<Self>> {
        let path = folder.path();
        let file = match File::open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(|e| Error::io(format!("open {}", path.display()), &e))?,
        };
        let held = lock::within(file, patience).map_err(|e| Error::io(format!("lock {}", path.display()), &e))?;
        let file = held.ok_or_else(|| {
            Error::usage(format!("another process is working on the lab in {}", path.display()))
                .hint("wait for it, or end it; then `kbootstrap lab down` cleans up")
        })?;
        // It may have been removed between open and lock.
        let same = matches!((file.metadata(), fs::metadata(path)), (Ok(a), Ok(b)) if a.ino() == b.ino());
        Ok(same.then_some(Lock { folder: file }))
    }

    /// Runs a program that changes the machine. The lock is its standard input, which shares it.
    pub fn run(&self, program: &str, args: &[&str]) -> Result<()> {
        let folder = self.folder.try_clone().map_err(|e| Error::io("duplicate a lock", &e))?;
        command::run_with(Stdio::from(folder), program, args).map(drop)
    }

    /// `ip` with a list of commands, as [`Lock::run`].
    pub fn ip(&self, options: &[&str], batch: &str) -> Result<()> {
        let mut file = tempfile::NamedTempFile::new().map_err(|e| Error::io("make a temporary file", &e))?;
        file.write_all(batch.as_bytes()).map_err(|e| Error::io("write a temporary file", &e))?;
        let path = file.path().to_string_lossy();
        let args: Vec<&str> = options.iter().copied().chain(["-batch", &path]).collect();
        self.run("ip", &args).map_err(|e| e.detail(batch.trim_end()))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::lab::folders::Folders;

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn a_lab_is_worked_on_by_one_process_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folders::at(dir.path()).unwrap().lab("demo").unwrap();
        assert!(Lock::existing(&folder, NOW).unwrap().is_none());
        let lock = Lock::make(&folder, NOW).unwrap();
        assert!(Lock::existing(&folder, NOW).is_err());
        drop(lock);
        assert!(Lock::existing(&folder, NOW).unwrap().is_some());
    }

    #[test]
    fn a_program_that_was_started_holds_the_lock_too() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folders::at(dir.path()).unwrap().lab("demo").unwrap();
        let lock = Lock::make(&folder, NOW).unwrap();
        let stdin = Stdio::from(lock.folder.try_clone().unwrap());
        let mut child = Command::new("sleep").arg("60").stdin(stdin).spawn().unwrap();
        drop(lock);
        assert!(Lock::existing(&folder, NOW).is_err());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(Lock::existing(&folder, NOW).unwrap().is_some());
    }
}
