//! The pods: one on every node, which can be looked into.

use std::time::Duration;

use super::manifests::{CONFIG_MAP_FILE, NAME};
use super::{Fixture, locked};
use crate::clients::http::Client;
use crate::clients::kube::{self, Node, Pod};
use crate::cluster::Host;
use crate::error::{Error, Result};
use crate::health::{Poll, Schedule, wait};
use crate::remote::LOOK;
use crate::text::sh_quote;

/// A program in a pod may look up names that nobody answers for.
pub(super) const EXEC_TIMEOUT: Duration = Duration::from_secs(30);
/// How long pods may take to start.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same for those with ports of their hosts, which have had as long as the others already.
const PORTS_PATIENCE: Duration = Duration::from_secs(15);
/// How long a line may take from a pod into its log.
const WRITTEN: Schedule = Schedule::new(5, 200);
const POLL: Duration = Duration::from_millis(150);
/// How many pods, events and logs an error shows at most.
const MOST: usize = 8;
/// What does not heal by itself while we wait.
const HOPELESS: &[&str] = &["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"];

const NO_IMAGE: &str =
    "the image is not on the host: run `kbootstrap up` (kubelet removes unused images when its disk is 85 % full)";

/// Check `pods`. Pods that run are left in the fixture for the other checks even when some do not.
pub(super) fn one_on_every_node(fixture: &Fixture<'_>) -> Result<String> {
    let (nodes, namespace) = (&fixture.ways.nodes, &fixture.names.namespace);
    // The rest is for what the pods are there for.
    let deadline = PATIENCE.min(fixture.budget.for_checks() * 2 / 3);
    let outcome = fixture.ask(|client| {
        let waited =
            start_everywhere(client, fixture, namespace, deadline, &mut |ready| *locked(&fixture.pods) = ready);
        match waited {
            Err(error) if super::is_interruption(&error) || !client.is_open() => Err(error),
            Err(error) => Err(evidence(client, nodes, namespace).into_iter().fold(error, Error::detail)),
            Ok(()) => Ok(()),
        }
    });
    outcome.map(|()| format!("one on each of {} nodes", nodes.len()))
}

/// The pods with ports of their hosts.
pub(super) fn with_ports(fixture: &Fixture<'_>) -> Result<Vec<Pod>> {
    if let Some(error) = locked(&fixture.without_ports).take() {
        return Err(error.context("the pods with a port of their host are not accepted"));
    }
    let namespace = fixture.names.with_ports();
    let deadline = PORTS_PATIENCE.min(fixture.budget.for_checks() / 2);
    let mut pods = Vec::new();
    fixture.ask(|client| {
        let waited = start_everywhere(client, fixture, &namespace, deadline, &mut |ready| pods = ready);
        waited.map_err(|error| match client.is_open() {
            true => evidence(client, &fixture.ways.nodes, &namespace).into_iter().fold(error, Error::detail),
            false => error,
        })
    })?;
    Ok(pods)
}

/// Waits until every node runs its pod of that namespace; `seen` is given those that do.
fn start_everywhere(
    client: &mut Client<'_>,
    fixture: &Fixture<'_>,
    namespace: &str,
    deadline: Duration,
    seen: &mut dyn FnMut(Vec<Pod>),
) -> Result<()> {
    let nodes = &fixture.ways.nodes;
    let schedule = Schedule { deadline, poll: POLL };
    wait("not every node runs its pod", schedule, fixture.interrupted, || {
        let pods = kube::pods(client, namespace, &format!("app={NAME}"))?;
        let missing = without_pod(nodes, &pods);
        let hopeless = pods.iter().flat_map(|pod| &pod.troubles).any(|t| HOPELESS.iter().any(|word| t.contains(word)));
        seen(pods.into_iter().filter(|pod| pod.ready && !pod.ip.is_empty()).collect());
        if missing.is_empty() {
            return Ok(Poll::Ready(()));
        }
        let summary = format!("no running pod on {}", missing.join(", "));
        if hopeless { Err(Error::health(summary).hint(NO_IMAGE)) } else { Ok(Poll::Pending(summary)) }
    })
}

