//! From what hosts lack to what is in the store: the lock first, then folders and bundles, then the distributions' archives.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use time::OffsetDateTime;

use super::archive::{self, Reading, unreachable};
use super::host::Installed;
use super::keys::{self, Keys};
use super::known::{Archive, archives};
use super::resolve::{Refusal, Resolved, resolve};
use super::universe::{Candidate, Origin, Universe};
use super::{deb, known};
use crate::artifacts::{
    self, Client, Label, Lock, LockedPackage, OriginKind, Shape, Store, bundle_lock, bundle_source, unpack_bundle,
    verified,
};
use crate::error::{Error, Reason, Result};
use crate::facts::Os;
use crate::inventory::{PackageArchive, Source};
use crate::parallel;
use crate::state::{ArtifactRef, PACKAGE_PREFIX, PackageFile, package_artifact};
use crate::ui::Reporter;
use crate::ui::step::{self, megabytes};

/// Downloads at the same time.
const AT_ONCE: usize = 4;

/// A host that lacks packages.
#[derive(Debug, Clone)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Its distribution.
    pub os: Os,
    /// Its architecture.
    pub arch: String,
    /// What it must have and has not.
    pub wanted: Vec<String>,
    /// What it has.
    pub installed: Installed,
}

impl Host {
    /// Distribution and release, as the lock names them.
    fn release(&self) -> String {
        format!("{}/{}", self.os.id, self.os.codename)
    }
}

/// Gives the bytes of those of a host's files that are there.
pub type HostFiles<'a> = dyn Fn(&str, &[String]) -> Vec<Vec<u8>> + Sync + 'a;

/// How packages are found.
pub struct Options<'a> {
    /// The lock file.
    pub lock: &'a Path,
    /// The store.
    pub store: &'a Store,
    /// Archives that the inventory names.
    pub named: &'a BTreeMap<String, PackageArchive>,
    /// The inventory's sources: its folders and bundles may have packages, too.
    pub sources: &'a [Source],
    /// Take what there is now where the lock pins something else.
    pub update_lock: bool,
    /// Files of a host that may have keys of its distribution; nothing where it does not answer.
    pub host_files: &'a HostFiles<'a>,
    /// Where progress is reported.
    pub reporter: &'a dyn Reporter,
    /// The wish to stop.
    pub interrupt: &'a AtomicBool,
    /// The present.
    pub now: OffsetDateTime,
}

/// What is installed, by host.
pub type ByHost = BTreeMap<String, Vec<PackageFile>>;

/// What [`ensure`] would answer, as far as it is known without asking an archive; nothing is written. Of the rest only the
/// names are known. The second list is what it would fetch, with its architecture.
///
/// # Errors
/// Input: the lock cannot be read.
pub fn look(hosts: &[Host], how: &Options<'_>) -> Result<(ByHost, Vec<(String, ArtifactRef)>)> {
    let lock = Lock::read(how.lock)?;
    let (mut all, mut fetch) = (ByHost::new(), BTreeMap::new());
    for host in hosts {
        let near = Near::of(&host.release(), &host.arch, &lock, how)?;
        let universe = near.universe(Vec::new());
        let files = match resolve(&host.wanted, &universe, &host.installed) {
            Ok(resolved) => resolved.iter().map(file).collect(),
            Err(_) => host.wanted.iter().map(|name| PackageFile::unknown(name)).collect::<Vec<_>>(),
        };
        for file in files.iter().filter(|file| file.artifact.sha256.is_empty() || !how.store.has(&file.artifact)) {
            fetch.insert((host.arch.clone(), file.package.clone()), file.artifact.clone());
        }
        all.insert(host.name.clone(), files);
    }
    Ok((all, fetch.into_iter().map(|((arch, _), artifact)| (arch, artifact)).collect()))
}

/// What must be installed on each host, all of it in the store and pinned.
///
/// # Errors
/// Everything that cannot be had, for each host.
pub fn ensure(hosts: &[Host], how: &Options<'_>) -> Result<ByHost> {
    let mut lock = Lock::read(how.lock)?;
    let before = lock.clone();
    let mut groups: BTreeMap<(String, String), Vec<&Host>> = BTreeMap::new();
    for host in hosts {
        groups.entry((host.release(), host.arch.clone())).or_default().push(host);
    }
    let _held = if hosts.is_empty() { None } else { Some(artifacts::hold(how.store, how.reporter)?) };
    let (mut all, mut errors) = (ByHost::new(), Vec::new());
    for ((release, arch), hosts) in groups {
        match group(&hosts, &release, &arch, &mut lock, how) {
            Ok(files) => all.extend(files),
            Err(error) => errors.push(error),
        }
    }
    // What was brought is pinned even when something else failed.
    if lock != before {
        lock.write(how.lock)?;
    }
    Error::all(errors)?;
    Ok(all)
}

