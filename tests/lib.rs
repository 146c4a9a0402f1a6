//! The integration tests: one binary, so that they link once.

mod common;
mod lab_hosts;
