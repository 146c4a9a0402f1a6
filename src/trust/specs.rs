//! The folder's texts in cfssl's JSON: a person can edit a spec, or sign with real cfssl from the same files. What is ours
//! follows the inventory; a person's own is used as it is.

use super::folder::{Folder, Generated};
use crate::cluster::Cluster;
use crate::digest::sha256;
use crate::error::Result;
use crate::files;
use crate::hierarchy::Item;
use crate::pki::{CsrSpec, Profile, SigningConfig};

/// The spec to issue an item from.
pub(super) fn spec(folder: &Folder, item: &Item, generated: &mut Generated) -> Result<CsrSpec> {
    let (path, text) = (folder.spec(&item.name), item.spec.to_json());
    if path.exists() {
        let present = files::read(&path)?;
        let ours = generated.specs.get(&item.name) == Some(&sha256(&present));
        if !ours || *present == *text.as_bytes() {
            return CsrSpec::from_json(&present, &path.display().to_string());
        }
    }
    folder.write_public(&path, text.as_bytes())?;
    generated.specs.insert(item.name.clone(), sha256(text.as_bytes()));
    Ok(item.spec.clone())
}

/// The signing profiles, `ca-config.json`.
pub(super) fn signing_config(cluster: &Cluster, folder: &Folder, generated: &mut Generated) -> Result<SigningConfig> {
    let path = folder.config();
    let wanted = profiles(cluster)?;
    let text = wanted.to_json();
    if path.exists() {
        let present = files::read(&path)?;
        let ours = generated.config.as_deref() == Some(&*sha256(&present));
        if !ours || *present == *text.as_bytes() {
            return SigningConfig::from_json(&present, &path.display().to_string());
        }
    }
    folder.write_public(&path, text.as_bytes())?;
    generated.config = Some(sha256(text.as_bytes()));
    Ok(wanted)
}

/// The cluster's profiles.
fn profiles(cluster: &Cluster) -> Result<SigningConfig> {
    let life = cluster.pki.expiry;
    let with = |extended: &[&str]| {
        let usages: Vec<&str> = ["signing", "key encipherment"].iter().chain(extended).copied().collect();
        Profile::new(&usages, life)
    };
    let profiles = [
        ("server", with(&["server auth"])?),
        ("client", with(&["client auth"])?),
        ("peer", with(&["server auth", "client auth"])?),
        ("kubernetes", with(&["server auth", "client auth"])?),
    ];
    Ok(SigningConfig {
        default: Some(with(&["server auth", "client auth"])?),
        profiles: profiles.into_iter().map(|(name, profile)| (name.to_owned(), profile)).collect(),
        ..SigningConfig::default()
    })
}
