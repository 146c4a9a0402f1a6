//! From what is wanted to what is there: lock and store first, then the sources in order.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::lock::{Lock, Locked};
use super::requirements::{Requirement, check_arch, requirements};
use super::source::{BuildSource, DownloadSource, FolderSource, Job, Supplier};
use super::store::{OriginKind, Store};
use crate::children::interrupted;
use crate::cluster::{Cluster, Source};
use crate::components::Catalogue;
use crate::error::{Error, Reason, Result};
use crate::files;
use crate::inventory::{Build, Download};
use crate::state::ArtifactRef;
use crate::ui::Reporter;

/// How [`ensure`] works.
#[derive(Debug, Clone, Copy, Default)]
pub struct EnsureOptions<'a> {
    /// The images that `verify` and the tests use, too.
    pub test_images: bool,
    /// Take what the sources deliver even where the lock file pins other bytes.
    pub update_lock: bool,
    /// Take what a mirror on plain HTTP brings though neither the lock nor the program knows its hash.
    pub trust_plain_http: bool,
    /// Once it is raised, what a source has started is ended, and nothing more is asked for.
    pub interrupt: Option<&'a AtomicBool>,
}

/// Programs and images by artifact name, all of them in the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Programs(BTreeMap<String, ArtifactRef>);

impl Programs {
    /// The program or image of that name (`kubelet`, `cni-bridge`, `image-pause`).
    pub fn get(&self, name: &str) -> Result<&ArtifactRef> {
        self.0.get(name).ok_or_else(|| Error::internal(format!("no program {name} was asked for")))
    }
    /// All, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = &ArtifactRef> {
        self.0.values()
    }
}

impl FromIterator<ArtifactRef> for Programs {
    fn from_iter<I: IntoIterator<Item = ArtifactRef>>(artifacts: I) -> Self {
        Programs(artifacts.into_iter().map(|artifact| (artifact.name.clone(), artifact)).collect())
    }
}

/// Everything that the cluster's hosts of that architecture need. Milliseconds when lock and store are complete.
pub fn ensure(
    catalogue: &Catalogue,
    cluster: &Cluster,
    arch: &str,
    lock_path: &Path,
    store: &Store,
    reporter: &dyn Reporter,
    options: EnsureOptions<'_>,
) -> Result<Programs> {
    let wanted = select(catalogue, cluster, arch, options.test_images);
    ensure_requirements(&wanted, &cluster.sources, Some(lock_path), store, reporter, options)
}

/// What [`ensure`] would answer, as far as that is known without asking a source; nothing is written. The second list
/// is what it would fetch: with hash and size where the lock pins them, else without.
pub fn look(
    catalogue: &Catalogue,
    cluster: &Cluster,
    arch: &str,
    lock_path: &Path,
    store: &Store,
) -> Result<(Programs, Vec<ArtifactRef>)> {
    check_arch(arch)?;
    let wanted = select(catalogue, cluster, arch, false);
    let lock = Lock::read(lock_path)?;
    let found = known(&wanted, &suppliers(&cluster.sources)?, &lock, store)?;
    let missing = wanted.iter().filter(|thing| !found.contains_key(&thing.name));
    let to_fetch: Vec<ArtifactRef> =
        missing.map(|thing| lock.get(thing).map_or_else(|| thing.unpinned(), Locked::artifact)).collect();
    let here = found.values().map(Locked::artifact);
    Ok((here.chain(to_fetch.iter().cloned()).collect(), to_fetch))
}

/// What the cluster's hosts want.
pub fn select(catalogue: &Catalogue, cluster: &Cluster, arch: &str, test_images: bool) -> Vec<Requirement> {
    let further = if test_images { &catalogue.test_images[..] } else { &[] };
    requirements(catalogue.in_use(cluster), further, &cluster.versions, arch)
}

