//! What was in a place before a file was put there, for when those that go with it cannot be.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use super::bounded;
use super::pending::overwrite;
use crate::secret::Secret;

/// How a place is given back what it had. Dropped, the new file stays.
#[derive(Debug)]
pub(super) struct Undo {
    pub(super) place: PathBuf,
    pub(super) was: Was,
}

#[derive(Debug)]
pub(super) enum Was {
    Nothing,
    /// The old file, beside its place.
    File(TempPath),
    /// What was in it, where no second file could be made.
    Bytes {
        bytes: Secret,
        is_key: bool,
    },
    /// It is not known: the file is the last one, a device or a pipe, or could not be read.
    Unknown,
}

impl Was {
    /// What is in a place now.
    pub(super) fn read(place: &Path, is_key: bool) -> Self {
        match fs::metadata(place) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Was::Nothing,
            Ok(there) if there.is_file() => match bounded::bytes(place) {
                Ok(bytes) => Was::Bytes { bytes: Secret::new(bytes.as_slice()), is_key },
                Err(_) => Was::Unknown,
            },
            _ => Was::Unknown,
        }
    }

    /// Of a file that is not looked at.
    pub(super) fn unknown(replaces: bool) -> Self {
        if replaces { Was::Unknown } else { Was::Nothing }
    }
}

impl Undo {
    /// Gives the place back what it had.
    pub(super) fn back(self) -> io::Result<()> {
        match self.was {
            Was::Nothing => fs::remove_file(&self.place),
            Was::File(old) => old.persist(&self.place).map_err(|e| e.error),
            Was::Bytes { bytes, is_key } => overwrite(&self.place, bytes.expose(), is_key),
            Was::Unknown => Ok(()),
        }
    }
}
