//! While no API server answers, the record is all that says what a cluster was made with. What it cannot take then is
//! refused as if it had been asked.

use super::{Known, differences, refusal};
use crate::error::Error;
use crate::inventory::Change;

pub(super) fn refusals(known: &Known<'_>) -> Vec<Error> {
    let Some(record) = &known.live.record else { return Vec::new() };
    if known.live.api.is_some() || !known.has_run() {
        return Vec::new();
    }
    let counts = |path: &str| !is_known(known, path);
    let refused = differences(record, known.cluster).into_iter().filter(|difference| match difference.class {
        Change::Fixed | Change::Operation => counts(&difference.path),
        Change::Live | Change::Rolling | Change::NewThings => false,
    });
    let remedy = "put the old value back until the API server answers; a cluster that never worked is taken back with \
                  `kbootstrap reset` first";
    let message =
        |what: String| format!("{what}: no API server answers that could say whether the cluster can take it");
    let by = format!("by the record of the last `up` ({}, {})", record.written, record.by);
    refused.map(|difference| refusal(message(difference.words().join("; ")), by.clone(), remedy)).collect()
}

/// Whether the field is judged by more than the record, or by it elsewhere.
fn is_known(known: &Known<'_>, path: &str) -> bool {
    match path {
        "networks.dnsDomain" | "pki.authorities" => true,
        "networks.pods" | "networks.services" | "networks.nodePrefix" => !known.live.flags.is_empty(),
        "versions.etcd" => !known.live.members.is_empty(),
        path => path.starts_with("hosts["),
    }
}
