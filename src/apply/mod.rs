//! Make it so: push what differs, restart what changed, in the right order.

mod gate;
mod gone;
mod members;
mod node;
mod objects;
mod packages;
mod push;
mod record;
mod records;
mod removal;
mod revoke;
mod secrets;
mod steps;
mod unit;
mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::io::empty;
use std::sync::atomic::{AtomicBool, Ordering};

pub use gate::Watch;
pub use push::{Compression, PushContext, push};
pub use steps::{Action, Push, steps, uncovered};
use steps::{Graph, Outcome, collect, host_of, title};

use crate::access::{Lease, Pool};
use crate::artifacts::Store;
use crate::clients::http::Answers;
use crate::cluster::{Cluster, Role};
use crate::error::{Error, Kind, Result};
use crate::facts::HostFacts;
use crate::health::{Poll, Schedule, wait_telling};
use crate::plan::{Desired, HostPlan, Plan};
use crate::record::Record;
use crate::remote::{Transport, host_lock};
use crate::text::sh_quote;
use crate::trust::Trust;

use crate::ui::step::Step;
use crate::ui::{Reporter, step};

/// Everything that applying a plan needs.
pub struct Job<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The same without hosts that are left out of this run: nothing is done there, and nothing waits for them.
    pub there: &'a Cluster,
    /// What every host must hold.
    pub desired: &'a Desired,
    /// What hosts said.
    pub facts: &'a BTreeMap<String, HostFacts>,
    /// What differs.
    pub plan: &'a Plan,
    /// Connections.
    pub pool: &'a Pool,
    /// Programs and images.
    pub store: &'a Store,
    /// Certificates.
    pub trust: &'a Trust,
    /// What is written down at the end.
    pub record: Option<&'a Record>,
    /// Where events go.
    pub reporter: &'a dyn Reporter,
    /// Set by Ctrl-C.
    pub interrupt: &'a AtomicBool,
    /// What is known of nodes that register.
    pub watch: &'a Watch,
    /// What the cluster said when the plan was made, where nothing is changed after that.
    pub looked: Option<&'a Looked>,
    /// The step that is at work; none before the first.
    pub step: Option<&'a Step<'a>>,
}

/// What a cluster said of itself.
#[derive(Debug, Default)]
pub struct Looked {
    /// Hosts whose members of etcd took part, and took writes.
    pub members: BTreeSet<String>,
    /// The master whose API server was asked, and what it answered.
    pub api: Option<(String, Answers)>,
}

