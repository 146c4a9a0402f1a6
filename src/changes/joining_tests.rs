//! Clusters of etcd that grow, each as it may be found: what is left to do, what is refused, and what members are started with.

use std::collections::BTreeMap;

use semver::Version;

use super::tests::{Running, refused, running};
use super::*;
use crate::clients::etcd::Member;
use crate::cluster::example;
use crate::components::etcd::{self, ClusterState};
use crate::facts::FileFact;
use crate::live::{Flags, Members};
use crate::record::{Record, RecordedInventory, Signature};

const ALL: &[Role] = &[Role::Etcd, Role::Master, Role::Node];

/// The example cluster with so many members: `m2` and `m3` beside `m1`, `e4` and `e5` beside these.
fn grow(members: usize) -> impl Fn(&mut Cluster) {
    move |cluster| {
        let more = [("m2", 12, ALL), ("m3", 13, ALL), ("e4", 14, &[Role::Etcd]), ("e5", 15, &[Role::Etcd])];
        cluster.hosts.extend(more[..members - 1].iter().map(|(name, last, roles)| example::host(name, *last, roles)));
    }
}

fn member(name: &str, last: u8, learner: bool) -> Member {
    let peer_urls = vec![format!("https://10.0.0.{last}:2380")];
    Member { id: format!("{last:x}"), name: name.into(), peer_urls, client_urls: Vec::new(), learner }
}

/// As etcd's list has it, besides `m1`; those that have a vote answer.
fn with(list: &[Member]) -> Running {
    let mut running = running();
    let first = running.live.members["m1"].clone();
    let list: Vec<Member> = first.list.iter().chain(list).cloned().collect();
    let says = Members { list: list.clone(), ..first };
    let votes = list.iter().filter(|member| !member.learner && !member.name.is_empty());
    running.live.members = votes.map(|member| (member.name.clone(), says.clone())).collect();
    running
}

/// A host with a member's data, whose unit was started with this.
fn started(running: &mut Running, host: &str, list: &str, state: &str) {
    let mut facts = HostFacts { known: true, ..HostFacts::default_host() };
    facts.dirs.insert(etcd::member(&example::cluster("1.36.3").layout), FileFact::default());
    running.facts.insert(host.into(), facts);
    let flags = Flags { initial_cluster: Some(list.into()), initial_state: Some(state.into()), ..Flags::default() };
    running.live.flags.insert(host.into(), flags);
}

