//! The table's rows as cfssl's JSON: a person can edit a spec, or sign with real cfssl from the same files.

use super::table::{AuthorityRow, CertificateRow};
use crate::cluster::{Cluster, Pki};
use crate::error::Result;
use crate::pki::{CaSpec, CsrSpec, NameSpec, Profile, SigningConfig};

/// A CA's CSR spec.
pub(super) fn authority(row: &AuthorityRow, pki: &Pki) -> Result<CsrSpec> {
    Ok(CsrSpec {
        cn: row.common_name.clone(),
        key: pki.key.into(),
        ca: Some(CaSpec { expiry: Some(pki.ca_expiry), ..CaSpec::default() }),
        ..CsrSpec::default()
    })
}

/// A leaf's CSR spec.
pub(super) fn certificate(row: &CertificateRow, pki: &Pki) -> CsrSpec {
    let names = match row.organization.as_str() {
        "" => Vec::new(),
        organization => vec![NameSpec { o: organization.into(), ..NameSpec::default() }],
    };
    CsrSpec { cn: row.common_name.clone(), hosts: row.sans.clone(), key: pki.key.into(), names, ..CsrSpec::default() }
}

/// The cluster's `ca-config.json`.
pub(super) fn signing_config(cluster: &Cluster) -> Result<SigningConfig> {
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
