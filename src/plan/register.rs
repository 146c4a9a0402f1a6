//! A node that somebody has deleted: its kubelet registers only when it starts, and what runs on the node is known to
//! nobody until then.

use super::{HostPlan, UnitAction, UnitChange, restart_key};
use crate::facts::HostFacts;
use crate::state::{After, HostState, Ready, Unit};

/// Whether the host's kubelet runs, so that the API should have a node for it.
pub fn runs_kubelet(desired: &HostState, facts: &HostFacts) -> bool {
    let kubelet = desired.units.iter().find(|unit| unit.rollout.ready == Ready::Node);
    kubelet.and_then(|unit| facts.units.get(&unit.name)).is_some_and(|unit| unit.active == "active")
}

/// Adds to the host's plan what makes it a node again: its kubelet is restarted, and then what is started once nodes are
/// registered. What the plan starts or restarts anyhow stays as it is.
pub fn register(plan: &mut HostPlan, desired: &HostState) {
    for unit in &desired.units {
        let action = match unit.rollout {
            rollout if rollout.ready == Ready::Node => UnitAction::Restart,
            // It is started, not restarted: only what is started waits until all nodes are registered.
            rollout if rollout.after == After::Registered => UnitAction::Start,
            _ => continue,
        };
        match plan.units.iter_mut().find(|change| change.name == unit.name) {
            Some(change) if change.action.is_some() && unit.rollout.ready == Ready::Node => {}
            Some(change) => change.action = Some(action),
            None => plan.units.push(change(unit, desired, action)),
        }
    }
}

fn change(unit: &Unit, desired: &HostState, action: UnitAction) -> UnitChange {
    UnitChange {
        name: unit.name.clone(),
        component: unit.component,
        action: Some(action),
        enable: false,
        reason: "the API has no such node".into(),
        rollout: unit.rollout,
        part_of: unit.part_of,
        unmask: false,
        key: restart_key(unit, desired),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{compare, converged};
    use crate::state::{ComponentId, Rolling, Rollout, Wave};

    fn node() -> HostState {
        let unit = |name: &str, after, ready| Unit {
            name: format!("{name}.service"),
            file: String::new(),
            component: ComponentId("kubelet"),
            rollout: Rollout { wave: Wave::Node, after, rolling: Rolling::Canary, ready },
            restart_on: Default::default(),
            reload_on: Default::default(),
            makes: Default::default(),
            keeps: Default::default(),
            part_of: None,
            without: "",
        };
        let units = vec![
            unit("containerd", After::Nothing, Ready::Runtime),
            unit("kubelet", After::Runtime, Ready::Node),
            unit("flanneld", After::Registered, Ready::Runs),
        ];
        HostState { host: "n1".into(), units, ..HostState::default() }
    }

    fn actions(plan: &HostPlan) -> Vec<(&str, Option<UnitAction>)> {
        plan.units.iter().map(|unit| (unit.name.as_str(), unit.action)).collect()
    }

    #[test]
    fn the_kubelet_of_a_deleted_node_is_restarted_and_the_network_after_it() {
        let state = node();
        let facts = converged(&state);
        assert!(runs_kubelet(&state, &facts));
        let mut plan = compare(&state, &facts);
        register(&mut plan, &state);
        let expected = [("kubelet.service", Some(UnitAction::Restart)), ("flanneld.service", Some(UnitAction::Start))];
        assert_eq!(actions(&plan), expected);
    }

    #[test]
    fn a_kubelet_that_does_not_run_registers_when_it_starts() {
        let state = node();
        let mut facts = converged(&state);
        facts.units.get_mut("kubelet.service").unwrap().active = "failed".into();
        assert!(!runs_kubelet(&state, &facts));
        let mut plan = compare(&state, &facts);
        register(&mut plan, &state);
        assert_eq!(actions(&plan)[0], ("kubelet.service", Some(UnitAction::Start)), "as it was planned");
    }
}
