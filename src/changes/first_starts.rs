//! What members of etcd are told for their first start. They read it no more after that, and their units keep it: another
//! list would restart every member for nothing whenever one joins.

use std::collections::BTreeMap;

use super::{Known, joining};
use crate::cluster::{Host, Role};
use crate::components::etcd::{self, ClusterState, FirstStart};

/// Of members that were started before, what they were started with; of those that join, all that there are by then. The
/// others make a new cluster together.
pub fn first_starts(known: &Known<'_>) -> BTreeMap<String, FirstStart> {
    let hosts = || known.cluster.with_role(Role::Etcd);
    let mut starts: BTreeMap<String, FirstStart> =
        hosts().filter_map(|host| Some((host.name.clone(), before(known, host)?))).collect();
    let list = known.live.members.values().next().map(|members| &members.list[..]).unwrap_or_default();
    let mut by_then: Vec<&str> = hosts()
        .filter(|host| list.iter().any(|member| member.peer_urls.contains(&etcd::peer_url(host.address))))
        .map(|host| host.name.as_str())
        .collect();
    let joining = joining(known);
    for joining in &joining {
        if !by_then.contains(&&*joining.member) {
            by_then.push(&joining.member);
        }
        let members = hosts().filter(|host| by_then.contains(&&*host.name));
        starts.entry(joining.member.clone()).or_insert_with(|| FirstStart::of(members, ClusterState::Existing));
    }
    starts
}

/// What the unit says of a member that has started. Where etcd answers, it says whether it has: one that fails at its first
/// start leaves a directory behind, too.
fn before(known: &Known<'_>, host: &Host) -> Option<FirstStart> {
    let Known { cluster, facts, live, .. } = known;
    let started = match live.members.values().next() {
        Some(members) => members.list.iter().any(|member| member.name == host.name),
        None => facts.get(&host.name).is_some_and(|facts| facts.dirs.contains_key(&etcd::member(&cluster.layout))),
    };
    let flags = live.flags.get(&host.name).filter(|_| started)?;
    let list = flags.initial_cluster.as_ref().filter(|list| is_list(list, host))?;
    let state = match flags.initial_state.as_deref() {
        Some("new") => ClusterState::New,
        Some("existing") => ClusterState::Existing,
        _ => return None,
    };
    Some(FirstStart { cluster: list.clone(), state })
}

/// Whether it is of the kind that we write, with the host in it: it goes into the host's unit as it is.
fn is_list(list: &str, host: &Host) -> bool {
    let is_plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || ".:[]-".contains(c));
    let is_member = |member: &str| {
        member.split_once("=https://").is_some_and(|(name, url)| !name.is_empty() && is_plain(name) && is_plain(url))
    };
    let own = format!("{}={}", host.name, etcd::peer_url(host.address));
    list.split(',').all(is_member) && list.split(',').any(|member| member == own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::example;

    #[test]
    fn only_a_list_of_ours_is_kept() {
        let host = example::host("m1", 11, &[Role::Etcd]);
        for (list, kept) in [
            ("m1=https://10.0.0.11:2380", true),
            ("m0=https://[fd00::1]:2380,m1=https://10.0.0.11:2380", true),
            ("m1=https://10.0.0.12:2380", false),
            ("m1=https://10.0.0.11:2380 --force-new-cluster", false),
            ("m1=https://10.0.0.11:2380,%h=https://10.0.0.12:2380", false),
            ("m1=https://10.0.0.11:2380,", false),
            ("", false),
        ] {
            assert_eq!(is_list(list, &host), kept, "{list}");
        }
    }
}
