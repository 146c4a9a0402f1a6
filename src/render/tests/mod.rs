//! Tests of whole hosts.

mod cis;
pub(super) mod example;
mod foreign;
mod host;
mod lint;
mod overrides;
mod snapshots;