/// Hosts of one release and architecture.
fn group(hosts: &[&Host], release: &str, arch: &str, lock: &mut Lock, how: &Options<'_>) -> Result<ByHost> {
    let near = Near::of(release, arch, lock, how)?;
    let mut universe = near.universe(Vec::new());
    let mut addresses = Vec::new();
    if hosts.iter().any(|host| resolve(&host.wanted, &universe, &host.installed).is_err()) {
        let read = read_archives(hosts, arch, how).map_err(|e| e.context(of(hosts)))?;
        universe = near.universe(read.0);
        addresses = read.1;
    }
    let (mut resolved, mut errors) = (Vec::new(), Vec::new());
    for host in hosts {
        if let Some(name) = host.installed.unfinished().first() {
            errors.push(unfinished(host, name));
            continue;
        }
        match resolve(&host.wanted, &universe, &host.installed) {
            Ok(all) => resolved.push((host.name.clone(), all)),
            Err(refusal) => errors.push(refused(host, refusal)),
        }
    }
    Error::all(errors)?;
    let candidates: BTreeMap<&str, &Candidate> =
        resolved.iter().flat_map(|(_, all)| all).map(|one| (one.candidate.name.as_str(), one.candidate)).collect();
    let candidates: Vec<&Candidate> = candidates.into_values().collect();
    let bring = Bring { release, arch, addresses: &addresses, how };
    let mut errors = Vec::new();
    for (candidate, brought) in candidates.iter().zip(parallel::each(&candidates, AT_ONCE, |one| bring.one(one))) {
        match brought {
            Ok(source) => lock.set_package(candidate.locked(release, arch, source)),
            Err(error) => errors.push(error),
        }
    }
    Error::all(errors)?;
    Ok(resolved.into_iter().map(|(host, all)| (host, all.iter().map(file).collect())).collect())
}

