//! What is beyond the nodes, as pods reach it: the gateway that their host sends everything else to.

use std::net::{IpAddr, SocketAddr};

use super::Fixture;
use super::ask::{self, Ask, NO_BASH, Send};
use super::network::by_pod;
use super::path::{Expects, Path};
use super::report::Ending;
use super::rounds::Fate;
use super::verdict;
use crate::clients::kube::Pod;

/// The check's name.
pub(super) const CHECK: &str = "egress";
/// Whoever is there says no at this port, or opens it: either way the packet came, and the answer.
const PORT: u16 = 9;
/// Seconds that the host itself may wait.
const OWN: u8 = 3;
/// Prints the address of the default gateway of the family asked for.
const GATEWAY: &str = "set -- $(ip -FAMILY route show default 2>/dev/null); [ \"$2\" != via ] || printf '%s\\n' \"$3\"";

/// A node whose gateway does not answer the node itself, so that nothing can be said of its pods: why.
pub(super) type Skipped = Vec<String>;

/// From each pod to the gateway of its node, where that answers the node itself.
pub(super) fn paths(fixture: &Fixture<'_>, pods: &[Pod]) -> (Vec<Path>, Skipped) {
    let looked = fixture.each(pods, |pod| gateway(fixture, pod).map(|gateway| path(pod, gateway)));
    let (mut paths, mut skipped) = (Vec::new(), Vec::new());
    for one in looked {
        match one {
            Ok(path) => paths.push(path),
            Err(why) => skipped.push(why),
        }
    }
    (paths, skipped)
}

/// How the check ended; it does not fail for what could not be tried.
pub(super) fn conclude(fixture: &Fixture<'_>, tried: &[(&Path, &Fate)], skipped: &Skipped) -> Ending {
    let not = || format!("not tried: {}", skipped.join("; "));
    if tried.is_empty() {
        return Ending::Passed(not());
    }
    match verdict::conclude(fixture, CHECK, tried) {
        Ending::Passed(note) if !skipped.is_empty() => Ending::Passed(format!("{note}; {}", not())),
        ending => ending,
    }
}

fn gateway(fixture: &Fixture<'_>, pod: &Pod) -> Result<IpAddr, String> {
    let node = &pod.node;
    let ipv6 = pod.ip.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6());
    let script = GATEWAY.replace("FAMILY", if ipv6 { "6" } else { "4" });
    let said = fixture.on_host(node, &script, -1).map_err(|error| error.message)?;
    let gateway = String::from_utf8_lossy(&said).trim().parse::<IpAddr>();
    let gateway = gateway.map_err(|_| format!("{node} has no default gateway"))?;
    let own = Ask { at: SocketAddr::new(gateway, PORT), send: Send::Nothing, seconds: OWN };
    let told = fixture.on_host(node, &ask::script(&[&own]), NO_BASH).map_err(|error| error.message)?;
    let told = ask::read(&told, 1).into_iter().next().flatten();
    match path(pod, gateway).by_itself(own).judge(told) {
        Ok(()) => Ok(gateway),
        Err(_) => Err(format!("{node} itself gets no answer from its gateway {gateway}")),
    }
}

fn path(pod: &Pod, gateway: IpAddr) -> Path {
    Path {
        check: CHECK,
        to: format!("{gateway}, the gateway of {}", pod.node),
        ..by_pod(pod, &gateway.to_string(), PORT, "hostname", Expects::Somebody)
    }
}

impl Path {
    /// The same as the host itself tries it.
    fn by_itself(self, ask: Ask) -> Path {
        Path { by_pod: false, from: self.host.clone(), ask, ..self }
    }
}
