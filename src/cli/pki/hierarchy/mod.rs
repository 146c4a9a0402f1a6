//! `kbootstrap pki`: a whole hierarchy of CAs and certificates from one file.

mod apply;
mod check;
mod spec;

use std::path::{Path, PathBuf};

use crate::cfssl::source;
use crate::cli::Ctx;
use crate::error::{Error, Result};
use crate::files::real;
use crate::hierarchy::{self, Item, Loaded};

/// Make and keep a whole hierarchy of CAs and certificates from one file
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # what it would do, and why
  kbootstrap pki apply pki.yaml --dry-run
  # make what is missing, about to expire or changed
  kbootstrap pki apply pki.yaml
  # how everything is, for monitoring
  kbootstrap pki check pki.yaml
  # a cluster's certificates as such a file
  kbootstrap pki spec -i prod.yaml

docs/pki-apply.md describes the file.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Apply(apply::Args),
    Check(check::Args),
    Spec(spec::Args),
}

/// Which specification.
#[derive(Debug, clap::Args)]
struct Source {
    /// The specification (YAML or JSON); `-`: standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where relative paths of the specification start [default: its own folder]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        match self.command {
            Command::Apply(args) => args.run(ctx),
            Command::Check(args) => args.run(ctx),
            Command::Spec(args) => args.run(ctx),
        }
    }
}

impl Source {
    /// Where relative paths start.
    fn base(&self) -> &Path {
        match &self.dir {
            Some(dir) => dir,
            None if self.file == Path::new("-") => Path::new(""),
            None => self.file.parent().unwrap_or(Path::new("")),
        }
    }

    fn load(&self) -> Result<Loaded> {
        let loaded = self.read()?;
        self.spare(&loaded)?;
        Ok(loaded)
    }

    /// Refuses files of the specification that are the specification itself.
    fn spare(&self, loaded: &Loaded) -> Result<()> {
        let (itself, name) = (real(&self.file), self.file.display());
        let is_itself = |file: &PathBuf| file.file_name() == self.file.file_name() && real(file) == itself;
        let items = loaded.hierarchy.items.iter().filter(|item| item.files.all().any(is_itself));
        let refused = |item: &Item| {
            let text = format!("{}: {name} is this specification, and cannot be one of its files", item.title());
            Error::input(text).hint("give it other `files`")
        };
        if self.file == Path::new("-") { Ok(()) } else { Error::all(items.map(refused)) }
    }

    fn read(&self) -> Result<Loaded> {
        let own = self.file.parent().unwrap_or(Path::new(""));
        if self.file == Path::new("-") {
            let (text, name) = source::read("-")?;
            return hierarchy::parse(&name, &text, self.base());
        }
        match self.dir.as_deref().filter(|dir| *dir != own) {
            None => hierarchy::load(&self.file),
            Some(dir) => {
                let name = self.file.display().to_string();
                let (text, _) = source::read(&self.file)?;
                hierarchy::parse(&name, &text, dir)
            }
        }
    }
}

/// At least one, and what is there.
fn jobs(wanted: Option<usize>) -> usize {
    wanted.unwrap_or_else(crate::parallel::cores).max(1)
}
