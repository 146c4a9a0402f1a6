//! `kbootstrap up`.

use super::Ctx;
use crate::error::{Error, Result};

/// Bring the cluster up, or bring it to what the inventory says
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, _ctx: &Ctx) -> Result<u8> {
        Err(Error::internal("up is not there yet"))
    }
}
