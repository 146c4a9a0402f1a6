//! Hosts that are away are left out of a run where the rest of the cluster can do without them.

use crate::changes::Known;
use crate::cluster::{Cluster, Role};
use crate::components::etcd;
use crate::error::{Error, Result};
use crate::plan::{ClusterChange, Plan, UnitAction, UnitChange};

/// The cluster without these hosts.
///
/// # Errors
/// Usage: it has no such host.
pub(super) fn without(cluster: &Cluster, skip: &[String]) -> Result<Cluster> {
    let known: Vec<&str> = cluster.hosts.iter().map(|host| host.name.as_str()).collect();
    let unknown = skip.iter().filter(|name| !known.contains(&name.as_str()));
    Error::all(unknown.map(|name| {
        Error::usage(format!("there is no host {name} that could be left out"))
            .hint(format!("its hosts are {}", known.join(", ")))
    }))?;
    let mut there = cluster.clone();
    there.hosts.retain(|host| !skip.contains(&host.name));
    Ok(there)
}

/// Refuses a run in which what is `there` is not enough: of a cluster that runs there must be an API server, and members
/// of etcd that are well and are a quorum without those that are away; a new cluster needs all of them.
///
/// # Errors
/// Refused.
pub(super) fn refuse(known: &Known<'_>, there: &Cluster) -> Result<()> {
    let Known { cluster, live, .. } = known;
    let away = |role| away(cluster, there, role);
    let mut errors = Vec::new();
    if there.with_role(Role::Master).next().is_none() {
        errors.push(refusal(&away(Role::Master), "no master would be left"));
    }
    let members = away(Role::Etcd);
    let well = there.with_role(Role::Etcd).filter(|host| live.members.get(&host.name).is_some_and(|said| said.healthy));
    let well = well.count();
    if !members.is_empty() && well < cluster.quorum() {
        let all = cluster.with_role(Role::Etcd).count();
        let why = format!("{well} of the {all} members of etcd are there and well, and it takes {}", cluster.quorum());
        errors.push(refusal(&members, &why));
    }
    let masters = away(Role::Master);
    if !masters.is_empty() && live.api.is_none() && errors.is_empty() {
        errors.push(refusal(&masters, "no API server of the others answers"));
    }
    Error::all(errors)
}

/// Refuses a plan that the cluster could not take without the hosts that are away: one that takes another member from
/// a quorum which has none to spare, or writes what an API server that is away could not read.
///
/// # Errors
/// Refused.
pub(super) fn refuse_plan(cluster: &Cluster, there: &Cluster, plan: &Plan) -> Result<()> {
    let mut errors = Vec::new();
    let members = away(cluster, there, Role::Etcd);
    let restarts = |unit: &UnitChange| unit.name == etcd::UNIT && unit.action == Some(UnitAction::Restart);
    let restarted = plan.hosts.iter().find(|host| host.units.iter().any(restarts));
    let spare = there.with_role(Role::Etcd).count() > cluster.quorum();
    if let Some(host) = restarted.filter(|_| !members.is_empty() && !spare) {
        errors.push(refusal(
            &members,
            &format!("etcd on {} is to be restarted, and takes the quorum with it", host.host),
        ));
    }
    let masters = away(cluster, there, Role::Master);
    let keys = cluster.layout.encryption();
    let keys_change = plan.cluster.iter().any(|change| matches!(change, ClusterChange::RewriteSecrets { .. }))
        || plan.hosts.iter().any(|host| host.files.iter().any(|file| file.path == keys));
    if keys_change && !masters.is_empty() {
        errors.push(refusal(&masters, "its API server would not read what is encrypted in another way from now on"));
    }
    Error::all(errors)
}

fn away<'c>(cluster: &'c Cluster, there: &'c Cluster, role: Role) -> Vec<&'c str> {
    cluster.away(there).filter(|host| host.is(role)).map(|host| host.name.as_str()).collect()
}

