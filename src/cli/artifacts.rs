//! `kbootstrap artifacts`.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use semver::Version;

use super::Ctx;
use crate::artifacts::{
    ARCHITECTURES, Bundled, EnsureOptions, Finding, Lock, Locked, Store, Stored, Wanted, ensure_wanted, import, verify,
    wanted, write_bundle,
};
use crate::cluster::{NetworkPlugin, Role, Versions};
use crate::error::{Error, Result};
use crate::inventory::{Build, Download, Source};
use crate::ui::{Event, Format, Level, Reporter};

/// Fetch, list and verify programs and images
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  kbootstrap artifacts fetch --kubernetes 1.36.3\n  kbootstrap artifacts list")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Fetch(Fetch),
    List(List),
    Verify(Verify),
    Bundle(Bundle),
    Import(Import),
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        match self.command {
            Command::Fetch(args) => args.run(ctx),
            Command::List(args) => args.run(ctx),
            Command::Verify(args) => args.run(ctx),
            Command::Bundle(args) => args.run(ctx),
            Command::Import(args) => args.run(ctx),
        }
    }
}

/// Bring the programs and images of a Kubernetes version into the store
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kbootstrap artifacts fetch --kubernetes 1.36.3
  kbootstrap artifacts fetch --kubernetes 1.36.3 --arch arm64 --source download --mirror https://mirror.example.org
  kbootstrap artifacts fetch --kubernetes 1.36.3 --lock clusters/prod/artifacts.lock --update-lock")]
