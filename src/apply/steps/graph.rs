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
    /// Steps that must have ended before, well or not.
    pub behind: Vec<StepId>,
}

/// Steps, each after those that it depends on.
#[derive(Debug, Clone)]
pub struct Graph<A> {
    steps: Vec<Step<A>>,
}

impl<A> Default for Graph<A> {
    fn default() -> Self {
        Graph { steps: Vec::new() }
    }
}

impl<A: Sync> Graph<A> {
    /// Adds a step; it can only depend on steps that were added before, so there are no cycles.
    pub fn add(&mut self, lane: impl Into<String>, action: A, after: impl IntoIterator<Item = StepId>) -> StepId {
        self.add_behind(lane, action, after, [])
    }
    /// The same; it also lets others go first, and does not need them to succeed.
    pub fn add_behind(
        &mut self,
        lane: impl Into<String>,
        action: A,
        after: impl IntoIterator<Item = StepId>,
        behind: impl IntoIterator<Item = StepId>,
    ) -> StepId {
        let id = self.steps.len();
        let after: Vec<StepId> = after.into_iter().filter(|a| *a < id).collect();
        let behind = behind.into_iter().filter(|a| *a < id).collect();
        self.steps.push(Step { lane: lane.into(), action, after, behind });
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

    /// Runs every step once those before it are done and its lane is free, at most `at_once` at a time; of those that
    /// could begin, `urgent` ones first. What fails takes with it what depends on it, and no more: the other hosts are
    /// finished. A host that cannot be reached gets no further step; an interruption ends everything.
    ///
    /// However few run at once, it ends: of the steps that are not done, the one that was added first depends on none
    /// of the others, in its lane or by its own word.
    pub fn run(
        &self,
        at_once: usize,
        urgent: impl Fn(&A) -> bool + Sync,
        execute: impl Fn(&A) -> Result<()> + Sync,
    ) -> Outcome {
        let board = Board::new(&self.steps);
        let threads = at_once.min(board.lanes.len());
        let (board, changed) = (Mutex::new(board), Condvar::new());
        let urgent = |id: StepId| urgent(&self.steps[id].action);
        let work = || {
            let mut now = board.lock().unwrap_or_else(|e| e.into_inner());
            loop {
                match now.next(&self.steps, urgent) {
                    Next::Begin(lane, id) => {
                        drop(now);
                        let result = execute(&self.steps[id].action);
                        now = board.lock().unwrap_or_else(|e| e.into_inner());
                        now.end(&self.steps, lane, id, result);
                        changed.notify_all();
                    }
                    Next::Wait => now = changed.wait(now).unwrap_or_else(|e| e.into_inner()),
                    Next::Nothing => break,
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
        let board = board.into_inner().unwrap_or_else(|e| e.into_inner());
        let undone = board.state.iter().enumerate().filter(|(_, state)| **state != State::Done).map(|(id, _)| id);
        Outcome { undone: undone.collect(), errors: board.errors }
    }
}

/// How a graph ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Steps that have failed or never began.
    pub undone: Vec<StepId>,
    /// What failed, in the order of time.
    pub errors: Vec<Error>,
}

/// The host that a lane belongs to: what stands before the first slash.
pub(in crate::apply) fn host_of(lane: &str) -> &str {
    lane.split('/').next().unwrap_or(lane)
}

/// One error of many; an interruption speaks for all of them.
pub(in crate::apply) fn collect(errors: Vec<Error>) -> Result<()> {
    match errors.iter().position(|e| e.kind == Kind::Interrupted) {
        Some(at) => Err(errors[at].clone()),
        None => Error::all(errors),
    }
}

/// A lane's steps in their order, and how many of them have begun or never will.
struct Lane {
    host: String,
    steps: Vec<StepId>,
    begun: usize,
    busy: bool,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It has not begun, or is at work.
    Open,
    Done,
    /// It failed, or will never begin.
    Lost,
}

/// How far the graph is.
struct Board {
    lanes: Vec<Lane>,
    state: Vec<State>,
    errors: Vec<Error>,
    interrupted: bool,
}

/// What a free thread does.
enum Next {
    /// Runs this step of this lane.
    Begin(usize, StepId),
    /// Waits until another thread has ended a step.
    Wait,
    /// Ends: nothing is left that could begin.
    Nothing,
}

impl Board {
    fn new<A>(steps: &[Step<A>]) -> Self {
        let mut lanes: BTreeMap<&str, Vec<StepId>> = BTreeMap::new();
        for (id, step) in steps.iter().enumerate() {
            lanes.entry(&step.lane).or_default().push(id);
        }
        let lane = |(name, steps)| Lane { host: host_of(name).to_owned(), steps, begun: 0, busy: false };
        let lanes = lanes.into_iter().map(lane).collect();
        Board { lanes, state: vec![State::Open; steps.len()], errors: Vec::new(), interrupted: false }
    }

    /// Chooses a step: urgent ones first, then those that are early in their lane, so that all hosts come forward
    /// together, then those that were added first.
    fn next<A>(&mut self, steps: &[Step<A>], urgent: impl Fn(StepId) -> bool) -> Next {
        if self.interrupted {
            return Next::Nothing;
        }
        for lane in &mut self.lanes {
            while lane.steps.get(lane.begun).is_some_and(|id| self.state[*id] == State::Lost) {
                lane.begun += 1;
            }
        }
        let free = self.lanes.iter().enumerate().filter(|(_, lane)| !lane.busy);
        let waiting = free.filter_map(|(at, lane)| lane.steps.get(lane.begun).map(|id| (at, lane.begun, *id)));
        let is_done = |before: &StepId| self.state[*before] == State::Done;
        let has_ended = |before: &StepId| self.state[*before] != State::Open;
        let is_ready = |id: StepId| steps[id].after.iter().all(is_done) && steps[id].behind.iter().all(has_ended);
        let ready = waiting.filter(|(_, _, id)| is_ready(*id));
        match ready.min_by_key(|(_, begun, id)| (!urgent(*id), *begun, *id)) {
            Some((at, _, id)) => {
                (self.lanes[at].busy, self.lanes[at].begun) = (true, self.lanes[at].begun + 1);
                Next::Begin(at, id)
            }
            None if self.lanes.iter().any(|lane| lane.busy) => Next::Wait,
            None => Next::Nothing,
        }
    }

    fn end<A>(&mut self, steps: &[Step<A>], lane: usize, id: StepId, result: Result<()>) {
        self.lanes[lane].busy = false;
        let Err(error) = result else {
            self.state[id] = State::Done;
            return;
        };
        self.state[id] = State::Lost;
        self.interrupted |= error.kind == Kind::Interrupted;
        if error.kind == Kind::Connect {
            let host = self.lanes[lane].host.clone();
            for lane in self.lanes.iter().filter(|lane| lane.host == host) {
                lane.steps[lane.begun..].iter().for_each(|id| self.state[*id] = State::Lost);
            }
        }
        // Steps come after those that they depend on, so one pass finds all.
        for (id, step) in steps.iter().enumerate() {
            if step.after.iter().any(|before| self.state[*before] == State::Lost) {
                self.state[id] = State::Lost;
            }
        }
        self.errors.push(error);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn run(graph: &Graph<&'static str>, fail: &str, kind: Kind) -> (Outcome, Vec<&'static str>) {
        let order = Mutex::new(Vec::new());
        // One at a time, so that the order is the same each time.
        let outcome = graph.run(
            1,
            |_| true,
            |action| {
                order.lock().unwrap().push(*action);
                if *action == fail { Err(Error::new(kind, format!("{action} failed"))) } else { Ok(()) }
            },
        );
        (outcome, order.into_inner().unwrap())
    }

    #[test]
    fn a_step_runs_after_those_it_depends_on_across_lanes() {
        let mut graph = Graph::default();
        let etcd1 = graph.add("m1", "etcd m1", []);
        let etcd2 = graph.add("m2", "etcd m2", []);
        let api = graph.add("m1", "apiserver", [etcd1, etcd2]);
        graph.add("n1", "kubelet", [api]);
        let (outcome, order) = run(&graph, "", Kind::Remote);
        assert_eq!(outcome, Outcome::default());
        assert_eq!(order.len(), 4);
        assert_eq!(&order[2..], ["apiserver", "kubelet"]);
    }

    /// Two nodes after a master, and what comes at the end.
    fn two_nodes() -> Graph<&'static str> {
        let mut graph = Graph::default();
        let api = graph.add("m1", "apiserver", []);
        let n1 = graph.add("n1/node", "kubelet n1", [api]);
        let n2 = graph.add("n2/node", "kubelet n2", [api]);
        graph.add("n1/node", "proxy n1", [api]);
        graph.add("n1/push", "tools n1", []);
        graph.add("n1/node", "flanneld n1", [n1]);
        graph.add("n2/node", "flanneld n2", [n2]);
        graph.add("api", "healthy", 0..7);
        graph
    }

    #[test]
    fn a_failure_takes_with_it_what_depends_on_it_and_the_others_are_finished() {
        let (outcome, order) = run(&two_nodes(), "kubelet n1", Kind::Remote);
        assert_eq!(outcome.errors.iter().map(|e| &*e.message).collect::<Vec<_>>(), ["kubelet n1 failed"]);
        assert_eq!(outcome.undone, [1, 5, 7]);
        assert_eq!(order, ["apiserver", "kubelet n1", "kubelet n2", "tools n1", "proxy n1", "flanneld n2"]);
        let (outcome, order) = run(&two_nodes(), "apiserver", Kind::Remote);
        assert_eq!((outcome.undone.len(), order.len()), (7, 2), "what nothing depends on is done: {order:?}");
    }

    #[test]
    fn who_lets_others_go_first_does_not_need_them_to_succeed() {
        for (fail, undone) in [("", vec![]), ("apiserver", vec![0])] {
            let mut graph = Graph::default();
            let server = graph.add("m1/push", "apiserver", []);
            graph.add_behind("n1/push", "kubelet", [], [server]);
            let (outcome, order) = run(&graph, fail, Kind::Remote);
            assert_eq!((outcome.undone, order), (undone, vec!["apiserver", "kubelet"]));
        }
    }

    #[test]
    fn a_host_that_is_away_gets_no_further_step_and_an_interruption_ends_everything() {
        let (outcome, order) = run(&two_nodes(), "kubelet n1", Kind::Connect);
        assert_eq!(outcome.undone, [1, 3, 4, 5, 7]);
        assert_eq!(order, ["apiserver", "kubelet n1", "kubelet n2", "flanneld n2"]);
        let (outcome, order) = run(&two_nodes(), "kubelet n1", Kind::Interrupted);
        assert_eq!((outcome.errors.len(), order.last()), (1, Some(&"kubelet n1")));
    }

    #[test]
    fn what_runs_beside_a_failure_is_let_finish_and_all_failures_are_kept() {
        let mut graph = Graph::default();
        graph.add("m1", (), []);
        graph.add("m2", (), []);
        let barrier = std::sync::Barrier::new(2);
        let fail = |(): &()| {
            barrier.wait();
            Err(Error::connect("no route to host"))
        };
        assert_eq!(graph.run(2, |()| true, fail).errors.len(), 2);
    }

    /// Two hundred hosts as `up` works on them: a push in two waves and a unit each, and a gate between masters and nodes.
    fn two_hundred() -> Graph<(String, bool)> {
        let mut graph = Graph::default();
        let mut started = Vec::new();
        let mut gate = None;
        let pushes: Vec<[StepId; 2]> = (0..200)
            .map(|host| {
                let lane = format!("n{host}/push");
                let first = graph.add(&*lane, (lane.clone(), true), []);
                [first, graph.add(&*lane, (lane.clone(), true), [first])]
            })
            .collect();
        for (host, [first, second]) in pushes.into_iter().enumerate() {
            if host == 3 {
                gate = Some(graph.add("api", ("api".into(), false), started.drain(..)));
            }
            let lane = format!("n{host}");
            started.push(graph.add(&*lane, (lane.clone(), false), gate.into_iter().chain([first, second])));
        }
        graph.add("api", ("api".into(), false), started);
        graph
    }

    #[test]
    fn however_many_hosts_there_are_only_so_many_steps_run_at_once_in_their_order() {
        for at_once in [1, 2, 7, 32] {
            let graph = two_hundred();
            let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let busy = Mutex::new(BTreeSet::new());
            let order = Mutex::new(Vec::new());
            let step = |action: &(String, bool)| {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                assert!(busy.lock().unwrap().insert(action.0.clone()), "{} runs two steps", action.0);
                thread::yield_now();
                let id = graph.steps().iter().position(|step| std::ptr::eq(&step.action, action)).unwrap();
                order.lock().unwrap().push(id);
                busy.lock().unwrap().remove(&action.0);
                running.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            };
            assert_eq!(graph.run(at_once, |(_, push)| !push, step), Outcome::default());
            let order = order.into_inner().unwrap();
            assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), graph.steps().len());
            assert!((1..=at_once).contains(&most.load(Ordering::SeqCst)), "{most:?} of {at_once}");
            let place = |id: &StepId| order.iter().position(|done| done == id);
            for (id, step) in graph.steps().iter().enumerate() {
                assert!(step.after.iter().all(|before| place(before) < place(&id)), "{id} before its time");
            }
        }
    }

    #[test]
    fn what_is_urgent_goes_first_and_hosts_come_forward_together() {
        let order = Mutex::new(Vec::new());
        let graph = two_hundred();
        let note = |action: &(String, bool)| {
            order.lock().unwrap().push(action.0.clone());
            Ok(())
        };
        assert_eq!(graph.run(1, |(_, push)| !push, note), Outcome::default());
        let order = order.into_inner().unwrap();
        assert_eq!(order[..2], ["n0/push", "n1/push"]);
        assert_eq!(order[200..206], ["n0/push", "n0", "n1/push", "n1", "n2/push", "n2"]);
        assert_eq!(order[206], "api", "not after all pushes");
    }
}