fn without_pod(nodes: &[Host], pods: &[Pod]) -> Vec<String> {
    let runs = |node: &String| pods.iter().any(|pod| pod.ready && pod.node == *node);
    nodes.iter().map(|host| &host.name).filter(|name| !runs(name)).cloned().collect()
}

/// What explains why pods do not run; what cannot be had is left out.
fn evidence(client: &mut Client<'_>, nodes: &[Host], namespace: &str) -> Vec<String> {
    let mut lines = kube::nodes(client).map(|seen| sick_nodes(nodes, &seen)).unwrap_or_default();
    let pods = kube::pods(client, namespace, "").unwrap_or_default();
    let sick: Vec<&Pod> = pods.iter().filter(|pod| !pod.ready).collect();
    lines.extend(sick_pods(&sick));
    if pods.is_empty() {
        lines.push("no pod was created: is kube-controller-manager running?".into());
    }
    let said = |words: &str| sick.iter().flat_map(|pod| &pod.troubles).any(|trouble| trouble.ends_with(words));
    let warnings = kube::warnings(client, namespace).unwrap_or_default();
    lines.extend(warnings.iter().filter(|warning| !said(&warning.said)).take(MOST).map(ToString::to_string));
    for pod in sick.iter().filter(|pod| !pod.node.is_empty()).take(MOST) {
        let log = kube::logs(client, pod, 10).unwrap_or_default();
        if !log.trim().is_empty() {
            lines.push(format!("log of {}:\n{}", pod.name, log.trim_end()));
        }
    }
    lines
}

/// Pods that are kept by the same are named together.
fn sick_pods(sick: &[&Pod]) -> Vec<String> {
    let mut kept: Vec<(String, Vec<String>)> = Vec::new();
    for pod in sick {
        let on = if pod.node.is_empty() { String::new() } else { format!(" on {}", pod.node) };
        let (name, troubles) = (format!("{}{on}", pod.name), pod.troubles.join("; "));
        match kept.iter_mut().find(|(known, _)| *known == troubles) {
            Some((_, names)) => names.push(name),
            None => kept.push((troubles, vec![name])),
        }
    }
    let line = |(troubles, names): (String, Vec<String>)| {
        let more = names.len().saturating_sub(MOST);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("{}{more}: {troubles}", names.into_iter().take(MOST).collect::<Vec<_>>().join(", "))
    };
    kept.into_iter().take(MOST).map(line).collect()
}

fn sick_nodes(expected: &[Host], seen: &[Node]) -> Vec<String> {
    let state = |name: &String| match seen.iter().find(|node| node.name == *name) {
        None => Some(format!("node {name} has not joined the cluster")),
        Some(node) if !node.ready => Some(format!("node {name} is not Ready: {}: {}", node.reason, node.message)),
        Some(node) if !node.pressures.is_empty() => Some(format!("node {name} has {}", node.pressures.join(", "))),
        Some(_) => None,
    };
    expected.iter().filter_map(|host| state(&host.name)).collect()
}

/// Check `exec`: kubectl on the master runs a program in a pod; this is a stream through the API server and kubelet.
pub(super) fn exec(fixture: &Fixture<'_>) -> Result<String> {
    let pods = fixture.open_pods();
    let Some(pod) = pods.last() else { return Err(Error::health("no pod runs")) };
    let script = format!(
        "{} -n {} exec {} -c {NAME} -- /agnhost mounttest --file_content={CONFIG_MAP_FILE}",
        fixture.kubectl,
        sh_quote(&pod.namespace),
        sh_quote(&pod.name)
    );
    let output = fixture.ways.pool.take(&fixture.ways.master.host)?.ask(LOOK, &script)?;
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status == 0 && text.contains(&fixture.names.config) {
        return Ok(format!("kubectl exec in {} on {}", pod.name, pod.node));
    }
    Err(Error::health(format!("kubectl exec in {} on {} ended with {}", pod.name, pod.node, output.status))
        .detail(format!("{text}{}", String::from_utf8_lossy(&output.stderr)).trim_end()))
}

