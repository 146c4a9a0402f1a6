//! The face of cfssl over [`crate::pki`]: its flags, its JSON on standard output, its file names and log lines.
//!
//! There are two faces. [`face`] is cfssl itself: Go's flags, its words, exit codes and log lines. The commands in
//! `cli` are kbootstrap's own, stricter, with clap. Both issue by the same engine, [`crate::pki`].

pub mod answers;
pub mod args;
pub mod authority;
pub mod ca_key;
pub mod call;
pub mod check_config;
pub mod check_csr;
mod command;
pub mod face;
pub mod flags;
pub mod go;
pub mod remote;
pub mod signer;
pub mod source;