fn of(hosts: &[&Host]) -> String {
    hosts.iter().map(|host| host.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn refused(host: &Host, refusal: Refusal) -> Error {
    let (name, wanted) = (&host.name, host.wanted.join(", "));
    let error =
        Error::artifact(format!("{name}: the distribution's packages cannot be had: {wanted}")).detail(refusal.why);
    match refusal.upgrade {
        Some(package) => error
            .hint(format!("what is installed is not replaced without you: on {name}, `apt-get install {package}`"))
            .hint(format!("or all of it there: `apt-get install {wanted}`; what a host has is used")),
        None => error
            .hint(format!(
                "is {} right for this host? `packages` in the inventory names other archives",
                host.release()
            ))
            .hint(format!(
                "or install it there by hand, from wherever it is: `apt-get install {wanted}`; what a host has is used"
            )),
    }
}

fn unfinished(host: &Host, package: &str) -> Error {
    let name = &host.name;
    Error::remote(format!("{name}: package {package} is unpacked and not configured: dpkg was interrupted, or failed"))
        .hint(format!("on {name}: `dpkg --configure -a`, then `apt-get -f install`"))
}

fn file(one: &Resolved<'_>) -> PackageFile {
    PackageFile {
        package: one.candidate.name.clone(),
        artifact: artifact(one.candidate),
        wanted_by: one.wanted_by.clone(),
        after_configured: one.after_configured,
    }
}

fn artifact(candidate: &Candidate) -> ArtifactRef {
    ArtifactRef {
        name: package_artifact(&candidate.name),
        version: candidate.version.clone(),
        sha256: candidate.sha256.clone(),
        size: candidate.size,
    }
}

/// What there is without asking an archive.
struct Near {
    pinned: Vec<Candidate>,
    others: Vec<Candidate>,
}

impl Near {
    fn of(release: &str, arch: &str, lock: &Lock, how: &Options<'_>) -> Result<Self> {
        let pins: Vec<&LockedPackage> =
            if how.update_lock { Vec::new() } else { lock.packages_of(release, arch).collect() };
        let pinned = |pin: &LockedPackage| Candidate::pinned(pin, Origin::Lock(pin.source.clone()));
        let mut others = Vec::new();
        for source in how.sources.iter().filter_map(|source| source.folder.as_deref()) {
            if source.is_file() {
                let bundle = bundle_lock(source)?;
                let of_bundle = bundle.packages_of(release, arch);
                others.extend(of_bundle.map(|pin| Candidate::pinned(pin, Origin::Bundle(source.to_owned()))));
            } else {
                others.extend(in_folder(source, release, arch));
            }
        }
        let kept = how.store.kept_packages()?;
        let kept = kept.iter().filter(|pin| (pin.release.as_str(), pin.arch.as_str()) == (release, arch));
        let kept = kept.filter(|pin| how.store.has(&pin.locked().artifact()));
        others.extend(kept.map(pinned));
        Ok(Near { pinned: pins.into_iter().map(pinned).collect(), others })
    }

    fn universe(&self, archives: Vec<Candidate>) -> Universe {
        // What a person has laid there comes before what an archive has.
        let laid: BTreeSet<&str> = self.others.iter().map(|other| other.name.as_str()).collect();
        let archives = archives.into_iter().filter(|candidate| !laid.contains(candidate.name.as_str()));
        Universe::new(self.pinned.clone(), self.others.iter().cloned().chain(archives).collect())
    }
}

/// Packages in a folder: those in a folder of their release's name below it, and those that lie beside the programs.
fn in_folder(folder: &Path, release: &str, arch: &str) -> Vec<Candidate> {
    let codename = release.rsplit('/').next().unwrap_or_default();
    let folders = [folder.join(codename).join(arch), folder.join(codename), folder.join(arch), folder.to_owned()];
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut here: Vec<PathBuf> =
            entries.filter(|path| path.extension().is_some_and(|e| e == "deb") && path.is_file()).collect();
        here.sort();
        files.extend(here);
    }
    let fits = |path: &&PathBuf| deb::arch(path).is_some_and(|own| own == arch || own == "all");
    files.iter().filter(fits).filter_map(|path| deb::read(path).ok()).collect()
}

/// All packages of the archives of these hosts, which are of one release, and the archives' addresses.
fn read_archives(hosts: &[&Host], arch: &str, how: &Options<'_>) -> Result<(Vec<Candidate>, Vec<String>)> {
    let Some(first) = hosts.first() else { return Ok(Default::default()) };
    let (archives, keyring) = archives(&first.os, arch, how.named)?;
    let mut keys = Keys::here(keyring.as_deref())?;
    let reading = Reading { store: how.store, reporter: how.reporter, interrupt: how.interrupt, now: how.now };
    let mut all = Vec::new();
    let mut asked_hosts = keys.are_named();
    for archive in &archives {
        let read = match archive::read(archive, arch, keys.keyring(), &reading) {
            // The hosts have the keys of their own distribution.
            Err(error) if error.is(Reason::Signature) && !asked_hosts => {
                asked_hosts = true;
                for bytes in hosts.iter().flat_map(|host| (how.host_files)(&host.name, &keys::of_host(&host.os))) {
                    keys.add(&bytes);
                }
                archive::read(archive, arch, keys.keyring(), &reading)
            }
            read => read,
        };
        all.extend(read?);
    }
    Ok((all, addresses(&archives)))
}

fn addresses(archives: &[Archive]) -> Vec<String> {
    let all: BTreeSet<&String> = archives.iter().map(|archive| &archive.address).collect();
    all.into_iter().cloned().collect()
}

/// Brings packages into the store.
struct Bring<'a> {
    release: &'a str,
    arch: &'a str,
    /// Archives that were asked.
    addresses: &'a [String],
    how: &'a Options<'a>,
}

