//! Whom a host must prove to be: known_hosts, pinned keys and host certificates.

pub mod certificate;
pub mod host_key;
pub mod known_hosts;
