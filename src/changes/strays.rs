//! Hosts that have left the inventory while they run.

use super::{Known, refusal};
use crate::cluster::Role;
use crate::error::Error;
use crate::live::{Node, Stray, StrayState};

pub(super) fn refusals(known: &Known<'_>) -> Vec<Error> {
    let strays = known.live.strays.iter().filter_map(|stray| of(known, stray));
    strays.chain(forgotten(known)).collect()
}

/// Nodes that `up` has made and that run, of hosts that neither the inventory nor a record knows.
fn forgotten<'k>(known: &Known<'k>) -> impl Iterator<Item = Error> {
    let (cluster, live) = (known.cluster, known.live);
    let host = move |node: &&Node| {
        cluster.hosts.iter().any(|host| host.name == node.name || Some(host.address) == node.address)
            || live.strays.iter().any(|stray| stray.host.name == node.name)
    };
    known.nodes().filter(|node| node.ours && node.ready).filter(move |node| !host(node)).map(|node| {
        let (name, address) = (&node.name, node.address.map(|a| a.to_string()).unwrap_or_default());
        refusal(
            format!("{name} has left the inventory, and runs on"),
            format!("its node, {address}, is Ready"),
            format!(
                "put {name} back; to remove it: `kubectl drain {name}`, stop its services, `kubectl delete node {name}`"
            ),
        )
    })
}

fn of(known: &Known<'_>, stray: &Stray) -> Option<Error> {
    let name = &stray.host.name;
    let evidence = match &stray.state {
        StrayState::Runs(units) => format!("running there: {}", units.join(", ")),
        // Nobody can say whether it runs, but its node does.
        StrayState::Unreachable(why) if known.live.node(name).is_some_and(|node| node.ready) => {
            return Some(refusal(
                format!("{name} has left the inventory, and runs on"),
                format!("its node is Ready; {why}"),
                format!(
                    "put it back; if it is switched off, its node is NotReady in a minute, and `kbootstrap up --remove {name}` \
                     takes it out"
                ),
            ));
        }
        StrayState::Unreachable(_) | StrayState::Stopped | StrayState::Clean => return None,
    };
    Some(refusal(
        format!("{name} has left the inventory, and runs on"),
        evidence,
        by_hand(stray, known.is_only_member(name)),
    ))
}

fn by_hand(stray: &Stray, is_only_member: bool) -> String {
    let name = &stray.host.name;
    let roles = &stray.host.roles;
    let back = format!("put {name} ({}) back into the inventory", stray.host.address);
    if roles.contains(&Role::Etcd) && is_only_member {
        return format!("{back}: it holds all of the cluster's data");
    }
    if roles.contains(&Role::Etcd) {
        return format!("{back}; a member is removed from a running etcd first: `etcdctl member remove`");
    }
    if roles.contains(&Role::Node) {
        return format!(
            "{back}; to remove it: `kubectl drain {name}`, with the old inventory `kbootstrap reset --host {name}`, then \
             `kubectl delete node {name}`"
        );
    }
    format!("{back}; to remove it: `kbootstrap reset --host {name}` with the old inventory")
}
