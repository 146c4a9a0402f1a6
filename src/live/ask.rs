//! Asking the cluster: etcd, the API, the record, and hosts that have left.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Api, Live, api, flags, members, strays, unless_away};
use crate::access::{ApiAccess, Pool};
use crate::cluster::{Cluster, Host, Role};
use crate::components::{Catalogue, coredns, etcd, kube_apiserver, kubelet};
use crate::digest::sha256;
use crate::error::Result;
use crate::facts::{self, HostFacts, Questions, read_texts};
use crate::record::{self, Record};
use crate::trust::Trust;

/// What hosts are asked besides what their own roles need: whatever may run there from before.
pub fn questions(catalogue: &Catalogue, cluster: &Cluster) -> Questions {
    let mut questions = Questions { units: strays::units(catalogue), ..Questions::default() };
    questions.units.insert(facts::BOOT.into());
    let layout = &cluster.layout;
    questions.files.extend([record::file(layout), layout.service_account().0, layout.encryption()]);
    questions.dirs.insert(etcd::member(&cluster.layout));
    questions
}

/// Asks everything. What does not answer is left out of the result; a record that a newer kbootstrap wrote is refused.
/// `kept` is the record in the cluster's folder, `objects` what the API should hold.
pub fn ask(
    catalogue: &Catalogue,
    cluster: &Cluster,
    pool: &Pool,
    trust: &Trust,
    facts: &BTreeMap<String, HostFacts>,
    kept: Option<Record>,
    objects: &[Value],
) -> Result<Live> {
    let mut live = Live { members: members::ask(cluster, pool, trust, facts)?, ..Live::default() };
    let mut in_cluster = None;
    if let Some((api, text)) = first_api(cluster, pool, trust, facts, objects)? {
        live.api = Some(api);
        in_cluster = text;
    }
    let place = "ConfigMap kube-system/kbootstrap";
    let held = in_cluster.as_deref().map(|text| record::parse(text, place)).transpose()?;
    let on_masters = on_masters(cluster, pool, facts, in_cluster.as_deref())?;
    live.flags = flags::of(cluster, facts);
    live.record = record::newest(held.iter().chain(on_masters.values()).cloned().chain(kept));
    if let Some(newest) = &live.record {
        live.record_missing = missing(cluster, facts, newest, held.as_ref(), &on_masters);
        live.strays = strays::ask(catalogue, cluster, pool, newest)?;
    }
    Ok(live)
}

/// The first API server that answers, on whatever host one runs.
fn first_api(
    cluster: &Cluster,
    pool: &Pool,
    trust: &Trust,
    facts: &BTreeMap<String, HostFacts>,
    objects: &[Value],
) -> Result<Option<(Api, Option<String>)>> {
    // An API server without etcd answers after a time-out, and says nothing then.
    if !cluster.hosts.iter().any(|host| members::runs(facts, &host.name)) {
        return Ok(None);
    }
    let active = |host: &str, unit: &str| {
        facts.get(host).and_then(|facts| facts.units.get(unit)).is_some_and(|unit| unit.active == "active")
    };
    let nodes = cluster.with_role(Role::Node).map(|host| host.name.as_str());
    // The API lists nodes by their names.
    let kubelet = nodes.filter(|node| active(node, kubelet::UNIT)).min();
    let plugin = cluster.networks.plugin;
    for host in cluster.hosts.iter().filter(|host| active(&host.name, kube_apiserver::UNIT)) {
        let asked = ApiAccess::new(pool, host, trust).and_then(|mut access| {
            api::ask(&mut access.client()?, &host.name, coredns::SERVICE, objects, plugin, kubelet)
        });
        if let Some(answer) = unless_away(asked)? {
            return Ok(Some(answer));
        }
    }
    Ok(None)
}

/// The records on hosts that differ from the one in the cluster; those that are the same need not be read.
fn on_masters(
    cluster: &Cluster,
    pool: &Pool,
    facts: &BTreeMap<String, HostFacts>,
    in_cluster: Option<&str>,
) -> Result<BTreeMap<String, Record>> {
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
            records.insert(host.name.clone(), record::parse(text, &format!("{}: {path}", host.name))?);
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
    read: &BTreeMap<String, Record>,
) -> BTreeSet<String> {
    let path = record::file(&cluster.layout);
    let current = |host: &Host| match read.get(&host.name) {
        Some(record) => record == newest,
        None => held == Some(newest) && facts.get(&host.name).is_some_and(|facts| facts.files.contains_key(&path)),
    };
    let masters = cluster.with_role(Role::Master).filter(|host| !current(host)).map(|host| host.name.clone());
    masters.chain((held != Some(newest)).then(String::new)).collect()
}
