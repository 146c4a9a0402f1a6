//! Puts what hosts held back into the cluster's folder. What is there already stays as it is.

use std::path::Path;

use super::folder::{Folder, Generated};
use super::table::certificates;
use crate::cluster::Cluster;
use crate::components::Catalogue;
use crate::digest::sha256;
use crate::error::{Error, Result};
use crate::files;
use crate::pki::{Certificate, CertificateInfo, Key};
use crate::secret::Secret;

/// A file of the folder, and the hosts that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its name in `pki/`.
    pub file: String,
    /// Its bytes.
    pub content: Secret,
    /// 0600.
    pub secret: bool,
    /// Hosts that hold it.
    pub hosts: Vec<String>,
}

/// Writes the pieces that are not there yet; the names of those that were. Where one is there with other bytes, nothing
/// is written at all.
pub fn restore(catalogue: &Catalogue, cluster: &Cluster, dir: &Path, pieces: &[Piece]) -> Result<Vec<String>> {
    let look = Folder::look(dir);
    let mut there = Vec::new();
    let mut differing = Vec::new();
    for piece in pieces {
        let path = look.path.join(&piece.file);
        if !path.exists() {
            continue;
        }
        match files::read(&path)?.as_slice() == piece.content.expose() {
            true => there.push(piece.file.clone()),
            false => differing.push(format!("{} ({})", path.display(), piece.hosts.join(", "))),
        }
    }
    if !differing.is_empty() {
        return Err(Error::pki("files of the folder differ from what hosts have; nothing was written")
            .detail(differing.join("\n"))
            .hint(
                "move those away that are to be taken from the hosts, or recover into an empty folder with --state",
            ));
    }
    let wanted: Vec<&Piece> = pieces.iter().filter(|piece| !there.contains(&piece.file)).collect();
    Error::all(wanted.iter().filter_map(|piece| beside(&look, piece, pieces).err()))?;
    let folder = Folder::open(dir)?;
    let mut generated = folder.generated()?;
    let pending = wanted.iter().map(|piece| {
        let path = folder.path.join(&piece.file);
        match piece.secret {
            true => files::Pending::key(&path, &piece.content),
            false => files::Pending::public(&path, piece.content.expose()),
        }
    });
    files::persist(pending.collect::<Result<Vec<_>>>()?)?;
    adopt(catalogue, cluster, &wanted, &mut generated)?;
    folder.set_generated(&generated)?;
    Ok(there)
}

/// A key that comes alone must belong to the certificate that is there.
fn beside(folder: &Folder, piece: &Piece, pieces: &[Piece]) -> Result<()> {
    let Some(name) = piece.file.strip_suffix("-key.pem") else { return Ok(()) };
    if pieces.iter().any(|other| other.file == format!("{name}.pem")) {
        return Ok(());
    }
    let Some(certificate) = folder.read_certificate(name)? else { return Ok(()) };
    if certificate.public_key()? == Key::from_pem(piece.content.expose(), &piece.file)?.public() {
        return Ok(());
    }
    let (path, hosts) = (folder.certificate(name), piece.hosts.join(", "));
    Err(Error::pki(format!("the key that hosts have does not belong to {}; nothing was written", path.display()))
        .detail(hosts))
}

/// What looks as kbootstrap issues it is kbootstrap's, and follows the inventory; keys that must not be made twice are
/// remembered.
fn adopt(catalogue: &Catalogue, cluster: &Cluster, pieces: &[&Piece], generated: &mut Generated) -> Result<()> {
    for row in certificates(catalogue, cluster) {
        let file = format!("{}.pem", row.name);
        let Some(piece) = pieces.iter().find(|piece| piece.file == file) else { continue };
        let certificate = Certificate::from_pem(piece.content.expose(), &file)?;
        let subject = CertificateInfo::of(&certificate).subject;
        let group = row.organization.is_empty() || subject.organizations.contains(&row.organization);
        if subject.common_name == row.common_name && group {
            generated.certificates.insert(row.name, sha256(certificate.der()));
        }
    }
    let lasting = ["sa.key", "encryption.key"].into_iter();
    generated.keys.extend(lasting.filter(|name| pieces.iter().any(|piece| piece.file == *name)).map(String::from));
    Ok(())
}
