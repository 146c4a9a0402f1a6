//! What should not be there, as `up` would name it.

use std::collections::BTreeMap;

use super::{Check, State};
use crate::access::Pool;
use crate::changes::{self, Known, Leftover};
use crate::cluster::Cluster;
use crate::components::Catalogue;
use crate::facts::HostFacts;
use crate::live;
use crate::record::Record;
use crate::trust::Trust;

/// Asks the cluster; where that is not possible, says so. `kept` is the record in the cluster's folder.
pub(super) fn ask(
    catalogue: &Catalogue,
    cluster: &Cluster,
    pool: &Pool,
    trust: &Trust,
    facts: &BTreeMap<String, HostFacts>,
    kept: Option<&Record>,
) -> Result<Vec<Leftover>, Check> {
    match live::ask(catalogue, cluster, pool, trust, facts, kept, &[]) {
        Ok(live) => Ok(changes::leftovers(&Known { catalogue, cluster, facts, live: &live })),
        Err(error) => Err(Check {
            name: "leftovers".into(),
            state: State::Warning,
            word: "not known".into(),
            detail: error.message,
            remedy: Vec::new(),
        }),
    }
}
