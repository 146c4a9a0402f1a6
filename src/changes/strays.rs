//! Hosts that have left the inventory while they run.

use super::{Known, refusal};
use crate::cluster::Role;
use crate::error::Error;
use crate::live::{Stray, StrayState};

pub(super) fn refusals(known: &Known<'_>) -> Vec<Error> {
    known.live.strays.iter().filter_map(|stray| of(known, stray)).collect()
}

fn of(known: &Known<'_>, stray: &Stray) -> Option<Error> {
    let name = &stray.host.name;
    let evidence = match &stray.state {
        StrayState::Runs(units) => format!("running there: {}", units.join(", ")),
        // Nobody can say whether it runs, but its node does.
        StrayState::Unreachable(why) if known.live.node(name).is_some_and(|node| node.ready) => {
            format!("its node is Ready; {why}")
        }
        StrayState::Unreachable(_) | StrayState::Stopped | StrayState::Clean => return None,
    };
    Some(refusal(format!("{name} has left the inventory, and runs on"), evidence, by_hand(stray)))
}

fn by_hand(stray: &Stray) -> String {
    let name = &stray.host.name;
    let roles = &stray.host.roles;
    let back = format!("put {name} ({}) back into the inventory", stray.host.address);
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
