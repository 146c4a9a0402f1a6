//! What concerns the cluster as a whole: leases, nodes, DNS.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Check, HostStatus, State};
use crate::access::{ApiAccess, Pool};
use crate::clients::http::Client;
use crate::clients::kube;
use crate::cluster::{Cluster, NetworkPlugin, Revoked, Role};
use crate::components::kubelet;
use crate::error::Result;
use crate::facts::{self, HostFacts};
use crate::health::{self, Leads};
use crate::trust::Trust;

/// Asks the first API server that answers; kubelet versions go to the hosts' rows. A host that could not be reached
/// is not waited for again. `objects` are those that the API must hold. What is older than the process that is to have
/// said it, by the hosts' `facts`, is not believed.
pub(super) fn ask(
    cluster: &Cluster,
    pool: &Pool,
    trust: &Trust,
    objects: &[Value],
    hosts: &mut [HostStatus],
    facts: &BTreeMap<String, HostFacts>,
) -> Vec<Check> {
    let away: Vec<String> = hosts.iter().filter(|h| !h.trouble.is_empty()).map(|h| h.name.clone()).collect();
    let masters = cluster.with_role(Role::Master).filter(|master| !away.contains(&master.name));
    let checks = ApiAccess::any_of(pool, masters, trust).and_then(|mut access| {
        let mut client = access.client()?;
        let mut checks = leases(cluster, &mut client, facts)?;
        checks.extend(nodes(&mut client, cluster, hosts, facts)?);
        checks.extend(dns(&mut client, cluster, objects, facts)?);
        let webhooks = health::refusing_webhooks(&mut client)?;
        checks.extend(webhooks.into_iter().map(|line| check("webhook", State::Bad, "refuses", line)));
        let policies = health::unenforced_policies(&mut client, cluster.networks.plugin.without_policies())?;
        checks.extend(policies.map(|line| check("policies", State::Warning, "not enforced", line)));
        Ok(checks)
    });
    let mut checks = checks.unwrap_or_else(|error| vec![check("API", State::Bad, "no answer", error.message)]);
    checks.extend(super::balancing::holder(cluster, facts));
    checks.extend(revoked(cluster));
    checks.extend(trust.warnings().into_iter().map(|line| check("folder", State::Warning, "incomplete", line)));
    checks
}

fn leases(cluster: &Cluster, client: &mut Client<'_>, facts: &BTreeMap<String, HostFacts>) -> Result<Vec<Check>> {
    let leases = kube::leases(client)?;
    Ok(leases
        .into_iter()
        .map(|lease| {
            let holder = facts::master_called(cluster, facts, lease.host());
            let started = holder.and_then(|(_, facts)| facts.started(&format!("{}.service", lease.component)));
            match health::leads(&lease, started) {
                Leads::Yes => check(&lease.component, State::Good, "leads", lease.host()),
                Leads::NotYet(why) => check(&lease.component, State::Bad, "not yet", why),
                Leads::No(why) => check(&lease.component, State::Bad, "no leader", why),
            }
        })
        .collect())
}

fn nodes(
    client: &mut Client<'_>,
    cluster: &Cluster,
    hosts: &mut [HostStatus],
    facts: &BTreeMap<String, HostFacts>,
) -> Result<Vec<Check>> {
    let live = kube::nodes(client)?;
    for node in &live {
        if let Some(host) = hosts.iter_mut().find(|h| h.name == node.name) {
            for component in host.components.iter_mut().filter(|c| c.name == "kubelet") {
                component.version = node.kubelet.trim_start_matches('v').to_owned();
            }
        }
    }
    let wanted: Vec<&str> = cluster.with_role(Role::Node).map(|h| h.name.as_str()).collect();
    let mut before = BTreeSet::new();
    for node in &live {
        let [booted, started] =
            [facts::BOOT, kubelet::UNIT].map(|unit| facts.get(&node.name).and_then(|facts| facts.started(unit)));
        if health::is_from_before(node, booted) && !health::has_looked(kube::node_renewed(client, &node.name)?, started)
        {
            before.insert(node.name.as_str());
        }
    }
    Ok(vec![judge(&live, &wanted, |node| before.contains(node.name.as_str()))])
}

