//! Keys that are no certificate's and must outlive everything: what tokens are signed with, what Secrets are encrypted with.

use std::path::Path;

use super::encryption_keys::LENGTH;
use super::folder::{Folder, Generated};
use crate::cluster::Cluster;
use crate::error::{Error, Result};
use crate::files;
use crate::pki::{Key, KeyKind};
use crate::random;
use crate::secret::Secret;

/// Tokens are JWTs, which Kubernetes signs with RSA or ECDSA only.
pub(super) fn service_account(cluster: &Cluster, folder: &Folder, generated: &mut Generated) -> Result<Option<String>> {
    let (public, private) = folder.service_account();
    not_lost(&private, "no service account's token would be valid any more", generated)?;
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

/// A key that was made here once must come back from a backup: with another one, what was made with it is lost.
fn not_lost(path: &Path, loss: &str, generated: &mut Generated) -> Result<()> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if !path.exists() && generated.keys.contains(&name) {
        return Err(Error::pki(format!("{} was made here and is gone: with a new one {loss}", path.display()))
            .hint("bring it back from your backup of the cluster's folder")
            .hint(format!(
                "if the cluster never ran, or is to start over, take {name} out of generated.json beside it"
            )));
    }
    generated.keys.insert(name);
    Ok(())
}

pub(super) fn encryption_key(folder: &Folder, generated: &mut Generated) -> Result<Option<String>> {
    let path = folder.encryption_key();
    not_lost(&path, "the Secrets of a running cluster could not be read", generated)?;
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
