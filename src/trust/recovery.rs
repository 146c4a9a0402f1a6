//! A copy of what only the folder has, encrypted to the inventory's recovery keys; the masters keep it. It is made again
//! only when what is in it, or whom it is for, has changed: encrypting the same again gives other bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::folder::{Folder, Generated};
use super::table::{authorities, certificates};
use crate::age::{self, Identity, Recipient};
use crate::cluster::Cluster;
use crate::components::Catalogue;
use crate::digest::{Sha256, sha256};
use crate::error::{Error, Result};
use crate::files;
use crate::secret::Secret;
use crate::ui::Reporter;

/// The encrypted copy, in the folder and on masters.
pub(super) const COPY: &str = "recovery.age";
/// What it is a copy of, for everybody to read.
pub(super) const ABOUT: &str = "recovery.json";

/// What can be known of a copy without opening it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    /// SHA-256 of whom it is for and what is in it.
    digest: String,
    recipients: Vec<String>,
    files: Vec<String>,
}

/// Keeps the copy up to date; its name where it is to be made.
pub(super) fn keep(
    catalogue: &Catalogue,
    cluster: &Cluster,
    folder: &Folder,
    generated: &Generated,
    to_issue: &[String],
    reporter: &dyn Reporter,
) -> Result<Option<String>> {
    if cluster.recovery_keys.is_empty() {
        return Ok(None);
    }
    let only_here: Vec<String> =
        authorities(cluster).into_iter().filter(|row| row.signers.is_empty()).map(|row| row.name).collect();
    if only_here.iter().any(|name| to_issue.contains(name)) {
        return Ok(Some(COPY.into()));
    }
    let absent: Vec<String> =
        only_here.iter().filter(|name| !folder.key(name).exists()).map(|n| format!("{n}-key.pem")).collect();
    if !absent.is_empty() {
        // With less in it than before it would take away what it is there for.
        reporter
            .warn(&format!("{} is not in the folder: the copy for the recovery key stays as it is", absent.join(", ")));
        return Ok(None);
    }
    let mut contents = BTreeMap::new();
    for name in &only_here {
        contents.insert(format!("{name}-key.pem"), text(&files::read(&folder.key(name))?)?);
    }
    contents.extend(edited(catalogue, cluster, folder, generated)?);
    if contents.is_empty() {
        return Ok(None);
    }
    let recipients: Vec<String> = cluster.recovery_keys.iter().map(Recipient::to_string).collect();
    let plain = plain(&contents)?;
    let mut hash = Sha256::default();
    recipients.iter().for_each(|recipient| hash.update(format!("{recipient}\n")));
    hash.update(&*plain);
    let about = About { digest: hash.finish(), recipients, files: contents.into_keys().collect() };
    let (copy, about_path) = (folder.path.join(COPY), folder.path.join(ABOUT));
    if copy.exists()
        && files::bounded::bytes(&about_path)
            .is_ok_and(|bytes| serde_json::from_slice(&bytes).is_ok_and(|there: About| there == about))
    {
        return Ok(None);
    }
    if !folder.writable {
        return Ok(Some(COPY.into()));
    }
    let encrypted = Secret::new(age::encrypt(&plain, &cluster.recovery_keys)?);
    let about = serde_json::to_string_pretty(&about).map_err(|e| Error::internal(e.to_string()))? + "\n";
    files::persist(vec![
        files::Pending::key(&copy, &encrypted)?,
        files::Pending::public(&about_path, about.as_bytes())?,
    ])?;
    Ok(None)
}

/// What a copy holds, by the names of files; other names than it may hold are refused.
pub fn open_copy(
    catalogue: &Catalogue,
    cluster: &Cluster,
    copy: &[u8],
    identities: &[Identity],
) -> Result<BTreeMap<String, Secret>> {
    let plain = age::decrypt(copy, identities, COPY)?;
    let unknown = || Error::pki(format!("{COPY}: what is in it is not what kbootstrap writes"));
    let texts: BTreeMap<String, String> = serde_json::from_slice(plain.expose()).map_err(|_| unknown())?;
    let texts: BTreeMap<_, _> = texts.into_iter().map(|(name, text)| (name, Secret::new(text.into_bytes()))).collect();
    let keys = authorities(cluster).into_iter().map(|row| format!("{}-key.pem", row.name));
    let known: Vec<String> = keys.chain(editable(catalogue, cluster)).collect();
    if texts.keys().any(|name| !known.contains(name)) {
        return Err(unknown());
    }
    Ok(texts)
}

/// Texts that a person may have edited.
fn editable(catalogue: &Catalogue, cluster: &Cluster) -> Vec<String> {
    let names = certificates(catalogue, cluster).into_iter().map(|row| format!("{}-csr.json", row.name));
    names.chain(["ca-config.json".to_owned()]).collect()
}

/// Those that a person has edited: they cannot be made again.
fn edited(
    catalogue: &Catalogue,
    cluster: &Cluster,
    folder: &Folder,
    generated: &Generated,
) -> Result<BTreeMap<String, Zeroizing<String>>> {
    let mut texts = BTreeMap::new();
    for file in editable(catalogue, cluster) {
        let path = folder.path.join(&file);
        if !path.exists() {
            continue;
        }
        let bytes = files::read(&path)?;
        let ours = match file.strip_suffix("-csr.json") {
            Some(name) => generated.specs.get(name),
            None => generated.config.as_ref(),
        };
        if ours != Some(&sha256(&bytes)) {
            texts.insert(file, text(&bytes)?);
        }
    }
    Ok(texts)
}

fn text(bytes: &[u8]) -> Result<Zeroizing<String>> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::pki("a key or spec of the folder is no text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// In one buffer that is large enough from the start, so that no piece of it stays behind.
fn plain(contents: &BTreeMap<String, Zeroizing<String>>) -> Result<Zeroizing<Vec<u8>>> {
    let size: usize = contents.iter().map(|(name, text)| name.len() + 2 * text.len() + 16).sum();
    let mut plain = Zeroizing::new(Vec::with_capacity(size + 16));
    let texts: BTreeMap<&str, &str> = contents.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    serde_json::to_writer(&mut *plain, &texts).map_err(|e| Error::internal(e.to_string()))?;
    Ok(plain)
}
