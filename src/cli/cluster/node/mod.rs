//! `kbootstrap node`: what is done to one node.

mod let_in;
mod lost;
mod revoke;

use crate::cli::Ctx;
use crate::error::Result;

/// Shut a lost node out of the cluster, or let it in again
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kbootstrap node revoke n3 --dry-run   # what it held, and what would be done
  kbootstrap node revoke n3

docs/lost-hosts.md says what is to be done when a node, a master or an operator's machine is lost.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Revoke(revoke::Args),
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        match self.command {
            Command::Revoke(args) => args.run(ctx),
        }
    }
}
