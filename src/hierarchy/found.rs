//! What lies in the places of a hierarchy's files.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::item::{Hierarchy, Item, Kind, Upkeep};
use crate::error::{Error, Result};
use crate::files::{self, bounded};
use crate::parallel;
use crate::pki::{Certificate, Key, PublicKey, encrypted, leaf_and_rest};

/// What is there of one item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Its certificate.
    pub certificate: Option<Certificate>,
    /// The CAs above an external one that its file holds, too: the nearest first.
    pub above: Vec<Certificate>,
    /// The public half of its key; of an encrypted one, what the certificate says.
    pub key: Option<PublicKey>,
    /// Its key is encrypted.
    pub locked: bool,
    /// The permissions of its key's file.
    pub mode: Option<u32>,
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
    let (certificate, above) = certificate(item).map_err(&mut keep).unwrap_or_default();
    let mode = mode(&item.files.key).map_err(&mut keep).ok().flatten();
    let there = mode.map(|_| key(item, certificate.as_ref())).transpose();
    let (key, locked) = there.map_err(&mut keep).ok().flatten().unwrap_or_default();
    let chain = item.files.chain.as_deref().map(bytes).transpose().map_err(&mut keep).ok().flatten().flatten();
    let ca = item.files.ca.as_deref().map(bytes).transpose().map_err(&mut keep).ok().flatten().flatten();
    Error::all(errors)?;
    Ok(Found { certificate, above, key, locked, mode, chain, ca })
}

/// The certificate, and the CAs above it in the same file: whoever brings a CA has it as a chain, often.
fn certificate(item: &Item) -> Result<(Option<Certificate>, Vec<Certificate>)> {
    let path = &item.files.certificate;
    let Some(bytes) = bytes(path)? else { return Ok((None, Vec::new())) };
    let place = path.display();
    let name = place.to_string();
    let read = match item.external {
        true => Certificate::read_all(&bytes, &name).and_then(|all| path_up(&all).map_err(|e| e.context(&name))),
        false => Certificate::from_pem(&bytes, &name).map(|certificate| (certificate, Vec::new())),
    };
    read.map(|(certificate, above)| (Some(certificate), above)).map_err(|e| match (item.external, item.kind) {
        (true, _) => e.hint("bring the right one: it is `external`, kbootstrap makes none in its place"),
        (false, Kind::Authority) if item.upkeep != Upkeep::Specified => e.hint("bring it back from your backup"),
        (false, Kind::Authority) => e.hint("bring it back from your backup").hint(format!(
            "or delete {place} and have a new CA made, and all its certificates: --replace-ca {}",
            item.name
        )),
        (false, Kind::Certificate) => e.hint(format!("delete {place} to have it made again, or bring the right one")),
    })
}

/// Of the certificates of a file the one that issued none of the others, and those above it, in whatever order they are.
fn path_up(all: &[Certificate]) -> Result<(Certificate, Vec<Certificate>)> {
    let (certificate, mut rest) = leaf_and_rest(all)?;
    let mut above: Vec<Certificate> = Vec::new();
    while let Some(at) = rest.iter().position(|ca| issued(ca, above.last().unwrap_or(&certificate))) {
        above.push(rest.remove(at));
    }
    match rest.first() {
        None => Ok((certificate, above)),
        Some(other) => {
            Err(Error::pki(format!("`{}` in it is no CA above `{}`", other.subject(), certificate.subject()))
                .hint("leave in the file only the CA and those above it"))
        }
    }
}

fn issued(ca: &Certificate, certificate: &Certificate) -> bool {
    let made = || ca.public_key().ok().and_then(|key| certificate.made_with(key));
    !certificate.is_self_signed() && ca.subject() == certificate.issuer() && made() != Some(false)
}

/// The public half, and whether the key is encrypted. Nobody is asked for a password here: most runs need none. One that
/// was brought may be of any form; our own are read by servers, which take PEM.
fn key(item: &Item, certificate: Option<&Certificate>) -> Result<(Option<PublicKey>, bool)> {
    let path = &item.files.key;
    let (text, name) = (files::read(path)?, path.display().to_string());
    if !encrypted::is_encrypted(&text) {
        let key = if item.external { Key::read(&text, &name)? } else { Key::from_pem(&text, &name)? };
        return Ok((Some(key.public().clone()), false));
    }
    match certificate {
        Some(certificate) => Ok((Some(certificate.public_key()?.clone()), true)),
        None => Err(Error::pki(format!(
            "{} is encrypted, and the certificate that goes with it is missing",
            path.display()
        ))
        .hint("bring the certificate back, or decrypt the key: openssl pkey -in KEY -out PLAIN")),
    }
}

/// The permissions; none: it is not there.
fn mode(path: &Path) -> Result<Option<u32>> {
    match fs::metadata(path) {
        Ok(meta) => Ok(Some(meta.permissions().mode() & 0o777)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(unreadable(path, &e)),
    }
}

fn bytes(path: &Path) -> Result<Option<Vec<u8>>> {
    match bounded::bytes(path) {
        Ok(bytes) => Ok(Some(bytes.to_vec())),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(unreadable(path, &e)),
    }
}

fn unreadable(path: &Path, e: &std::io::Error) -> Error {
    Error::input(format!("cannot read {}: {e}", path.display()))
}
