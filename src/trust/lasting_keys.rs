//! Keys that are no certificate's and must outlive everything: what tokens are signed with, what Secrets are encrypted with.

use std::path::Path;

use super::encryption_keys::{self, LENGTH};
use super::folder::{Folder, Generated};
use crate::cluster::Cluster;
use crate::error::{Error, Result};
use crate::files;
use crate::pki::{Key, KeyKind};
use crate::random;
use crate::secret::Secret;

/// What would be lost with another key.
pub(super) const TOKENS: &str = "no service account's token would be valid any more";
/// The same for encryption.
pub(super) const SECRETS: &str = "the Secrets of a running cluster could not be read";

/// Refuses keys that are there and cannot be used.
pub(super) fn check(folder: &Folder) -> Result<()> {
    let (public, private) = folder.service_account();
    if private.exists() {
        let key = Key::from_pem(&files::read(&private)?, &private.display().to_string())?;
        if public.exists() && !holds_key(&String::from_utf8_lossy(&files::read(&public)?), &key.public().to_pem()) {
            return Err(Error::pki(format!("{} does not hold the public key of sa.key", public.display()))
                .hint("delete it to have it made from sa.key again, unless it is sa.key that is another's"));
        }
    }
    let keys = folder.encryption_key();
    if keys.exists() {
        encryption_keys::parse(&files::read(&keys)?, &keys.display().to_string()).map(drop)
    } else {
        Ok(())
    }
}

/// Tokens are JWTs, which Kubernetes signs with RSA or ECDSA only.
pub(super) fn service_account(cluster: &Cluster, folder: &Folder, generated: &mut Generated) -> Result<Option<String>> {
    let (public, private) = folder.service_account();
    not_lost(&private, TOKENS, folder, generated)?;
    let kind = match cluster.pki.key {
        rsa @ KeyKind::Rsa(_) => rsa,
        _ => KeyKind::EcdsaP256,
    };
    let key = if private.exists() {
        Key::from_pem(&files::read(&private)?, &private.display().to_string())?
    } else if !folder.writable {
        return Ok(Some("sa".into()));
    } else {
        let key = Key::generate(kind)?;
        files::write_key(&private, &key.to_pem())?;
        key
    };
    if !public.exists() {
        folder.write_public(&public, key.public().to_pem().as_bytes())?;
    }
    Ok(None)
}

/// A key that was made here once must come back: with another one, what was made with it is lost. Who only looks asks the
/// hosts first, which may have it.
fn not_lost(path: &Path, loss: &str, folder: &Folder, generated: &mut Generated) -> Result<()> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if folder.writable && !path.exists() && generated.keys.contains(&name) {
        return Err(lost(path, &name, loss));
    }
    generated.keys.insert(name);
    Ok(())
}

/// Nobody has it any more.
pub(super) fn lost(path: &Path, name: &str, loss: &str) -> Error {
    Error::pki(format!("{} was made here and is gone: with a new one {loss}", path.display()))
        .hint("bring it back from your backup of the cluster's folder")
        .hint(format!("if the cluster never ran, or is to start over, take {name} out of generated.json beside it"))
}

/// Whether a file of public keys, one or more, holds this one. Spaces and line breaks do not matter.
pub(super) fn holds_key(text: &str, public: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<String>();
    plain(text).contains(&plain(public))
}

pub(super) fn encryption_key(folder: &Folder, generated: &mut Generated) -> Result<Option<String>> {
    let path = folder.encryption_key();
    not_lost(&path, SECRETS, folder, generated)?;
    if path.exists() {
        return Ok(None);
    }
    if !folder.writable {
        return Ok(Some("encryption.key".into()));
    }
    let mut bytes = zeroize::Zeroizing::new([0; LENGTH]);
    random::fill(&mut *bytes)?;
    files::write_key(&path, &Secret::new(bytes.as_slice()))?;
    Ok(None)
}
