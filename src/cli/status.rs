//! `kbootstrap status`.

use super::Ctx;
use crate::error::{Error, Result};

/// Show the cluster on one screen: hosts, components, versions, certificates, health
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, _ctx: &Ctx) -> Result<u8> {
        Err(Error::internal("status is not there yet"))
    }
}
