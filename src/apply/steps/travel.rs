//! In which order files travel: what everybody waits for first.

use std::collections::BTreeMap;

use super::graph::StepId;
use super::waves::{Push, arrivals};
use super::{Action, Builder, push_lane};
use crate::cluster::Role;
use crate::plan::{Desired, HostPlan, Plan, UnitAction, UnitChange};
use crate::state::{After, Ready, WAVES, Wave};

impl Builder<'_> {
    /// What everybody waits for goes first: programs of nodes travel behind those of API servers that start. What only
    /// people use comes back: it goes last.
    pub(super) fn pushes<'p>(
        &mut self,
        plan: &'p Plan,
        desired: &Desired,
        keys: Option<StepId>,
    ) -> Vec<(&'p str, Push)> {
        let mut hosts: Vec<(&HostPlan, BTreeMap<Wave, Push>)> = Vec::new();
        for host in &plan.hosts {
            let Some(state) = desired.hosts.get(&host.host) else { continue };
            let arrivals = arrivals(host, state);
            let units = arrivals.before_restart.into_iter();
            self.before_restart.extend(units.map(|(unit, push)| ((host.host.clone(), unit), push)));
            hosts.push((host, arrivals.waves.into_iter().collect()));
        }
        let mut tools = Vec::new();
        // Where nothing else travels, this is the first push, which prepares the host. The API server of a master that joins
        // others is known to clients before it is ready: what keeps them away needs kubectl.
        let joins = |host: &HostPlan| plan.new_masters().any(|name| name == host.host);
        for (host, waves) in hosts.iter_mut().filter(|(host, waves)| waves.len() > 1 && !joins(host)) {
            tools.extend(waves.remove(&Wave::Tools).map(|push| (host.host.as_str(), push)));
        }
        let (early, late): (Vec<Wave>, Vec<Wave>) = WAVES.iter().partition(|wave| **wave <= Wave::Apiserver);
        for (host, waves) in &mut hosts {
            let is_master = self.cluster.host(&host.host).is_some_and(|host| host.is(Role::Master));
            self.push_waves(&host.host, &early, waves, keys.filter(|_| is_master), &[]);
        }
        let starts = |unit: &UnitChange| unit.action == Some(UnitAction::Start) && unit.rollout.ready == Ready::Api;
        let servers = plan.hosts.iter().filter(|host| host.units.iter().any(starts));
        let ahead: Vec<StepId> = servers.filter_map(|host| self.pushed(&host.host, Wave::Apiserver)).collect();
        for (host, waves) in &mut hosts {
            let last = self.pushed(&host.host, Wave::Apiserver);
            self.push_waves(&host.host, &late, waves, last, &ahead);
        }
        tools
    }

    /// Packages, which units of their components need. What is installed has a connection of its own: programs go on
    /// travelling meanwhile.
    pub(super) fn packages(&mut self, plan: &Plan, desired: &Desired) {
        for host in plan.hosts.iter().filter(|host| !host.packages.is_empty()) {
            let pushed = self.packages_pushed.get(&host.host).copied();
            let action = Action::Packages { host: host.host.clone() };
            let id = self.graph.add(format!("{}/packages", host.host), action, pushed);
            let needed = desired.hosts.get(&host.host).into_iter().flat_map(|state| &state.packages);
            for component in needed.flat_map(|package| &package.components) {
                self.installed.insert((host.host.clone(), *component), id);
            }
        }
    }

    /// While nodes and their network come up there is time for it.
    pub(super) fn tools(&mut self, tools: Vec<(&str, Push)>) {
        let is_ahead = |action: &Action| match action {
            Action::Push(_) | Action::MakeNodes | Action::Import { .. } => true,
            Action::Unit { change, .. } => {
                change.rollout.after != After::Registered && change.rollout.ready != Ready::Timer
            }
            _ => false,
        };
        let steps = self.graph.steps().iter().enumerate();
        let ahead: Vec<StepId> = steps.filter(|(_, step)| is_ahead(&step.action)).map(|(id, _)| id).collect();
        for (host, push) in tools {
            let last = self.pushed(host, Wave::Node);
            self.graph.add_behind(push_lane(host), Action::Push(push), last, ahead.iter().copied());
        }
    }

    /// One after the other, as hosts take them.
    fn push_waves(
        &mut self,
        host: &str,
        order: &[Wave],
        waves: &mut BTreeMap<Wave, Push>,
        mut last: Option<StepId>,
        ahead: &[StepId],
    ) {
        for wave in order {
            if let Some(push) = waves.remove(wave) {
                let has_packages = !push.packages.is_empty();
                let action = Action::Push(push);
                let id = self.graph.add_behind(push_lane(host), action, last, ahead.iter().copied());
                if has_packages {
                    self.packages_pushed.insert(host.to_owned(), id);
                }
                last = Some(id);
            }
            if let Some(id) = last {
                self.pushed.insert((host.to_owned(), *wave), id);
            }
        }
    }
}
