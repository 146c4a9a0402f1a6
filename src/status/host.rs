//! A host's services as systemd sees them, and what etcd and the API server say of themselves.

use std::collections::BTreeMap;

use super::{Component, HostStatus, NOT_INSTALLED, State};
use crate::access::{ApiAccess, EtcdAccess, Pool};
use crate::artifacts::Store;
use crate::clients::{etcd, kube};
use crate::cluster::{Cluster, Host, NetworkPlugin, Role};
use crate::error::Result;
use crate::facts::{self, HostFacts, Questions, UnitFact};
use crate::trust::Trust;

/// All hosts at once.
pub(super) fn ask(cluster: &Cluster, pool: &Pool, trust: &Trust, store: &Store) -> Vec<HostStatus> {
    let answers = pool.each_host(&cluster.hosts, |host| {
        let units = units(cluster, host);
        let program = |unit: &str| format!("{}/{unit}", cluster.layout.bin);
        let questions = Questions {
            units: units.iter().map(|u| format!("{u}.service")).collect(),
            files: units.iter().map(|u| program(u)).collect(),
            ..Default::default()
        };
        let facts = facts::probe(&mut *pool.take(host)?, &questions, &cluster.layout)?;
        let mut components: Vec<Component> = units.iter().map(|u| component(u, &facts.units)).collect();
        for component in &mut components {
            let file = facts.files.get(&program(&component.name));
            component.version = file.and_then(|file| version(store, &file.sha256)).unwrap_or_default();
        }
        for component in components.iter_mut().filter(|c| c.state == State::Good) {
            if let Err(error) = own_words(component, host, pool, trust) {
                component.state = State::Bad;
                component.word = "no answer".into();
                component.detail = error.message;
            }
        }
        Ok((system(&facts), components))
    });
    cluster.hosts.iter().zip(answers).map(|(host, answer)| status(host, answer)).collect()
}

fn status(host: &Host, answer: Result<(String, Vec<Component>)>) -> HostStatus {
    let (system, components, trouble) = match answer {
        Ok((system, components)) => (system, components, String::new()),
        Err(error) => (String::new(), Vec::new(), error.message),
    };
    let role = |role: &Role| match role {
        Role::Etcd => "etcd".to_owned(),
        Role::Master => "master".to_owned(),
        Role::Node => "node".to_owned(),
    };
    HostStatus {
        name: host.name.clone(),
        address: host.address.to_string(),
        roles: host.roles.iter().map(role).collect(),
        system,
        components,
        trouble,
    }
}

fn units(cluster: &Cluster, host: &Host) -> Vec<&'static str> {
    let mut units = Vec::new();
    if host.is(Role::Etcd) {
        units.push("etcd");
    }
    if host.is(Role::Master) {
        units.extend(["kube-apiserver", "kube-controller-manager", "kube-scheduler"]);
    }
    if host.is(Role::Node) {
        units.extend(["containerd", "kubelet", "kube-proxy"]);
        if cluster.networks.plugin == NetworkPlugin::Flannel {
            units.push("flanneld");
        }
    }
    units
}

fn system(facts: &HostFacts) -> String {
    format!("{} {}, {}", facts.os.id, facts.os.version, facts.kernel_release)
}

fn component(name: &str, units: &BTreeMap<String, UnitFact>) -> Component {
    let (state, word, detail) = match units.get(&format!("{name}.service")) {
        None => (State::Bad, NOT_INSTALLED.to_owned(), String::new()),
        Some(unit) if unit.enabled.is_empty() => (State::Bad, NOT_INSTALLED.to_owned(), String::new()),
        Some(unit) => {
            let state = match unit.active.as_str() {
                "active" if unit.restarts > 0 => State::Warning,
                "active" => State::Good,
                _ => State::Bad,
            };
            let restarts = match unit.restarts {
                0 => String::new(),
                1 => "restarted once by itself".to_owned(),
                n => format!("restarted {n} times by itself"),
            };
            (state, unit.sub.clone(), restarts)
        }
    };
    Component { name: name.to_owned(), state, word, version: String::new(), detail }
}

/// What a program's bytes are called; none where this machine's store has never seen them.
fn version(store: &Store, sha256: &str) -> Option<String> {
    store.record(sha256).ok()?.labels.pop().map(|label| label.version)
}

/// etcd and the API server can be asked themselves.
fn own_words(component: &mut Component, host: &Host, pool: &Pool, trust: &Trust) -> Result<()> {
    match component.name.as_str() {
        "etcd" => {
            let mut access = EtcdAccess::new(pool, host, trust)?;
            let mut client = access.client()?;
            let status = etcd::status(&mut client)?;
            component.version = status.version.clone();
            let role = if status.leads() { "leader" } else { "follower" };
            component.detail = format!("{role}, {:.1} MB", status.db_size as f64 / 1e6);
            if status.leader.is_empty() || !status.errors.is_empty() {
                component.state = State::Bad;
                component.detail = format!("no leader {}", status.errors.join("; ")).trim_end().to_owned();
            }
        }
        "kube-apiserver" => {
            let mut access = ApiAccess::new(pool, host, trust)?;
            let mut client = access.client()?;
            let ready = kube::readyz(&mut client)?;
            component.detail =
                if ready.ready { "ready".into() } else { format!("failing: {}", ready.failing.join(", ")) };
            if !ready.ready {
                component.state = State::Bad;
            }
            if let Some(version) = kube::get(&mut client, "/version")? {
                component.version =
                    version["gitVersion"].as_str().unwrap_or_default().trim_start_matches('v').to_owned();
            }
        }
        _ => {}
    }
    Ok(())
}