/// [`ensure`] for a list; without a lock file nothing is pinned.
pub fn ensure_requirements(
    wanted: &[Requirement],
    sources: &[Source],
    lock_path: Option<&Path>,
    store: &Store,
    reporter: &dyn Reporter,
    options: EnsureOptions<'_>,
) -> Result<Programs> {
    for arch in wanted.iter().map(|w| &w.arch) {
        check_arch(arch)?;
    }
    let lock = lock_path.map_or_else(|| Ok(Lock::default()), Lock::read)?;
    let suppliers = suppliers(sources)?;
    let pins = if options.update_lock { Lock::default() } else { lock.clone() };
    let mut found = known(wanted, &suppliers, &pins, store)?;
    let mut asked = Ok(());
    if found.len() < wanted.len() {
        let _held = hold(store, reporter)?;
        // Whoever held it may have brought what is missing.
        found = known(wanted, &suppliers, &pins, store)?;
        let missing = wanted.iter().filter(|w| !found.contains_key(&w.name)).cloned().collect();
        let never = AtomicBool::new(false);
        let interrupt = options.interrupt.unwrap_or(&never);
        let trust_plain_http = options.trust_plain_http;
        let job = Job { store, reporter, lock: &pins, trust_plain_http, interrupt };
        asked = ask(missing, &suppliers, &job, &mut found);
    }
    // What was brought is pinned even when something else failed: the next run takes it from there.
    if let Some(path) = lock_path {
        pin(lock, wanted, &found, path)?;
    }
    asked?;
    Ok(found.into_values().map(|locked| locked.artifact()).collect())
}

/// One process at a time asks sources: partial downloads and build folders are shared.
pub fn hold(store: &Store, reporter: &dyn Reporter) -> Result<File> {
    store.make()?;
    let path = store.cache().join("fetch.lock");
    let file = files::lock::wait(&path, || reporter.info("waiting for another kbootstrap that fetches programs"))?;
    store.sweep();
    Ok(file)
}

type Found = BTreeMap<String, Locked>;

/// What is in the store already: what the lock pins, or else what a source of the same sort brought.
fn known(wanted: &[Requirement], suppliers: &[Box<dyn Supplier>], pins: &Lock, store: &Store) -> Result<Found> {
    let mut found = Found::new();
    let mut unpinned = Vec::new();
    for thing in wanted {
        match pins.get(thing) {
            Some(locked) if store.pinned(locked)? => drop(found.insert(thing.name.clone(), locked.clone())),
            Some(_) => {}
            None => unpinned.push(thing),
        }
    }
    if unpinned.is_empty() {
        return Ok(found);
    }
    let records = store.records()?;
    for thing in unpinned {
        let labels = records.iter().flat_map(|stored| stored.labels.iter().map(move |label| (stored, label)));
        let fits = labels.filter(|(_, l)| (&l.name, &l.version, &l.arch) == (&thing.name, &thing.version, &thing.arch));
        let ranked = fits.filter_map(|(stored, label)| Some((rank(label.origin.kind, suppliers)?, stored, label)));
        let locked = ranked.map(|(rank, stored, label)| {
            (rank, Locked::of(thing, stored.sha256.clone(), stored.size, label.origin.from.clone()))
        });
        let mut usable: Vec<_> = locked.filter(|(_, locked)| store.has(&locked.artifact())).collect();
        usable.sort();
        if let Some((_, first)) = usable.into_iter().next() {
            found.insert(thing.name.clone(), first);
        }
    }
    Ok(found)
}

/// What a person imported comes first, then the sorts of source that the cluster names, in its order. Folders are
/// always read again: their contents are the person's, and reading them costs little.
fn rank(kind: OriginKind, suppliers: &[Box<dyn Supplier>]) -> Option<usize> {
    match kind {
        OriginKind::Import => Some(0),
        OriginKind::Folder => None,
        _ => suppliers.iter().position(|s| s.kind() == kind).map(|position| position + 1),
    }
}

