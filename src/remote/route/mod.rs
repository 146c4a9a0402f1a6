//! Where a connection goes: what the inventory says, then the operator's SSH configuration, then defaults.

pub mod destination;
mod shell_names;
pub mod ssh_config;
mod tokens;