/// All nodes that there are or should be; `before` tells whether what one says of itself is older than its kubelet.
fn judge(live: &[kube::Node], wanted: &[&str], before: impl Fn(&kube::Node) -> bool) -> Check {
    let mut ready = 0;
    let mut troubles = Vec::new();
    for name in wanted {
        match live.iter().find(|n| n.name == *name) {
            Some(node) if before(node) => {
                troubles.push(format!("{name}: not yet, what it says is from before its host was booted"));
            }
            Some(node) => {
                match node.ready {
                    true => ready += 1,
                    false => troubles.push(format!("{name}: {}", super::said(&node.reason, &node.message))),
                }
                troubles.extend(node.pressures.iter().map(|pressure| format!("{name} has {pressure}")));
                if node.unschedulable {
                    troubles.push(format!("{name} is cordoned"));
                }
            }
            None => troubles.push(format!("{name} has not registered")),
        }
    }
    let all_ready = ready == wanted.len();
    let others: Vec<&kube::Node> = live.iter().filter(|node| !wanted.contains(&&*node.name)).collect();
    ready += others.iter().filter(|node| node.ready).count();
    troubles.extend(others.iter().map(|node| format!("{} has no host in the inventory", node.name)));
    let state = match (all_ready, troubles.is_empty()) {
        (true, true) => State::Good,
        (true, false) => State::Warning,
        (false, _) => State::Bad,
    };
    let word = format!("{ready} of {} Ready", wanted.len() + others.len());
    check("nodes", state, &word, troubles.join("; "))
}

fn dns(
    client: &mut Client<'_>,
    cluster: &Cluster,
    objects: &[Value],
    facts: &BTreeMap<String, HostFacts>,
) -> Result<Option<Check>> {
    if cluster.networks.plugin == NetworkPlugin::None || cluster.with_role(Role::Node).next().is_none() {
        return Ok(None);
    }
    let replicas = health::replicas(objects, "kube-system", "coredns");
    let rollout = health::deployment_ready(client, "kube-system", "coredns", replicas)?;
    if rollout.ready {
        let booted = |pod: &kube::Pod| facts.get(&pod.node).and_then(|facts| facts.started(facts::BOOT));
        let pods = kube::pods(client, "kube-system", "k8s-app=kube-dns")?;
        if let Some(why) = health::too_few(&pods, rollout.wanted, booted) {
            return Ok(Some(check("CoreDNS", State::Bad, "not yet", why)));
        }
    }
    let state = if rollout.ready { State::Good } else { State::Bad };
    let word = if rollout.ready { "available" } else { "not available" };
    Ok(Some(check("CoreDNS", state, word, rollout.detail)))
}

/// Hosts whose keys are worth nothing; nobody is to think that they are merely away.
fn revoked(cluster: &Cluster) -> Option<Check> {
    let since = |revoked: &Revoked| format!("{} since {} ({})", revoked.name, revoked.since, revoked.by);
    let all: Vec<String> = cluster.revoked.iter().map(since).collect();
    (!all.is_empty()).then(|| check("revoked", State::Good, "shut out", all.join("; ")))
}

fn check(name: &str, state: State, word: &str, detail: impl Into<String>) -> Check {
    Check { name: name.into(), state, word: word.into(), detail: detail.into(), remedy: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, ready: bool) -> kube::Node {
        kube::Node {
            name: name.into(),
            ready,
            reason: if ready { String::new() } else { "KubeletNotReady".into() },
            message: String::new(),
            pressures: Vec::new(),
            taints: Vec::new(),
            unschedulable: false,
            kubelet: "v1.36.3".into(),
            internal_ip: String::new(),
            heartbeat: None,
        }
    }

    #[test]
    fn nodes_that_the_inventory_does_not_have_are_counted_and_named() {
        let judged = |live: &[kube::Node], wanted: &[&str]| {
            let check = judge(live, wanted, |node| node.name == "n9");
            (check.state, check.word, check.detail)
        };
        let both = [node("n1", true), node("n2", true)];
        assert_eq!(judged(&both, &["n1", "n2"]), (State::Good, "2 of 2 Ready".into(), String::new()));
        let other = "n2 has no host in the inventory".to_owned();
        assert_eq!(judged(&both, &["n1"]), (State::Warning, "2 of 2 Ready".into(), other.clone()));
        let gone = [node("n1", true), node("n2", false)];
        assert_eq!(judged(&gone, &["n1"]), (State::Warning, "1 of 2 Ready".into(), other));
        let (state, word, detail) = judged(&[node("n1", true), node("n9", true)], &["n1", "n9"]);
        assert_eq!((state, word.as_str()), (State::Bad, "1 of 2 Ready"));
        assert_eq!(detail, "n9: not yet, what it says is from before its host was booted");
        let (state, word, _) = judged(&[node("n1", false), node("n2", true)], &["n1"]);
        assert_eq!((state, word.as_str()), (State::Bad, "1 of 2 Ready"));
    }
}
