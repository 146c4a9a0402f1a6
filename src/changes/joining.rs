//! Members of etcd that the inventory has and etcd has not, or not whole: how far each is, in which order they join, and what
//! must be true before the first of them does.

use semver::Version;
use serde::Serialize;

use super::{Known, join, refusal};
use crate::cluster::{Host, Role};
use crate::components::{etcd, kube_apiserver};
use crate::error::Error;
use crate::live::Member;

/// A member of etcd that joins those that there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Joining {
    /// Its host, which is its name.
    pub member: String,
    /// Where the others reach it.
    pub peer_url: String,
    /// How far it is.
    pub is: Joins,
    /// Those that have a vote by then: one of them adds and promotes it.
    #[serde(skip)]
    pub by: Vec<String>,
}

/// How far a member that joins is, in the order in which they are gone on with: while one has a vote and was never started, the
/// others need one more for their quorum, and etcd takes one learner at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Joins {
    /// It was added by hand with a vote, and never started.
    Voter,
    /// It is a learner, and was started.
    Learner,
    /// It was added as a learner, and never started.
    Added,
    /// etcd does not know it.
    New,
}

impl Joining {
    /// The steps that are left.
    pub fn words(&self) -> String {
        let Joining { member, peer_url, is, .. } = self;
        match is {
            Joins::New => {
                format!(
                    "add etcd member {member} ({peer_url}) as a learner, start it, promote it when it has caught up"
                )
            }
            Joins::Added => {
                format!("etcd member {member} was added and never started: start it, promote it when it has caught up")
            }
            Joins::Learner => format!("etcd member {member} is a learner: promote it when it has caught up"),
            Joins::Voter => format!("etcd member {member} was added with a vote and never started: start it"),
        }
    }
}

/// All that join, in their order: who was begun with first, then as the inventory has them. None where no member answers.
pub fn joining(known: &Known<'_>) -> Vec<Joining> {
    let Some(members) = known.live.members.values().next() else { return Vec::new() };
    let hosts = known.cluster.with_role(Role::Etcd);
    let mut joining: Vec<Joining> = hosts
        .filter_map(|host| {
            let peer_url = etcd::peer_url(host.address);
            let there = members.list.iter().find(|member| member.peer_urls.contains(&peer_url));
            Some(Joining { member: host.name.clone(), is: how_far(there)?, peer_url, by: Vec::new() })
        })
        .collect();
    joining.sort_by_key(|joining| joining.is);
    let mut by: Vec<String> = members.list.iter().filter(|member| is_whole(member)).map(|m| m.name.clone()).collect();
    for joining in &mut joining {
        joining.by.clone_from(&by);
        by.push(joining.member.clone());
    }
    joining
}

/// None where it is a member like any other.
fn how_far(there: Option<&Member>) -> Option<Joins> {
    match there {
        None => Some(Joins::New),
        Some(member) if is_whole(member) => None,
        Some(Member { learner: true, name, .. }) if name.is_empty() => Some(Joins::Added),
        Some(Member { learner: true, .. }) => Some(Joins::Learner),
        Some(_) => Some(Joins::Voter),
    }
}

/// One that was started has told its name.
pub(super) fn is_whole(member: &Member) -> bool {
    !member.learner && !member.name.is_empty()
}

/// Why none can join now.
pub(super) fn refusals(known: &Known<'_>) -> Vec<Error> {
    let joining = joining(known);
    if joining.is_empty() {
        return Vec::new();
    }
    let names: Vec<&str> = joining.iter().map(|joining| joining.member.as_str()).collect();
    let would = format!("{} would join etcd", join(&names));
    // What takes away a quorum is started before anything else.
    let begun = joining.iter().any(|joining| joining.is == Joins::Voter);
    let mut refusals: Vec<Error> = left_out(known, &would).into_iter().collect();
    if refusals.is_empty() && !begun {
        refusals.extend(unwell(known, &would));
    }
    refusals.extend(version(known, &would));
    let new = joining.iter().filter(|joining| joining.is == Joins::New);
    refusals.extend(new.filter_map(|joining| data(known, &joining.member)));
    refusals
}

/// Every member is asked, those that there are and those that join.
fn left_out(known: &Known<'_>, would: &str) -> Option<Error> {
    let hosts = known.cluster.with_role(Role::Etcd).map(|host| host.name.as_str());
    let away: Vec<&str> = hosts.filter(|name| !known.facts.contains_key(*name)).collect();
    (!away.is_empty()).then(|| {
        let away = join(&away);
        refusal(
            format!("{would}, and {away} is left out"),
            "members join only while all of them are there: another one that is lost meanwhile takes the quorum with it",
            format!("bring {away} back, and run the same command without --skip"),
        )
    })
}