/// Check `logs`: of every pod, so from every kubelet that is reached.
pub(super) fn logs(fixture: &Fixture<'_>) -> Result<String> {
    let pods = fixture.open_pods();
    let errors: Vec<Error> = fixture.each(&pods, |pod| log(fixture, pod)).into_iter().filter_map(Result::err).collect();
    let Some(first) = errors.first() else { return Ok(format!("of {} pods", pods.len())) };
    if errors.len() == 1 {
        return Err(first.clone());
    }
    let error = Error::health(format!("{} of {} pods give no log", errors.len(), pods.len()));
    Err(errors.iter().fold(error, |all, error| all.detail(error.message.clone())))
}

/// A pod's log has its first line. The runtime writes it a moment after the pod has said it.
fn log(fixture: &Fixture<'_>, pod: &Pod) -> Result<()> {
    let what = format!("the log of {} on {} lacks its first line", pod.name, pod.node);
    fixture.ask(|client| {
        wait(&what, WRITTEN, fixture.interrupted, || {
            let log =
                kube::logs(client, pod, 100).map_err(|e| e.context(format!("log of {} on {}", pod.name, pod.node)))?;
            Ok(if log.contains("Started HTTP server") { Poll::Ready(()) } else { Poll::Pending(log) })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::example;

    #[test]
    fn nodes_that_cannot_run_pods_are_named() {
        let node = |name: &str, ready| Node {
            name: name.into(),
            ready,
            reason: "KubeletNotReady".into(),
            message: "cni plugin not initialized".into(),
            pressures: if name == "n4" { vec!["DiskPressure".into()] } else { Vec::new() },
            taints: Vec::new(),
            unschedulable: false,
            kubelet: String::new(),
            internal_ip: String::new(),
            heartbeat: None,
        };
        let expected = ["n1", "n2", "n3", "n4"].map(|name| example::host(name, 1, &[]));
        assert_eq!(
            sick_nodes(&expected, &[node("n1", true), node("n2", false), node("n4", true)]),
            [
                "node n2 is not Ready: KubeletNotReady: cni plugin not initialized",
                "node n3 has not joined the cluster",
                "node n4 has DiskPressure"
            ]
        );
    }

    #[test]
    fn what_keeps_several_pods_is_said_once() {
        let pod = |name: &str, node: &str, trouble: &str| Pod {
            namespace: "x".into(),
            name: name.into(),
            node: node.into(),
            ip: String::new(),
            ready: false,
            troubles: vec![trouble.into()],
            crashing: false,
            running_since: None,
        };
        let pods = [
            pod("web-1", "", "not scheduled: Unschedulable"),
            pod("web-2", "n2", "no CNI"),
            pod("web-3", "", "not scheduled: Unschedulable"),
        ];
        let lines = sick_pods(&pods.iter().collect::<Vec<_>>());
        assert_eq!(lines, ["web-1, web-3: not scheduled: Unschedulable", "web-2 on n2: no CNI"]);
    }

    #[test]
    fn a_pod_counts_where_it_is_ready() {
        let pod = |node: &str, ready| Pod {
            namespace: "x".into(),
            name: "web".into(),
            node: node.into(),
            ip: "10.244.0.2".into(),
            ready,
            troubles: Vec::new(),
            crashing: false,
            running_since: None,
        };
        let nodes = ["n1", "n2"].map(|name| example::host(name, 1, &[]));
        assert_eq!(without_pod(&nodes, &[pod("n1", true), pod("n2", false)]), ["n2"]);
        assert!(without_pod(&nodes, &[pod("n1", true), pod("n2", true)]).is_empty());
    }
}