fn refusal(away: &[&str], why: &str) -> Error {
    let hosts = away.join(", ");
    Error::refused(format!("{hosts} cannot be left out: {why}"))
        .hint(format!("bring {hosts} back, and run the same command without --skip"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cluster::example;
    use crate::components::Catalogue;
    use crate::live::{Live, Members};
    use crate::plan::HostPlan;
    use crate::state::{After, Ready, Rolling, Rollout, Wave};

    /// Three hosts that are everything, and one that is a node.
    fn cluster() -> Cluster {
        let mut cluster = example::cluster("1.35.0");
        for (name, last) in [("m2", 12), ("m3", 13)] {
            cluster.hosts.push(example::host(name, last, &[Role::Etcd, Role::Master, Role::Node]));
        }
        cluster
    }

    fn skip(cluster: &Cluster, names: &[&str]) -> Cluster {
        without(cluster, &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    /// What is said where these members are well, and an API server answers.
    fn judged(names: &[&str], well: &[&str], api: bool) -> String {
        let (cluster, catalogue, facts) = (cluster(), Catalogue::standard(), BTreeMap::new());
        let says = Members { cluster: "1".into(), list: Vec::new(), version: None, healthy: true, secrets: None };
        let member = |name: &&str| ((*name).to_owned(), says.clone());
        let live =
            Live { members: well.iter().map(member).collect(), api: api.then(Default::default), ..Live::default() };
        let known = Known { catalogue: &catalogue, cluster: &cluster, facts: &facts, live: &live };
        refuse(&known, &skip(&cluster, names)).map_or_else(|error| error.messages(), |()| String::new())
    }

    #[test]
    fn what_is_left_must_be_a_cluster() {
        assert_eq!(judged(&["n1"], &[], false), "", "a new cluster can do without a node");
        assert_eq!(judged(&["m3"], &["m1", "m2"], true), "");
        assert_eq!(judged(&["m3", "n1"], &["m1", "m2"], true), "");
        let too_few = "m3 cannot be left out: 1 of the 3 members of etcd are there and well, and it takes 2";
        assert_eq!(judged(&["m3"], &["m1"], true), too_few);
        assert_eq!(judged(&["m3"], &["m1", "m3"], true), too_few, "what is left out does not count");
        assert_eq!(judged(&["m3"], &["m1", "m2"], false), "m3 cannot be left out: no API server of the others answers");
        assert!(judged(&["m1", "m2", "m3"], &[], false).contains("no master would be left"));
    }

    #[test]
    fn names_that_do_not_exist_are_refused_together() {
        let error = without(&cluster(), &["m9".into(), "m1".into(), "x".into()]).unwrap_err();
        assert_eq!(
            error.messages(),
            "there is no host m9 that could be left out\nthere is no host x that could be left out"
        );
    }

    #[test]
    fn a_plan_that_needs_all_of_them_is_refused() {
        let cluster = cluster();
        let mut host = HostPlan { host: "m1".into(), ..HostPlan::default() };
        let plan = |host: &HostPlan| Plan { hosts: vec![host.clone()], ..Plan::default() };
        let said = |names: &[&str], plan: &Plan| {
            refuse_plan(&cluster, &skip(&cluster, names), plan)
                .map_or_else(|error| error.messages(), |()| String::new())
        };
        assert_eq!(said(&["m3"], &plan(&host)), "");
        host.units.push(UnitChange {
            name: etcd::UNIT.into(),
            component: etcd::ID,
            action: Some(UnitAction::Restart),
            enable: false,
            reason: String::new(),
            rollout: Rollout { wave: Wave::Etcd, after: After::Nothing, rolling: Rolling::Canary, ready: Ready::Runs },
            unmask: false,
            part_of: None,
            key: String::new(),
        });
        let quorum = "m3 cannot be left out: etcd on m1 is to be restarted, and takes the quorum with it";
        assert_eq!(said(&["m3"], &plan(&host)), quorum);
        assert_eq!(said(&["n1"], &plan(&host)), "");
        let rewrite = ClusterChange::RewriteSecrets { count: 3, encrypt: true };
        let rewrites = Plan { cluster: vec![rewrite], ..Plan::default() };
        let unread =
            "m3 cannot be left out: its API server would not read what is encrypted in another way from now on";
        assert_eq!(said(&["m3"], &rewrites), unread);
        assert_eq!(said(&["n1"], &rewrites), "");
    }
}