/// What is made of what is known of a cluster that is to have so many members.
fn known<T>(running: &Running, members: usize, of: impl Fn(&Known<'_>) -> T) -> T {
    let mut cluster = example::cluster("1.36.3");
    grow(members)(&mut cluster);
    let mut facts = running.facts.clone();
    for host in &cluster.hosts {
        facts.entry(host.name.clone()).or_insert_with(HostFacts::default_host);
    }
    of(&Known { catalogue: &Catalogue::standard(), cluster: &cluster, facts: &facts, live: &running.live })
}

/// `m2 new by m1`
fn steps(running: &Running, members: usize) -> Vec<String> {
    let words = |j: Joining| format!("{} {:?} by {}", j.member, j.is, j.by.join(" "));
    known(running, members, |known| joining(known).into_iter().map(words).collect())
}

/// By member, what it is started with: the last octets of the list, and whether it makes a cluster.
fn starts(running: &Running, members: usize) -> BTreeMap<String, (String, ClusterState)> {
    let short = |list: &str| list.replace("=https://10.0.0.", "=").replace(":2380", "");
    let starts = known(running, members, first_starts);
    starts.into_iter().map(|(name, start)| (name, (short(&start.cluster), start.state))).collect()
}

#[test]
fn members_join_one_after_the_other_and_who_was_begun_with_first() {
    assert_eq!(steps(&with(&[]), 1), [""; 0]);
    assert_eq!(steps(&with(&[]), 3), ["m2 New by m1", "m3 New by m1 m2"]);
    assert_eq!(steps(&with(&[member("", 13, true)]), 3), ["m3 Added by m1", "m2 New by m1 m3"]);
    assert_eq!(steps(&with(&[member("m3", 13, true)]), 3), ["m3 Learner by m1", "m2 New by m1 m3"]);
    assert_eq!(steps(&with(&[member("m2", 12, false)]), 3), ["m3 New by m1 m2"]);
    let three = [member("m2", 12, false), member("m3", 13, false)];
    assert_eq!(steps(&with(&three), 3), [""; 0]);
    assert_eq!(steps(&with(&three), 5), ["e4 New by m1 m2 m3", "e5 New by m1 m2 m3 e4"]);
    let by_hand = [member("m2", 12, false), member("", 13, false)];
    assert_eq!(steps(&with(&by_hand), 5), ["m3 Voter by m1 m2", "e4 New by m1 m2 m3", "e5 New by m1 m2 m3 e4"]);
    let mut silent = with(&[]);
    silent.live.members.clear();
    assert_eq!(steps(&silent, 3), [""; 0], "nobody can be joined, or a cluster is made");
}

#[test]
fn who_joins_is_told_of_those_that_there_are_by_then_and_the_others_keep_their_flags() {
    use ClusterState::{Existing, New};
    let of = |name: &str, list: &str, state| (name.to_owned(), (list.to_owned(), state));
    let m1 = of("m1", "m1=11", New);
    let joins = [of("m2", "m1=11,m2=12", Existing), of("m3", "m1=11,m2=12,m3=13", Existing)];
    let mut running = with(&[]);
    started(&mut running, "m1", "m1=https://10.0.0.11:2380", "new");
    assert_eq!(starts(&running, 3), [m1.clone(), joins[0].clone(), joins[1].clone()].into());

    // m3 was added first, and failed at its first start: what it was told then need not be so any more.
    let mut running = with(&[member("", 13, true)]);
    started(&mut running, "m1", "m1=https://10.0.0.11:2380", "new");
    started(&mut running, "m3", "m3=https://10.0.0.13:2380", "new");
    let third = of("m3", "m1=11,m3=13", Existing);
    assert_eq!(starts(&running, 3), [m1.clone(), of("m2", "m1=11,m2=12,m3=13", Existing), third].into());

    // All have joined: nothing is restarted.
    let mut running = with(&[member("m2", 12, false), member("m3", 13, false)]);
    started(&mut running, "m1", "m1=https://10.0.0.11:2380", "new");
    started(&mut running, "m2", "m1=https://10.0.0.11:2380,m2=https://10.0.0.12:2380", "existing");
    let whole = "m1=https://10.0.0.11:2380,m2=https://10.0.0.12:2380,m3=https://10.0.0.13:2380";
    started(&mut running, "m3", whole, "existing");
    let expected: BTreeMap<_, _> = [m1, joins[0].clone(), joins[1].clone()].into();
    assert_eq!(starts(&running, 3), expected);
    running.live.members.clear();
    assert_eq!(starts(&running, 3), expected, "while it is stopped, too");
    running.live.flags.get_mut("m2").unwrap().initial_cluster = Some("m2=%h".into());
    assert!(!starts(&running, 3).contains_key("m2"), "what is none of ours is not kept");
}

#[test]
fn none_joins_while_another_is_away_or_unwell_or_its_etcd_is_too_old() {
    let three = [member("m2", 12, false), member("m3", 13, false)];
    assert_eq!(refused(&with(&three), grow(5)), [""; 0]);
    let mut away = with(&three);
    away.live.members.remove("m2");
    let all = refused(&away, grow(5));
    assert_eq!(all, ["e4, e5 would join etcd, and not all of its members are well [m2 does not answer]"]);
    assert_eq!(refused(&away, grow(3)), [""; 0], "where none joins, one may be away");
    let mut unwell = with(&three);
    unwell.live.members.get_mut("m3").unwrap().healthy = false;
    assert!(refused(&unwell, grow(5))[0].contains("m3 answers, and says that it is not well"));
    let mut old = with(&[]);
    let at = |version: &str, old: &mut Running| {
        old.live.members.get_mut("m1").unwrap().version = Version::parse(version).ok();
        let all = refused(old, |cluster| {
            grow(3)(cluster);
            cluster.versions.etcd = Version::parse(version).unwrap();
        });
        all.into_iter().next().unwrap_or_default()
    };
    for (version, safe) in [("3.4.37", "3.5.30"), ("3.5.21", "3.5.30"), ("3.6.4", "3.6.11")] {
        let expected = format!(
            "m2, m3 would join etcd, and etcd {version} does not add learners well [its promotions are safe from {safe} on]"
        );
        assert_eq!(at(version, &mut old), expected);
    }
    for version in ["3.5.33", "3.6.11", "3.7.0"] {
        assert_eq!(at(version, &mut old), "", "{version}");
    }
}

#[test]
fn a_learner_takes_nothing_from_the_others_and_a_voter_that_never_ran_is_started_first() {
    let learner = with(&[member("m2", 12, true)]);
    assert_eq!(refused(&learner, grow(3)), [""; 0], "it need not answer");
    // Two of two are needed, so the one that there is says that it is not well.
    let mut voter = with(&[member("", 12, false)]);
    voter.live.members.get_mut("m1").unwrap().healthy = false;
    assert_eq!(refused(&voter, grow(3)), [""; 0]);
}

#[test]
fn what_lies_on_a_host_that_joins_is_not_wiped() {
    let mut running = with(&[]);
    started(&mut running, "m2", "m2=https://10.0.0.12:2380", "new");
    let all = refused(&running, grow(3));
    let expected = "m2 would join etcd, and has the data of a member already [/var/lib/etcd/member is there, and etcd knows no \
                    member m2]";
    assert_eq!(all, [expected]);
    for begun in [member("", 12, true), member("m2", 12, true)] {
        let mut running = with(&[begun]);
        started(&mut running, "m2", "m1=https://10.0.0.11:2380,m2=https://10.0.0.12:2380", "existing");
        assert_eq!(refused(&running, grow(3)), [""; 0], "it is gone on with");
    }
}

#[test]
fn somebody_elses_learner_is_named() {
    for (strange, what) in [
        (member("x", 99, true), "etcd has a learner that the inventory does not name [63 x (https://10.0.0.99:2380)]"),
        (
            member("", 99, false),
            "etcd has a member that was never started that the inventory does not name [63 without a name (https://10.0.0.99:2380)]",
        ),
    ] {
        assert_eq!(refused(&with(std::slice::from_ref(&strange)), grow(3)), [what]);
        assert_eq!(refused(&with(&[strange]), |_| {}), [what]);
    }
    // One with a vote has left the inventory.
    let left = refused(&with(&[member("x", 99, false)]), grow(3));
    assert!(left[0].starts_with("the inventory has other etcd members than the cluster"), "{left:?}");
}

#[test]
fn a_host_that_is_left_out_keeps_all_from_joining() {
    let running = with(&[member("m2", 12, false), member("m3", 13, false)]);
    let mut cluster = example::cluster("1.36.3");
    grow(5)(&mut cluster);
    let mut facts = running.facts.clone();
    for host in &cluster.hosts {
        facts.entry(host.name.clone()).or_insert_with(HostFacts::default_host);
    }
    let said = |facts: &BTreeMap<String, HostFacts>| {
        refuse(&Known { catalogue: &Catalogue::standard(), cluster: &cluster, facts, live: &running.live })
            .map_or_else(|error| error.messages(), |()| String::new())
    };
    assert_eq!(said(&facts), "");
    for name in ["m2", "e5"] {
        let mut facts = facts.clone();
        facts.remove(name);
        assert_eq!(said(&facts), format!("e4, e5 would join etcd, and {name} is left out"));
    }
    facts.remove("n1");
    assert_eq!(said(&facts), "", "a node may be away");
}

/// What members were first started with does not know those that joined later.
#[test]
fn a_cluster_that_has_grown_and_is_stopped_is_known_by_what_all_of_it_was_started_with() {
    let mut running = with(&[]);
    running.live.members.clear();
    running.live.api = None;
    running.live.record = None;
    started(&mut running, "m1", "m1=https://10.0.0.11:2380", "new");
    let alone = refused(&running, grow(3));
    assert!(
        alone
            .iter()
            .any(|e| e.starts_with("the inventory has an etcd member that the cluster does not have, and no member")),
        "m2 and m3 would make a cluster without m1: {alone:?}"
    );
    started(&mut running, "m2", "m1=https://10.0.0.11:2380,m2=https://10.0.0.12:2380", "existing");
    let whole = "m1=https://10.0.0.11:2380,m2=https://10.0.0.12:2380,m3=https://10.0.0.13:2380";
    started(&mut running, "m3", whole, "existing");
    let about_etcd = |all: Vec<String>| all.into_iter().filter(|e| e.contains("etcd")).collect::<Vec<_>>();
    assert_eq!(about_etcd(refused(&running, grow(3))), [""; 0]);
    // The record has who has left, and who was about to join.
    let mut grown = example::cluster("1.36.3");
    grow(3)(&mut grown);
    let signature = Signature { written: "2026-01-01T00:00:00Z".into(), by: "ann@desk".into() };
    let inventory = RecordedInventory::new("c.yaml", "", BTreeMap::new());
    running.live.record = Some(Record::new(&grown, inventory, String::new(), signature));
    assert_eq!(about_etcd(refused(&running, grow(3))), [""; 0]);
    let left = about_etcd(refused(&running, |_| {}));
    assert!(left[0].starts_with("an etcd member has left the inventory"), "{left:?}");
    let mut begun = with(&[]);
    begun.live.members.clear();
    begun.live.api = None;
    begun.live.record = running.live.record.clone();
    let begun = about_etcd(refused(&begun, grow(3)));
    assert!(
        begun[0].starts_with("the inventory has an etcd member that the cluster does not have, and no"),
        "{begun:?}"
    );
    // A new cluster of which one has started so far.
    let mut begun = with(&[]);
    begun.live.members.clear();
    started(&mut begun, "m1", whole, "new");
    assert_eq!(refused(&begun, grow(3)), [""; 0]);
}

#[test]
fn masters_that_join_are_those_that_never_were_one() {
    let new = |running: &Running| known(running, 3, new_masters);
    assert_eq!(new(&running()), ["m2", "m3"]);
    let mut begun = running();
    begun.facts.insert("m2".into(), begun.facts["m1"].clone());
    assert_eq!(new(&begun), ["m3"]);
    begun.live.api = None;
    assert_eq!(new(&begun), [""; 0], "a cluster that is made, or stopped");
}