struct Fetch {
    #[command(flatten)]
    what: What,
    /// Where from, tried in this order (repeat it): download, build, or a folder or bundle
    #[arg(long, value_name = "download|build|PATH")]
    source: Vec<String>,
    /// Put before each URL's host and path
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// Pin what came in this file, and hold to what it pins
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// Take what the sources deliver even where the lock pins other bytes
    #[arg(long, requires = "lock")]
    update_lock: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// Which programs.
#[derive(Debug, clap::Args)]
struct What {
    /// Kubernetes version; the other programs are those that fit it
    #[arg(long, value_name = "VERSION")]
    kubernetes: Version,
    /// Architecture (repeat it for several)
    #[arg(long, default_value = "amd64", value_parser = ARCHITECTURES)]
    arch: Vec<String>,
    /// The images that verify and the tests use, too
    #[arg(long)]
    test_images: bool,
}

impl What {
    fn wanted(&self, arch: &str) -> Vec<Wanted> {
        let roles = BTreeSet::from([Role::Etcd, Role::Master, Role::Node]);
        wanted(&default_versions(&self.kubernetes), NetworkPlugin::Flannel, arch, &roles, self.test_images)
    }
}

/// What fits a Kubernetes version where no inventory says otherwise.
fn default_versions(kubernetes: &Version) -> Versions {
    Versions {
        kubernetes: kubernetes.clone(),
        etcd: Version::new(3, 6, 14),
        containerd: Version::new(2, 3, 7),
        runc: Version::new(1, 5, 2),
        cni_plugins: Version::new(1, 9, 1),
        flannel: Version::new(0, 28, 10),
        coredns: Version::new(1, 14, 7),
        pause: "3.10.1".into(),
    }
}

impl Fetch {
    fn run(self, ctx: &Ctx) -> Result<u8> {
        let store = Store::open_default()?;
        let sources = sources(&self.source, self.mirror.as_deref())?;
        let options = EnsureOptions { test_images: self.what.test_images, update_lock: self.update_lock };
        let mut have = Vec::new();
        for arch in &self.what.arch {
            let wanted = self.what.wanted(arch);
            let programs = ensure_wanted(&wanted, &sources, self.lock.as_deref(), &store, &Lines, options)?;
            have.extend(programs.iter().map(|a| store.record(&a.sha256)).collect::<Result<Vec<_>>>()?);
        }
        print_records(ctx, &store, &have, self.output)
    }
}

fn sources(names: &[String], mirror: Option<&str>) -> Result<Vec<Source>> {
    let download = || Some(Download { mirror: mirror.map(str::to_owned) });
    let source = |name: &String| match name.as_str() {
        "download" => Source { download: download(), ..Source::default() },
        "build" => Source { build: Some(Build::default()), ..Source::default() },
        path => Source { folder: Some(path.into()), ..Source::default() },
    };
    let mut sources: Vec<_> = names.iter().map(source).collect();
    if sources.is_empty() && mirror.is_some() {
        sources.push(Source { download: download(), ..Source::default() });
    }
    if mirror.is_some() && sources.iter().all(|s| s.download.is_none()) {
        return Err(Error::usage("--mirror is for the source `download`, which is not among those named"));
    }
    Ok(sources)
}

/// List what is in the store
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  kbootstrap artifacts list -o json")]
struct List {
    /// How to print
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl List {
    fn run(self, ctx: &Ctx) -> Result<u8> {
        let store = Store::open_default()?;
        print_records(ctx, &store, &store.records()?, self.output)
    }
}

fn print_records(ctx: &Ctx, store: &Store, records: &[Stored], format: Format) -> Result<u8> {
    if format == Format::Json {
        ctx.out.json(&records)?;
        return Ok(0);
    }
    let rows: Vec<_> =
        records.iter().flat_map(|record| record.labels.iter().map(move |label| (record, label))).collect();
    let width = |f: &dyn Fn(&(&Stored, &crate::artifacts::Label)) -> usize| rows.iter().map(f).max().unwrap_or(0);
    let (name, version) = (width(&|(_, l)| l.name.len()), width(&|(_, l)| l.version.len()));
    for (record, label) in &rows {
        let megabytes = record.size as f64 / 1e6;
        ctx.out.line(&format!(
            "{:name$}  {:version$}  {}  {megabytes:>7.1} MB  {}  {}",
            label.name,
            label.version,
            label.arch,
            &record.sha256[..12],
            label.origin.from
        ))?;
    }
    let bytes: u64 = records.iter().map(|r| r.compressed_size).sum();
    ctx.out.line(&format!("{} in {} ({:.0} MB compressed)", rows.len(), store.dir().display(), bytes as f64 / 1e6))?;
    Ok(0)
}

/// Check the store's files against their hashes
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  kbootstrap artifacts verify --deep")]
struct Verify {
    /// Unpack everything and hash it again, too
    #[arg(long)]
    deep: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl Verify {
    fn run(self, ctx: &Ctx) -> Result<u8> {
        let findings = verify(&Store::open_default()?, self.deep, &Lines)?;
        if self.output == Format::Json {
            ctx.out.json(&findings)?;
        } else {
            for Finding { what, problem, .. } in &findings {
                match problem {
                    None => ctx.out.line(&format!("{} {what}", ctx.out.paint("32", "ok")))?,
                    Some(problem) => ctx.out.line(&format!("{} {what}: {problem}", ctx.out.paint("31", "bad")))?,
                }
            }
        }
        let bad: Vec<_> = findings.iter().filter(|f| f.problem.is_some()).collect();
        if bad.is_empty() {
            return Ok(0);
        }
        let files: Vec<_> = bad.iter().map(|f| f.file.display().to_string()).collect();
        Err(Error::artifact(format!("{} of {} files in the store are damaged", bad.len(), findings.len()))
            .hint(format!("rm {}", files.join(" ")))
            .hint("then `kbootstrap artifacts fetch` brings them back"))
    }
}

/// Write programs and images to one file, for a site without a way out
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kbootstrap artifacts bundle --lock clusters/prod/artifacts.lock -o prod.tar
  kbootstrap artifacts bundle --kubernetes 1.36.3 --arch amd64 --arch arm64 -o k8s-1.36.3.tar")]
struct Bundle {
    /// Just what this lock file pins
    #[arg(long, value_name = "FILE", conflicts_with = "kubernetes", required_unless_present = "kubernetes")]
    lock: Option<PathBuf>,
    /// Everything for this Kubernetes version
    #[arg(long, value_name = "VERSION")]
    kubernetes: Option<Version>,
    /// Architecture, with --kubernetes (repeat it for several)
    #[arg(long, default_value = "amd64", value_parser = ARCHITECTURES)]
    arch: Vec<String>,
    /// The images that verify and the tests use, too, with --kubernetes
    #[arg(long)]
    test_images: bool,
    /// The file to write
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    file: PathBuf,
}

impl Bundle {
    fn run(self, ctx: &Ctx) -> Result<u8> {
        let store = Store::open_default()?;
        let lock = match (&self.lock, self.kubernetes) {
            (Some(path), _) => existing(path)?,
            (None, Some(kubernetes)) => {
                lock_of(&What { kubernetes, arch: self.arch, test_images: self.test_images }, &store)?
            }
            (None, None) => return Err(Error::usage("one of --lock and --kubernetes is needed")),
        };
        let bundled = write_bundle(&lock, &store, &self.file, &Lines)?;
        print_bundled(ctx, &bundled, &self.file, "wrote")
    }
}

fn existing(path: &Path) -> Result<Lock> {
    let lock = Lock::read(path)?;
    if lock.artifacts.is_empty() {
        return Err(Error::input(format!("{} pins nothing, or is not there", path.display())));
    }
    Ok(lock)
}

/// Pins of what the store has for a version; all of it must be there.
fn lock_of(what: &What, store: &Store) -> Result<Lock> {
    let records = store.records()?;
    let mut lock = Lock::default();
    let mut absent = Vec::new();
    for thing in what.arch.iter().flat_map(|arch| what.wanted(arch)) {
        let labels = records.iter().flat_map(|record| record.labels.iter().map(move |label| (record, label)));
        let mut fits =
            labels.filter(|(_, l)| (&l.name, &l.version, &l.arch) == (&thing.name, &thing.version, &thing.arch));
        match fits.next() {
            Some((record, label)) => lock.set(Locked {
                name: thing.name,
                arch: thing.arch,
                version: thing.version,
                sha256: record.sha256.clone(),
                size: record.size,
                source: label.origin.from.clone(),
            }),
            None => absent.push(Error::artifact(format!("{} is not in the store", thing.title()))),
        }
    }
    Error::all(absent).map_err(|e| e.hint("`kbootstrap artifacts fetch` brings it"))?;
    Ok(lock)
}

/// Take a bundle's programs and images into the store
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  kbootstrap artifacts import k8s-1.36.3.tar")]
struct Import {
    /// The file that `artifacts bundle` wrote
    file: PathBuf,
    /// How to print
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl Import {
    fn run(self, ctx: &Ctx) -> Result<u8> {
        let bundled = import(&self.file, &Store::open_default()?, &Lines)?;
        if self.output == Format::Json {
            ctx.out.json(&bundled)?;
            return Ok(0);
        }
        print_bundled(ctx, &bundled, &self.file, "imported")
    }
}

fn print_bundled(ctx: &Ctx, bundled: &Bundled, file: &Path, verb: &str) -> Result<u8> {
    let (count, megabytes) = (bundled.artifacts.len(), bundled.bytes as f64 / 1e6);
    ctx.out.line(&format!("{verb} {}: {count} programs and images, {megabytes:.0} MB", file.display()))?;
    Ok(0)
}

/// Steps as lines on standard error.
struct Lines;

impl Reporter for Lines {
    fn report(&self, event: &Event) {
        let line = match event {
            Event::Started { step, .. } => format!("{step} …"),
            Event::Done { step, millis, note, .. } => format!("{step}: {note} ({:.1} s)", *millis as f64 / 1e3),
            Event::Failed { step, message, .. } => format!("{step}: {message}"),
            Event::Message { level: Level::Info | Level::Warning, text, .. } => text.clone(),
            _ => return,
        };
        // A closed standard error leaves nobody to tell.
        let _ = writeln!(io::stderr().lock(), "{line}");
    }
}
