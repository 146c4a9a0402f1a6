//! After a restart: is it ready with what is new? What ran before is put back where it is not, and the roll ends there.

use super::{GOES_ON, go_back, stay};
use crate::apply::Job;
use crate::apply::gate::{self, evidence};
use crate::error::{Error, Kind, Result};
use crate::plan::UnitChange;
use crate::state::Ready;

/// It runs already, by systemd's word, and so does what was restarted with it and goes back with it. A member of etcd and an
/// API server can run for good and never be ready.
pub(in crate::apply) fn settled(
    job: &Job<'_>,
    host: &str,
    change: &UnitChange,
    with: Option<&UnitChange>,
) -> Result<String> {
    let layout = &job.cluster.layout;
    let error = match ready(job, host, change) {
        Ok(said) => {
            stay(&mut *job.connect(host)?, change, layout)?;
            return Ok(said);
        }
        Err(error) if error.kind == Kind::Interrupted => return Err(error),
        Err(error) if is_of_others(job, host, change) => return Err(error),
        Err(error) => error,
    };
    // Asked before the restart that follows, which says errors of its own.
    let error = evidence::of_services(job, host).into_iter().fold(error, Error::detail);
    match job.connect(host).and_then(|mut transport| go_back(&mut *transport, change, with, layout)) {
        Ok(false) => return Err(error),
        Ok(true) => {}
        Err(worse) => return Err(worse.details.into_iter().fold(error.detail(worse.message), Error::detail)),
    }
    Err(match ready(job, host, change) {
        Ok(_) => Error {
            message: format!("{} with what is new; what ran before is put back, and is ready", error.message),
            ..error
        }
        .hint(GOES_ON),
        Err(again) if again.kind == Kind::Interrupted => again,
        Err(again) => again
            .details
            .into_iter()
            .fold(error.detail(format!("what ran before is put back, and with it: {}", again.message)), Error::detail),
    })
}

fn ready(job: &Job<'_>, host: &str, change: &UnitChange) -> Result<String> {
    match change.rollout.ready {
        Ready::Etcd => gate::etcd(job, host, false),
        _ => gate::api(job, host),
    }
}

/// A member that takes part itself is not at fault.
fn is_of_others(job: &Job<'_>, host: &str, change: &UnitChange) -> bool {
    change.rollout.ready == Ready::Etcd
        && job
            .cluster
            .host(host)
            .is_some_and(|member| matches!(gate::member_healthy(job, member, gate::Need::All), Ok(None)))
}
