//! Make it so: push what differs, restart what changed, in the right order.

mod gate;
mod graph;
mod node;
mod objects;
mod push;
#[cfg(test)]
mod push_tests;
mod receive;
mod record;
mod removal;
mod secrets;
mod served;
mod since;
mod steps;
#[cfg(test)]
mod steps_tests;
mod stream;
mod unit;
mod waves;

use std::collections::BTreeMap;
use std::io::empty;
use std::sync::atomic::{AtomicBool, Ordering};

use graph::Graph;
pub use push::{PushContext, push};
pub use steps::{Action, steps};
pub use stream::Compression;
pub use waves::Push;

use crate::access::{Lease, Pool};
use crate::artifacts::Store;
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
    /// The step that is at work; none before the first.
    pub step: Option<&'a Step<'a>>,
}

impl Job<'_> {
    /// Makes the plan true. Whatever stops it, the next run goes on from what the hosts say.
    pub fn run(&self) -> Result<()> {
        let leader = if steps::rolls_etcd(self.plan) { gate::etcd_leader(self)? } else { None };
        self.go(&steps(
            self.cluster,
            self.plan,
            self.desired,
            leader.as_deref(),
            &served::brought(self.trust, self.plan),
        ))
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
        let at_once = self.pool.at_once().max(self.cluster.with_role(Role::Etcd).count());
        // Where there are more hosts than hands, what others wait for goes before what only travels.
        let urgent = |action: &Action| !matches!(action, Action::Push(_));
        let result = graph.run(at_once, urgent, |action| self.step(action));
        result.map_err(|error| if error.kind == Kind::Interrupted { interrupted() } else { error })
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
            Action::Unit { host, change } => {
                unit::bring_up(&mut *self.connect(host)?, change, layout)?;
                Ok(String::new())
            }
            Action::EtcdHealthy { host, about_to_restart } => gate::etcd(self, host, *about_to_restart),
            Action::ApiReady { host, about_to_restart: false } => gate::api(self, host),
            Action::ApiReady { host, .. } => gate::other_api(self, host),
            Action::Objects => gate::objects(self),
            Action::PushKeys { host } => secrets::push_keys(self, host),
            Action::KeysRead => secrets::keys_read(self),
            Action::Secrets => secrets::as_asked(self),
            Action::Shown => served::shown(self),
            Action::RegisterNode { host } => node::register(self, host),
            Action::NodesRegistered => gate::nodes_registered(self),
            Action::Healthy => gate::healthy(self),
            Action::TakeAway { host, name } => removal::take_away(self, host, name),
            Action::Delete { name } => removal::delete(self, name),
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
            script.push_str(&format!("{ctr} -n k8s.io images import --digests=false {tar} >&2\n"));
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

/// Who and what, for people.
fn title(action: &Action) -> (String, String) {
    let (host, step) = match action {
        Action::Push(push) => (push.host.as_str(), push.title.clone()),
        Action::Import { host } => (host.as_str(), "import images".into()),
        Action::Unit { host, change } => {
            let name = change.name.trim_end_matches(".service");
            let verb = match change.action {
                Some(crate::plan::UnitAction::Start) => "start",
                Some(crate::plan::UnitAction::Restart) => "restart",
                None => "enable",
            };
            (host.as_str(), format!("{verb} {name}"))
        }
        Action::EtcdHealthy { host, about_to_restart: false } => (host.as_str(), "etcd is healthy".into()),
        Action::EtcdHealthy { host, .. } => (host.as_str(), "etcd can spare this member".into()),
        Action::ApiReady { host, about_to_restart: false } => (host.as_str(), "kube-apiserver is ready".into()),
        Action::ApiReady { host, .. } => (host.as_str(), "another kube-apiserver is ready".into()),
        Action::Objects => ("", "apply API objects".into()),
        Action::PushKeys { host } => (host.as_str(), "push keys of encryption".into()),
        Action::KeysRead => ("", "every kube-apiserver knows the new key".into()),
        Action::Shown => ("", "new certificates are shown".into()),
        Action::Secrets => ("", "Secrets in etcd are as asked".into()),
        Action::RegisterNode { host } => (host.as_str(), "make its node again".into()),
        Action::NodesRegistered => ("", "nodes register".into()),
        Action::Healthy => ("", "the cluster is healthy".into()),
        Action::TakeAway { host, name } => (host.as_str(), format!("take away {name}")),
        Action::Delete { name } => ("", format!("delete what the API has of {name}")),
        Action::Record(_) => ("", "write down what was done".into()),
    };
    (host.to_owned(), step)
}
