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
    node.heartbeat.zip(booted).is_some_and(|(heartbeat, booted)| is_earlier(heartbeat, booted))
}

/// A kubelet looks at its node every 10 seconds, and says nothing where nothing has changed.
const LOOKED: time::Duration = time::Duration::seconds(12);

/// Whether a kubelet that was started at `started` has looked at its node since, by its lease, which it renews all the time:
/// then what the node says holds, however old it is.
pub fn has_looked(renewed: Option<OffsetDateTime>, started: Option<OffsetDateTime>) -> bool {
    renewed.zip(started).is_some_and(|(renewed, started)| started.checked_add(LOOKED).is_some_and(|at| renewed >= at))
}

/// Why fewer than `wanted` pods of a Deployment are ready by the word of their kubelets, since their hosts have `booted`; none
/// where there are enough. What a Deployment itself says is its controller's word, and after a boot that has not looked yet.
pub fn too_few(pods: &[Pod], wanted: u64, booted: impl Fn(&Pod) -> Option<OffsetDateTime>) -> Option<String> {
    let why = |pod: &Pod| match pod.ready {
        _ if ran_before(pod, booted(pod)) => {
            Some(format!("what is said of {} is from before {} has booted", pod.name, pod.node))
        }
        true => None,
        false if pod.troubles.is_empty() => Some(format!("{} is not ready", pod.name)),
        false => Some(format!("{} is not ready: {}", pod.name, pod.troubles.join(", "))),
    };
    let whys: Vec<String> = pods.iter().filter_map(why).collect();
    let ready = pods.len() - whys.len();
    match whys.is_empty() {
        _ if ready as u64 >= wanted => None,
        true => Some(format!("there are {ready} of {wanted} pods")),
        false => Some(whys.join("; ")),
    }
}

/// Whether a pod's containers are said to run since before its host booted, at `booted` by the host's clock.
fn ran_before(pod: &Pod, booted: Option<OffsetDateTime>) -> bool {
    pod.running_since.zip(booted).is_some_and(|(since, booted)| is_earlier(since, booted))
}

/// By more than what whole seconds leave open. Both are what hosts say, and may lie at the end of the calendar.
fn is_earlier(said: OffsetDateTime, than: OffsetDateTime) -> bool {
    said.saturating_add(time::Duration::SECOND) < than
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
    fn after_a_boot_pods_count_and_not_what_their_deployment_says() {
        let pod = |name: &str, ready, running_since| Pod {
            namespace: "kube-system".into(),
            name: name.into(),
            node: "n1".into(),
            ip: String::new(),
            ready,
            troubles: Vec::new(),
            crashing: false,
            running_since,
        };
        let (later, earlier) = (Some(STARTED + time::Duration::MINUTE), Some(STARTED - time::Duration::MINUTE));
        let why = |pods: &[Pod]| too_few(pods, 2, |_| Some(STARTED));
        let (a, b) = (pod("a", true, later), pod("b", true, later));
        assert_eq!(why(&[a.clone(), b.clone(), pod("leaving", false, None)]), None);
        assert_eq!(why(&[a.clone(), pod("b", false, None)]).unwrap(), "b is not ready");
        assert_eq!(
            why(&[a.clone(), pod("b", true, earlier)]).unwrap(),
            "what is said of b is from before n1 has booted"
        );
        assert_eq!(why(&[a]).unwrap(), "there are 1 of 2 pods");
    }

    #[test]
    fn a_time_at_an_end_of_the_calendar_is_one_like_others() {
        let (first, last) = (datetime!(-9999-01-01 0:00 UTC), datetime!(9999-12-31 23:59:59.999999999 UTC));
        for said in [first, last] {
            for started in [first, last] {
                assert!(!has_looked(Some(said), Some(started)) || said > started);
                assert_eq!(is_earlier(said, started), said < started);
                assert_eq!(leads(&lease(said, true), Some(started)) == Leads::Yes, said >= started);
            }
        }
    }

    #[test]
    fn a_kubelet_with_nothing_new_to_say_is_believed_when_it_has_looked() {
        let renewed = |seconds| has_looked(Some(STARTED + time::Duration::seconds(seconds)), Some(STARTED));
        assert!(!renewed(-1) && !renewed(2) && renewed(12));
        assert!(!has_looked(None, Some(STARTED)));
    }
}
