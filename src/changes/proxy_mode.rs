//! kube-proxy's mode, of the cluster and of single hosts, as far as a running node can take another one.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Known, refusal};
use crate::cluster::{Host, ProxyMode, Role};
use crate::components::kube_proxy;
use crate::error::Error;
use crate::facts::{self, HostFacts};

/// kube-proxy that starts in another mode takes the rules of the old one away before it writes its own
/// (kubernetes cmd/kube-proxy/app/server_linux.go, platformCleanup): Services fail meanwhile. On a node that is cordoned
/// nobody is meant to notice. It is the same whether the mode is the cluster's or the host's own.
pub(super) fn refusals(known: &Known<'_>) -> Vec<Error> {
    let mut changes: BTreeMap<(&str, String, String), Vec<&str>> = BTreeMap::new();
    for host in known.cluster.with_role(Role::Node) {
        if let Some((before, after)) = change(known, host).filter(|_| !cordoned(known, &host.name)) {
            let own = own(serde_json::to_value(&host.components).ok().as_ref()).is_some();
            let field = if own { "components.kube-proxy.config.mode" } else { "proxy.mode" };
            changes.entry((field, before, after)).or_default().push(&host.name);
        }
    }
    let one = |((field, before, after), hosts): ((&str, String, String), Vec<&str>)| {
        let first = hosts[0];
        refusal(
            format!("{field} is {after}, and a change takes Services away for some seconds on each node"),
            format!("kube-proxy works in {before} mode on {}", hosts.join(", ")),
            format!(
                "put the old value back; by hand, node by node: `kubectl drain {first} --ignore-daemonsets`, for that host \
                 `components: {{kube-proxy: {{config: {{mode: {after}}}}}}}`, `up`, `kubectl uncordon {first}`"
            ),
        )
    };
    changes.into_iter().map(one).collect()
}

/// The mode that the host's kube-proxy was given, and the one that it is to have, where they differ.
fn change(known: &Known<'_>, host: &Host) -> Option<(String, String)> {
    let facts = known.facts.get(&host.name).filter(|_| known.was_started(&host.name, kube_proxy::UNIT))?;
    let record = known.live.record.as_ref()?;
    let cluster: ProxyMode = serde_json::from_value(record.setting("proxy.mode")?.clone()).ok()?;
    let before = mode(record.setting(&format!("hosts[{}].components", host.name)), cluster, facts);
    let after = mode(serde_json::to_value(&host.components).ok().as_ref(), known.cluster.proxy_mode, facts);
    (before != after).then_some((before, after))
}

/// What `auto` comes to on the host is what counts.
fn mode(components: Option<&Value>, cluster: ProxyMode, facts: &HostFacts) -> String {
    own(components).unwrap_or_else(|| facts::proxy_mode(cluster, facts).name().to_owned())
}

/// The mode among a host's settings of components.
fn own(components: Option<&Value>) -> Option<String> {
    let mode = components?.get(kube_proxy::NAME)?.pointer("/config/mode")?.as_str()?;
    Some(mode.to_owned()).filter(|mode| !mode.is_empty())
}

fn cordoned(known: &Known<'_>, node: &str) -> bool {
    known.live.node(node).is_some_and(|node| node.cordoned)
}
