//! A file that is written piece by piece, and is too large to be held in memory.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use tempfile::NamedTempFile;

use super::pending::{BESIDE, failed};
use super::place::{Place, folder};
use crate::error::Result;

/// What anybody may read: beside its place, and renamed at the end; or in the device or pipe that is there. Dropped before
/// the end, what was written beside is gone.
#[derive(Debug)]
pub struct Piecewise {
    place: Place,
    to: To,
}

#[derive(Debug)]
enum To {
    Beside(NamedTempFile),
    Stream(File),
}

impl Piecewise {
    /// Begins it. A symlink is followed, unless somebody else may have put it there.
    ///
    /// # Errors
    /// I/O; a folder; a link of somebody else's.
    pub fn begin(path: &Path) -> Result<Self> {
        let place = Place::of(path).map_err(|e| failed(path, &e))?;
        let to = match place.is_stream {
            true => File::options().write(true).open(&place.path).map(To::Stream),
            false => {
                let made = tempfile::Builder::new().prefix(BESIDE).tempfile_in(folder(&place.path));
                made.map(To::Beside)
            }
        };
        Ok(Piecewise { to: to.map_err(|e| failed(path, &e))?, place })
    }

    /// Puts it into its place: 0644, or as open as the file that it replaces.
    ///
    /// # Errors
    /// I/O.
    pub fn finish(mut self) -> Result<()> {
        let path = self.place.path.clone();
        self.flush().map_err(|e| failed(&path, &e))?;
        let To::Beside(file) = self.to else { return Ok(()) };
        if let Some((user, group)) = self.place.owner() {
            // Who is not root makes files of their own only.
            let _ = fchown(file.as_file(), Some(user), Some(group));
        }
        let mode = self.place.old.map_or(0o644, |old| old.mode() & 0o777);
        let readable = file.as_file().set_permissions(Permissions::from_mode(mode));
        readable.and_then(|()| file.persist(&path).map_err(|e| e.error)).map(drop).map_err(|e| failed(&path, &e))
    }
}

impl Write for Piecewise {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.to {
            To::Beside(file) => file.write(bytes),
            To::Stream(file) => file.write(bytes),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            To::Beside(file) => file.flush(),
            To::Stream(file) => file.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::FileTypeExt;

    use super::*;

    fn write(path: &Path) -> Result<()> {
        let mut file = Piecewise::begin(path)?;
        file.write_all(b"first, ").and_then(|()| file.write_all(b"second")).unwrap();
        file.finish()
    }

    #[test]
    fn a_file_is_replaced_whole_and_a_pipe_written_into() {
        let at = tempfile::tempdir().unwrap();
        let (file, pipe) = (at.path().join("a.tar"), at.path().join("pipe"));
        write(&file).unwrap();
        let mode = || fs::metadata(&file).unwrap().mode() & 0o777;
        assert_eq!((fs::read(&file).unwrap().as_slice(), mode()), (b"first, second".as_slice(), 0o644));
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        write(&file).unwrap();
        assert_eq!(mode(), 0o600);
        drop(Piecewise::begin(&file).unwrap());
        assert_eq!(fs::read_dir(at.path()).unwrap().count(), 1, "nothing is left beside it");

        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).unwrap()
        });
        write(&pipe).unwrap();
        assert_eq!(reader.join().unwrap(), b"first, second");
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
        assert!(write(at.path()).is_err(), "a folder");
    }
}
