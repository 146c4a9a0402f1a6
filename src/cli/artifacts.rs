//! `kbootstrap artifacts`.

use super::Ctx;
use crate::error::{Error, Result};

/// Fetch, list and verify programs and images
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, _ctx: &Ctx) -> Result<u8> {
        Err(Error::internal("artifacts is not there yet"))
    }
}
