//! `kbootstrap gencert`.

use super::Ctx;
use crate::error::{Error, Result};

/// Make a key and a certificate from a CSR spec, like cfssl gencert
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, _ctx: &Ctx) -> Result<u8> {
        Err(Error::internal("gencert is not there yet"))
    }
}
