//! What was said before a process was started is not believed: a dead predecessor said it.

use time::OffsetDateTime;

use crate::clients::kube::{Lease, Node, Pod};

/// Whether a component leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leads {
    /// The process that runs now holds its lease.
    Yes,
    /// The lease is its predecessor's, in words.
    NotYet(String),
    /// Nobody holds it, in words.
    No(String),
}

/// Whether the holder of a lease leads; `started` is when the holder's process was started, by its host's clock, which
/// wrote the lease too. Where that is not known, it is enough that the lease is renewed.
pub fn leads(lease: &Lease, started: Option<OffsetDateTime>) -> Leads {
    let holder = lease.host();
    if !lease.alive {
        return Leads::No(format!("last held by {holder:?}"));
    }
    match (lease.renewed, started) {
        (Some(renewed), Some(started)) if renewed < started => Leads::NotYet(format!(
            "the lease is that of an earlier process on {holder}, from {:.0} s before this one was started",
            (started - renewed).as_seconds_f64()
        )),
        _ => Leads::Yes,
    }
}

/// Whether what a node says of itself is older than its host's boot, at `booted` by the node's clock: a kubelet that was only
/// restarted found its pods running. The API keeps whole seconds.
pub fn is_from_before(node: &Node, booted: Option<OffsetDateTime>) -> bool {
    let second = time::Duration::SECOND;
    node.heartbeat.zip(booted).is_some_and(|(heartbeat, booted)| heartbeat + second < booted)
}

/// A kubelet looks at its node every 10 seconds, and says nothing where nothing has changed.
const LOOKED: time::Duration = time::Duration::seconds(12);

/// Whether a kubelet that was started at `started` has looked at its node since, by its lease, which it renews all the time:
/// then what the node says holds, however old it is.
pub fn has_looked(renewed: Option<OffsetDateTime>, started: Option<OffsetDateTime>) -> bool {
    renewed.zip(started).is_some_and(|(renewed, started)| renewed >= started + LOOKED)
}

/// Whether a pod's containers are said to run since before its host booted, at `booted` by the host's clock.
pub fn ran_before(pod: &Pod, booted: Option<OffsetDateTime>) -> bool {
    let second = time::Duration::SECOND;
    pod.running_since.zip(booted).is_some_and(|(since, booted)| since + second < booted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const STARTED: OffsetDateTime = datetime!(2026-11-26 10:00:00 UTC);

    fn lease(renewed: OffsetDateTime, alive: bool) -> Lease {
        Lease {
            component: "kube-scheduler".into(),
            holder: "n1_0f0c".into(),
            age_seconds: 1.0,
            duration_seconds: 15.0,
            renewed: Some(renewed),
            alive,
        }
    }

    #[test]
    fn a_lease_counts_when_the_process_that_runs_has_renewed_it() {
        assert_eq!(leads(&lease(STARTED + time::Duration::MILLISECOND, true), Some(STARTED)), Leads::Yes);
        assert_eq!(leads(&lease(STARTED - time::Duration::HOUR, true), None), Leads::Yes);
        let before = leads(&lease(STARTED - time::Duration::seconds(7), true), Some(STARTED));
        let words = "the lease is that of an earlier process on n1, from 7 s before this one was started";
        assert_eq!(before, Leads::NotYet(words.into()));
        assert_eq!(leads(&lease(STARTED, false), Some(STARTED)), Leads::No("last held by \"n1\"".into()));
    }

    #[test]
    fn a_kubelet_with_nothing_new_to_say_is_believed_when_it_has_looked() {
        let renewed = |seconds| has_looked(Some(STARTED + time::Duration::seconds(seconds)), Some(STARTED));
        assert!(!renewed(-1) && !renewed(2) && renewed(12));
        assert!(!has_looked(None, Some(STARTED)));
    }
}
