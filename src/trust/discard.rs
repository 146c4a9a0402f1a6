//! Keys of a host that are not to be used again, although it is one of the cluster's.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::folder::{Folder, Generated};
use super::table::certificates;
use crate::cluster::Cluster;
use crate::components::Catalogue;
use crate::digest::sha256;
use crate::error::{Error, Result};

/// Takes the certificates and keys out of the folder that lie on this host alone, and were made here: the next run issues new
/// ones. Their names; what a person brought stays.
pub fn discard(catalogue: &Catalogue, cluster: &Cluster, dir: &Path, host: &str) -> Result<Vec<String>> {
    let folder = Folder::open(dir)?;
    let mut generated = folder.generated()?;
    let rows = certificates(catalogue, cluster).into_iter();
    let own = rows.filter(|row| !row.placements.is_empty() && row.placements.iter().all(|place| place.host == host));
    let mut gone = Vec::new();
    for row in own {
        if is_ours(&folder, &generated, &row.name)? {
            remove(&folder, &mut generated, &row.name)?;
            gone.push(row.name);
        }
    }
    folder.set_generated(&generated)?;
    Ok(gone)
}

/// Whether the certificate that lies there was made here.
pub(super) fn is_ours(folder: &Folder, generated: &Generated, name: &str) -> Result<bool> {
    let there = folder.read_certificate(name)?;
    Ok(there.is_some_and(|there| generated.certificates.get(name) == Some(&sha256(there.der()))))
}

/// Takes a certificate out, with its key and its specification.
pub(super) fn remove(folder: &Folder, generated: &mut Generated, name: &str) -> Result<()> {
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
    Ok(())
}
