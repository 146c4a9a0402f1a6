//! Tests of whole hosts.

mod cis;
mod example;
mod foreign;
mod host;
mod lint;
mod overrides;
mod snapshots;
