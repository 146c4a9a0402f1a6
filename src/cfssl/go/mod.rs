//! What Go's standard library reads and says, where cfssl's words and exit codes follow from it.

pub mod duration;
pub mod file;
pub mod flag;
pub mod json;
pub mod pem;
pub mod types;
