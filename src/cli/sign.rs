//! `kbootstrap sign`.

use super::Ctx;
use crate::error::{Error, Result};

/// Sign a CSR, like cfssl sign
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, _ctx: &Ctx) -> Result<u8> {
        Err(Error::internal("sign is not there yet"))
    }
}
