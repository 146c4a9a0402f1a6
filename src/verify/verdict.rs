//! What the paths of a check mean together, and what is said of those that do not work.

use super::Fixture;
use super::firewall;
use super::network::SERVICE_NAME;
use super::path::{Path, Trouble};
use super::report::Ending;
use super::rounds::{Fate, PathEnding};
use super::rules::Known;
use crate::clients::kube;
use crate::error::Error;

/// The label that CoreDNS carries in every cluster.
const DNS_PODS: &str = "k8s-app=kube-dns";
const ASKS_AGAIN: &str =
    "where the API server was away, CoreDNS asks it again after up to a minute: verify once more then";

/// How a check ended, by its paths.
pub(super) fn conclude(fixture: &Fixture<'_>, check: &str, tried: &[(&Path, &Fate)]) -> Ending {
    if tried.is_empty() {
        return Ending::Passed("one node only, no other to reach".into());
    }
    let failed: Vec<(&Path, &Trouble, Known)> = tried
        .iter()
        .filter_map(|(path, fate)| match &fate.ending {
            PathEnding::Fails(trouble, known) => Some((*path, trouble, *known)),
            _ => None,
        })
        .collect();
    let untried = tried.iter().filter(|(_, fate)| fate.ending == PathEnding::NotTried).count();
    if failed.is_empty() {
        return match untried {
            0 => Ending::Passed(passed(check, tried)),
            _ => Ending::NotTried(format!("the time was over: {untried} of {} paths were not tried", tried.len())),
        };
    }
    let mut sentences: Vec<String> =
        failed.iter().map(|(path, trouble, known)| sentence(path, trouble, *known)).collect();
    if untried > 0 {
        sentences.push(format!("{untried} more were not tried: the time was over"));
    }
    let error = match sentences.len() {
        1 => Error::health(sentences.remove(0)),
        _ => Error::health(format!("{} of {} paths do not work", failed.len(), tried.len())),
    };
    let error = sentences.into_iter().fold(error, Error::detail);
    let error = doors(fixture, &failed).into_iter().fold(error, Error::detail);
    Ending::Failed(hints(fixture, check, &failed, error))
}

fn passed(check: &str, tried: &[(&Path, &Fate)]) -> String {
    match (check, tried) {
        ("service-address", [(path, _), ..]) => format!("{} from {} nodes", path.ask_target(), tried.len()),
        _ => format!("{} paths", tried.len()),
    }
}

impl Path {
    fn ask_target(&self) -> &str {
        &self.to
    }
}

/// What is wrong with a path, and whether it only is not there yet.
fn sentence(path: &Path, trouble: &Trouble, known: Known) -> String {
    let sentence = path.sentence(trouble);
    match (known, &path.entry) {
        (Known::No, Some((node, _))) => {
            format!("{sentence}: not yet, kube-proxy on {node} has not heard of the Service")
        }
        (Known::NoRules, Some((node, _))) => {
            format!("{sentence}: not yet, kube-proxy on {node} has put no rules into the kernel")
        }
        _ if is_unheard_of(path, trouble) => format!("{sentence}: not yet, CoreDNS has not heard of the Service"),
        _ => sentence,
    }
}

/// CoreDNS answers, and knows nothing of a Service that there is.
fn is_unheard_of(path: &Path, trouble: &Trouble) -> bool {
    path.check == SERVICE_NAME && matches!(trouble, Trouble::NoName(why) if why.ends_with("no such host"))
}

/// The rules that stand in the way, as the nodes show them.
fn doors(fixture: &Fixture<'_>, failed: &[(&Path, &Trouble, Known)]) -> Vec<String> {
    let stopped = failed.iter().filter(|(_, trouble, _)| matches!(trouble, Trouble::Dropped | Trouble::Refused));
    let mut doors: Vec<_> = stopped.filter_map(|(path, _, _)| path.door.clone()).collect();
    doors.sort_unstable();
    doors.dedup();
    let found = fixture.each(&doors, |(node, protocol, port)| {
        let output = fixture.on_host(node, firewall::SCRIPT, -1).ok()?;
        let rule = firewall::rule(&String::from_utf8_lossy(&output), protocol, *port)?;
        Some(format!("firewall of {node}: {rule}"))
    });
    found.into_iter().flatten().collect()
}

