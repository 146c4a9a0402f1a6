//! `kbootstrap print-defaults`.

use super::Ctx;
use crate::error::{Error, Result};

/// Print a CSR spec or signing configuration to start from, like cfssl print-defaults
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, _ctx: &Ctx) -> Result<u8> {
        Err(Error::internal("print-defaults is not there yet"))
    }
}
