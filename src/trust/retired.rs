//! Keys that the cluster has no use for any more, since every node has one of its own in their place. They would still be
//! taken for who they were.

use super::discard;
use super::folder::{Folder, Generated};
use crate::error::Result;

/// Rows that the table had once, by name.
const ROWS: [&str; 2] = ["kube-proxy", "flannel"];

/// Takes what was made here of them out of the folder; their names. What a person brought is theirs.
pub(super) fn remove(folder: &Folder, generated: &mut Generated) -> Result<Vec<&'static str>> {
    let mut removed = Vec::new();
    for name in ROWS {
        if discard::is_ours(folder, generated, name)? {
            discard::remove(folder, generated, name)?;
            removed.push(name);
        }
    }
    Ok(removed)
}
