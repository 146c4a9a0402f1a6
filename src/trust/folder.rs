//! The cluster's `pki/` folder: which file is what, and what kbootstrap itself put there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::placed::Placed;
use super::table::{authorities, certificates};
use super::{CaBundle, Pair, Recovery, ServiceAccount, Trust, encryption_keys, format, made_for, recovery};
use crate::cluster::Cluster;
use crate::components::Catalogue;
use crate::error::{Error, Result};
use crate::files;
use crate::parallel;
use crate::pki::{Certificate, Key};
use crate::secret::Secret;

/// File names of one cluster's certificates.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    /// Whether anything may be written to it.
    pub(super) writable: bool,
}

/// What kbootstrap generated, by name, so that a person's own edits and certificates can be distinguished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Generated {
    /// How the folder is arranged.
    #[serde(default = "format::first", skip_serializing_if = "format::is_first")]
    pub(super) format: u32,
    /// SHA-256 of `ca-config.json` as it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) config: Option<String>,
    /// Names of the key files that must not be made twice.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) keys: BTreeSet<String>,
    /// SHA-256 of each CSR spec as it was written.
    pub(super) specs: BTreeMap<String, String>,
    /// SHA-256 of each certificate (DER) that was issued.
    pub(super) certificates: BTreeMap<String, String>,
}

impl Default for Generated {
    /// Of a folder that is new.
    fn default() -> Self {
        Generated {
            format: format::FORMAT,
            config: None,
            keys: BTreeSet::new(),
            specs: BTreeMap::new(),
            certificates: BTreeMap::new(),
        }
    }
}

impl Folder {
    /// `pki/` in the cluster's folder, made with mode 0700 where it is missing.
    pub(super) fn open(dir: &Path) -> Result<Self> {
        let path = dir.join("pki");
        files::private_folder(&path)?;
        Ok(Folder { path, writable: true })
    }
    /// `pki/` in the cluster's folder, whether it is there or not; what is written to it is dropped.
    pub(super) fn look(dir: &Path) -> Self {
        Folder { path: dir.join("pki"), writable: false }
    }
    pub(super) fn write_public(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        if self.writable { files::write_public(path, bytes) } else { Ok(()) }
    }
    pub(super) fn spec(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}-csr.json"))
    }
    pub(super) fn certificate(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.pem"))
    }
    /// What is trusted beside a CA.
    fn trusted(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}-trusted.pem"))
    }
    pub(super) fn key(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}-key.pem"))
    }
    pub(super) fn config(&self) -> PathBuf {
        self.path.join("ca-config.json")
    }
    pub(super) fn service_account(&self) -> (PathBuf, PathBuf) {
        (self.path.join("sa.pub"), self.path.join("sa.key"))
    }
    pub(super) fn encryption_key(&self) -> PathBuf {
        self.path.join("encryption.key")
    }

    /// The record of what kbootstrap generated; nothing where there is none.
    pub(super) fn generated(&self) -> Result<Generated> {
        let path = self.record();
        match files::bounded::bytes(&path) {
            Ok(bytes) => {
                format::check(&bytes, &path)?;
                serde_json::from_slice(&bytes).map_err(|e| {
                    Error::input(format!("{}: {e}", path.display()))
                        .hint("it can be deleted: then every certificate there counts as one of your own")
                })
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Generated::default()),
            Err(e) => Err(Error::io(format!("read {}", path.display()), &e)),
        }
    }
    /// Writes the record.
    pub(super) fn set_generated(&self, generated: &Generated) -> Result<()> {
        let text = serde_json::to_string_pretty(generated).map_err(|e| Error::internal(e.to_string()))? + "\n";
        self.write_public(&self.record(), text.as_bytes())
    }

    /// A certificate that is there.
    pub(super) fn read_certificate(&self, name: &str) -> Result<Option<Certificate>> {
        let path = self.certificate(name);
        if !path.exists() {
            return Ok(None);
        }
        Certificate::from_pem(&files::read(&path)?, &path.display().to_string()).map(Some)
    }
    /// A CA with what a person wants to be trusted beside it.
    fn bundle(&self, name: &str, active: Certificate) -> Result<CaBundle> {
        let path = self.trusted(name);
        if !path.exists() {
            return CaBundle::new(active, Vec::new());
        }
        let what = path.display().to_string();
        let trusted = Certificate::all_from_pem(&files::read(&path)?, &what)?;
        CaBundle::new(active, trusted).map_err(|e| e.context(what))
    }
    /// A certificate that is there, and what hosts get of it.
    fn pair(&self, name: &str) -> Result<Option<(Certificate, Pair)>> {
        let Some(certificate) = self.read_certificate(name)? else { return Ok(None) };
        let (key, not_after) = (self.read_key(name)?, certificate.validity().not_after);
        let pair = Pair { certificate: certificate.to_pem(), key, not_after };
        Ok(Some((certificate, pair)))
    }
    /// A key that is there, as it is written.
    pub(super) fn read_key(&self, name: &str) -> Result<Option<Secret>> {
        let path = self.key(name);
        if path.exists() { Ok(Some(Secret::new(files::read(&path)?.to_vec()))) } else { Ok(None) }
    }
}

