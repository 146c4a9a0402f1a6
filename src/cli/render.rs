//! `kbootstrap render`.

use super::Ctx;
use crate::error::{Error, Result};

/// Write every host's files to a folder, for reading and for git diff
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, _ctx: &Ctx) -> Result<u8> {
        Err(Error::internal("render is not there yet"))
    }
}
