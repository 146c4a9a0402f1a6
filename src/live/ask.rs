//! Asking the cluster: etcd, the API, the record, and hosts that have left.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use time::OffsetDateTime;

use super::{Api, Live, api, flags, has_role, members, strays, unless_away};
use crate::access::{ApiAccess, Pool};
use crate::cluster::{Cluster, Host, Role};
use crate::components::{Catalogue, coredns, etcd, kube_apiserver, kubelet};
use crate::digest::sha256;
use crate::error::{Kind, Result};
use crate::facts::{self, HostFacts, Questions, read_texts};
use crate::record::{self, Record};
use crate::trust::Trust;

/// What hosts are asked besides what their own roles need: whatever may run there from before.
pub fn questions(catalogue: &Catalogue, cluster: &Cluster) -> Questions {
    let mut questions = Questions { units: strays::units(catalogue), ..Questions::default() };
    questions.units.insert(facts::BOOT.into());
    // Who holds a port answers when a path to it is tried, whatever it is for.
    questions.ports = catalogue.ports().into_iter().map(|(port, _)| port.number).collect();
    let layout = &cluster.layout;
    questions.files.extend([record::file(layout), layout.service_account().0, layout.encryption()]);
    questions.dirs.insert(etcd::member(&cluster.layout));
    questions
}

/// Asks everything. What does not answer is left out of the result; a record that a newer kbootstrap wrote is refused, and one
/// that cannot be believed counts for nothing.
/// `kept` is the record in the cluster's folder, `objects` what the API should hold.
pub fn ask(
    catalogue: &Catalogue,
    cluster: &Cluster,
    pool: &Pool,
    trust: &Trust,
    facts: &BTreeMap<String, HostFacts>,
    kept: Option<&Record>,
    objects: &[Value],
) -> Result<Live> {
    let mut live = Live { members: members::ask(cluster, pool, trust, facts, kept)?, ..Live::default() };
    let mut in_cluster = None;
    if let Some((api, text)) = first_api(cluster, pool, trust, facts, kept, objects)? {
        live.api = Some(api);
        in_cluster = text;
    }
    let now = OffsetDateTime::now_utc();
    let mut believed = |text: &str, place: &str| believed(text, place, &cluster.name, now, &mut live.warnings);
    let held = in_cluster.as_deref().map(|text| believed(text, IN_CLUSTER)).transpose()?.flatten();
    let on_masters = on_masters(cluster, pool, facts, in_cluster.as_deref(), &mut believed)?;
    live.flags = flags::of(cluster, facts, kept);
    let found = on_masters.iter().filter_map(|(host, record)| Some((host.clone(), record.clone()?)));
    live.records = found.chain(held.iter().map(|record| (IN_CLUSTER.to_owned(), record.clone()))).collect();
    live.record = record::newest(live.records.values().chain(kept)).cloned();
    if let Some(newest) = &live.record {
        live.record_missing = missing(cluster, facts, newest, held.as_ref(), &on_masters);
        let (strays, warnings) = strays::ask(catalogue, cluster, pool, trust, newest, &live.records, kept)?;
        live.strays = strays;
        live.warnings.extend(warnings);
    }
    Ok(live)
}

/// Where the cluster itself holds its record.
const IN_CLUSTER: &str = "ConfigMap kube-system/kbootstrap";

/// A record that lies elsewhere; none, with a warning, where it is not believed. Such a one is written again.
///
/// # Errors
/// Usage: a newer kbootstrap wrote it.
fn believed(
    text: &str,
    place: &str,
    cluster: &str,
    now: OffsetDateTime,
    warnings: &mut Vec<String>,
) -> Result<Option<Record>> {
    let why = match record::parse(text, place) {
        Ok(record) => match record.disbelieved(cluster, now) {
            None => return Ok(Some(record)),
            Some(why) => format!("{place}: the record there is not believed: {why}"),
        },
        Err(error) if error.kind == Kind::Input => error.message,
        Err(error) => return Err(error),
    };
    warnings.push(format!("{why}; `up` writes it again"));
    Ok(None)
}

