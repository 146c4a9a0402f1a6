//! What lies in the places of a hierarchy's files.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::item::{Hierarchy, Item};
use crate::error::{Error, Result};
use crate::parallel;
use crate::pki::{Certificate, Key, PublicKey, store};

/// What is there of one item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Its certificate.
    pub certificate: Option<Certificate>,
    /// The public half of its key.
    pub key: Option<PublicKey>,
    /// The bytes of its chain file.
    pub chain: Option<Vec<u8>>,
    /// The bytes of its file of CAs.
    pub ca: Option<Vec<u8>>,
}

/// Reads the files of all items, `jobs` at a time.
///
/// # Errors
/// A file that cannot be read, or is neither certificate nor key; all of them at once.
pub fn look(hierarchy: &Hierarchy, jobs: usize) -> Result<Vec<Found>> {
    let (mut all, mut errors) = (Vec::with_capacity(hierarchy.items.len()), Vec::new());
    for found in parallel::each(&hierarchy.items, jobs, of) {
        match found {
            Ok(found) => all.push(found),
            Err(error) => errors.push(error),
        }
    }
    Error::all(errors)?;
    Ok(all)
}

fn of(item: &Item) -> Result<Found> {
    let mut errors = Vec::new();
    let mut keep = |error: Error| errors.push(error.context(item.title()));
    let certificate = certificate(&item.files.certificate).map_err(&mut keep).ok().flatten();
    let key = key(&item.files.key).map_err(&mut keep).ok().flatten();
    let chain = item.files.chain.as_deref().map(bytes).transpose().map_err(&mut keep).ok().flatten().flatten();
    let ca = item.files.ca.as_deref().map(bytes).transpose().map_err(&mut keep).ok().flatten().flatten();
    Error::all(errors)?;
    Ok(Found { certificate, key, chain, ca })
}

fn certificate(path: &Path) -> Result<Option<Certificate>> {
    let Some(bytes) = bytes(path)? else { return Ok(None) };
    let wrong = |e: Error| e.hint(format!("delete {} to have it made anew, or bring the right one", path.display()));
    Certificate::from_pem(&bytes, &path.display().to_string()).map(Some).map_err(wrong)
}

fn key(path: &Path) -> Result<Option<PublicKey>> {
    if !is_there(path)? {
        return Ok(None);
    }
    Ok(Some(Key::from_pem(&store::read(path)?, &path.display().to_string())?.public().clone()))
}

fn is_there(path: &Path) -> Result<bool> {
    path.try_exists().map_err(|e| unreadable(path, &e))
}

fn bytes(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(unreadable(path, &e)),
    }
}

fn unreadable(path: &Path, e: &std::io::Error) -> Error {
    Error::input(format!("cannot read {}: {e}", path.display()))
}
