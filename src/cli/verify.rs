//! `kbootstrap verify`.

use super::Ctx;
use crate::error::{Error, Result};

/// Smoke-test the cluster in a namespace of its own
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, _ctx: &Ctx) -> Result<u8> {
        Err(Error::internal("verify is not there yet"))
    }
}
