//! Nodes register, each for itself: what one of them waits for hinders no other.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::evidence;
use super::{API, ask};
use crate::apply::Job;
use crate::apply::objects::mark;
use crate::clients::kube;
use crate::error::{Error, Kind, Result};
use crate::health::{Poll, Schedule};
use crate::plan::are_believed;

/// A kubelet registers and the controller manager hands out pod networks.
const REGISTER: Schedule = Schedule::new(90, 100);
/// How often those who do not ask look whether they are still to wait.
const NAP: Duration = Duration::from_millis(50);

/// What the API server said last of all nodes. One of those who wait asks, for all of them.
#[derive(Default)]
pub struct Watch {
    last: Mutex<Last>,
    changed: Condvar,
}

#[derive(Default)]
struct Last {
    /// By name: why it cannot be worked with yet; none where it can.
    nodes: BTreeMap<String, Option<String>>,
    /// Somebody asks.
    asked: bool,
    /// Somebody sets labels: one at a time, by a connection that is used again.
    marks: bool,
}

impl Watch {
    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, change: impl FnOnce(&mut Last)) {
        change(&mut self.last());
        self.changed.notify_all();
    }

    fn nap<'a>(&self, last: MutexGuard<'a, Last>) -> MutexGuard<'a, Last> {
        self.changed.wait_timeout(last, NAP).unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Last {
    /// Why the node cannot be worked with; none where it can.
    fn lacks(&self, host: &str) -> Option<String> {
        self.nodes.get(host).cloned().unwrap_or_else(|| Some("it is not there".into()))
    }
}

/// The node is registered, has its piece of the pod network, which flanneld needs to start, and its labels.
pub(in crate::apply) fn registered(job: &Job<'_>, host: &str) -> Result<String> {
    let until = Instant::now() + REGISTER.deadline;
    while let Some(lacks) = wait(job, host, until)? {
        if Instant::now() >= until {
            return Err(late(job, host, &lacks));
        }
        let asked = look(job, host, until);
        job.watch.tell(|last| last.asked = false);
        asked?;
    }
    marked(job, host)
}

/// Waits until the node is there, or it is this one's turn to ask, or it is too late: then what is missing comes back.
fn wait(job: &Job<'_>, host: &str, until: Instant) -> Result<Option<String>> {
    let mut last = job.watch.last();
    loop {
        let Some(lacks) = last.lacks(host) else { return Ok(None) };
        job.check_interrupt()?;
        if Instant::now() >= until {
            return Ok(Some(lacks));
        }
        if !last.asked {
            last.asked = true;
            return Ok(Some(lacks));
        }
        last = job.watch.nap(last);
    }
}

/// Asks and tells all others, until this one's node is there or it is too late for it.
fn look(job: &Job<'_>, host: &str, until: Instant) -> Result<()> {
    ask(job, &format!("{host} has not registered"), REGISTER, |client| {
        let nodes = kube::list(client, "/api/v1/nodes", "")?;
        job.watch.tell(|last| last.nodes = nodes.iter().map(state).collect());
        match job.watch.last().lacks(host) {
            Some(lacks) if Instant::now() < until => Ok(Poll::Pending(lacks)),
            _ => Ok(Poll::Ready(())),
        }
    })
}

fn state(node: &Value) -> (String, Option<String>) {
    let name = node["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    // One that was made before its kubelet ran is there without it.
    let lacks = if node["status"]["nodeInfo"]["kubeletVersion"].as_str().is_none_or(str::is_empty) {
        Some("its kubelet has not registered yet")
    } else if node["spec"]["podCIDR"].is_null() {
        Some("it has no pod network yet")
    } else {
        None
    };
    (name, lacks.map(str::to_owned))
}

fn late(job: &Job<'_>, host: &str, lacks: &str) -> Error {
    let mut error = Error::health(format!("{host}: its node has not registered after {:?}", REGISTER.deadline))
        .detail(format!("last seen: {lacks}"));
    for said in evidence::of_services(job, host) {
        error = error.detail(said);
    }
    error.hint(format!("all of it on {host}: journalctl -u kubelet -e"))
}

fn marked(job: &Job<'_>, host: &str) -> Result<String> {
    let node = job.cluster.host(host).ok_or_else(|| Error::internal(format!("no host {host}")))?;
    let mut last = job.watch.last();
    while last.marks {
        job.check_interrupt()?;
        last = job.watch.nap(last);
    }
    last.marks = true;
    drop(last);
    let believed = are_believed(&job.desired.objects, job.plan.objects.as_deref());
    let marked = ask(job, &format!("{host}: its labels are not set"), API, |client| {
        mark(client, node, believed).map(Poll::Ready)
    });
    job.watch.tell(|last| last.marks = false);
    marked.map(|()| String::new())
}

impl Job<'_> {
    fn check_interrupt(&self) -> Result<()> {
        match self.interrupt.load(std::sync::atomic::Ordering::SeqCst) {
            true => Err(Error::new(Kind::Interrupted, "interrupted")),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_node_is_there_once_it_has_its_piece_of_the_pod_network() {
        let node = |name: &str, cidr: Option<&str>, version: &str| {
            let status = json!({ "nodeInfo": { "kubeletVersion": version } });
            json!({ "metadata": { "name": name }, "spec": { "podCIDR": cidr }, "status": status })
        };
        let cidr = Some("10.244.0.0/24");
        let nodes = [node("n1", cidr, "v1.36.3"), node("n2", None, "v1.36.3"), node("n4", cidr, "")];
        let last = Last { nodes: nodes.iter().map(state).collect(), ..Last::default() };
        assert_eq!(last.lacks("n1"), None);
        assert_eq!(last.lacks("n2").as_deref(), Some("it has no pod network yet"));
        assert_eq!(last.lacks("n4").as_deref(), Some("its kubelet has not registered yet"));
        assert_eq!(last.lacks("n3").as_deref(), Some("it is not there"));
    }
}
