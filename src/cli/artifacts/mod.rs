//! `kbootstrap artifacts`.

mod checksums;
mod fetch;
mod sbom;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use semver::Version;

use crate::artifacts;
use crate::artifacts::{
    ARCHITECTURES, Bundled, Finding, Label, Lock, Locked, Requirement, Store, Stored, import, verify, write_bundle,
};
use crate::cli::FormatArgs;
use crate::cli::context::{Ctx, not_a_format};
use crate::cluster::versions;
use crate::components::Catalogue;
use crate::error::{Error, Result};
use crate::text::sh_path;
use crate::ui::{Event, Level, Reporter, stderr};

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
    Sbom(sbom::Sbom),
    Checksums(checksums::Checksums),
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
            Command::Sbom(args) => args.run(ctx),
            Command::Checksums(args) => args.run(ctx),
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
    #[command(flatten)]
    output: FormatArgs,
}

impl List {
    fn run(self, ctx: &Ctx) -> Result<u8> {
        let store = Store::open_default()?;
        print_records(ctx, &store, &store.records()?, self.output)
    }
}

fn print_records(ctx: &Ctx, store: &Store, records: &[Stored], output: FormatArgs) -> Result<u8> {
    output.print(ctx, &records, || Ok(text(store, records)))?;
    Ok(0)
}

fn text(store: &Store, records: &[Stored]) -> String {
    let rows: Vec<_> =
        records.iter().flat_map(|record| record.labels.iter().map(move |label| (record, label))).collect();
    let width = |f: &dyn Fn(&(&Stored, &Label)) -> usize| rows.iter().map(f).max().unwrap_or(0);
    let (name, version) = (width(&|(_, l)| l.name.len()), width(&|(_, l)| l.version.len()));
    let line = |(record, label): &(&Stored, &Label)| {
        let (megabytes, sha256) = (record.size as f64 / 1e6, &record.sha256[..12]);
        let Label { name: own, version: of, arch, origin } = label;
        format!("{own:name$}  {of:version$}  {arch}  {megabytes:>7.1} MB  {sha256}  {}\n", origin.from)
    };
    let bytes: u64 = records.iter().map(|r| r.compressed_size).sum();
    let (count, megabytes) = (rows.len(), bytes as f64 / 1e6);
    let sum = format!("{count} in {} ({megabytes:.0} MB compressed)\n", store.dir().display());
    rows.iter().map(line).chain([sum]).collect()
}

/// Unpack and hash everything in the store
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  kbootstrap artifacts verify")]
struct Verify {
    /// Everything is unpacked and hashed without it, too
    #[arg(long, hide = true)]
    deep: bool,
    #[command(flatten)]
    output: FormatArgs,
}

impl Verify {
    fn run(self, ctx: &Ctx) -> Result<u8> {
        let findings = verify(&Store::open_default()?, &Lines)?;
        let line = |Finding { what, problem, .. }: &Finding| match problem {
            None => format!("{} {what}\n", ctx.out.paint("32", "ok")),
            Some(problem) => format!("{} {what}: {problem}\n", ctx.out.paint("31", "bad")),
        };
        self.output.print(ctx, &findings, || Ok(findings.iter().map(line).collect()))?;
        let bad: Vec<_> = findings.iter().filter(|f| f.problem.is_some()).collect();
        if bad.is_empty() {
            return Ok(0);
        }
        let files: Vec<_> = bad.iter().map(|f| sh_path(&f.file)).collect();
        Err(Error::artifact(format!("{} of {} files in the store are damaged", bad.len(), findings.len()))
            .hint(format!("rm {}", files.join(" ")))
            .hint("then `kbootstrap artifacts fetch` brings them back"))
    }
}

/// Write programs and images to one file, for a site without a way out
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kbootstrap artifacts bundle --lock clusters/prod/artifacts.lock -o prod.tar
  kbootstrap artifacts bundle --kubernetes 1.36.3 --arch amd64 --arch arm64 \\
    -o k8s-1.36.3.tar")]
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
        ctx.out.text(&summary(&bundled, &self.file, "wrote"))?;
        Ok(0)
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
    #[command(flatten)]
    output: FormatArgs,
}

impl Import {
    fn run(self, ctx: &Ctx) -> Result<u8> {
        let bundled = import(&self.file, &Store::open_default()?, &Catalogue::standard(), &Lines)?;
        self.output.print(ctx, &bundled, || Ok(summary(&bundled, &self.file, "imported")))?;
        Ok(0)
    }
}

fn summary(bundled: &Bundled, file: &Path, verb: &str) -> String {
    let (count, megabytes) = (bundled.artifacts.len(), bundled.bytes as f64 / 1e6);
    format!("{verb} {}: {count} programs and images, {megabytes:.0} MB\n", file.display())
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
        stderr::line(&line);
    }
}
