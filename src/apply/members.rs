//! Members of etcd join those that there are: added as a learner by one that has a vote, promoted when they have caught up.
//! Each look asks etcd how far it is, so that whatever was done before counts, and a call whose answer was lost is no harm.

use std::collections::BTreeMap;

use super::Job;
use super::gate::{ETCD, evidence};
use crate::access::EtcdAccess;
use crate::changes::{Joining, Joins};
use crate::clients::etcd::{self, Member};
use crate::clients::http::Client;
use crate::cluster::Host;
use crate::components;
use crate::error::{Error, Kind, Result};
use crate::health::{Poll, Schedule};
use crate::plan::{Plan, UnitChange};

/// etcd takes no member while it has not been connected to all others for five seconds, as after the one before.
const ADD: Schedule = Schedule::new(60, 250);
/// A learner gets the whole database first.
const PROMOTE: Schedule = Schedule::new(300, 250);

/// etcd has the member as a learner, or as more than that.
pub(super) fn add(job: &Job<'_>, joining: &Joining) -> Result<String> {
    job.until(&format!("etcd does not take {} as a member", joining.member), ADD, || {
        by_any(job, joining, |client| {
            let members = etcd::agreed_members(client)?;
            if let Some(there) = find(&members, joining) {
                return Ok(Poll::Ready(format!("it is there as {}", there.id)));
            }
            if let Some(other) = members.iter().find(|member| member.learner) {
                let urls = other.peer_urls.join(", ");
                return Ok(Poll::Pending(format!("it has the learner {} ({urls}) already, and takes one", other.id)));
            }
            let added = etcd::add_learner(client, &joining.peer_url)?;
            Ok(Poll::Ready(format!("learner {}", added.id)))
        })
    })
}

/// The member has a vote. It gets it when its log is nearly as long as the leader's, by the leader's judgement.
pub(super) fn promote(job: &Job<'_>, joining: &Joining) -> Result<String> {
    let name = &joining.member;
    let promoted = job.until(&format!("{name} has not caught up with etcd"), PROMOTE, || {
        by_any(job, joining, |client| {
            let members = etcd::agreed_members(client)?;
            let Some(member) = find(&members, joining) else {
                return Ok(Poll::Pending(format!("etcd has no member at {} any more", joining.peer_url)));
            };
            if !member.learner {
                return Ok(Poll::Ready("it votes".to_owned()));
            }
            // One that never ran would count as lost from then on.
            if member.name.is_empty() {
                return Ok(Poll::Pending(format!("{name} was not heard of yet")));
            }
            match etcd::promote(client, member) {
                Ok(()) => Ok(Poll::Ready("it votes".to_owned())),
                Err(error) if error.kind == Kind::Health => {
                    let here = etcd::status(client)?.applied_index;
                    Ok(Poll::Pending(format!("{}{}", error.message, behind(job, joining, here)?)))
                }
                Err(error) => Err(error),
            }
        })
    });
    promoted.map_err(|error| match error.kind {
        Kind::Health => {
            evidence::of_services(job, name).into_iter().fold(error, Error::detail).hint(without_a_vote(job.plan, name))
        }
        _ => error,
    })
}

/// `; it has 1200 of 34567 entries`
fn behind(job: &Job<'_>, joining: &Joining, all: u64) -> Result<String> {
    let asked = host(job, &joining.member)
        .and_then(|host| EtcdAccess::new(job.pool, host, job.trust))
        .and_then(|mut access| etcd::status(&mut access.client()?));
    match asked {
        Ok(status) => Ok(format!("; it has {} of {all} entries", status.applied_index)),
        Err(error) if error.kind == Kind::Interrupted => Err(error),
        Err(error) => Ok(format!("; {}", error.message)),
    }
}

/// What is said where a member that joins does not come up.
pub(super) fn does_not_start(plan: &Plan, host: &str, change: &UnitChange, error: Error) -> Error {
    let joins = |joining: &Joining| joining.member == host && joining.is != Joins::Voter;
    match change.component == components::etcd::ID && plan.joining().any(joins) {
        true => error.hint(without_a_vote(plan, host)),
        false => error,
    }
}

/// It is left as it is: it takes nothing from the others, and who wants it has it half done.
fn without_a_vote(plan: &Plan, name: &str) -> String {
    let others = plan.joining().any(|joining| joining.member != name);
    let one = if others { "; etcd takes no other learner until then" } else { "" };
    format!(
        "{name} stays a learner without a vote, which the others do not need, and the next `kbootstrap up` goes on with it{one}; \
         to give it up, take it out of the inventory, and `etcdctl member remove` takes it out of etcd"
    )
}

/// All members with a vote say the same of each other, and read through the quorum.
pub(super) fn agree(job: &Job<'_>, joining: &Joining) -> Result<String> {
    let all: Vec<&str> = joining.by.iter().chain([&joining.member]).map(String::as_str).collect();
    job.until("etcd is not whole", ETCD, || {
        let mut said = BTreeMap::new();
        let mut troubles = Vec::new();
        for name in &all {
            match says(job, name) {
                Ok(says) => drop(said.insert(*name, says)),
                Err(error) if error.kind == Kind::Interrupted => return Err(error),
                Err(error) => troubles.push(error.message),
            }
        }
        troubles.extend(disagreement(&all, &said));
        match troubles.is_empty() {
            true => Ok(Poll::Ready(format!("{} members", all.len()))),
            false => Ok(Poll::Pending(troubles.join("; "))),
        }
    })
}

