//! Keys that the cluster has no use for any more, since every node has one of its own in their place. They would still be
//! taken for who they were.

use std::fs;
use std::io::ErrorKind;

use super::folder::{Folder, Generated};
use crate::digest::sha256;
use crate::error::{Error, Result};

/// Rows that the table had once, by name.
const ROWS: [&str; 2] = ["kube-proxy", "flannel"];

/// Takes what was made here of them out of the folder; their names. What a person brought is theirs.
pub(super) fn remove(folder: &Folder, generated: &mut Generated) -> Result<Vec<&'static str>> {
    let mut removed = Vec::new();
    for name in ROWS {
        let there = folder.read_certificate(name)?;
        let ours = there.is_some_and(|there| generated.certificates.get(name) == Some(&sha256(there.der())));
        if ours {
            // The certificate last: as long as it is there, a run that was interrupted is gone on with.
            for path in [folder.key(name), folder.spec(name), folder.certificate(name)] {
                match fs::remove_file(&path) {
                    Err(e) if e.kind() != ErrorKind::NotFound => {
                        return Err(Error::io(format!("delete {}", path.display()), &e));
                    }
                    _ => {}
                }
            }
            generated.certificates.remove(name);
            generated.specs.remove(name);
            removed.push(name);
        }
    }
    Ok(removed)
}
