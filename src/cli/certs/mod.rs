//! Commands that look at certificates, wherever they are.

pub mod bundle;
pub mod certinfo;
mod certinfo_text;
pub mod certlint;
mod details;
mod related;

pub use certinfo::authorities;
