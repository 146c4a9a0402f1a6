//! Downloading from the projects' release pages and their image registry, or a mirror of them.

mod archive;
mod checksum;
mod fetch;
mod hosts;
mod http;
mod registry;
mod roots;
mod token;
mod verified;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use super::{Job, Supplied, Supplier};
use crate::artifacts::known::{self, Published};
use crate::artifacts::release::{Place, place};
use crate::artifacts::requirements::Requirement;
use crate::artifacts::store::{OriginKind, Store};
use crate::components::Catalogue;
use crate::error::{Error, Result};
use crate::inventory::Download;
use crate::parallel;
pub use http::Client;
use http::has_login;
pub use verified::verified;

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
            Some(mirror) if has_login(mirror) => "download from the mirror".into(),
            Some(mirror) => format!("download from {mirror}"),
            None => "download".into(),
        }
    }
    fn kind(&self) -> OriginKind {
        OriginKind::Download
    }

    fn supply(&self, wanted: &[Requirement], job: &Job<'_>) -> Vec<(Requirement, Result<Supplied>)> {
        let client = match Client::new(self.mirror.as_deref(), job.interrupt) {
            Ok(client) => client,
            Err(error) => return refuse(wanted, &error),
        };
        if client.is_plain() {
            job.reporter.warn(&format!(
                "{} is plain HTTP: what comes from there is believed where artifacts.lock pins it, not otherwise",
                client.address("").trim_end_matches('/')
            ));
        }
        let (published, others): (Vec<_>, Vec<_>) =
            wanted.iter().map(|thing| (thing.clone(), place(thing))).partition(|(_, place)| place.is_some());
        let nowhere = |thing: &Requirement| Error::artifact(format!("no project publishes {}", thing.title()));
        let others = others.into_iter().map(|(thing, _)| (thing.clone(), Err(nowhere(&thing))));
        let fetch = |things: &Vec<_>| fetch::one(&client, things, job);
        parallel::each(&by_file(published), AT_ONCE, fetch).into_iter().flatten().chain(others).collect()
    }
}

/// What the release sites, or a mirror of them, say today of every file that the program may download; with the errors
/// of those that are not there. It is what the program ships.
pub fn from_sites(
    catalogue: &Catalogue,
    store: &Store,
    mirror: Option<&str>,
    interrupt: &AtomicBool,
) -> Result<(Vec<Published>, Vec<Error>)> {
    let client = Client::new(mirror, interrupt)?;
    let dir = store.folder("download")?;
    let places: Vec<Place> = known::places(catalogue).into_values().collect();
    let answers = parallel::each(&places, AT_ONCE, |place| fetch::of_site(&client, place, &dir));
    let mut errors = Vec::new();
    let mut one = |(place, answer): (Place, Result<String>)| {
        let sha256 = answer.map_err(|error| errors.push(error)).ok();
        Published { url: place.url, sha256 }
    };
    let files = places.into_iter().zip(answers).map(&mut one).collect();
    Ok((files, errors))
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
