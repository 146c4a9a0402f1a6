//! Tests of whole hosts.

mod cis;
mod foreign;
mod host;
mod layout;
mod lint;
mod overrides;
mod snapshots;
pub(super) mod states;
