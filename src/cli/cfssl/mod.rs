//! cfssl's own programs, and links called like them.

pub mod install_links;
pub mod programs;
