//! What the commands on a cluster share: connections, a survey of the hosts, their desired states, the API.

mod api;
mod desire;
mod nodes;
mod objects;
mod pool;
mod survey;

pub use api::{ApiAccess, EtcdAccess};
pub use desire::{Desired, Programs, desire, names_only, questions};
pub use nodes::mark_nodes;
pub use objects::{apply_objects, object_changes};
pub use pool::{Lease, Pool};
pub use survey::{each_host, survey};
