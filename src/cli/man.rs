//! `kbootstrap man`.

use std::path::PathBuf;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::Roff;

use super::Ctx;
use crate::error::{Error, Result};
use crate::files;

/// When this version came out, as CHANGELOG.md says: a test compares them.
const DATE: &str = "2026-11-26";

/// Write the manual pages: one for the program and one for each command
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  kbootstrap man | man -l -                 # the program's page
  kbootstrap man /usr/local/share/man/man1  # all pages, for `man kbootstrap-up`")]
pub struct Args {
    /// Folder for all pages [default: the program's page goes to standard output]
    folder: Option<PathBuf>,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        let mut root = super::command().disable_help_subcommand(true);
        root.build();
        let Some(folder) = self.folder else {
            ctx.out.bytes(&page(&root)?)?;
            return Ok(0);
        };
        if !folder.is_dir() {
            return Err(Error::input(format!("there is no folder {}", folder.display())).hint("make it first"));
        }
        for command in with_all_below(&root) {
            let path = folder.join(format!("{}.1", name(command)));
            // The folder may be one that others may write to.
            files::write_own(&path, &page(command)?)?;
            ctx.out.line(&path.display().to_string())?;
        }
        Ok(0)
    }
}

fn with_all_below(command: &Command) -> Vec<&Command> {
    let below = command.get_subcommands().filter(|sub| !sub.is_hide_set()).flat_map(with_all_below);
    std::iter::once(command).chain(below).collect()
}

/// `kbootstrap-artifacts-fetch`.
fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

/// A command's page. Its examples are set here, as clap_mangen would fill them into one paragraph.
fn page(command: &Command) -> Result<Vec<u8>> {
    let mut roff = Roff::new();
    let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let examples = examples.replace("Example: ", "Examples:\n  ").replace("Example:\n", "Examples:\n");
    let mut verbatim = false;
    for line in examples.lines() {
        let code = line.starts_with("  ");
        if code != verbatim {
            roff.control(if code { "nf" } else { "fi" }, []);
            verbatim = code;
        }
        match line {
            "" => roff.control("PP", []),
            "Examples:" => roff.control("SH", ["EXAMPLES"]),
            _ => roff.text([line.trim_start().into()]),
        };
    }
    if verbatim {
        roff.control("fi", []);
    }
    let page = command.clone().after_help(None::<&str>);
    let mut bytes = Vec::new();
    let source = concat!("kbootstrap ", env!("CARGO_PKG_VERSION"));
    Man::new(page)
        .date(DATE)
        .source(source)
        .manual("kbootstrap")
        .render(&mut bytes)
        .and_then(|()| roff.to_writer(&mut bytes))
        .map_err(|e| Error::internal(format!("make the page of {}: {e}", name(command))))?;
    Ok(bytes)
}
