//! `kbootstrap bundle`.

use std::ffi::OsString;
use std::path::PathBuf;

use time::OffsetDateTime;

use crate::cfssl::source;
use crate::cli::Ctx;
use crate::cli::pki::output_args;
use crate::error::Result;
use crate::files;
use crate::pki::{Certificate, Pool, leaf_and_rest};

/// Put a certificate and its chain into one file, as servers want it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  kbootstrap bundle server.pem --ca-bundle ca.pem \\
    --int-bundle intermediate.pem --out server-chain.pem
  kbootstrap bundle server.pem --ca-bundle ca.pem \\
    --int-bundle intermediate.pem --with-root

The chain is checked: signatures, CA flags, key usage, path lengths, name constraints, and that all is \
valid now. Nothing is fetched from the network. \
cfssl's own JSON is printed by `kbootstrap cfssl bundle`.")]
pub struct Args {
    /// Certificate (PEM), perhaps with part of its chain; `-`: standard input
    cert: OsString,
    /// Roots that the chain may end at (PEM)
    #[arg(long, value_name = "FILE")]
    ca_bundle: OsString,
    /// Intermediate certificates (PEM)
    #[arg(long, value_name = "FILE")]
    int_bundle: Option<OsString>,
    /// The root too; clients have it already
    #[arg(long)]
    with_root: bool,
    /// Write this file in place of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        output_args::spare(
            self.out.as_ref(),
            [Some(&self.cert), Some(&self.ca_bundle), self.int_bundle.as_ref()].into_iter().flatten(),
        )?;
        let all = |argument: &OsString| {
            let (text, name) = source::read(argument)?;
            Certificate::read_all(&text, &name)
        };
        let given = all(&self.cert)?;
        let roots = all(&self.ca_bundle)?;
        let mut intermediates = self.int_bundle.as_ref().map(all).transpose()?.unwrap_or_default();
        let (leaf, rest) = leaf_and_rest(&given).map_err(|e| e.context(self.cert.display()))?;
        intermediates.extend(rest);
        let pool = Pool { roots: &roots, intermediates: &intermediates };
        let mut chain = pool.chain(&leaf, OffsetDateTime::now_utc()).map_err(|e| e.context(self.cert.display()))?;
        if !self.with_root {
            chain.pop();
        }
        let text: String = chain.iter().map(Certificate::to_pem).collect();
        match &self.out {
            Some(path) => files::write_public(path, text.as_bytes())?,
            None => ctx.out.text(&text)?,
        }
        Ok(0)
    }
}
