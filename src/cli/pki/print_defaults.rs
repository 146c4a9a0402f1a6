//! `kbootstrap print-defaults`.

use crate::cfssl::answers::templates;
use crate::cli::Ctx;
use crate::error::Result;

/// Print a CSR spec or signing configuration to start from, like cfssl print-defaults
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  kbootstrap print-defaults config > ca-config.json
  kbootstrap print-defaults csr > server-csr.json")]
pub struct Args {
    /// What to print
    what: What,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum What {
    /// A signing configuration
    Config,
    /// A CSR spec
    Csr,
    /// The names of what can be printed
    List,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        match self.what {
            What::Config => ctx.out.text(&templates::config()?.to_json())?,
            What::Csr => ctx.out.text(&templates::csr().to_json())?,
            What::List => ctx.out.text("Default configurations are available for:\n\tconfig\n\tcsr\n")?,
        }
        Ok(0)
    }
}
