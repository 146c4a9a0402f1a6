//! The command line: one file per command, which parses, calls the library and prints.

mod artifacts;
mod certinfo;
mod cfssljson;
mod check;
mod gencert;
mod genkey;
mod init;
mod kubeconfig;
mod lab;
mod plan;
mod prepare;
mod print_defaults;
mod render;
pub mod report;
mod reset;
mod session;
mod sign;
mod status;
mod up;
mod verify;

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use crate::error::Result;
use crate::ui::Printer;

/// PKI and Kubernetes cluster bootstrap, the binary way
#[derive(Debug, Parser)]
#[command(name = "kbootstrap", version, max_term_width = 100, propagate_version = true)]
struct Cli {
    /// Never use colour (so does the environment variable NO_COLOR)
    #[arg(long, global = true)]
    no_color: bool,
    #[command(subcommand)]
    command: Command,
}

// The order is the one of --help.
#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Check(check::Args),
    Artifacts(artifacts::Args),
    Plan(plan::Args),
    Up(up::Args),
    Status(status::Args),
    Verify(verify::Args),
    Render(render::Args),
    Kubeconfig(kubeconfig::Args),
    Reset(reset::Args),
    Lab(lab::Args),
    Gencert(gencert::Args),
    Genkey(genkey::Args),
    Sign(sign::Args),
    Certinfo(certinfo::Args),
    PrintDefaults(print_defaults::Args),
    Cfssljson(cfssljson::Args),
}

/// What every command gets.
#[derive(Debug, Clone, Copy)]
pub struct Ctx {
    /// Standard output.
    pub out: Printer,
}

/// Parses the command line and runs the command; the value is the exit code.
pub fn run(args: Vec<OsString>) -> Result<u8> {
    let cli = match Cli::try_parse_from(crate::cfssl::args::rewrite(args)) {
        Ok(cli) => cli,
        Err(error) => {
            // clap knows whether it is help (standard output, 0) or a mistake (standard error, 2).
            let _ = error.print();
            return Ok(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let ctx = Ctx { out: Printer::new(cli.no_color) };
    cli.command.run(ctx)
}

impl Command {
    fn run(self, ctx: Ctx) -> Result<u8> {
        match self {
            Command::Init(args) => args.run(&ctx),
            Command::Check(args) => args.run(&ctx),
            Command::Artifacts(args) => args.run(&ctx),
            Command::Plan(args) => args.run(&ctx),
            Command::Up(args) => args.run(&ctx),
            Command::Status(args) => args.run(&ctx),
            Command::Verify(args) => args.run(&ctx),
            Command::Render(args) => args.run(&ctx),
            Command::Kubeconfig(args) => args.run(&ctx),
            Command::Reset(args) => args.run(&ctx),
            Command::Lab(args) => args.run(&ctx),
            Command::Gencert(args) => args.run(&ctx),
            Command::Genkey(args) => args.run(&ctx),
            Command::Sign(args) => args.run(&ctx),
            Command::Certinfo(args) => args.run(&ctx),
            Command::PrintDefaults(args) => args.run(&ctx),
            Command::Cfssljson(args) => args.run(&ctx),
        }
    }
}
