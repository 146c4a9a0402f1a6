//! PKI and Kubernetes cluster bootstrap, the binary way.
//!
//! Data flows one way: [`inventory`] → [`cluster`] → [`trust`] → [`facts`] → [`render`] → [`plan`] → [`apply`].
//! The order of all modules is the table of `docs/architecture.md`, which walks through the house; a module knows only
//! those above it there, and a test holds it to that.

pub mod access;
pub mod age;
pub mod apply;
pub mod artifacts;
pub mod certlint;
pub mod certs;
pub mod cfssl;
pub mod changes;
pub mod children;
pub mod cli;
pub mod clients;
pub mod cluster;
pub mod components;
pub mod digest;
pub mod document;
pub mod engine;
pub mod error;
pub mod facts;
pub mod files;
pub mod health;
pub mod hierarchy;
pub mod inventory;
pub mod lab;
pub mod lifetime;
pub mod live;
pub mod packages;
pub mod parallel;
pub mod pki;
pub mod plan;
pub mod preflight;
pub mod random;
pub mod recipes;
pub mod record;
pub mod recover;
pub mod remote;
pub mod render;
pub mod reset;
pub mod secret;
pub mod state;
pub mod status;
pub mod text;
pub mod trust;
pub mod ui;
pub mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the command line. The one place where an error is printed and the exit code is picked.
pub fn run(args: Vec<OsString>) -> ExitCode {
    let color = ui::stderr_color(cli::wants_no_color(&args));
    match cli::run(args) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            ui::report::print(&error, color);
            ExitCode::from(error.kind.exit_code())
        }
    }
}
