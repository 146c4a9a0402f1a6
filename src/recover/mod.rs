//! The cluster's folder, rebuilt from what its hosts hold.

mod inventory;
mod pieces;
mod record;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::access::Pool;
use crate::age::Identity;
use crate::cluster::{Cluster, Role};
use crate::components::Catalogue;
use crate::error::{Error, Result};
use crate::facts::read_files;
use crate::files;
use crate::pki::Certificate;
use crate::secret::Secret;
use crate::trust;

pub use inventory::{Restore, restore_inventory};
pub use pieces::{Choice, Held, Missing, Pieces, names, paths, sort};
pub use record::{Reach, read_record, refuse_this_machine};

/// What hosts answered.
pub struct Asked {
    /// What they hold, by host.
    pub held: BTreeMap<String, Held>,
    /// Hosts that could not be asked, and why.
    pub silent: Vec<(String, Error)>,
}

/// What became of the folder.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Files that were written.
    pub files: Vec<Restored>,
    /// Files that nobody has.
    pub missing: Vec<Missing>,
    /// Certificates that were issued because nobody has them.
    pub issued: Vec<String>,
    /// Hosts that could not be asked.
    pub silent: Vec<String>,
}

impl Report {
    /// Files without which the folder cannot be completed.
    pub fn fatal(&self) -> Vec<String> {
        let fatal = self.missing.iter().filter(|missing| missing.fatal);
        fatal.map(|missing| format!("{}: {}", missing.file, missing.means)).collect()
    }
}

/// A file of the folder.
#[derive(Debug, Clone, Serialize)]
pub struct Restored {
    /// Its name in `pki/`.
    pub file: String,
    /// Hosts that hold it.
    pub hosts: Vec<String>,
    /// It was there already, the same.
    pub was_there: bool,
}

/// Asks every host for what it holds. One master at least must answer.
pub fn ask(catalogue: &Catalogue, cluster: &Cluster, pool: &Pool) -> Result<Asked> {
    let answers =
        pool.each_host(&cluster.hosts, |host| read_files(&mut *pool.take(host)?, &paths(catalogue, cluster, host)));
    let mut asked = Asked { held: BTreeMap::new(), silent: Vec::new() };
    for (host, answer) in cluster.hosts.iter().zip(answers) {
        match answer {
            Ok(held) => drop(asked.held.insert(host.name.clone(), held)),
            Err(error) => asked.silent.push((host.name.clone(), error)),
        }
    }
    if cluster.with_role(Role::Master).any(|host| asked.held.contains_key(&host.name)) {
        return Ok(asked);
    }
    Error::all(asked.silent.into_iter().map(|(_, error)| error))?;
    Err(Error::internal("there is no master"))
}

/// What the encrypted copy on the masters holds; the masters' copies must be the same.
pub fn open_copy(
    catalogue: &Catalogue,
    cluster: &Cluster,
    asked: &Asked,
    from: Option<&str>,
    identities: &[Identity],
) -> Result<BTreeMap<String, Secret>> {
    let only = ["recovery.age".to_owned()];
    let found = sort(catalogue, cluster, &asked.held, Choice { from, only: &only, opened: None })?.found;
    let copy = found.first().ok_or_else(|| {
        Error::pki("no master that answered has an encrypted copy of what only the folder had")
            .hint("there is one when the inventory names a recoveryKey, from the next `kbootstrap up` on")
    })?;
    trust::open_copy(catalogue, cluster, copy.content.expose(), identities)
}

/// Puts what hosts hold into the folder `dir`.
pub fn restore(
    catalogue: &Catalogue,
    cluster: &Cluster,
    dir: &Path,
    asked: &Asked,
    choice: Choice<'_>,
) -> Result<Report> {
    let Pieces { found, missing } = sort(catalogue, cluster, &asked.held, choice)?;
    same_cluster(catalogue, cluster, dir, asked, choice)?;
    let there = trust::restore(catalogue, cluster, dir, &found)?;
    let files = found.into_iter().map(|piece| Restored {
        was_there: there.contains(&piece.file),
        file: piece.file,
        hosts: piece.hosts,
    });
    let missing = missing.into_iter().filter(|missing| !dir.join("pki").join(&missing.file).exists());
    Ok(Report {
        files: files.collect(),
        missing: missing.collect(),
        issued: Vec::new(),
        silent: asked.silent.iter().map(|(host, _)| host.clone()).collect(),
    })
}

/// Refuses to mix: the CAs that are in the folder must be those of the hosts.
fn same_cluster(catalogue: &Catalogue, cluster: &Cluster, dir: &Path, asked: &Asked, choice: Choice<'_>) -> Result<()> {
    let only: Vec<String> = trust::authorities(cluster).into_iter().map(|row| format!("{}.pem", row.name)).collect();
    let theirs = sort(catalogue, cluster, &asked.held, Choice { only: &only, ..choice })?;
    let mut others = Vec::new();
    for piece in theirs.found {
        let path = dir.join("pki").join(&piece.file);
        if path.exists() {
            let ours = Certificate::from_pem(&files::read(&path)?, &path.display().to_string())?;
            let theirs = Certificate::from_pem(piece.content.expose(), &piece.file)?;
            if ours.public_key()? != theirs.public_key()? {
                others.push(format!("{} ({})", path.display(), piece.hosts.join(", ")));
            }
        }
    }
    if others.is_empty() {
        return Ok(());
    }
    Err(Error::pki("the folder is another cluster's: its CAs are not those of the hosts; nothing was written")
        .detail(others.join("\n"))
        .hint("recover into an empty folder with --state, or is another inventory the right one?"))
}
