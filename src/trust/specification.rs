//! The certificate table as a specification of [`crate::hierarchy`]: `kbootstrap pki apply` makes the same certificates,
//! under the same names.

use std::path::Path;

use super::specs::usages;
use super::table::{CertificateRow, Profile, authorities, certificates};
use crate::cluster::Cluster;
use crate::components::Catalogue;
use crate::error::{Error, Result};
use crate::hierarchy::{Hierarchy, Upkeep, model, resolve};
use crate::pki::KeyKind;

/// The cluster's CAs and certificates, with their files in `folder`.
pub fn specification(catalogue: &Catalogue, cluster: &Cluster, folder: &str) -> model::Specification {
    let rows = certificates(catalogue, cluster);
    let authority = |row: super::AuthorityRow| model::Authority {
        certificates: rows.iter().filter(|leaf| row.serves.contains(&leaf.authority)).map(certificate).collect(),
        name: row.name,
        cn: row.common_name,
        ..model::Authority::default()
    };
    model::Specification {
        folder: Some(folder.to_owned()),
        defaults: model::Defaults {
            key: Some(key(cluster)),
            expiry: Some(cluster.pki.expiry.to_string()),
            ca_expiry: Some(cluster.pki.ca_expiry.to_string()),
            ..model::Defaults::default()
        },
        profiles: Profile::ALL.into_iter().map(|row| (row.name().to_owned(), profile(row, cluster.pki.key))).collect(),
        authorities: authorities(cluster).into_iter().map(authority).collect(),
    }
}

/// The same with everything decided, its files in `folder`, to be kept as a cluster needs it.
pub(super) fn hierarchy(catalogue: &Catalogue, cluster: &Cluster, folder: &Path) -> Result<Hierarchy> {
    let (mut hierarchy, mistakes) = resolve(&specification(catalogue, cluster, ""), folder);
    Error::all(mistakes.into_iter().map(|mistake| Error::internal(mistake.message)))?;
    hierarchy.items.iter_mut().for_each(|item| item.upkeep = Upkeep::Needed);
    Ok(hierarchy)
}

fn certificate(row: &CertificateRow) -> model::Certificate {
    let organization = model::Name { o: row.organization.clone(), ..model::Name::default() };
    model::Certificate {
        name: row.name.clone(),
        cn: row.common_name.clone(),
        names: (!row.organization.is_empty()).then(|| vec![organization]),
        hosts: row.sans.clone(),
        profile: Some(row.profile.name().to_owned()),
        ..model::Certificate::default()
    }
}

/// Our own in place of the built-in ones, which allow what only RSA keys can do.
fn profile(row: Profile, key: KeyKind) -> model::Profile {
    let usages = usages(row, key).into_iter().map(str::to_owned).collect();
    model::Profile { usages, ..model::Profile::default() }
}

fn key(cluster: &Cluster) -> model::KeySettings {
    let (algo, size) = cluster.pki.key.algorithm();
    model::KeySettings { algo, size, format: None }
}
