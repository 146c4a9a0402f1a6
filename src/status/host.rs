//! A host's services as systemd sees them, and what etcd and the API server say of themselves.

use std::collections::BTreeMap;

use super::{Component, HostStatus, NOT_INSTALLED, State, balancing, packages, pki};
use crate::access::{ApiAccess, EtcdAccess, Pool};
use crate::artifacts::Store;
use crate::clients::{etcd, kube};
use crate::cluster::{Cluster, Host, Layout};
use crate::components::{Catalogue, ComponentSpec, UnitSpec};
use crate::error::Result;
use crate::facts::{self, HostFacts, UnitFact};
use crate::health;
use crate::live;
use crate::state::Ready;
use crate::trust::Trust;

/// All hosts at once; with it comes what those said that could be asked.
pub(super) fn ask(
    catalogue: &Catalogue,
    cluster: &Cluster,
    pool: &Pool,
    trust: &Trust,
    store: &Store,
) -> (Vec<HostStatus>, BTreeMap<String, HostFacts>) {
    let answers = pool.each_host(&cluster.hosts, |host| {
        let units: Vec<_> = catalogue.units(cluster, host).collect();
        let program = |spec: &ComponentSpec, unit: &UnitSpec| spec.program(cluster, unit);
        let (pairs, expected) = (trust.pairs_on(host), trust.files(host));
        let paths = pairs.iter().flat_map(|(certificate, key)| [certificate, key]).chain(expected.keys()).cloned();
        let mut questions = live::questions(catalogue, cluster);
        questions.files.extend(units.iter().map(|(spec, unit)| program(spec, unit)).chain(paths));
        // Who can change the way to them is judged, too.
        let layout = &cluster.layout;
        questions.files.extend(catalogue.programs(cluster, host).map(|program| program.path(layout)));
        questions.files.extend(catalogue.on(cluster, host).flat_map(|spec| spec.configs).map(|c| (c.path)(layout)));
        questions.data_plane = Some(cluster.layout.data_plane.clone());
        questions.certificates = pairs.iter().map(|(certificate, _)| certificate.clone()).collect();
        let packages = catalogue.packages(cluster, host);
        questions.packages.extend(packages.iter().map(|package| (package.name.clone(), package.program.clone())));
        questions.units.extend(packages.iter().flat_map(|package| package.units.iter().cloned()));
        let facts = facts::probe(&mut *pool.take(host)?, &questions, &cluster.layout)?;
        let mut components = Vec::new();
        for (spec, unit) in &units {
            let mut component = component(spec.id.0, unit, &facts.units);
            miss(&mut component, spec, unit, &facts);
            if let Some(runs) = runs_otherwise(unit, &facts, &cluster.layout) {
                (component.state, component.detail) = (State::Bad, runs);
            }
            let file = facts.files.get(&program(spec, unit));
            component.version = file.and_then(|file| version(store, &file.sha256)).unwrap_or_default();
            if component.state == State::Good
                && let Err(error) = own_words(&mut component, unit.rollout.ready, cluster, host, (pool, trust))
            {
                component.state = State::Bad;
                component.word = "no answer".into();
                component.detail = error.message;
            }
            balancing::judge(&mut component, spec, cluster, host, &facts, pool);
            components.push(component);
        }
        // Where nothing is installed there is nothing to compare.
        if components.iter().any(|component| component.word != NOT_INSTALLED) {
            components.extend(pki::judge(&pairs, &expected, &facts));
        }
        components.extend(packages.iter().map(|package| packages::judge(package, &facts)));
        Ok((facts, components))
    });
    let mut all = BTreeMap::new();
    let hosts = cluster.hosts.iter().zip(answers).map(|(host, answer)| {
        let answer = answer.map(|(facts, components)| {
            let system = system(&facts);
            all.insert(host.name.clone(), facts);
            (system, components)
        });
        status(host, answer)
    });
    (hosts.collect(), all)
}

fn status(host: &Host, answer: Result<(String, Vec<Component>)>) -> HostStatus {
    let (system, components, trouble) = match answer {
        Ok((system, components)) => (system, components, String::new()),
        Err(error) => (String::new(), Vec::new(), error.of_host(&host.name).to_owned()),
    };
    HostStatus {
        name: host.name.clone(),
        address: host.address.to_string(),
        roles: host.roles.iter().map(|role| role.name().to_owned()).collect(),
        system,
        components,
        trouble,
    }
}

fn system(facts: &HostFacts) -> String {
    format!("{} {}, {}", facts.os.id, facts.os.version, facts.kernel_release)
}

fn component(name: &str, unit: &UnitSpec, units: &BTreeMap<String, UnitFact>) -> Component {
    let (state, word, detail) = match units.get(&unit.name()) {
        None => (State::Bad, NOT_INSTALLED.to_owned(), String::new()),
        Some(unit) if unit.enabled.is_empty() => (State::Bad, NOT_INSTALLED.to_owned(), String::new()),
        Some(unit) => {
            let masked = unit.load == "masked";
            let at_boot = match unit.enabled.as_str() {
                "enabled" => None,
                _ if masked => Some("masked: it cannot be started".to_owned()),
                other => Some(format!("{other}: it does not start at boot")),
            };
            let state = match unit.active.as_str() {
                "active" if unit.restarts > 0 || at_boot.is_some() => State::Warning,
                "active" => State::Good,
                _ => State::Bad,
            };
            let restarts = match unit.restarts {
                0 => None,
                1 => Some("restarted once by itself".to_owned()),
                n => Some(format!("restarted {n} times by itself")),
            };
            let details: Vec<String> = at_boot.into_iter().chain(restarts).collect();
            (state, unit.sub.clone(), details.join("; "))
        }
    };
    Component { name: name.to_owned(), state, word, version: String::new(), detail, remedy: Vec::new() }
}

