//! `kbootstrap cfssl`, `kbootstrap cfssljson`, `kbootstrap cfssl-certinfo`: cfssl's own face. What stands here is for
//! `--help`; the command line goes to [`crate::cfssl::face`] before clap sees it.

use std::ffi::OsString;

use crate::cfssl::face::Program;
use crate::cli::Ctx;
use crate::error::Result;

/// What follows the program's name, for cfssl to read.
#[derive(Debug, clap::Args)]
pub struct Words {
    /// Its flags and arguments
    #[arg(value_name = "ARGUMENTS", trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

/// cfssl itself: its flags, JSON, log lines, exit codes and errors, for scripts written for it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  kbootstrap cfssl gencert -initca ca-csr.json | kbootstrap cfssljson -bare ca
  kbootstrap cfssl print-defaults config

`kbootstrap cfssl COMMAND -h` shows a command's flags; `kbootstrap install-links` makes links called cfssl and so on.")]
pub struct Cfssl {
    #[command(flatten)]
    words: Words,
}

/// cfssljson itself: write the files out of cfssl's JSON
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  # ca.pem, ca-key.pem, ca.csr
  kbootstrap cfssl gencert -initca ca-csr.json | kbootstrap cfssljson -bare ca")]
pub struct Cfssljson {
    #[command(flatten)]
    words: Words,
}

/// cfssl-certinfo itself: `cfssl certinfo` alone
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  kbootstrap cfssl-certinfo -cert ca.pem")]
pub struct Certinfo {
    #[command(flatten)]
    words: Words,
}

impl Cfssl {
    /// Runs it; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        Ok(Program::Cfssl.run(&self.words.args, ctx.out))
    }
}

impl Cfssljson {
    /// Runs it; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        Ok(Program::Cfssljson.run(&self.words.args, ctx.out))
    }
}

impl Certinfo {
    /// Runs it; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        Ok(Program::Certinfo.run(&self.words.args, ctx.out))
    }
}
