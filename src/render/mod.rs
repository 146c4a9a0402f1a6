//! What each host must hold: pure functions of cluster, facts, certificates and templates.

mod state;

pub use state::*;
