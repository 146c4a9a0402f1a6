//! `kbootstrap cfssljson`.

use std::path::{Path, PathBuf};

use super::Ctx;
use crate::cfssl::cfssljson::{Item, items};
use crate::cfssl::output::{check_base, with_suffix};
use crate::cfssl::source;
use crate::error::Result;
use crate::pki::store;
use crate::secret::Secret;

/// Write the files out of cfssl's JSON, like cfssljson
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  kbootstrap gencert -initca ca-csr.json | kbootstrap cfssljson -bare ca     # ca.pem, ca-key.pem, ca.csr")]
pub struct Args {
    /// Base name of the files: NAME.pem, NAME-key.pem, NAME.csr
    #[arg(default_value = "cert")]
    name: PathBuf,
    /// The JSON is a command's output, not an answer of the HTTP API
    #[arg(long)]
    bare: bool,
    /// Read this file; `-`: standard input
    #[arg(short, value_name = "FILE", default_value = "-")]
    file: String,
    /// Print in place of writing files
    #[arg(long)]
    stdout: bool,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        let (json, _) = source::read(&self.file)?;
        // All is looked at before the first file is written.
        let items = items(&json, self.bare)?;
        if self.stdout {
            for item in &items {
                ctx.out.bytes(&item.bytes)?;
                ctx.out.text("\n")?;
            }
            return Ok(0);
        }
        check_base(Some(&self.name))?;
        // Keys first: whoever sees the certificate can use it.
        let (secret, public): (Vec<_>, Vec<_>) = items.iter().partition(|item| item.secret);
        secret.iter().chain(&public).try_for_each(|item| write(&self.name, item))?;
        Ok(0)
    }
}

fn write(base: &Path, item: &Item) -> Result<()> {
    let path = with_suffix(base, item.suffix);
    if item.secret {
        store::write_key(&path, &Secret::new(item.bytes.as_slice()))
    } else {
        store::write_public(&path, &item.bytes)
    }
}
