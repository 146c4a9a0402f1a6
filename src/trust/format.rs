//! How a cluster's folder is arranged. `generated.json` says it, so that an older kbootstrap does not write into a folder
//! that it does not understand, and a newer one knows what it has before it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::folder::Folder;
use crate::error::{Error, Result};
use crate::files;

/// What this program writes. kbootstrap 0.1.0 wrote [`FIRST`] and no number; it refuses a `generated.json` that has one.
pub(super) const FORMAT: u32 = 2;
/// Of a `generated.json` that does not say.
const FIRST: u32 = 1;

/// What is read before anything else.
#[derive(Deserialize)]
struct Head {
    #[serde(default = "first")]
    format: u32,
}

pub(super) fn first() -> u32 {
    FIRST
}

/// 0.1.0's is written as 0.1.0 wrote it.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
pub(super) fn is_first(format: &u32) -> bool {
    *format == FIRST
}

/// Refuses what a newer kbootstrap wrote. What is damaged is for those to report who read all of it.
pub(super) fn check(bytes: &[u8], path: &Path) -> Result<()> {
    match serde_json::from_slice::<Head>(bytes) {
        Ok(Head { format }) if format > FORMAT => Err(Error::usage(format!(
            "{}: a newer kbootstrap has written this folder (format {format}; this one knows up to {FORMAT})",
            path.display()
        ))
        .hint("use that one, or one that is newer still")),
        _ => Ok(()),
    }
}

/// Refuses a cluster's folder that a newer kbootstrap has written.
///
/// # Errors
/// Usage: it is one.
pub fn refuse_newer(dir: &Path) -> Result<()> {
    let path = Folder::look(dir).record();
    match files::bounded::bytes(&path) {
        Ok(bytes) => check(&bytes, &path),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) => Err(Error::io(format!("read {}", path.display()), &e)),
    }
}

/// Whether `generated.json` says that an older kbootstrap arranged the folder; none where it is not there.
pub fn is_older(dir: &Path) -> Result<Option<bool>> {
    let folder = Folder::look(dir);
    let older = || Ok(folder.generated()?.format < FORMAT);
    folder.record().exists().then(older).transpose()
}

/// Says in `generated.json` that the folder is arranged as this program does it.
pub fn mark(dir: &Path) -> Result<()> {
    let folder = Folder::open(dir)?;
    let mut generated = folder.generated()?;
    generated.format = FORMAT;
    folder.set_generated(&generated)
}

impl Folder {
    /// Where the record of what kbootstrap generated lies.
    pub(super) fn record(&self) -> PathBuf {
        self.path.join("generated.json")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::error::Kind;

    fn folder(generated: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("pki")).unwrap();
        fs::write(dir.path().join("pki/generated.json"), generated).unwrap();
        dir
    }

    #[test]
    fn a_folder_without_a_number_is_older_and_one_with_a_higher_number_is_refused() {
        let nothing = tempfile::tempdir().unwrap();
        assert_eq!(is_older(nothing.path()).unwrap(), None);
        refuse_newer(nothing.path()).unwrap();

        let older = folder(r#"{"specs": {"admin": "ab"}, "certificates": {}}"#);
        refuse_newer(older.path()).unwrap();
        assert_eq!(is_older(older.path()).unwrap(), Some(true));
        mark(older.path()).unwrap();
        assert_eq!(is_older(older.path()).unwrap(), Some(false));
        let text = fs::read_to_string(older.path().join("pki/generated.json")).unwrap();
        assert!(text.contains("\"format\": 2") && text.contains("\"admin\": \"ab\""), "{text}");

        // What it does not know is no reason to guess.
        let newer = folder(r#"{"format": 99, "new": true}"#);
        for refused in [refuse_newer(newer.path()), is_older(newer.path()).map(drop), mark(newer.path())] {
            let error = refused.unwrap_err();
            assert_eq!(error.kind, Kind::Usage);
            assert!(error.message.contains("a newer kbootstrap has written this folder (format 99;"), "{error:?}");
        }
    }
}
