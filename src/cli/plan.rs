//! `kbootstrap plan`.

use super::Ctx;
use crate::error::{Error, Result};

/// Show what would change, host by host, as a diff
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, _ctx: &Ctx) -> Result<u8> {
        Err(Error::internal("plan is not there yet"))
    }
}
