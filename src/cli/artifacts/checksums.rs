//! `kbootstrap artifacts checksums`, for those who maintain kbootstrap.

use crate::artifacts::{Store, checksum_table, from_sites};
use crate::cli::Ctx;
use crate::cli::interrupt::interrupt;
use crate::components::Catalogue;
use crate::error::{Error, Result};

/// Print the table of checksums that is shipped, as the release sites publish them today
#[derive(Debug, clap::Args)]
#[command(
    hide = true,
    after_help = "Example:\n  kbootstrap artifacts checksums > checksums.txt\n\nWhat cannot be reached is named in the table and on standard error (exit code 8)."
)]
pub(super) struct Checksums {}

impl Checksums {
    pub(super) fn run(self, ctx: &Ctx) -> Result<u8> {
        let interrupt = interrupt("artifacts-checksums", ctx.err_color)?;
        let (files, errors) = from_sites(&Catalogue::standard(), &Store::open_default()?, None, &interrupt)?;
        ctx.out.text(&checksum_table(&files))?;
        Error::all(errors)?;
        Ok(0)
    }
}
