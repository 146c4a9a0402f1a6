//! When what answers was started: what is older is a predecessor's word.

use std::collections::{BTreeMap, BTreeSet};

use time::{Duration, OffsetDateTime};

use crate::apply::Job;
use crate::clients::kube::{Lease, Node, Pod};
use crate::cluster::{Host, Role};
use crate::components::kubelet;
use crate::error::Result;
use crate::facts::{self, HostFacts, Questions};
use crate::health::{self, Leads};
use crate::parallel;

/// A kubelet has looked at its pods by then.
const LATELY: Duration = Duration::minutes(10);

/// Starts of units, by the hosts' facts; of those that this run has started itself, as hosts say now.
pub(super) struct Since<'a> {
    job: &'a Job<'a>,
    again: BTreeMap<String, HostFacts>,
}

impl<'a> Since<'a> {
    /// Asks masters again whose controllers this run has started.
    pub(super) fn ask(job: &'a Job<'a>) -> Result<Since<'a>> {
        let masters: Vec<(&Host, Questions)> = job
            .there
            .with_role(Role::Master)
            .map(|host| (host, Questions { units: leaders_started(job, &host.name), ..Questions::default() }))
            .filter(|(_, questions)| !questions.units.is_empty())
            .collect();
        let asked = parallel::each(&masters, job.pool.at_once(), |(host, questions)| {
            let facts = facts::probe(&mut *job.pool.take(host)?, questions, &job.cluster.layout)?;
            Ok((host.name.clone(), facts))
        });
        Ok(Since { job, again: asked.into_iter().collect::<Result<_>>()? })
    }

    /// What keeps a component from leading.
    pub(super) fn not_leading(&self, lease: &Lease) -> Option<String> {
        let unit = format!("{}.service", lease.component);
        let host = facts::master_called(self.job.cluster, self.job.facts, lease.host()).map(|(name, _)| name);
        match health::leads(lease, host.and_then(|host| self.started(host, &unit))) {
            Leads::Yes => None,
            Leads::No(why) => Some(format!("{} does not hold its lease: {why}", lease.component)),
            Leads::NotYet(why) => Some(format!("{} does not lead yet: {why}", lease.component)),
        }
    }

    /// Whether what the node says of itself is older than its host's boot.
    pub(super) fn is_from_before(&self, node: &Node) -> bool {
        health::is_from_before(node, self.started(&node.name, facts::BOOT))
    }

    /// Whether the node's kubelet has looked at it since it was started.
    pub(super) fn has_looked(&self, node: &Node, renewed: Option<OffsetDateTime>) -> bool {
        health::has_looked(renewed, self.started(&node.name, kubelet::UNIT))
    }

    /// Why fewer than `wanted` of a Deployment's pods are ready since their hosts have booted.
    pub(super) fn too_few(&self, pods: &[Pod], wanted: u64) -> Option<String> {
        health::too_few(pods, wanted, |pod| self.started(&pod.node, facts::BOOT))
    }

    /// Whether a host has booted so lately that what is said of its pods may be older.
    pub(super) fn booted_lately(&self) -> bool {
        self.job.facts.values().any(|facts| {
            let since = facts.clock.zip(facts.started(facts::BOOT)).map(|(now, booted)| now - booted);
            since.is_some_and(|since| since < LATELY)
        })
    }

    fn started(&self, host: &str, unit: &str) -> Option<OffsetDateTime> {
        if let Some(facts) = self.again.get(host).filter(|facts| facts.units.contains_key(unit)) {
            return facts.started(unit);
        }
        // Of others that were started since nothing is known.
        self.job.facts.get(host).filter(|_| !starts(self.job, host, unit)).and_then(|facts| facts.started(unit))
    }
}

/// Units of a master that lead by a lease and that this run has started.
fn leaders_started(job: &Job<'_>, host: &str) -> BTreeSet<String> {
    let units = ["kube-controller-manager.service", "kube-scheduler.service"];
    units.into_iter().filter(|unit| starts(job, host, unit)).map(str::to_owned).collect()
}

fn starts(job: &Job<'_>, host: &str, unit: &str) -> bool {
    let plan = job.plan.hosts.iter().find(|plan| plan.host == host);
    plan.is_some_and(|plan| plan.units.iter().any(|change| change.name == unit && change.action.is_some()))
}