fn hints(fixture: &Fixture<'_>, check: &str, failed: &[(&Path, &Trouble, Known)], error: Error) -> Error {
    let mut nodes: Vec<&str> = failed.iter().filter_map(|(path, ..)| Some(path.entry.as_ref()?.0.as_str())).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let no_route = failed.iter().any(|(_, trouble, _)| **trouble == Trouble::NoRoute);
    let no_name = failed.iter().any(|(_, trouble, _)| matches!(trouble, Trouble::NoName(_)));
    let unheard_of = failed.iter().any(|(path, trouble, _)| is_unheard_of(path, trouble));
    match check {
        "pod-to-pod" => {
            error.hint("the nodes must reach each other on the network plugin's port (flannel VXLAN: UDP 8472)")
        }
        "large-packets" => error.hint(
            "where small packets pass and large ones do not, compare the MTU of the pods' interfaces with that of the link",
        ),
        "host-service" if no_route => error.hint(format!(
            "a host without a default route sends nothing to Services, as its kernel looks for a route before kube-proxy \
             can turn the packet: give it one, or a route to {} over any of its interfaces (ip route add {} dev …)",
            fixture.ways.services, fixture.ways.services
        )),
        "host-port" => error.hint("ports of hosts are the CNI plugin portmap's: look at its configuration on that node"),
        _ if unheard_of => dns_evidence(fixture, error.hint(ASKS_AGAIN)),
        _ if no_name || check == "dns-tcp" => dns_evidence(fixture, error),
        _ if nodes.is_empty() => error,
        _ => error.hint(format!("look at kube-proxy on {}: journalctl -u kube-proxy", nodes.join(", "))),
    }
}

/// Adds what keeps CoreDNS, where something does.
fn dns_evidence(fixture: &Fixture<'_>, error: Error) -> Error {
    let pods = fixture.ask(|client| kube::pods(client, "kube-system", DNS_PODS)).unwrap_or_default();
    let sick = pods.iter().filter(|pod| !pod.ready);
    let lines: Vec<String> =
        sick.map(|pod| format!("{} on {}: {}", pod.name, pod.node, pod.troubles.join("; "))).collect();
    let error = lines.into_iter().fold(error, Error::detail);
    match pods.iter().any(|pod| pod.ready) {
        true => error,
        false => error.detail(format!("no pod with the label {DNS_PODS} is ready in kube-system")),
    }
    .hint(format!("look at CoreDNS: kubectl -n kube-system get pods -l {DNS_PODS}"))
}

#[cfg(test)]
mod tests {
    use super::super::ask::Send;
    use super::super::path::Expects;
    use super::super::path::tests::path;
    use super::super::rules::Entry;
    use super::*;

    #[test]
    fn not_yet_and_broken_are_different_words() {
        let entry = Entry::NodePort("tcp", 30726);
        let path = Path { entry: Some(("n2".into(), entry)), ..path(false, Send::Nothing, Expects::Open) };
        let said = [Known::No, Known::NoRules, Known::Yes].map(|known| sentence(&path, &Trouble::Refused, known));
        insta::assert_snapshot!(said.join("\n"), @"
        from n1: refused by n2:30726: not yet, kube-proxy on n2 has not heard of the Service
        from n1: refused by n2:30726: not yet, kube-proxy on n2 has put no rules into the kernel
        from n1: refused by n2:30726
        ");
    }

    #[test]
    fn a_service_that_coredns_does_not_know_yet_is_not_a_broken_server() {
        let path = Path { check: SERVICE_NAME, to: "web:80".into(), ..path(true, Send::Nothing, Expects::Open) };
        let said = ["lookup web on 10.96.0.10:53: no such host", "lookup web on 10.96.0.10:53: server misbehaving"]
            .map(|why| sentence(&path, &Trouble::NoName(why.into()), Known::Untold));
        insta::assert_snapshot!(said.join("\n"), @"
        from n1: web:80 is not found: lookup web on 10.96.0.10:53: no such host: not yet, CoreDNS has not heard of the Service
        from n1: web:80 is not found: lookup web on 10.96.0.10:53: server misbehaving
        ");
    }
}