/// Refuses what stands beside a CA and is none.
pub(super) fn bundles(cluster: &Cluster, folder: &Folder) -> Result<()> {
    let mut errors = Vec::new();
    for row in authorities(cluster) {
        if let Some(certificate) = folder.read_certificate(&row.name)? {
            errors.extend(folder.bundle(&row.name, certificate).err());
        }
    }
    Error::all(errors)
}

/// All that the folder holds; everything that is missing is named at once. Who only asks the cluster needs no more than
/// CAs and what it asks with: not the `whole` folder.
pub(super) fn load(catalogue: &Catalogue, cluster: &Cluster, dir: &Path, whole: bool) -> Result<Trust> {
    let trust = present(catalogue, cluster, dir, Vec::new())?;
    let folder = Folder::look(dir);
    made_for::same_authorities(catalogue, cluster, &folder, &folder.generated().unwrap_or_default())?;
    if trust.pairs.is_empty() {
        return Err(Error::pki(format!(
            "there are no certificates of cluster {} in {}",
            cluster.name,
            folder.path.display()
        ))
        .hint("`kbootstrap up` makes them; when the cluster runs already, this is not its folder: is --state right?"));
    }
    // What services use lies on their hosts; an older kbootstrap's folder lacks what came since.
    let asked_for = trust.table.iter().filter(|row| whole || row.used_by.is_none()).map(|row| &row.name);
    let names = trust.authority_table.iter().map(|row| &row.name).chain(asked_for);
    let mut missing: Vec<PathBuf> =
        names.filter(|name| !trust.pairs.contains_key(*name)).map(|name| folder.certificate(name)).collect();
    if whole {
        let (public, private) = folder.service_account();
        missing.extend([public, private, folder.encryption_key()].into_iter().filter(|path| !path.exists()));
    }
    if missing.is_empty() {
        return Ok(trust);
    }
    Err(Error::pki(format!("{} certificates or keys of cluster {} are not there", missing.len(), cluster.name))
        .detail(missing.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join("\n"))
        .hint("`kbootstrap up` issues what is missing; is --state right?"))
}

/// What the folder holds of a cluster, but for what is to be issued.
pub(super) fn present(catalogue: &Catalogue, cluster: &Cluster, dir: &Path, to_issue: Vec<String>) -> Result<Trust> {
    let folder = Folder::look(dir);
    files::check_private(&folder.path)?;
    let (table, authority_table) = (certificates(catalogue, cluster), authorities(cluster));
    let (mut pairs, mut bundles) = (BTreeMap::new(), BTreeMap::new());
    let names = authority_table.iter().map(|r| &r.name).chain(table.iter().map(|r| &r.name));
    let missing: BTreeSet<&String> = to_issue.iter().collect();
    let names: Vec<&String> = names.filter(|name| !missing.contains(name)).collect();
    let read = parallel::each(&names, parallel::cores(), |name| folder.pair(name));
    for (&name, read) in names.iter().zip(read) {
        let Some((certificate, pair)) = read? else { continue };
        pairs.insert(name.clone(), pair);
        if authority_table.iter().any(|row| row.name == *name) {
            bundles.insert(name.clone(), folder.bundle(name, certificate)?);
        }
    }
    let (public, private) = folder.service_account();
    let there = |path: &Path| path.exists().then(|| files::read(path)).transpose();
    let service_account = service_account(there(&public)?, there(&private)?, &private)?;
    let keys = folder.encryption_key();
    let encryption_keys = there(&keys)?.map(|bytes| encryption_keys::parse(&bytes, &keys.display().to_string()));
    let recovery = recovery(cluster, &folder, &to_issue)?;
    Ok(Trust {
        placed: Placed::of(&authority_table, &table),
        table,
        authority_table,
        pairs,
        meanwhile: BTreeMap::new(),
        bundles,
        service_account,
        encryption_keys: encryption_keys.transpose()?.unwrap_or_default(),
        recovery,
        to_issue,
        made: BTreeSet::new(),
        problems: Vec::new(),
    })
}

/// The public key is made from the private one where only that is there.
fn service_account(
    public: Option<Zeroizing<Vec<u8>>>,
    private: Option<Zeroizing<Vec<u8>>>,
    path: &Path,
) -> Result<ServiceAccount> {
    let public = match (public, &private) {
        (Some(bytes), _) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        (None, Some(key)) => Some(Key::from_pem(key, &path.display().to_string())?.public().to_pem()),
        (None, None) => None,
    };
    Ok(ServiceAccount { public, private: private.map(|bytes| Secret::new(bytes.to_vec())) })
}

/// The copy for the recovery keys, where the inventory names any and there is or will be one.
fn recovery(cluster: &Cluster, folder: &Folder, to_issue: &[String]) -> Result<Option<Recovery>> {
    let (copy, about) = (folder.path.join(recovery::COPY), folder.path.join(recovery::ABOUT));
    if cluster.recovery_keys.is_empty() {
        return Ok(None);
    }
    if to_issue.iter().any(|name| name == recovery::COPY) {
        return Ok(Some(Recovery::default()));
    }
    if !copy.exists() || !about.exists() {
        return Ok(None);
    }
    let read = |path: &Path| Ok(Some(Secret::new(files::read(path)?.to_vec())));
    Ok(Some(Recovery { copy: read(&copy)?, about: read(&about)? }))
}
