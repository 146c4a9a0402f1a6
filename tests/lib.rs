//! The integration tests: one binary, so that they link once.

mod common;
mod remote_ask;
mod remote_auth;
mod remote_dial;
mod remote_host_keys;
mod remote_local;
mod remote_lost;
mod remote_run;
mod remote_sudo;
mod remote_throughput;
