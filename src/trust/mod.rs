//! Who trusts whom: the cluster's certificate table, issued into the cluster's folder and laid out for each host.

mod bundle;
mod discard;
mod encryption_keys;
mod ensure;
mod folder;
mod foreign;
mod format;
mod in_use;
mod kubeconfig;
mod lasting_keys;
mod made_for;
mod meanwhile;
mod placed;
mod recovery;
mod restore;
mod retired;
mod specification;
mod specs;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::clients::http::Identity;
use crate::cluster::{Cluster, Host, Role};
use crate::components::Catalogue;
use crate::error::{Error, Result};
use crate::pki::Certificate;
use crate::secret::Secret;
use crate::state::{Content, EncryptionKey, File};

use placed::Placed;

pub use bundle::CaBundle;
pub use discard::discard;
pub use encryption_keys::encryption_file;
pub use ensure::{ensure, look};
pub use foreign::authority_files;
pub use format::{is_older, mark as mark_format, refuse_newer};
pub use in_use::ask_in_use;
pub use recovery::open_copy;
pub use restore::{Piece, restore};
pub use specification::specification;
pub use table::*;

/// The administrator's kubeconfig in the cluster's folder.
pub const ADMIN_KUBECONFIG: &str = "admin.kubeconfig";

/// The certificate of [`Trust::super_admin`].
const SUPER_ADMIN: &str = "super-admin";
/// The certificate of [`Trust::etcd_client`].
const ETCD_CLIENT: &str = "etcd-healthcheck-client";

/// All certificates and keys of a cluster.
#[derive(Debug, Clone)]
pub struct Trust {
    table: Vec<CertificateRow>,
    authority_table: Vec<AuthorityRow>,
    /// Both tables by host.
    placed: Placed,
    /// By file stem: CAs and leaves.
    pairs: BTreeMap<String, Pair>,
    /// Identities of the tool's own while the folder lacks them.
    meanwhile: BTreeMap<String, Pair>,
    /// By the name of the CA that signs.
    bundles: BTreeMap<String, CaBundle>,
    service_account: ServiceAccount,
    encryption_keys: Vec<EncryptionKey>,
    /// The encrypted copy of what only the folder has, and what is said of it; none where masters are to keep none.
    recovery: Option<Recovery>,
    /// What is not there, or not as it should be, by file stem; none where the folder was made complete.
    to_issue: Vec<String>,
    /// Names of the key files that were made here once.
    made: BTreeSet<String>,
    /// What is wrong where a CA or its key is not there: it counts once the hosts have none to offer.
    problems: Vec<Error>,
}

/// A certificate that a server of the cluster shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served<'t> {
    /// Host.
    pub host: &'t str,
    /// Where the certificate lies there.
    pub path: &'t str,
    /// Where it is shown.
    pub port: u16,
    /// The leaf, in DER.
    pub certificate: Vec<u8>,
    /// The CAs that it is checked against, as PEM.
    pub trusted: String,
}

/// A certificate and its key.
#[derive(Debug, Clone)]
struct Pair {
    certificate: String,
    key: Option<Secret>,
    not_after: OffsetDateTime,
}

/// The copy for the recovery keys; what is not there is to be made.
#[derive(Debug, Clone, Default)]
struct Recovery {
    copy: Option<Secret>,
    about: Option<Secret>,
}

/// The keys that service account tokens are signed with and checked by.
#[derive(Debug, Clone)]
struct ServiceAccount {
    public: Option<String>,
    private: Option<Secret>,
}

impl Trust {
    /// What the cluster's folder holds, for asking the cluster; missing certificates are an error that says what to run.
    pub fn load(catalogue: &Catalogue, cluster: &Cluster, dir: &Path) -> Result<Self> {
        folder::load(catalogue, cluster, dir, false)
    }

    /// What of it the cluster's folder holds, be it complete or not.
    pub fn present(catalogue: &Catalogue, cluster: &Cluster, dir: &Path) -> Result<Self> {
        folder::present(catalogue, cluster, dir, Vec::new())
    }

    /// What is to be issued before the cluster can be brought up, by file stem.
    pub fn to_issue(&self) -> &[String] {
        &self.to_issue
    }

    /// The certificate and key files of a host, by path.
    pub fn files(&self, host: &Host) -> BTreeMap<String, File> {
        let mut files = BTreeMap::new();
        let Some(on_host) = self.placed.on(&host.name) else { return files };
        for (name, place) in &on_host.trusted {
            let content = self.bundles.get(name).map(|bundle| Content::Text(bundle.to_pem().into()));
            files.insert(place.certificate.clone(), file(content, 0o644, &place.owner));
        }
        for (name, place) in &on_host.pairs {
            let pair = self.pairs.get(name);
            let certificate = pair.map(|pair| Content::Text(pair.certificate.as_str().into()));
            files.insert(place.certificate.clone(), file(certificate, 0o644, &place.owner));
            let key = pair.map(|pair| pair.key.clone().map(Content::Secret));
            // A key that somebody else keeps goes nowhere.
            if let (Some(path), None | Some(Some(_))) = (&place.key, &key) {
                files.insert(path.clone(), file(key.flatten(), 0o600, &place.owner));
            }
        }
        files
    }

