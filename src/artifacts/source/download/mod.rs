//! Downloading from the projects' release pages and their image registry, or a mirror of them.

mod archive;
mod checksum;
mod fetch;
mod hosts;
mod http;
mod registry;
mod release;
mod roots;
mod token;
mod verified;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use super::{Job, Supplied, Supplier};
use crate::artifacts::requirements::Requirement;
use crate::artifacts::store::OriginKind;
use crate::error::{Error, Result};
use crate::inventory::Download;
use http::Client;
use release::{Place, place};

/// Downloads at the same time.
const AT_ONCE: usize = 4;

/// The download source.
pub struct DownloadSource {
    mirror: Option<String>,
}

impl DownloadSource {
    /// With the inventory's settings.
    pub fn new(settings: &Download) -> Self {
        DownloadSource { mirror: settings.mirror.clone() }
    }
}

impl Supplier for DownloadSource {
    fn title(&self) -> String {
        match &self.mirror {
            Some(mirror) => format!("download from {mirror}"),
            None => "download".into(),
        }
    }
    fn kind(&self) -> OriginKind {
        OriginKind::Download
    }

    fn supply(&self, wanted: &[Requirement], job: &Job<'_>) -> Vec<(Requirement, Result<Supplied>)> {
        let client = match Client::new(self.mirror.as_deref()) {
            Ok(client) => client,
            Err(error) => return refuse(wanted, &error),
        };
        let queue = Mutex::new(VecDeque::from_iter(by_file(wanted)));
        let answers = Mutex::new(Vec::new());
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    while let Some(things) = next() {
                        let fetched = fetch::one(&client, &things, job);
                        answers.lock().unwrap_or_else(PoisonError::into_inner).extend(fetched);
                    }
                });
            }
        });
        answers.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Things that are in the same file are fetched together.
fn by_file(wanted: &[Requirement]) -> Vec<Vec<(Requirement, Place)>> {
    let mut files: BTreeMap<String, Vec<(Requirement, Place)>> = BTreeMap::new();
    for thing in wanted {
        let place = place(thing);
        files.entry(place.url.clone()).or_default().push((thing.clone(), place));
    }
    files.into_values().collect()
}

fn refuse(wanted: &[Requirement], error: &Error) -> Vec<(Requirement, Result<Supplied>)> {
    wanted.iter().map(|thing| (thing.clone(), Err(error.clone()))).collect()
}
