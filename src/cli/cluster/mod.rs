//! Commands on a cluster.

mod args;
pub mod check;
pub mod init;
pub mod kubeconfig;
pub mod node;
pub mod plan;
pub mod recover;
pub mod render;
pub mod reset;
pub mod status;
pub mod up;
pub mod verify;

pub use args::ClusterArgs;
