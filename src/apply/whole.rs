//! The kernel's side of the nodes, as the last gate asks for it: a change may take something of it away, which comes back
//! some seconds later.

use super::Job;
use super::steps::collect;
use crate::cluster::Host;
use crate::error::{Error, Result};
use crate::facts;
use crate::health::{Poll, Schedule};
use crate::parallel;

/// What looks after the data plane brings back whatever can be brought back within 30 s.
const WHOLE: Schedule = Schedule::new(60, 500);

/// Waits until no node misses anything that its services keep in the kernel and in /run; the nodes that do are in the
/// error.
pub(super) fn whole(job: &Job<'_>) -> Result<()> {
    let script = &job.cluster.layout.data_plane;
    let looks = |host: &&Host| job.desired.hosts.get(&host.name).is_some_and(|state| state.files.contains_key(script));
    let hosts: Vec<&Host> = job.there.hosts.iter().filter(looks).collect();
    let said = parallel::each(&hosts, job.pool.at_once(), |host| {
        let look = || {
            let lost = facts::lost(&mut *job.connect(&host.name)?, script)?;
            Ok(if lost.is_empty() { Poll::Ready(()) } else { Poll::Pending(lost.join("; ")) })
        };
        let name = &host.name;
        job.until(&format!("{name}: its services miss something in the kernel"), WHOLE, look).map_err(|error| {
            error.hint(format!("look at what was tried on {name}: journalctl -u kbootstrap-data-plane -e"))
        })
    });
    collect(said.into_iter().filter_map(Result::err).collect::<Vec<Error>>())
}
