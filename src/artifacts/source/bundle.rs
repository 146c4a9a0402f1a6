//! The folder source where the "folder" is a bundle: only what is wanted is taken out of it.

use std::path::Path;

use super::{Job, REFUSED, Supplied};
use crate::artifacts::lock::{Lock, Locked};
use crate::artifacts::requirements::Requirement;
use crate::artifacts::shape::Shape;
use crate::artifacts::store::{OriginKind, bundle};
use crate::error::{Error, Reason, Result};

/// The answer for each thing.
pub fn supply(path: &Path, wanted: &[Requirement], job: &Job<'_>) -> Vec<(Requirement, Result<Supplied>)> {
    let refused = |error: Error| wanted.iter().map(|thing| (thing.clone(), Err(error.clone()))).collect();
    let lock = match bundle::read_lock(path) {
        Ok(lock) => lock,
        Err(error) => return refused(error),
    };
    let take = |locked: &Locked| wanted.iter().find(|w| lock.get(w) == Some(locked)).map(Shape::of);
    if let Err(error) = bundle::unpack(path, job.store, OriginKind::Folder, take) {
        return refused(error);
    }
    wanted.iter().map(|thing| (thing.clone(), answer(path, thing, &lock, job))).collect()
}

fn answer(path: &Path, thing: &Requirement, lock: &Lock, job: &Job<'_>) -> Result<Supplied> {
    let locked =
        lock.get(thing).ok_or_else(|| Error::artifact(format!("{} is not in {}", thing.title(), path.display())))?;
    if let Some(pin) = job.lock.get(thing).filter(|pin| pin.sha256 != locked.sha256) {
        return Err(Error::artifact(format!("{REFUSED}: {} {} is not what it was", thing.name, thing.version))
            .because(Reason::Pinned)
            .detail(format!("expected SHA-256 {}\nfound    SHA-256 {}", pin.sha256, locked.sha256)));
    }
    let artifact = locked.artifact();
    job.store.compressed(&artifact)?;
    Ok(Supplied { artifact, from: bundle::from(path, locked) })
}
