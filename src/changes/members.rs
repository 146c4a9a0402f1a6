//! The members of etcd that the inventory wants against those that there are.

use std::collections::{BTreeMap, BTreeSet};

use super::{Known, joining, refusal};
use crate::cluster::{Cluster, Role};
use crate::components::etcd;
use crate::error::Error;
use crate::live::{Member, Members};

const BY_HAND: &str = "put the old hosts back; members are removed one at a time: `etcdctl member remove` \
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
    let Some(members) = live.values().next() else { return stopped(known, &wanted).into_iter().collect() };
    let strangers: Vec<&Member> = members.list.iter().filter(|member| is_strange(member, &wanted)).collect();
    if !strangers.is_empty() {
        return strangers.into_iter().map(half_way).collect();
    }
    match Apart::of(&wanted, &of(members)) {
        apart if apart.gone.is_empty() => joining::refusals(known),
        apart => vec![apart.refusal(&wanted, &of(members))],
    }
}

/// Peer URL → name.
type List = BTreeMap<String, String>;

fn wanted(cluster: &Cluster) -> List {
    let members = cluster.with_role(Role::Etcd);
    members.map(|host| (etcd::peer_url(host.address), host.name.clone())).collect()
}

fn of(members: &Members) -> List {
    members.list.iter().flat_map(|m| m.peer_urls.iter().map(|url| (url.clone(), m.name.clone()))).collect()
}

/// Whether somebody is about to add it, who is not us.
fn is_strange(member: &Member, wanted: &List) -> bool {
    !joining::is_whole(member) && !member.peer_urls.iter().any(|url| wanted.contains_key(url))
}

fn half_way(member: &Member) -> Error {
    let (id, urls) = (&member.id, member.peer_urls.join(", "));
    let what = if member.learner { "a learner" } else { "a member that was never started" };
    refusal(
        format!("etcd has {what} that the inventory does not name"),
        format!("{id} {} ({urls})", if member.name.is_empty() { "without a name" } else { &member.name }),
        format!(
            "name its host in the inventory, and `up` goes on with it; or take it away: `etcdctl member remove {id}`"
        ),
    )
}

/// What the inventory and etcd do not have in common.
struct Apart {
    new: Vec<String>,
    gone: Vec<String>,
    renamed: bool,
}

impl Apart {
    fn of(wanted: &List, live: &List) -> Self {
        // One that was added and never started has no name yet.
        let same =
            |(url, name): (&String, &String)| live.get(url).is_some_and(|there| there == name || there.is_empty());
        let new = wanted.iter().filter(|member| !same(*member)).map(|(_, name)| name.clone());
        let gone =
            live.iter().filter(|(url, name)| wanted.get(*url).is_none_or(|there| there != *name && !name.is_empty()));
        let gone = gone.map(|(url, name)| if name.is_empty() { url.clone() } else { name.clone() });
        Apart { new: new.collect(), gone: gone.collect(), renamed: wanted.keys().eq(live.keys()) }
    }

    fn refusal(&self, wanted: &List, live: &List) -> Error {
        let moved = self.new.iter().any(|name| self.gone.contains(name));
        let message = match (self.new.len(), self.gone.len()) {
            _ if moved => "an etcd member has another address",
            _ if self.renamed => "an etcd member has another name",
            (0, _) => "an etcd member has left the inventory",
            _ => "the inventory has other etcd members than the cluster",
        };
        let message = format!("{message}: `up` adds members, and takes none away in passing");
        refusal(message, both(wanted, live), BY_HAND)
    }
}

fn both(wanted: &List, live: &List) -> String {
    let list = |of: &List| of.iter().map(|(url, name)| format!("{name} ({url})")).collect::<Vec<_>>().join(", ");
    format!("the inventory: {}\nthe cluster:   {}", list(wanted), list(live))
}

/// No member answers. What they were first started with tells who they were then: all of those together know all, for who has
/// joined later has data and flags of its own. Who has left since is not in the record, which for its part has those that were
/// about to join.
fn stopped(known: &Known<'_>, wanted: &List) -> Option<Error> {
    let data = etcd::member(&known.cluster.layout);
    let with_data = known.facts.iter().filter(|(_, facts)| facts.known && facts.dirs.contains_key(&data));
    let with_data: Vec<&String> = with_data.map(|(host, _)| host).collect();
    if with_data.is_empty() {
        return None;
    }
    let flags = with_data.iter().filter_map(|host| known.live.flags.get(*host)?.initial_cluster.as_deref());
    let mut started: List = flags.flat_map(parse).collect();
    let recorded: Option<List> = known.live.record.as_ref().map(|record| {
        let members = record.hosts.iter().filter(|host| host.roles.contains(&Role::Etcd));
        members.map(|host| (etcd::peer_url(host.address), host.name.clone())).collect()
    });
    let mut live = started.clone();
    match (started.is_empty(), recorded) {
        (true, None) => return None,
        (true, Some(recorded)) => (live, started) = (recorded.clone(), recorded),
        (false, Some(recorded)) => {
            live.retain(|url, _| wanted.contains_key(url) || recorded.contains_key(url));
            for (url, name) in recorded {
                live.entry(url).or_insert(name);
            }
        }
        (false, None) => {}
    }
    let start =
        format!("start etcd first, so that it can be asked: `systemctl start etcd` on {}", super::join(&with_data));
    let apart = Apart::of(wanted, &live);
    if !apart.gone.is_empty() {
        return Some(apart.refusal(wanted, &live).hint(start));
    }
    // Those that no member with data was started with would make a cluster of their own.
    (!Apart::of(wanted, &started).new.is_empty()).then(|| {
        let message =
            "the inventory has an etcd member that the cluster does not have, and no member answers that it could join";
        refusal(message.into(), both(wanted, &started), start)
    })
}

/// `m1=https://10.0.0.11:2380,m2=…`
fn parse(initial_cluster: &str) -> impl Iterator<Item = (String, String)> {
    let members = initial_cluster.split(',').filter_map(|member| member.split_once('='));
    members.map(|(name, url)| (url.to_owned(), name.to_owned()))
}