    /// The certificates that servers of the cluster show.
    pub fn served(&self) -> Vec<Served<'_>> {
        let mut all = Vec::new();
        for row in &self.table {
            let (Some(port), Some(pair)) = (row.port, self.pairs.get(&row.name)) else { continue };
            let leaf = Certificate::all_from_pem(pair.certificate.as_bytes(), &row.name).ok();
            let Some(leaf) = leaf.and_then(|chain| chain.into_iter().next()) else { continue };
            all.extend(row.placements.iter().map(|place| Served {
                host: &place.host,
                path: &place.certificate,
                port,
                certificate: leaf.der().to_vec(),
                trusted: self.trusted(row.authority),
            }));
        }
        all
    }

    /// Certificates and keys that belong together on a host, by path.
    pub fn pairs_on(&self, host: &Host) -> Vec<(String, String)> {
        let places = self.table.iter().flat_map(|row| &row.placements).filter(|place| place.host == host.name);
        places.filter_map(|place| Some((place.certificate.clone(), place.key.clone()?))).collect()
    }

    /// What is missing in the folder although nothing needs it now, a line each.
    pub fn warnings(&self) -> Vec<String> {
        let without_key = |row: &&AuthorityRow| self.pairs.get(&row.name).is_some_and(|pair| pair.key.is_none());
        let line = |row: &AuthorityRow| {
            format!(
                "the key of CA {} is not in the cluster's folder: nothing that it signs can be issued or renewed",
                row.name
            )
        };
        self.authority_table.iter().filter(without_key).map(line).collect()
    }

    /// Where a host holds the CAs that it trusts, and which.
    fn bundles_on(&self, host: &Host) -> impl Iterator<Item = (&Placement, &CaBundle)> {
        let trusted = self.placed.on(&host.name).into_iter().flat_map(|on_host| &on_host.trusted);
        trusted.filter_map(|(name, place)| Some((place, self.bundles.get(name)?)))
    }

    /// The service account key pair of a master, by path.
    pub fn service_account_files(&self, cluster: &Cluster, host: &Host) -> BTreeMap<String, File> {
        let mut files = BTreeMap::new();
        if host.is(Role::Master) {
            let (key_path, public_path) = cluster.layout.service_account();
            let ServiceAccount { public, private } = &self.service_account;
            let public = public.as_ref().map(|pem| Content::Text(pem.as_str().into()));
            files.insert(public_path, file(public, 0o644, "root"));
            files.insert(key_path, file(private.clone().map(Content::Secret), 0o600, "root"));
        }
        files
    }

    /// The encrypted copy of what only the folder has, by path on a master.
    pub fn recovery_files(&self, cluster: &Cluster, host: &Host) -> BTreeMap<String, File> {
        let Some(recovery) = self.recovery.as_ref().filter(|_| host.is(Role::Master)) else { return BTreeMap::new() };
        let (copy, about) = cluster.layout.recovery();
        let content = |part: &Option<Secret>| file(part.clone().map(Content::Secret), 0o600, "root");
        BTreeMap::from([(copy, content(&recovery.copy)), (about, content(&recovery.about))])
    }

    /// What Secrets in etcd are encrypted with: the first writes, all read. None where it is to be made.
    pub fn encryption_keys(&self) -> &[EncryptionKey] {
        &self.encryption_keys
    }

    /// The tool's own identity towards the API server: it can do everything, also before any role exists there.
    pub fn super_admin(&self) -> Identity {
        self.identity(Authority::Kubernetes, SUPER_ADMIN)
    }

    /// The tool's own identity towards etcd.
    pub fn etcd_client(&self) -> Identity {
        self.identity(Authority::Etcd, ETCD_CLIENT)
    }

    fn identity(&self, authority: Authority, name: &str) -> Identity {
        let pair = self.pairs.get(name).or_else(|| self.meanwhile.get(name));
        Identity {
            ca_pem: self.trusted(authority).into_bytes(),
            cert_pem: pair.map(|p| p.certificate.clone().into_bytes()).unwrap_or_default(),
            key_pem: pair.and_then(|p| p.key.clone()).unwrap_or_else(|| Secret::new([])),
        }
    }

    /// The CAs that are trusted for `authority`, as PEM.
    fn trusted(&self, authority: Authority) -> String {
        let row = self.authority_table.iter().find(|row| row.serves.contains(&authority));
        row.and_then(|row| self.bundles.get(&row.name)).map(CaBundle::to_pem).unwrap_or_default()
    }

    /// When each certificate expires.
    pub fn expiries(&self) -> Vec<(String, OffsetDateTime)> {
        self.pairs.iter().map(|(name, pair)| (name.clone(), pair.not_after)).collect()
    }

    /// The administrator's kubeconfig with everything embedded, so that it works from anywhere.
    pub fn admin_kubeconfig(&self, cluster: &Cluster) -> Result<Secret> {
        kubeconfig::embedded(cluster, &self.trusted(Authority::Kubernetes), self.pairs.get("admin"))
    }

    /// Writes [`Trust::admin_kubeconfig`] into the cluster's folder, 0600.
    pub fn write_admin_kubeconfig(&self, cluster: &Cluster, dir: &Path) -> Result<PathBuf> {
        let path = dir.join(ADMIN_KUBECONFIG);
        crate::files::write_key(&path, &self.admin_kubeconfig(cluster)?)?;
        Ok(path)
    }
}

/// What is not there is to be issued.
fn file(content: Option<Content>, mode: u32, owner: &str) -> File {
    File { content: content.unwrap_or(Content::ToIssue), mode, owner: owner.to_owned() }
}
