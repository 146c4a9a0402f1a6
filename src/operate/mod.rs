//! What the commands on a cluster share: the cluster at hand, its hosts surveyed, their desired states.

mod desire;
mod objects;
mod pool;
mod session;
mod survey;

pub use desire::{Desired, desire, questions};
pub use objects::{ApiAccess, object_changes};
pub use pool::{Lease, Pool};
pub use session::{ClusterArgs, Session};
pub use survey::{each_host, survey};