/// What a member says of its cluster.
struct Says {
    cluster: String,
    members: Vec<Member>,
    leader: String,
    /// Why it does not read through the quorum; none where it does.
    trouble: Option<String>,
}

fn says(job: &Job<'_>, name: &str) -> Result<Says> {
    let mut access = EtcdAccess::new(job.pool, host(job, name)?, job.trust)?;
    let mut client = access.client()?;
    let (cluster, members) = etcd::cluster(&mut client)?;
    let leader = etcd::status(&mut client)?.leader;
    let health = etcd::takes_part(&mut client)?;
    Ok(Says { cluster, members, leader, trouble: (!health.healthy).then_some(health.reason) })
}

/// In what they do not say the same, or not what they should.
fn disagreement(all: &[&str], said: &BTreeMap<&str, Says>) -> Vec<String> {
    let Some((first, like)) = said.first_key_value() else { return Vec::new() };
    let mut troubles = Vec::new();
    for (name, says) in said {
        let votes = |member: &&str| says.members.iter().any(|m| m.name == **member && !m.learner);
        let without: Vec<&str> = all.iter().filter(|member| !votes(member)).copied().collect();
        if !without.is_empty() {
            troubles.push(format!("{name} knows of no vote of {}", without.join(", ")));
        } else if says.cluster != like.cluster || says.members != like.members {
            troubles.push(format!("{name} has other members than {first}"));
        } else if says.leader.is_empty() || says.leader != like.leader {
            troubles.push(format!("{name} has no leader, or another one than {first}"));
        }
        troubles.extend(says.trouble.iter().map(|why| format!("{name}: {why}")));
    }
    troubles
}

/// Asks the first that answers of those with a vote; why none did is what is waited for.
fn by_any<T>(
    job: &Job<'_>,
    joining: &Joining,
    mut ask: impl FnMut(&mut Client<'_>) -> Result<Poll<T>>,
) -> Result<Poll<T>> {
    let mut troubles = Vec::new();
    for name in &joining.by {
        let asked = host(job, name)
            .and_then(|host| EtcdAccess::new(job.pool, host, job.trust))
            .and_then(|mut access| ask(&mut access.client()?));
        match asked {
            Ok(poll) => return Ok(poll),
            Err(error) if matches!(error.kind, Kind::Interrupted | Kind::Internal) => return Err(error),
            Err(error) => troubles.push(error.message),
        }
    }
    Ok(Poll::Pending(troubles.join("; ")))
}

/// The member of the list that is meant: by where it is, for it has no name before it starts.
fn find<'m>(members: &'m [Member], joining: &Joining) -> Option<&'m Member> {
    members.iter().find(|member| member.peer_urls.contains(&joining.peer_url))
}

fn host<'j>(job: &Job<'j>, name: &str) -> Result<&'j Host> {
    job.cluster.host(name).ok_or_else(|| Error::internal(format!("there is no host {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, learner: bool) -> Member {
        Member { id: format!("id of {name}"), name: name.into(), peer_urls: vec![], client_urls: vec![], learner }
    }

    fn says(members: &[Member], leader: &str) -> Says {
        Says { cluster: "c".into(), members: members.to_vec(), leader: leader.into(), trouble: None }
    }

    #[test]
    fn etcd_is_whole_when_all_say_the_same() {
        let both = [member("m1", false), member("m2", false)];
        let judged = |first: Says, second: Says| {
            disagreement(&["m1", "m2"], &BTreeMap::from([("m1", first), ("m2", second)])).join("; ")
        };
        assert_eq!(judged(says(&both, "1"), says(&both, "1")), "");
        let learner = [member("m1", false), member("m2", true)];
        assert_eq!(judged(says(&both, "1"), says(&learner, "1")), "m2 knows of no vote of m2");
        assert_eq!(judged(says(&both, "1"), says(&both[..1], "1")), "m2 knows of no vote of m2");
        let third = [both[0].clone(), both[1].clone(), member("m3", true)];
        assert_eq!(judged(says(&both, "1"), says(&third, "1")), "m2 has other members than m1");
        let elsewhere = Says { cluster: "d".into(), ..says(&both, "1") };
        assert_eq!(judged(says(&both, "1"), elsewhere), "m2 has other members than m1");
        assert_eq!(judged(says(&both, "1"), says(&both, "2")), "m2 has no leader, or another one than m1");
        let slow = Says { trouble: Some("RANGE ERROR: timed out".into()), ..says(&both, "1") };
        assert_eq!(judged(says(&both, "1"), slow), "m2: RANGE ERROR: timed out");
        assert_eq!(disagreement(&["m1"], &BTreeMap::new()), [""; 0]);
    }
}
