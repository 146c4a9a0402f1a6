//! `kbootstrap artifacts`.

mod fetch;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use semver::Version;

use crate::artifacts;
use crate::artifacts::{
    ARCHITECTURES, Bundled, Finding, Lock, Locked, Requirement, Store, Stored, import, verify, write_bundle,
};
use crate::cli::context::{Ctx, not_a_format};
use crate::cluster::versions;
use crate::components::Catalogue;
use crate::error::{Error, Result};
use crate::ui::{Event, Format, Level, Reporter};

/// Fetch, list and verify programs and images
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kbootstrap artifacts fetch -i prod.yaml
  kbootstrap artifacts fetch --kubernetes 1.36.3
  kbootstrap artifacts list

`up` fetches what is missing, too. Everything is kept once in ~/.cache/kbootstrap, or in $KBOOTSTRAP_CACHE.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Fetch(fetch::Fetch),
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

/// Everything that a Kubernetes version needs, whatever the hosts' roles.
fn everything(kubernetes: &Version, arch: &str, test_images: bool) -> Vec<Requirement> {
    artifacts::everything(&Catalogue::standard(), &versions::fitting(kubernetes), arch, test_images)
}

/// List what is in the store
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  kbootstrap artifacts list -o json")]
struct List {
    /// How to print: text, or json for programs
    #[arg(short, long, value_enum, default_value_t, hide_possible_values = true, value_name = "FORMAT")]
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
    /// How to print: text, or json for programs
    #[arg(short, long, value_enum, default_value_t, hide_possible_values = true, value_name = "FORMAT")]
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
        not_a_format(&self.file, "the file to write")?;
        let store = Store::open_default()?;
        let lock = match (&self.lock, self.kubernetes) {
            (Some(path), _) => existing(path)?,
            (None, Some(kubernetes)) => {
                let each = self.arch.iter().flat_map(|arch| everything(&kubernetes, arch, self.test_images));
                lock_of(each, &store)?
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
fn lock_of(wanted: impl Iterator<Item = Requirement>, store: &Store) -> Result<Lock> {
    let records = store.records()?;
    let mut lock = Lock::default();
    let mut absent = Vec::new();
    for thing in wanted {
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
    /// How to print: text, or json for programs
    #[arg(short, long, value_enum, default_value_t, hide_possible_values = true, value_name = "FORMAT")]
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
