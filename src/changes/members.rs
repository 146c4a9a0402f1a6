//! The members of etcd that the inventory wants against those that there are.

use std::collections::{BTreeMap, BTreeSet};

use super::{Known, refusal};
use crate::cluster::{Cluster, Role};
use crate::components::etcd;
use crate::error::Error;
use crate::live::Members;
use crate::text::host_port;

const BY_HAND: &str = "put the old hosts back; members are added and removed one at a time: `etcdctl member add` and `remove` \
                       (https://etcd.io/docs/v3.6/op-guide/runtime-configuration/)";

pub(super) fn refusals(known: &Known<'_>) -> Vec<Error> {
    let live = &known.live.members;
    let clusters: BTreeSet<&str> = live.values().map(|members| members.cluster.as_str()).collect();
    if clusters.len() > 1 {
        let hosts: Vec<String> =
            live.iter().map(|(host, members)| format!("{host} is in {}", members.cluster)).collect();
        return vec![refusal(
            "the members of etcd are not of one cluster".into(),
            hosts.join(", "),
            "name the hosts of one of them; `kbootstrap status` shows what each holds",
        )];
    }
    let wanted = wanted(known.cluster);
    match live.values().next() {
        Some(members) => differing(&wanted, &of(members)).into_iter().collect(),
        None => stopped(known, &wanted).into_iter().collect(),
    }
}

/// Peer URL → name.
type List = BTreeMap<String, String>;

fn wanted(cluster: &Cluster) -> List {
    let members = cluster.with_role(Role::Etcd);
    members.map(|host| (format!("https://{}", host_port(&host.address.to_string(), 2380)), host.name.clone())).collect()
}

fn of(members: &Members) -> List {
    members.list.iter().flat_map(|m| m.peer_urls.iter().map(|url| (url.clone(), m.name.clone()))).collect()
}

fn differing(wanted: &List, live: &List) -> Option<Error> {
    // One that was added and never started has no name yet.
    let same = |(url, name): (&String, &String)| live.get(url).is_some_and(|there| there == name || there.is_empty());
    let new: Vec<&String> = wanted.iter().filter(|member| !same(*member)).map(|(_, name)| name).collect();
    let gone =
        live.iter().filter(|(url, name)| wanted.get(*url).is_none_or(|there| there != *name && !name.is_empty()));
    let gone: Vec<String> = gone.map(|(url, name)| if name.is_empty() { url.clone() } else { name.clone() }).collect();
    if new.is_empty() && gone.is_empty() {
        return None;
    }
    let moved = new.iter().any(|name| gone.contains(name));
    let renamed = wanted.keys().eq(live.keys());
    let message = match (new.len(), gone.len()) {
        _ if moved => "an etcd member has another address",
        _ if renamed => "an etcd member has another name",
        (0, _) => "an etcd member has left the inventory",
        (_, 0) => "the inventory has an etcd member that the cluster does not have",
        _ => "the inventory has other etcd members than the cluster",
    };
    let list = |of: &List| of.iter().map(|(url, name)| format!("{name} ({url})")).collect::<Vec<_>>().join(", ");
    Some(refusal(
        format!("{message}: `up` does not change members in passing"),
        format!("the inventory: {}\nthe cluster:   {}", list(wanted), list(live)),
        BY_HAND,
    ))
}

/// No member answers: what they were started with tells who they are, and where it does not, the record.
fn stopped(known: &Known<'_>, wanted: &List) -> Option<Error> {
    let data = etcd::member(&known.cluster.layout);
    let with_data = known.facts.iter().filter(|(_, facts)| facts.known && facts.dirs.contains_key(&data));
    let with_data: Vec<&String> = with_data.map(|(host, _)| host).collect();
    if with_data.is_empty() {
        return None;
    }
    let started = with_data.iter().find_map(|host| known.live.flags.get(*host)?.initial_cluster.as_deref());
    match (started.map(parse), &known.live.record) {
        (Some(live), _) => differing(wanted, &live),
        (None, Some(record)) => {
            let members = record.hosts.iter().filter(|host| host.roles.contains(&Role::Etcd));
            let url = |host: &crate::record::RecordedHost| {
                (format!("https://{}", host_port(&host.address.to_string(), 2380)), host.name.clone())
            };
            differing(wanted, &members.map(url).collect())
        }
        (None, None) => None,
    }
}

/// `m1=https://10.0.0.11:2380,m2=…`
fn parse(initial_cluster: &str) -> List {
    let members = initial_cluster.split(',').filter_map(|member| member.split_once('='));
    members.map(|(name, url)| (url.to_owned(), name.to_owned())).collect()
}