fn unwell(known: &Known<'_>, would: &str) -> Option<Error> {
    let members = &known.live.members;
    let list = members.values().next().map(|members| &members.list[..]).unwrap_or_default();
    let trouble = |member: &Member| match members.get(&member.name) {
        None => Some(format!("{} does not answer", member.name)),
        Some(said) if !said.healthy => {
            Some(format!("{} answers, and says that it is not well: an alarm, or no quorum", member.name))
        }
        Some(_) => None,
    };
    let troubles: Vec<String> = list.iter().filter(|member| is_whole(member)).filter_map(trouble).collect();
    (!troubles.is_empty()).then(|| {
        refusal(
            format!("{would}, and not all of its members are well"),
            troubles.join("\n"),
            "`kbootstrap status` says more; `up` with the hosts of before starts what is stopped. One that is lost for good is \
             removed first: `etcdctl member remove`",
        )
    })
}

/// By minor release, the first with which learners are safe. Before 3.5.26 a promotion was lost at the upgrade to 3.6
/// (etcd-io/etcd#19557, #20967), before 3.6.5 a member could not start that replays one (#20387); before 3.5.30 and 3.6.11 no member
/// was taken while the connection to any other one stumbled (#21667).
static SAFE: [Version; 2] = [Version::new(3, 5, 30), Version::new(3, 6, 11)];

fn version(known: &Known<'_>, would: &str) -> Option<Error> {
    let oldest = known.live.members.values().filter_map(|members| members.version.as_ref()).min()?;
    let safe = SAFE.iter().find(|safe| (oldest.major, oldest.minor) <= (safe.major, safe.minor))?;
    (oldest < safe).then(|| {
        refusal(
            format!("{would}, and etcd {oldest} does not add learners well"),
            format!("its promotions are safe from {safe} on"),
            format!("first, with the hosts of before, `versions: {{etcd: {safe}}}` or a newer patch release, and `up`"),
        )
    })
}

/// etcd does not know it: whatever lies there is another cluster's, or of a member that was removed.
fn data(known: &Known<'_>, name: &str) -> Option<Error> {
    let (layout, facts) = (&known.cluster.layout, known.facts.get(name)?);
    let (member, data) = (etcd::member(layout), &layout.etcd_data);
    facts.dirs.contains_key(&member).then(|| {
        refusal(
            format!("{name} would join etcd, and has the data of a member already"),
            format!("{member} is there, and etcd knows no member {name}"),
            format!(
                "save it if somebody needs it, then on {name}: `systemctl disable --now etcd; mv {data} {data}.old`"
            ),
        )
    })
}

/// Hosts that become masters of a cluster that runs, in the inventory's order.
pub fn new_masters(known: &Known<'_>) -> Vec<String> {
    if known.live.api.is_none() {
        return Vec::new();
    }
    let unit = kube_apiserver::UNIT;
    let runs = |name: &str| known.unit(name, unit).is_some_and(|unit| unit.active == "active");
    // Of one that is left out nothing is known, and nothing is done there.
    let there = |name: &str| known.facts.contains_key(name);
    let new = |host: &&Host| there(&host.name) && !runs(&host.name) && !known.was_started(&host.name, unit);
    known.cluster.with_role(Role::Master).filter(new).map(|host| host.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, learner: bool) -> Member {
        let (peer_urls, client_urls) = (vec!["https://10.0.0.12:2380".into()], Vec::new());
        Member { id: "2".into(), name: name.into(), peer_urls, client_urls, learner }
    }

    #[test]
    fn how_far_one_is_shows_in_the_list() {
        assert_eq!(how_far(None), Some(Joins::New));
        assert_eq!(how_far(Some(&member("", true))), Some(Joins::Added));
        assert_eq!(how_far(Some(&member("m2", true))), Some(Joins::Learner));
        assert_eq!(how_far(Some(&member("", false))), Some(Joins::Voter));
        assert_eq!(how_far(Some(&member("m2", false))), None);
    }

    #[test]
    fn every_step_that_is_left_is_named() {
        let words = |is| {
            let peer_url = "https://10.0.0.12:2380".into();
            Joining { member: "m2".into(), peer_url, is, by: Vec::new() }.words()
        };
        assert_eq!(
            words(Joins::New),
            "add etcd member m2 (https://10.0.0.12:2380) as a learner, start it, promote it when it has caught up"
        );
        assert_eq!(
            words(Joins::Added),
            "etcd member m2 was added and never started: start it, promote it when it has caught up"
        );
        assert_eq!(words(Joins::Learner), "etcd member m2 is a learner: promote it when it has caught up");
        assert_eq!(words(Joins::Voter), "etcd member m2 was added with a vote and never started: start it");
    }
}
