//! `kbootstrap certinfo`.

use super::Ctx;
use crate::error::{Error, Result};

/// Show what is in a certificate or CSR, like cfssl certinfo
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, _ctx: &Ctx) -> Result<u8> {
        Err(Error::internal("certinfo is not there yet"))
    }
}
