//! `kbootstrap init`.

use super::Ctx;
use crate::error::{Error, Result};

/// Write a commented inventory for machines of your own
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, _ctx: &Ctx) -> Result<u8> {
        Err(Error::internal("init is not there yet"))
    }
}
