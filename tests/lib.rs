//! The integration tests: one binary, so that they link once.

mod common;
mod pki_cfssl;
mod pki_foreign;
mod pki_kinds;
mod pki_refused;
mod pki_tools;
