//! Ways into the cluster: connections to hosts that are kept, and through them to its API servers and etcd members.

mod api;
mod pool;

pub use api::{ApiAccess, EtcdAccess};
pub use pool::{AT_ONCE, Lease, Pool};
