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

use std::collections::BTreeMap;

use super::{Job, Supplied, Supplier};
use crate::artifacts::requirements::Requirement;
use crate::artifacts::store::OriginKind;
use crate::error::{Error, Result};
use crate::inventory::Download;
use crate::parallel;
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
        let (published, others): (Vec<_>, Vec<_>) =
            wanted.iter().map(|thing| (thing.clone(), place(thing))).partition(|(_, place)| place.is_some());
        let nowhere = |thing: &Requirement| Error::artifact(format!("no project publishes {}", thing.title()));
        let others = others.into_iter().map(|(thing, _)| (thing.clone(), Err(nowhere(&thing))));
        let fetch = |things: &Vec<_>| fetch::one(&client, things, job);
        parallel::each(&by_file(published), AT_ONCE, fetch).into_iter().flatten().chain(others).collect()
    }
}

/// Things that are in the same file are fetched together.
fn by_file(wanted: Vec<(Requirement, Option<Place>)>) -> Vec<Vec<(Requirement, Place)>> {
    let mut files: BTreeMap<String, Vec<(Requirement, Place)>> = BTreeMap::new();
    for (thing, place) in wanted.into_iter().filter_map(|(thing, place)| Some((thing, place?))) {
        files.entry(place.url.clone()).or_default().push((thing, place));
    }
    files.into_values().collect()
}

fn refuse(wanted: &[Requirement], error: &Error) -> Vec<(Requirement, Result<Supplied>)> {
    wanted.iter().map(|thing| (thing.clone(), Err(error.clone()))).collect()
}
