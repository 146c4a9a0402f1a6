//! The face of cfssl over [`crate::pki`]: its flags, its JSON on standard output, its file names and log lines.

pub mod args;
pub mod certinfo;
pub mod cfssljson;
pub mod log;
pub mod output;
pub mod signer;
pub mod source;
pub mod templates;
