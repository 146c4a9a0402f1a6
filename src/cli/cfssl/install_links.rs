//! `kbootstrap install-links`.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use crate::cfssl::face::PROGRAMS;
use crate::cli::Ctx;
use crate::error::{Error, Result};
use crate::files;

/// Make links called cfssl, cfssljson and cfssl-certinfo to this program, for scripts that call these
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  kbootstrap install-links ~/bin
  kbootstrap install-links --copy /usr/local/bin")]
pub struct Args {
    /// Folder for the links
    folder: PathBuf,
    /// Copies of the program in place of links to it
    #[arg(long)]
    copy: bool,
    /// Replace other programs that have these names
    #[arg(long)]
    force: bool,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        let program = std::env::current_exe().map_err(|e| Error::io("find this program", &e))?;
        if !self.folder.is_dir() {
            let folder = self.folder.display();
            return Err(Error::input(format!("there is no folder {folder}")).hint("make it first"));
        }
        let places: Vec<_> = PROGRAMS.iter().map(|(name, _)| self.folder.join(name)).collect();
        // All are looked at before the first is made.
        let foreign = places.iter().filter(|place| !self.force && !is_ours(place, &program));
        Error::all(
            foreign.map(|place| {
                Error::input(format!("{} is another program", place.display())).hint("--force replaces it")
            }),
        )?;
        for place in places {
            let copy = |beside: &Path| fs::copy(&program, beside).map(drop);
            files::replace(&place, |beside| if self.copy { copy(beside) } else { symlink(&program, beside) })
                .map_err(|e| Error::input(format!("cannot write {}: {e}", place.display())))?;
            ctx.out.line(&place.display().to_string())?;
        }
        Ok(0)
    }
}

/// Nothing, a link to this program, or a copy of it.
fn is_ours(place: &Path, program: &Path) -> bool {
    match fs::symlink_metadata(place) {
        Err(e) => e.kind() == ErrorKind::NotFound,
        Ok(metadata) if metadata.is_symlink() => {
            let same = |a: &fs::Metadata, b: &fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
            let target = fs::read_link(place).unwrap_or_default();
            // Also one to where this program was before.
            target.file_name() == program.file_name()
                || fs::metadata(place).and_then(|a| Ok(same(&a, &fs::metadata(program)?))).unwrap_or(false)
        }
        Ok(metadata) => {
            let same_size = fs::metadata(program).is_ok_and(|own| own.len() == metadata.len());
            same_size && matches!((fs::read(place), fs::read(program)), (Ok(a), Ok(b)) if a == b)
        }
    }
}
