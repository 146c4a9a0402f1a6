//! Is it true? etcd and the API server asked over TLS with our own certificates, through a host's transport.
//!
//! Nothing here writes to a host; [`kube::apply`] is how manifests reach the API server.

mod covers;
pub mod etcd;
pub mod http;
pub mod kube;
mod wait;

pub use covers::covers;
pub use wait::{Poll, Schedule, unless_connected, wait};