impl Bring<'_> {
    /// Where it came from, once it is in the store.
    fn one(&self, candidate: &Candidate) -> Result<String> {
        let source = match &candidate.from {
            Origin::Archive(address, path) => format!("{address}/{path}"),
            Origin::Lock(source) => source.clone(),
            Origin::File(path) => path.display().to_string(),
            Origin::Bundle(path) => {
                bundle_source(path, &candidate.locked(self.release, self.arch, path.display().to_string()).locked())
            }
        };
        if self.is_there(candidate, &source)? {
            return Ok(source);
        }
        match &candidate.from {
            Origin::Archive(..) => self.download(candidate, std::slice::from_ref(&source))?,
            Origin::File(path) => self.put(candidate, path, OriginKind::Folder, &source)?,
            Origin::Bundle(path) => self.unbundle(candidate, path)?,
            Origin::Lock(_) => self.again(candidate, &source)?,
        }
        Ok(source)
    }

    /// Whether its bytes are in the store, as this package. One for all architectures is there for each of them.
    fn is_there(&self, candidate: &Candidate, source: &str) -> Result<bool> {
        let (store, pin) = (self.how.store, candidate.locked(self.release, self.arch, source.to_owned()).locked());
        if !store.has(&pin.artifact()) {
            return Ok(false);
        }
        let labels = store.record(&pin.sha256)?.labels;
        let other = labels.iter().find(|label| (&label.name, &label.version) == (&pin.name, &pin.version));
        match other.filter(|_| labels.iter().all(|label| label.arch != pin.arch)) {
            Some(other) => store.add_label(&pin.sha256, Label { arch: pin.arch, ..other.clone() }).map(|()| true),
            None => store.pinned(&pin),
        }
    }

    /// What the lock pins, from where it came, or from the archives of today: the hash says whether it is that.
    fn again(&self, candidate: &Candidate, source: &str) -> Result<()> {
        let near = Near::of(self.release, self.arch, &Lock::default(), self.how)?;
        let is_it = |other: &&Candidate| other.sha256 == candidate.sha256;
        if let Some(laid) = near.others.iter().find(is_it) {
            return match &laid.from {
                Origin::File(path) => self.put(candidate, path, OriginKind::Folder, &path.display().to_string()),
                Origin::Bundle(path) => self.unbundle(candidate, path),
                Origin::Archive(..) | Origin::Lock(_) => Ok(()),
            };
        }
        if !source.starts_with("http://") && !source.starts_with("https://") {
            let title = format!("{}{} {}", PACKAGE_PREFIX, candidate.name, candidate.version);
            return Err(Error::artifact(format!("{title} is not in the store, and came from elsewhere: {source}"))
                .hint("bring it back there, or pin what there is now: `kbootstrap artifacts fetch --update-lock`"));
        }
        let mut urls = vec![source.to_owned()];
        if let Some((_, path)) = source.split_once("/pool/") {
            urls.extend(
                self.today().iter().map(|address| format!("{address}/pool/{path}")).filter(|url| url != source),
            );
        }
        self.download(candidate, &urls).map_err(|e| {
            e.hint("where the archive has a newer one by now, pin that: `kbootstrap artifacts fetch --update-lock`")
        })
    }

    /// Addresses of archives for this release, as the inventory names them now.
    fn today(&self) -> Vec<String> {
        if !self.addresses.is_empty() {
            return self.addresses.to_vec();
        }
        let (id, codename) = self.release.split_once('/').unwrap_or_default();
        let os = Os { id: id.to_owned(), codename: codename.to_owned(), ..Os::default() };
        known::archives(&os, self.arch, self.how.named).map(|(all, _)| addresses(&all)).unwrap_or_default()
    }

    /// From the first of these addresses that has it.
    fn download(&self, candidate: &Candidate, urls: &[String]) -> Result<()> {
        let Candidate { name, version, sha256, size, .. } = candidate;
        let how = self.how;
        step::run(how.reporter, "", format!("download {name} {version}"), |step| {
            let dir = how.store.folder("download")?;
            let mut last = None;
            for url in urls {
                let (address, path) = split(url);
                let client = Client::new(Some(address), how.interrupt)?;
                let progress = |done: u64, total: u64| step.progress(done, total);
                match verified(&client, path, Some(sha256.as_str()), (dir.as_path(), *size), &progress) {
                    Ok(file) => {
                        let put = self.put(candidate, &file, OriginKind::Download, url);
                        let _ = std::fs::remove_file(&file);
                        return put.map(|()| ((), megabytes(*size)));
                    }
                    Err(error) => last = last.or(Some(error)),
                }
            }
            Err(last.map_or_else(|| Error::internal("no address was given"), unreachable))
        })
    }

    fn put(&self, candidate: &Candidate, file: &Path, kind: OriginKind, source: &str) -> Result<()> {
        let label = Label {
            name: package_artifact(&candidate.name),
            version: candidate.version.clone(),
            arch: self.arch.to_owned(),
            origin: artifacts::Origin { kind, from: source.to_owned() },
        };
        Shape::Package.check_file(file, self.arch, source)?;
        self.how.store.put(file, label, Some(&candidate.sha256)).map(drop)
    }

    fn unbundle(&self, candidate: &Candidate, bundle: &Path) -> Result<()> {
        let name = package_artifact(&candidate.name);
        unpack_bundle(bundle, self.how.store, OriginKind::Folder, |locked| {
            (locked.name == name && locked.sha256 == candidate.sha256).then_some(Shape::Package)
        })
        .map(drop)
    }
}

/// Scheme and host of an address, and what stands behind them.
fn split(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |at| at + 3);
    let at = url[host..].find('/').map_or(url.len(), |at| host + at);
    (&url[..at], url[at..].trim_start_matches('/'))
}
