//! Commands that make keys, requests and certificates.

pub mod gencert;
pub mod gencrl;
pub mod gencsr;
pub mod genkey;
pub mod hierarchy;
pub(super) mod output_args;
pub mod print_defaults;
mod request;
pub mod selfsign;
pub mod sign;
