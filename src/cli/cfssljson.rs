//! `kbootstrap cfssljson`.

use super::Ctx;
use crate::error::{Error, Result};

/// Write the files out of cfssl's JSON, like cfssljson
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, _ctx: &Ctx) -> Result<u8> {
        Err(Error::internal("cfssljson is not there yet"))
    }
}
