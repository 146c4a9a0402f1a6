//! `kbootstrap kubeconfig`.

use super::Ctx;
use crate::error::{Error, Result};

/// Print or install the administrator's kubeconfig
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, _ctx: &Ctx) -> Result<u8> {
        Err(Error::internal("kubeconfig is not there yet"))
    }
}
