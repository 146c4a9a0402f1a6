//! `kbootstrap reset`.

use super::Ctx;
use crate::error::{Error, Result};

/// Take hosts back: services, files, mounts, interfaces, rules
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, _ctx: &Ctx) -> Result<u8> {
        Err(Error::internal("reset is not there yet"))
    }
}
