//! Ways into the cluster: connections to hosts that are kept, and through them to its API servers and etcd members.

mod api;
mod key_files;
mod pool;

pub use api::{ApiAccess, EtcdAccess};
pub use key_files::KeyFiles;
pub use pool::{AT_ONCE, Lease, Pool};
