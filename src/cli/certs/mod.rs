//! Commands that look at certificates, wherever they are.

pub mod bundle;
pub mod certinfo;
mod certinfo_text;
pub mod certlint;

pub use certinfo::authorities;
