//! A script on a host, by any way to it: how it travels, becomes root, is fed and listened to, and how its end is known.

pub mod limit;
pub mod not_started;
mod only_root;
pub mod pump;
pub mod sudo;
pub mod text;

pub use only_root::ONLY_ROOT;
