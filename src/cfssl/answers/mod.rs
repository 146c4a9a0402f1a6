//! What cfssl's commands print and write: JSON, files under cfssljson's names, log lines, and errors in cfssl's words.

pub mod bundle;
pub mod certinfo;
pub mod cfssljson;
pub mod csrinfo;
pub mod failure;
pub mod log;
pub mod output;
pub mod templates;