/// The first API server that answers, on whatever host one runs that is or was a master.
fn first_api(
    cluster: &Cluster,
    pool: &Pool,
    trust: &Trust,
    facts: &BTreeMap<String, HostFacts>,
    kept: Option<&Record>,
    objects: &[Value],
) -> Result<Option<(Api, Option<String>)>> {
    // An API server without etcd answers after a time-out, and says nothing then.
    if !cluster.hosts.iter().any(|host| has_role(host, Role::Etcd, kept) && members::runs(facts, &host.name)) {
        return Ok(None);
    }
    let active = |host: &str, unit: &str| {
        facts.get(host).and_then(|facts| facts.units.get(unit)).is_some_and(|unit| unit.active == "active")
    };
    let nodes = cluster.with_role(Role::Node).map(|host| host.name.as_str());
    // The API lists nodes by their names.
    let kubelet = nodes.filter(|node| active(node, kubelet::UNIT)).min();
    let plugin = cluster.networks.plugin;
    let serves = |host: &&Host| has_role(host, Role::Master, kept) && active(&host.name, kube_apiserver::UNIT);
    for host in cluster.hosts.iter().filter(serves) {
        let asked = ApiAccess::new(pool, host, trust).and_then(|mut access| {
            api::ask(&mut access.client()?, &host.name, coredns::SERVICE, objects, plugin, kubelet)
        });
        if let Some(answer) = unless_away(asked)? {
            return Ok(Some(answer));
        }
    }
    Ok(None)
}

/// The records on hosts that differ from the one in the cluster; those that are the same need not be read. None for one that is
/// not believed.
fn on_masters(
    cluster: &Cluster,
    pool: &Pool,
    facts: &BTreeMap<String, HostFacts>,
    in_cluster: Option<&str>,
    believed: &mut dyn FnMut(&str, &str) -> Result<Option<Record>>,
) -> Result<BTreeMap<String, Option<Record>>> {
    let path = record::file(&cluster.layout);
    let same = in_cluster.map(|text| sha256(text.as_bytes()));
    // Only masters have one: what lies on a node is somebody's word about the cluster.
    let differs = |host: &&Host| {
        let there = facts.get(&host.name).and_then(|facts| facts.files.get(&path));
        there.is_some_and(|fact| Some(&fact.sha256) != same.as_ref())
    };
    let hosts: Vec<Host> = cluster.with_role(Role::Master).filter(differs).cloned().collect();
    let texts = pool.each_host(&hosts, |host| read_texts(&mut *pool.take(host)?, &[&path]));
    let mut records = BTreeMap::new();
    for (host, texts) in hosts.iter().zip(texts) {
        if let Some(text) = texts?.get(&path) {
            records.insert(host.name.clone(), believed(text, &format!("{}: {path}", host.name))?);
        }
    }
    Ok(records)
}

/// Where the newest record is not: masters, and the cluster as ``.
fn missing(
    cluster: &Cluster,
    facts: &BTreeMap<String, HostFacts>,
    newest: &Record,
    held: Option<&Record>,
    read: &BTreeMap<String, Option<Record>>,
) -> BTreeSet<String> {
    let path = record::file(&cluster.layout);
    let current = |host: &Host| match read.get(&host.name) {
        Some(record) => record.as_ref() == Some(newest),
        None => held == Some(newest) && facts.get(&host.name).is_some_and(|facts| facts.files.contains_key(&path)),
    };
    let masters = cluster.with_role(Role::Master).filter(|host| !current(host)).map(|host| host.name.clone());
    masters.chain((held != Some(newest)).then(String::new)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::example;

    /// `status` and the end of `up` try the paths to what holds these ports.
    #[test]
    fn every_port_of_the_catalogue_is_asked_about() {
        let catalogue = Catalogue::standard();
        let asked = questions(&catalogue, &example::cluster("1.36.3")).ports;
        for (port, spec) in catalogue.ports() {
            assert!(asked.contains(&port.number), "{}: {}", spec.id.0, port.number);
        }
    }
}
