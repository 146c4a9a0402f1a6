//! The files of a folder and of those in it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::BESIDE;

/// No certificate, chain or store is larger.
pub(crate) const LARGEST: u64 = 4 << 20;

/// No PKI is deeper; links that go round would be.
const DEEPEST: usize = 32;

/// All regular files below a folder, sorted. Links to files are followed (the kubelet's current certificate is one),
/// links to folders are not. Folders whose name begins with a dot are left out: `.git` holds no certificates; and so are
/// our own unfinished files.
/// Folders below it that we may not read go to `locked`.
pub(crate) fn files(folder: &Path, locked: &mut Vec<Error>) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    walk(folder, DEEPEST, &mut all, locked)?;
    all.sort();
    Ok(all)
}

fn walk(folder: &Path, depth: usize, all: &mut Vec<PathBuf>, locked: &mut Vec<Error>) -> Result<()> {
    let failed = |e: &std::io::Error| Error::input(format!("cannot read {}: {e}", folder.display()));
    for entry in fs::read_dir(folder).map_err(|e| failed(&e))? {
        let entry = entry.map_err(|e| failed(&e))?;
        let kind = entry.file_type().map_err(|e| failed(&e))?;
        let name = entry.file_name();
        let hidden = name.as_encoded_bytes().starts_with(b".");
        if name.as_encoded_bytes().starts_with(BESIDE.as_bytes()) {
            continue;
        }
        if kind.is_dir() && !hidden && depth > 0 {
            let inside = walk(&entry.path(), depth - 1, all, locked);
            locked.extend(inside.err());
        } else if kind.is_file() || (kind.is_symlink() && entry.path().is_file()) {
            all.push(entry.path());
        }
    }
    Ok(())
}
