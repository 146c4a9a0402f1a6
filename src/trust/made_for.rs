//! What a folder was made for, where the inventory has changed since: the kind of `pki.authorities`, the cluster's name.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::folder::{Folder, Generated};
use super::foreign::authority_files;
use super::table::{Authority, authorities, certificates};
use super::{CaBundle, Trust};
use crate::cluster::{Authorities, Cluster};
use crate::components::Catalogue;
use crate::error::{Error, Result};
use crate::facts::HostFacts;

/// Refuses a folder whose CAs are of the other kind of `pki.authorities`: with new ones beside them, nothing that runs
/// would trust what is issued.
pub(super) fn same_authorities(
    catalogue: &Catalogue,
    cluster: &Cluster,
    folder: &Folder,
    generated: &Generated,
) -> Result<()> {
    let mut other = cluster.clone();
    other.pki.authorities = match cluster.pki.authorities {
        Authorities::Single => Authorities::Separate,
        Authorities::Separate => Authorities::Single,
    };
    let one_signed_all = one_signed_all(catalogue, cluster, folder)?;
    let (separate, single) = match cluster.pki.authorities {
        Authorities::Single => (&other, cluster),
        Authorities::Separate => (cluster, &other),
    };
    let shared: Vec<String> = authorities(single).into_iter().map(|row| row.name).collect();
    let own = authorities(separate).into_iter().map(|row| row.name).filter(|name| !shared.contains(name));
    let own: Vec<String> = own.collect();
    let has = |name: &String| folder.certificate(name).exists() || generated.certificates.contains_key(name);
    let there: Vec<&String> = own.iter().filter(|name| has(name)).collect();
    let evidence = match cluster.pki.authorities {
        Authorities::Single if !there.is_empty() && !one_signed_all => {
            let files: Vec<String> = there.iter().map(|name| format!("{name}.pem")).collect();
            format!("made there: {}", files.join(", "))
        }
        Authorities::Separate if there.is_empty() && one_signed_all => {
            format!("{}.pem there has signed etcd's certificates too", shared.join(", "))
        }
        _ => return Ok(()),
    };
    let (asked, made) = (cluster.pki.authorities.name(), other.pki.authorities.name());
    let folder = folder.path.display();
    Err(Error::input(format!(
        "the inventory has `pki: {{authorities: {asked}}}`, and the CAs in {folder} were made with `{made}`"
    ))
    .detail(evidence)
    .hint(format!(
        "write `pki: {{authorities: {made}}}` into the inventory: a cluster keeps the CAs that it was made with"
    ))
    .hint("for another cluster, another `cluster` name or --state gives it a folder of its own"))
}

/// Whether the CA for Kubernetes has signed what a CA of its own signs with separate ones.
fn one_signed_all(catalogue: &Catalogue, cluster: &Cluster, folder: &Folder) -> Result<bool> {
    let rows = authorities(cluster);
    let Some(row) = rows.iter().find(|row| row.serves.contains(&Authority::Kubernetes)) else { return Ok(false) };
    let Some(ca) = folder.read_certificate(&row.name)? else { return Ok(false) };
    for leaf in certificates(catalogue, cluster).iter().filter(|leaf| leaf.authority != Authority::Kubernetes) {
        if let Some(certificate) = folder.read_certificate(&leaf.name)? {
            return Ok(ca.public_key().is_ok_and(|key| certificate.signed_by(key).is_ok()));
        }
    }
    Ok(false)
}

impl Trust {
    /// The refusal where the hosts trust none of our CAs, and a folder beside `dir` has theirs: the cluster has got another
    /// name in the inventory.
    pub(super) fn renamed(&self, cluster: &Cluster, dir: &Path, facts: &BTreeMap<String, HostFacts>) -> Option<Error> {
        let mut trusted: Vec<&String> = Vec::new();
        for host in &cluster.hosts {
            let Some(facts) = facts.get(&host.name) else { continue };
            trusted.extend(authority_files(cluster, host).filter_map(|path| facts.certificates.get(&path)));
        }
        let shared = |ca: &CaBundle| trusted.iter().any(|text| ca.shares_a_key_with(text));
        if self.bundles.values().any(shared) {
            return None;
        }
        let mut beside: Vec<PathBuf> = fs::read_dir(dir.parent()?).ok()?.flatten().map(|entry| entry.path()).collect();
        beside.sort();
        let has_theirs = |path: &PathBuf| {
            let folder = Folder::look(path);
            let rows = self.authority_table.iter();
            let mut cas = rows.filter_map(|row| CaBundle::new(folder.read_certificate(&row.name).ok()??, vec![]).ok());
            path != dir && cas.any(|ca| shared(&ca))
        };
        let folder = beside.into_iter().find(has_theirs)?;
        let name = folder.file_name()?.to_string_lossy().into_owned();
        let message = format!("the hosts belong to the cluster in {}, not to {}", folder.display(), dir.display());
        let error = Error::input(message).detail("they trust the CAs there, and none of those here");
        // Only a folder that is named for the cluster tells that the name has changed.
        if dir.file_name().is_none_or(|here| here != cluster.name.as_str()) {
            return Some(
                error
                    .hint(format!("say `--state {}`, if that is the cluster's folder", folder.display()))
                    .hint("`kbootstrap recover` makes the folder again from what the hosts have"),
            );
        }
        Some(
            error
                .hint(format!(
                    "write `cluster: {name}` into the inventory: a cluster keeps the name that it was made with"
                ))
                .hint("for another cluster on these hosts, `kbootstrap reset` with the old name takes them back first"),
        )
    }
}
