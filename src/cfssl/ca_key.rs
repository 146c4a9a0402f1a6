//! The key of a CA is not replaced by a slip: without it nothing can be issued by its CA any more.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::{self, folder_of};
use crate::pki::{Certificate, Key};
use crate::secret::Secret;

/// Certificates are smaller; what is larger is not read.
const LARGEST: u64 = 1 << 20;

/// Refuses to replace a key that a certificate beside it uses as a CA's. Looked at under the lock of the folder, it
/// sees what another call has just written.
pub fn spare(key: &Path) -> Result<()> {
    let Some(ca) = fs::symlink_metadata(key).is_ok().then(|| ca_of(key)).flatten() else { return Ok(()) };
    let (key, ca) = (key.display(), ca.display());
    Err(Error::usage(format!(
        "{key} is there, the key of the CA of {ca}: without it nothing can be issued by it any more"
    ))
    .hint("choose another --out, or move the key away; gencert and genkey keep it with --backup, as FILE.1"))
}

/// A key that is there is taken for a CA's, where a CA is made.
pub fn refused(key: &Path) -> Error {
    Error::usage(format!("{} is there: without it nothing can be issued by its CA any more", key.display()))
        .hint("--backup keeps it beside the new one, as FILE.1")
        .hint("-ca-key makes a certificate for the key that is there, -renewca renews the CA")
}

/// The certificate of the CA that has this key: by the key, or, where that cannot be read, by the names of the files.
fn ca_of(key: &Path) -> Option<PathBuf> {
    let own = files::read(key).ok().and_then(|text| Key::from_pem(&text, "").ok());
    let uses = |certificate: &Certificate, path: &Path| match &own {
        Some(key) => certificate.is_for(key.public()),
        None => stem_of_key(key).is_some_and(|stem| path.file_stem().is_some_and(|own| own.to_string_lossy() == stem)),
    };
    let folder = folder_of(key);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let found = paths.into_iter().find(|path| certificates(path).iter().any(|c| c.is_ca() && uses(c, path)))?;
    Some(key.with_file_name(found.file_name()?))
}

/// `root` of `root-key.pem` and `root.key`.
fn stem_of_key(key: &Path) -> Option<String> {
    let name = key.file_name()?.to_string_lossy();
    ["-key.pem", ".key"].iter().find_map(|end| name.strip_suffix(end)).map(str::to_owned)
}

fn certificates(path: &Path) -> Vec<Certificate> {
    let named = path.extension().is_some_and(|end| ["pem", "crt", "cer", "cert"].iter().any(|known| end == *known));
    let small = named && fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST);
    let text = small.then(|| fs::read(path).map(Secret::new).ok()).flatten();
    text.and_then(|text| Certificate::all_from_pem(text.expose(), "").ok()).unwrap_or_default()
}