fn ask(mut missing: Vec<Requirement>, suppliers: &[Box<dyn Supplier>], job: &Job<'_>, found: &mut Found) -> Result<()> {
    let mut reasons: BTreeMap<Requirement, Vec<(String, Error)>> = BTreeMap::new();
    for (index, supplier) in suppliers.iter().enumerate() {
        if missing.is_empty() {
            break;
        }
        if let Some(before) = index.checked_sub(1).map(|i| suppliers[i].title()) {
            job.reporter.info(&format!("{before}: {} not there; trying {}", count(missing.len()), supplier.title()));
        }
        for (thing, answer) in supplier.supply(&missing, job) {
            match answer {
                Ok(supplied) => {
                    let ArtifactRef { sha256, size, .. } = supplied.artifact;
                    // Who brought the pinned bytes again changes nothing: the lock says who vouched for them.
                    let pin = job.lock.get(&thing).filter(|pin| pin.sha256 == sha256);
                    let from = pin.map_or(supplied.from, |pin| pin.source.clone());
                    found.insert(thing.name.clone(), Locked::of(&thing, sha256, size, from));
                }
                Err(error) => reasons.entry(thing).or_default().push((supplier.title(), error)),
            }
        }
        missing.retain(|thing| !found.contains_key(&thing.name));
        if job.interrupt.load(Ordering::SeqCst) {
            return Err(interrupted());
        }
    }
    Error::all(explain(&missing, &reasons))
}

fn count(things: usize) -> String {
    if things == 1 { "1 program or image".into() } else { format!("{things} programs and images") }
}

/// What each source answered, in order; things that fail for the same reasons are reported together.
fn explain(missing: &[Requirement], reasons: &BTreeMap<Requirement, Vec<(String, Error)>>) -> Vec<Error> {
    type Why = [(String, Error)];
    let mut groups: Vec<(Vec<String>, &Why)> = Vec::new();
    for thing in missing {
        let why = reasons.get(thing).map_or(&[][..], Vec::as_slice);
        match groups.iter_mut().find(|(_, other)| *other == why) {
            Some((titles, _)) => titles.push(thing.title()),
            None => groups.push((vec![thing.title()], why)),
        }
    }
    groups.into_iter().map(|(titles, why)| refusal(&titles.join(", "), why)).collect()
}

fn refusal(titles: &str, reasons: &[(String, Error)]) -> Error {
    let mut error = Error::artifact(format!("no source has {titles}"));
    for (source, reason) in reasons {
        error = error.detail(format!("{source}: {}", reason.message));
        error.details.extend(reason.details.iter().cloned());
        for hint in &reason.hints {
            if !error.hints.contains(hint) {
                error.hints.push(hint.clone());
            }
        }
    }
    if reasons.iter().any(|(_, e)| e.is(Reason::Pinned)) {
        error = error.hint(
            "if the new bytes are right, pin them with `kbootstrap artifacts fetch --update-lock`; if nobody changed \
             the source, find out why they differ first",
        );
    }
    error
}

fn pin(mut lock: Lock, wanted: &[Requirement], found: &Found, path: &Path) -> Result<()> {
    let before = lock.clone();
    for locked in wanted.iter().filter_map(|thing| found.get(&thing.name)) {
        lock.set(locked.clone());
    }
    if lock == before { Ok(()) } else { lock.write(path) }
}

/// The inventory's sources, or download and then build when it names none.
fn suppliers(sources: &[Source]) -> Result<Vec<Box<dyn Supplier>>> {
    let default = [
        Source { download: Some(Download::default()), ..Source::default() },
        Source { build: Some(Build::default()), ..Source::default() },
    ];
    let sources = if sources.is_empty() { &default[..] } else { sources };
    sources.iter().map(supplier).collect()
}

fn supplier(source: &Source) -> Result<Box<dyn Supplier>> {
    match source {
        Source { folder: Some(path), download: None, build: None } => Ok(Box::new(FolderSource::new(path))),
        Source { folder: None, download: Some(settings), build: None } => Ok(Box::new(DownloadSource::new(settings))),
        Source { folder: None, download: None, build: Some(settings) } => Ok(Box::new(BuildSource::new(settings))),
        _ => Err(Error::input("artifacts: each source has exactly one of `folder`, `download` and `build`")),
    }
}
