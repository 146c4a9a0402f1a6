//! Steps in order of dependency: what may run at once runs at once.
//!
//! Pure but for the threads: a step is a value with the names of those before it, and whoever runs the
//! graph says what a step does. Every lane (a host's connection) runs its steps one after the other.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex};
use std::thread;

use crate::error::{Error, Kind, Result};

/// A step's index in its graph.
pub type StepId = usize;

/// A step of some kind of action.
#[derive(Debug, Clone)]
pub struct Step<A> {
    /// Which lane runs it; a lane runs one step at a time.
    pub lane: String,
    /// What is to be done.
    pub action: A,
    /// Steps that must be done before.
    pub after: Vec<StepId>,
}

/// Steps, each after those that it depends on.
#[derive(Debug, Clone)]
pub struct Graph<A> {
    steps: Vec<Step<A>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Done,
    Failed,
    Skipped,
}

impl<A> Default for Graph<A> {
    fn default() -> Self {
        Graph { steps: Vec::new() }
    }
}

impl<A: Sync> Graph<A> {
    /// Adds a step; it can only depend on steps that were added before, so there are no cycles.
    pub fn add(&mut self, lane: impl Into<String>, action: A, after: impl IntoIterator<Item = StepId>) -> StepId {
        let id = self.steps.len();
        let after: Vec<StepId> = after.into_iter().filter(|a| *a < id).collect();
        self.steps.push(Step { lane: lane.into(), action, after });
        id
    }
    /// The steps in the order in which they were added.
    pub fn steps(&self) -> &[Step<A>] {
        &self.steps
    }
    /// No steps.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Runs every step once those before it are done. `open` prepares a lane in its own thread.
    /// After a failure no new step begins; what runs is let finish. All failures come back as one error.
    pub fn run<L, O, F>(&self, open: O, execute: F) -> Result<()>
    where
        O: Fn(&str) -> Result<L> + Sync,
        F: Fn(&mut L, &A) -> Result<()> + Sync,
    {
        let board = Board { states: Mutex::new(vec![State::Waiting; self.steps.len()]), changed: Condvar::new() };
        let errors = Mutex::new(Vec::new());
        let mut lanes: BTreeMap<&str, Vec<StepId>> = BTreeMap::new();
        for (id, step) in self.steps.iter().enumerate() {
            lanes.entry(&step.lane).or_default().push(id);
        }
        thread::scope(|scope| {
            for (lane, ids) in lanes {
                let (board, errors, open, execute) = (&board, &errors, &open, &execute);
                scope.spawn(move || {
                    let mut opened = None;
                    for id in ids {
                        let step = &self.steps[id];
                        if !board.wait_for(&step.after) {
                            board.set(id, State::Skipped);
                            continue;
                        }
                        let result = match &mut opened {
                            Some(lane) => execute(lane, &step.action),
                            None => open(lane).and_then(|lane| execute(opened.insert(lane), &step.action)),
                        };
                        match result {
                            Ok(()) => board.set(id, State::Done),
                            Err(error) => {
                                errors.lock().unwrap_or_else(|e| e.into_inner()).push(error);
                                board.set(id, State::Failed);
                            }
                        }
                    }
                });
            }
        });
        collect(errors.into_inner().unwrap_or_else(|e| e.into_inner()))
    }
}

/// One error of many; an interruption speaks for all of them.
fn collect(errors: Vec<Error>) -> Result<()> {
    match errors.iter().position(|e| e.kind == Kind::Interrupted) {
        Some(at) => Err(errors[at].clone()),
        None => Error::all(errors),
    }
}

struct Board {
    states: Mutex<Vec<State>>,
    changed: Condvar,
}

impl Board {
    fn set(&self, id: StepId, state: State) {
        self.states.lock().unwrap_or_else(|e| e.into_inner())[id] = state;
        self.changed.notify_all();
    }
    /// Waits until all are done; false as soon as anything has failed.
    fn wait_for(&self, ids: &[StepId]) -> bool {
        let mut states = self.states.lock().unwrap_or_else(|e| e.into_inner());
        loop {
            if states.iter().any(|s| matches!(s, State::Failed | State::Skipped)) {
                return false;
            }
            if ids.iter().all(|id| states[*id] == State::Done) {
                return true;
            }
            states = self.changed.wait(states).unwrap_or_else(|e| e.into_inner());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(graph: &Graph<&'static str>, fail: &str) -> (Result<()>, Vec<&'static str>) {
        let order = Mutex::new(Vec::new());
        let result = graph.run(
            |_| Ok(()),
            |(), action| {
                order.lock().unwrap().push(*action);
                if *action == fail { Err(Error::remote(format!("{action} failed"))) } else { Ok(()) }
            },
        );
        (result, order.into_inner().unwrap())
    }

    #[test]
    fn a_step_runs_after_those_it_depends_on_across_lanes() {
        let mut graph = Graph::default();
        let etcd1 = graph.add("m1", "etcd m1", []);
        let etcd2 = graph.add("m2", "etcd m2", []);
        let api = graph.add("m1", "apiserver", [etcd1, etcd2]);
        graph.add("n1", "kubelet", [api]);
        let (result, order) = run(&graph, "");
        assert_eq!(result, Ok(()));
        assert_eq!(order.len(), 4);
        assert_eq!(&order[2..], ["apiserver", "kubelet"]);
    }

    #[test]
    fn after_a_failure_what_depends_on_it_does_not_begin() {
        let mut graph = Graph::default();
        let etcd = graph.add("m1", "etcd", []);
        let api = graph.add("m1", "apiserver", [etcd]);
        graph.add("n1", "kubelet", [api]);
        let (result, order) = run(&graph, "etcd");
        assert_eq!(result.unwrap_err().message, "etcd failed");
        assert_eq!(order, ["etcd"]);
    }

    #[test]
    fn a_lane_that_cannot_be_opened_fails_its_first_step_and_all_failures_are_kept() {
        let mut graph = Graph::default();
        graph.add("m1", (), []);
        graph.add("m2", (), []);
        let barrier = std::sync::Barrier::new(2);
        let error = graph
            .run::<(), _, _>(
                |lane| {
                    barrier.wait();
                    Err(Error::connect(format!("{lane}: no route to host")))
                },
                |(), ()| Ok(()),
            )
            .unwrap_err();
        assert_eq!(error.others.len(), 1);
    }
}
