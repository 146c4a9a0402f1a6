//! The changes of a plan's units by what is done with them.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::{Plan, UnitChange};
use crate::state::{After, Ready, Rolling};

/// A host and a change of one of its units.
pub(super) type Change<'a> = (&'a str, &'a UnitChange);

/// All changes of units by what is done with them, each exactly once; in the inventory's order, and on a host in the
/// order of its units. A unit that only has to be enabled is among those that start: nothing waits for it.
#[derive(Default)]
pub(super) struct Sorted<'a> {
    /// Members that join those that there are.
    pub(super) members_join: Vec<Change<'a>>,
    pub(super) members_start: Vec<Change<'a>>,
    pub(super) members_restart: Vec<Change<'a>>,
    /// Hosts that become masters of a cluster that runs.
    pub(super) masters_join: BTreeSet<&'a str>,
    pub(super) masters_start: Vec<Change<'a>>,
    pub(super) masters_restart: Vec<Change<'a>>,
    /// By host and unit of a member that restarts: what systemd restarts with it.
    pub(super) with: BTreeMap<(&'a str, &'a str), &'a UnitChange>,
    pub(super) nodes_start: Vec<Change<'a>>,
    pub(super) nodes_start_late: Vec<Change<'a>>,
    pub(super) nodes_restart: Vec<Change<'a>>,
}

impl<'a> Sorted<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        let joins = |host: &str| plan.joining().any(|joining| joining.member == host);
        let mut sorted = Sorted { masters_join: plan.new_masters().collect(), ..Sorted::default() };
        let units = plan.hosts.iter().flat_map(|host| host.units.iter().map(move |unit| (host.host.as_str(), unit)));
        for (host, unit) in units {
            let restarts = unit.runs();
            let is_of = |member: &Change<'_>| member.0 == host && unit.part_of == Some(&*member.1.name);
            let member = sorted.members_restart.iter().find(|member| is_of(member)).map(|(_, member)| &*member.name);
            if let Some(member) = member.filter(|member| restarts && !sorted.with.contains_key(&(host, *member))) {
                sorted.with.insert((host, member), unit);
                continue;
            }
            let list = match (unit.rollout.rolling, restarts, unit.rollout.after) {
                (Rolling::Quorum, false, _) if joins(host) => &mut sorted.members_join,
                (Rolling::Quorum, false, _) => &mut sorted.members_start,
                (Rolling::Quorum, true, _) => &mut sorted.members_restart,
                (Rolling::ControlPlane, false, _) => &mut sorted.masters_start,
                (Rolling::ControlPlane, true, _) => &mut sorted.masters_restart,
                (Rolling::Canary | Rolling::Together, false, After::Registered) => &mut sorted.nodes_start_late,
                (Rolling::Canary | Rolling::Together, false, _) => &mut sorted.nodes_start,
                (Rolling::Canary | Rolling::Together, true, _) => &mut sorted.nodes_restart,
            };
            list.push((host, unit));
        }
        sorted
    }

    /// API servers that do not run and ask one member only, which stays as it is while others restart: those take their
    /// API servers with them, and these are there then.
    pub(super) fn servers_first(&self) -> impl Iterator<Item = Change<'a>> {
        let restarts = |host: &str| self.members_restart.iter().any(|(member, _)| *member == host);
        let is_first = move |(host, change): &Change<'a>| {
            let asks_one = change.rollout.ready == Ready::Api && change.part_of.is_some();
            asks_one && !self.members_restart.is_empty() && !restarts(host)
        };
        self.masters_start.iter().copied().filter(is_first)
    }
}