/// What a unit that runs should have in the kernel and has not.
fn miss(component: &mut Component, spec: &ComponentSpec, unit: &UnitSpec, facts: &HostFacts) {
    if let Some(lost) = facts.lost.get(&unit.name()) {
        let lost = format!("{}: {}", lost.join("; "), spec.kernel.without);
        match component.state {
            State::Bad if component.detail.is_empty() => component.detail = lost,
            State::Bad => component.detail.push_str(&format!("; {lost}")),
            _ => {
                component.state = State::Bad;
                component.word = "incomplete".into();
                component.detail = lost;
            }
        }
    } else if unit.is_timer() && !facts.lost_for_good.is_empty() {
        component.state = State::Warning;
        component.word = "incomplete".into();
        component.detail = facts.lost_for_good.join("; ");
    }
}

/// What runs instead of what was rendered.
fn runs_otherwise(unit: &UnitSpec, facts: &HostFacts, layout: &Layout) -> Option<String> {
    let (name, file) = (unit.name(), format!("{}/{}", layout.units, unit.name()));
    let fact = facts.units.get(&name)?;
    let overrides = facts.overrides(&name);
    let by = overrides.first().map(|(path, settings)| format!("{path} changes what it runs ({})", settings.join(", ")));
    by.or_else(|| fact.from_elsewhere(&file).map(|elsewhere| format!("systemd has it from {elsewhere}")))
        .or_else(|| fact.other_program().map(|program| format!("it runs {program}; `kbootstrap up` restarts it")))
}

/// What a program's bytes are called; none where this machine's store has never seen them.
fn version(store: &Store, sha256: &str) -> Option<String> {
    store.record(sha256).ok()?.labels.pop().map(|label| label.version)
}

/// What an API server says of itself; `before` what fails stands `but`.
fn serves(component: &mut Component, ready: &kube::Ready, words: &str, but: &str) {
    component.detail = words.to_owned();
    if !ready.ready {
        component.state = State::Bad;
        component.detail = format!("{but}{}", ready.failing.join(", "));
    }
}

/// etcd and the API server can be asked themselves.
fn own_words(
    component: &mut Component,
    ready: Ready,
    cluster: &Cluster,
    host: &Host,
    (pool, trust): (&Pool, &Trust),
) -> Result<()> {
    match ready {
        Ready::Etcd => {
            let mut access = EtcdAccess::new(pool, host, trust)?;
            let mut client = access.client()?;
            let status = etcd::status(&mut client)?;
            component.version = status.version.clone();
            let role = match (status.leads(), status.learner) {
                (true, _) => "leader",
                (false, false) => "follower",
                (false, true) => "learner without a vote yet: `kbootstrap up` goes on with it",
            };
            if status.learner && component.state == State::Good {
                component.state = State::Warning;
            }
            component.detail = format!("{role}, {:.1} MB", status.db_size as f64 / 1e6);
            let (pki, bin) = (&cluster.layout.etcd_pki, &cluster.layout.bin);
            if let Some(full) = health::out_of_space(&host.name, &status, pki, bin) {
                component.state = State::Bad;
                component.word = "out of space".into();
                component.detail = full.message;
                component.remedy = full.hints;
            } else if status.leader.is_empty() || !status.errors.is_empty() {
                component.state = State::Bad;
                component.detail = format!("no leader {}", status.errors.join("; ")).trim_end().to_owned();
            }
        }
        Ready::Api => {
            let mut access = ApiAccess::new(pool, host, trust)?;
            let mut client = access.client()?;
            serves(component, &kube::readyz(&mut client)?, "ready", "failing: ");
            if let Some(version) = kube::get(&mut client, "/version")? {
                component.version =
                    version["gitVersion"].as_str().unwrap_or_default().trim_start_matches('v').to_owned();
            }
        }
        Ready::Balancer => {
            let mut access = ApiAccess::by_balancer(pool, host, trust)?;
            let ready = kube::readyz(&mut access.client()?)?;
            serves(component, &ready, "leads to a ready API server", "leads to an API server that is not ready: ");
        }
        Ready::Runs | Ready::Runtime | Ready::Node | Ready::Timer => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::kubelet;

    #[test]
    fn what_does_not_start_at_boot_is_said_and_what_is_masked() {
        let catalogue = Catalogue::standard();
        let unit = catalogue.get(kubelet::ID.0).and_then(|spec| spec.unit).unwrap();
        let said = |load: &str, enabled: &str, active: &str, restarts| {
            let fact = UnitFact {
                load: load.into(),
                enabled: enabled.into(),
                active: active.into(),
                sub: if active == "active" { "running".into() } else { "dead".into() },
                restarts,
                ..UnitFact::default()
            };
            let shown = component("kubelet", &unit, &[(kubelet::UNIT.to_owned(), fact)].into());
            format!("{:?} {} {}", shown.state, shown.word, shown.detail)
        };
        let rows = [
            said("loaded", "enabled", "active", 0),
            said("loaded", "enabled", "active", 2),
            said("loaded", "disabled", "active", 1),
            said("masked", "masked", "inactive", 0),
            said("masked", "masked-runtime", "active", 0),
            said("loaded", "", "inactive", 0),
        ];
        insta::assert_snapshot!(rows.map(|row| row.trim_end().to_owned()).join("\n"), @"
        Good running
        Warning running restarted 2 times by itself
        Warning running disabled: it does not start at boot; restarted once by itself
        Bad dead masked: it cannot be started
        Warning running masked: it cannot be started
        Bad not installed
        ");
    }
}
