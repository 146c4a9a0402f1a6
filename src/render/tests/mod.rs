//! Tests of whole hosts.

mod api_gate;
mod cis;
mod foreign;
mod host;
mod layout;
mod lint;
mod overrides;
mod snapshots;
pub(super) mod states;