impl Job<'_> {
    /// Makes the plan true. Whatever stops it, the next run goes on from what the hosts say.
    pub fn run(&self) -> Result<()> {
        let leader = if steps::rolls_etcd(self.plan) { gate::etcd_leader(self)? } else { None };
        let served = gate::brought(self.trust, self.plan);
        let graph = steps(self.there, self.plan, self.desired, leader.as_deref(), &served);
        let left = uncovered(self.plan, &graph);
        if !left.is_empty() {
            let error = Error::internal("the plan has changes that no step makes; nothing was touched");
            return Err(left.into_iter().fold(error, Error::detail));
        }
        self.go(&graph)
    }

    /// Waits until the cluster is healthy and changes nothing: a run that was interrupted may have left all in place,
    /// and nothing ready yet.
    pub fn wait(&self) -> Result<()> {
        let mut graph = Graph::default();
        let healthy = graph.add("api", Action::Healthy, []);
        if !self.desired.encryption.unread.is_empty() {
            graph.add("api", Action::Secrets, [healthy]);
        }
        self.go(&graph)
    }

    fn go(&self, graph: &Graph<Action>) -> Result<()> {
        // Members of etcd that start wait for each other.
        let at_once = self.pool.at_once().max(self.there.with_role(Role::Etcd).count());
        // Where there are more hosts than hands, what others wait for goes before what only travels.
        let urgent = |action: &Action| !matches!(action, Action::Push(_) | Action::NodeRegistered { .. });
        let outcome = graph.run(at_once, urgent, |action| self.step(action));
        let undone = undone(graph, &outcome);
        collect(outcome.errors).map_err(|error| match error.kind {
            Kind::Interrupted => interrupted(),
            _ => undone.into_iter().fold(error, Error::hint),
        })
    }

    fn connect(&self, host: &str) -> Result<Lease<'_>> {
        self.pool.take(self.cluster.host(host).ok_or_else(|| Error::internal(format!("there is no host {host}")))?)
    }

    fn step(&self, action: &Action) -> Result<()> {
        let (host, title) = title(action);
        if self.interrupt.load(Ordering::SeqCst) {
            return Err(interrupted());
        }
        step::run(self.reporter, &host, title, |step| Ok(((), Job { step: Some(step), ..*self }.perform(action)?)))
    }

    /// Looks until it is so, and tells what the step waits for.
    fn until<T>(&self, what: &str, schedule: Schedule, look: impl FnMut() -> Result<Poll<T>>) -> Result<T> {
        let tell = |seen: &str| self.step.into_iter().for_each(|step| step.waits(seen));
        wait_telling(what, schedule, self.interrupt, &tell, look)
    }

    fn perform(&self, action: &Action) -> Result<String> {
        let layout = &self.cluster.layout;
        match action {
            Action::Push(push) => {
                let plan = self.host_plan(&push.host)?;
                let state = self.state(&push.host)?;
                let compression = self.compression(&push.host);
                let context = PushContext { layout, compression, store: self.store, reporter: self.reporter };
                let bytes = push::push(&mut *self.connect(&push.host)?, push, plan, state, &context)?;
                Ok(format!("{:.1} MB", bytes as f64 / 1e6))
            }
            Action::Import { host } => self.import(&mut *self.connect(host)?, host),
            Action::Packages { host } => {
                let (plan, state) = (self.host_plan(host)?, self.state(host)?);
                packages::install(&mut *self.connect(host)?, plan, state, layout)
            }
            Action::Unit { host, change, with } => {
                unit::bring_up(&mut *self.connect(host)?, change, with.as_ref(), layout)
                    .map_err(|error| members::does_not_start(self.plan, host, change, error))?;
                Ok(String::new())
            }
            Action::EtcdHealthy { host, about_to_restart } => gate::etcd(self, host, *about_to_restart),
            Action::AddMember(joining) => members::add(self, joining),
            Action::PromoteMember(joining) => members::promote(self, joining),
            Action::MembersAgree(joining) => members::agree(self, joining),
            Action::ApiReady { host, about_to_restart: false } => gate::api(self, host),
            Action::ApiReady { host, .. } => gate::other_api(self, host),
            Action::Balanced { host } => gate::balanced(self, host),
            Action::Held => gate::held(self),
            Action::Settled { host, change, with } => unit::settled(self, host, change, with.as_ref()),
            Action::Objects => gate::objects(self),
            Action::PushKeys { host } => secrets::push_keys(self, host),
            Action::KeysRead => secrets::keys_read(self),
            Action::Secrets => secrets::as_asked(self),
            Action::Shown => gate::shown(self),
            Action::MakeNodes => node::make_all(self),
            Action::RegisterNode { host } => node::register(self, host),
            Action::NodeRegistered { host } => gate::registered(self, host),
            Action::RestartPod { namespace, name } => gate::restart_pod(self, namespace, name),
            Action::Healthy => gate::healthy(self),
            Action::TakeAway { host, name } => removal::take_away(self, host, name),
            Action::Delete { name } => removal::delete(self, name),
            Action::Revoke { host } => revoke::revoke(self, host),
            Action::Record(places) => self.write_record(places),
        }
    }

    fn write_record(&self, places: &[String]) -> Result<String> {
        let record = self.record.ok_or_else(|| Error::internal("there is no record to write"))?;
        for place in places {
            match place.as_str() {
                "" => gate::object(self, &record::object(record))?,
                host => record::write(&mut *self.connect(host)?, &self.cluster.layout, record)?,
            }
        }
        Ok(String::new())
    }

    fn state(&self, host: &str) -> Result<&crate::state::HostState> {
        self.desired.hosts.get(host).ok_or_else(|| Error::internal(format!("no desired state for {host}")))
    }

    fn host_plan(&self, host: &str) -> Result<&HostPlan> {
        let plan = self.plan.hosts.iter().find(|p| p.host == host);
        plan.ok_or_else(|| Error::internal(format!("no plan for {host}")))
    }

    fn compression(&self, host: &str) -> Compression {
        match self.facts.get(host) {
            Some(facts) if facts.programs.contains("zstd") => Compression::Zstd,
            _ => Compression::None,
        }
    }

    fn import(&self, transport: &mut dyn Transport, host: &str) -> Result<String> {
        let images = &self.host_plan(host)?.images;
        let layout = &self.cluster.layout;
        let ctr = format!("{}/ctr", layout.bin);
        let ctr = format!("{} -a {}", sh_quote(&ctr), sh_quote(&layout.containerd_socket()));
        // However it ends: an image that is not there after all is pushed again.
        let tars = sh_quote(&format!("{}/images", layout.records));
        let mut script = format!("set -eu\n{}T={tars}\ntrap 'rm -f \"$T\"/*.tar' EXIT\n", host_lock::hold());
        for image in images {
            let tar = sh_quote(&push::image_path(layout, &image.artifact.name));
            // Not through the transfer service, which takes twice as long.
            script.push_str(&format!("{ctr} -n k8s.io images import --local --digests=false {tar} >&2\n"));
            // Without a registry an image that the kubelet's garbage collection took away would be gone for good.
            let name = sh_quote(&image.name);
            script.push_str(&format!("{ctr} -n k8s.io images label {name} io.cri-containerd.pinned=pinned >&2\n"));
        }
        let output = transport.run(&script, &mut empty())?;
        if output.status != 0 {
            return Err(Error::remote(format!("{host}: images could not be imported into containerd"))
                .detail(String::from_utf8_lossy(&output.stderr).trim().to_owned())
                .hint(format!("look at it on {host}: journalctl -u containerd -e")));
        }
        Ok(images.iter().map(|i| i.name.rsplit('/').next().unwrap_or(&i.name)).collect::<Vec<_>>().join(", "))
    }
}

