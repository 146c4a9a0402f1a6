//! The folder's texts in cfssl's JSON: a person can edit a spec, or sign with real cfssl from the same files. What is ours
//! follows the inventory; a person's own is used as it is.

use std::collections::BTreeMap;

use super::folder::{Folder, Generated};
use super::table;
use crate::cluster::Cluster;
use crate::digest::sha256;
use crate::error::Result;
use crate::files::{self, Pending};
use crate::hierarchy::Item;
use crate::pki::{CsrSpec, KeyKind, Profile, SigningConfig};

/// Specs that are to be written, all at once: brought to the disk one by one, those of a thousand hosts take longer than
/// their certificates.
#[derive(Default)]
pub(super) struct Unwritten {
    files: Vec<Pending>,
    /// SHA-256 by item.
    hashes: Vec<(String, String)>,
}

impl Unwritten {
    /// Into their places; they are ours from then on.
    pub(super) fn write(self, generated: &mut Generated) -> Result<()> {
        files::persist(self.files)?;
        generated.specs.extend(self.hashes);
        Ok(())
    }
}

/// The spec to issue an item from; where there is none of a person's, the item's own, which is to be written.
pub(super) fn spec(folder: &Folder, item: &Item, generated: &Generated, unwritten: &mut Unwritten) -> Result<CsrSpec> {
    let (path, text) = (folder.spec(&item.name), item.spec.to_json());
    if path.exists() {
        let present = files::read(&path)?;
        let ours = generated.specs.get(&item.name) == Some(&sha256(&present));
        if !ours || *present == *text.as_bytes() {
            return CsrSpec::from_json(&present, &path.display().to_string());
        }
    }
    if folder.writable {
        unwritten.files.push(Pending::public(&path, text.as_bytes())?);
    }
    unwritten.hashes.push((item.name.clone(), sha256(text.as_bytes())));
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
    let of = |row: table::Profile| Profile::new(&usages(row, cluster.pki.key), cluster.pki.expiry);
    let both = of(table::Profile::Peer)?;
    let mut profiles = table::Profile::ALL
        .into_iter()
        .map(|row| Ok((row.name().to_owned(), of(row)?)))
        .collect::<Result<BTreeMap<_, _>>>()?;
    profiles.insert("kubernetes".into(), both.clone());
    Ok(SigningConfig { default: Some(both), profiles, ..SigningConfig::default() })
}

/// A profile's usages by cfssl's names, as far as a key of this kind can do them.
pub(super) fn usages(profile: table::Profile, key: KeyKind) -> Vec<&'static str> {
    let purposes: &[&str] = match profile {
        table::Profile::Server => &["server auth"],
        table::Profile::Client => &["client auth"],
        table::Profile::Peer => &["server auth", "client auth"],
    };
    let encipherment = key.enciphers().then_some("key encipherment");
    ["signing"].into_iter().chain(encipherment).chain(purposes.iter().copied()).collect()
}
