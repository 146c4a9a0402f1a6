//! `kbootstrap check`.

use super::Ctx;
use crate::error::{Error, Result};

/// Look at the inventory and every host: what would go wrong, before anything is touched
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, _ctx: &Ctx) -> Result<u8> {
        Err(Error::internal("check is not there yet"))
    }
}
