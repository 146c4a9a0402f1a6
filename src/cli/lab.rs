//! `kbootstrap lab`.

use super::Ctx;
use crate::error::{Error, Result};

/// Throwaway systemd hosts on this machine
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, _ctx: &Ctx) -> Result<u8> {
        Err(Error::internal("lab is not there yet"))
    }
}
