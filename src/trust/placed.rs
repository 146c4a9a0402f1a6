//! The tables by host: what lies there, found without going through everybody's.

use std::collections::HashMap;

use super::table::{AuthorityRow, CertificateRow, Placement};

/// Which certificates each host has, and where.
#[derive(Debug, Clone, Default)]
pub(super) struct Placed(HashMap<String, OnHost>);

/// Of one host, by name and in the order of the tables.
#[derive(Debug, Clone, Default)]
pub(super) struct OnHost {
    /// The CAs that it trusts.
    pub(super) trusted: Vec<(String, Placement)>,
    /// Certificates with their keys: CAs that sign there, then leaves.
    pub(super) pairs: Vec<(String, Placement)>,
}

impl Placed {
    pub(super) fn of(authorities: &[AuthorityRow], leaves: &[CertificateRow]) -> Self {
        let mut hosts: HashMap<String, OnHost> = HashMap::new();
        for row in authorities {
            for place in &row.placements {
                hosts.entry(place.host.clone()).or_default().trusted.push((row.name.clone(), place.clone()));
            }
        }
        let signers = authorities.iter().map(|row| (&row.name, &row.signers));
        for (name, places) in signers.chain(leaves.iter().map(|row| (&row.name, &row.placements))) {
            for place in places {
                hosts.entry(place.host.clone()).or_default().pairs.push((name.clone(), place.clone()));
            }
        }
        Placed(hosts)
    }

    /// What a host has; none where it has nothing.
    pub(super) fn on(&self, host: &str) -> Option<&OnHost> {
        self.0.get(host)
    }
}