fn interrupted() -> Error {
    Error::new(Kind::Interrupted, "interrupted").hint("run `kbootstrap up` again: it goes on from here")
}

/// Which hosts are not what they should be, and which are; nothing where there is only one.
fn undone(graph: &Graph<Action>, outcome: &Outcome) -> Option<String> {
    let lanes = |ids: &dyn Fn(&usize) -> bool| -> BTreeSet<&str> {
        let steps = graph.steps().iter().enumerate().filter(|(id, _)| ids(id));
        steps.map(|(_, step)| host_of(&step.lane)).filter(|host| *host != "api").collect()
    };
    let unfinished = lanes(&|id| outcome.undone.contains(id));
    let finished: Vec<&str> = lanes(&|_| true).into_iter().filter(|host| !unfinished.contains(host)).collect();
    let unfinished: Vec<&str> = unfinished.into_iter().collect();
    (!finished.is_empty() && !unfinished.is_empty()).then(|| {
        let (left, done) = (few(&unfinished), few(&finished));
        format!("not finished: {left}; finished: {done}; the next `kbootstrap up` goes on from here")
    })
}

/// Some names, and how many more there are.
fn few(names: &[&str]) -> String {
    match names.split_at_checked(8) {
        Some((first, rest)) if !rest.is_empty() => format!("{} and {} more", first.join(", "), rest.len()),
        _ => names.join(", "),
    }
}
