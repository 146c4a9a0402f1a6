//! What a component says of itself is seen by everybody: steps, checks, the store, rendering and reset keep no list of
//! their own from which one could be missing.

use std::collections::BTreeMap;

use kbootstrap::apply::{Action, steps, uncovered};
use kbootstrap::artifacts;
use kbootstrap::cluster::{self, Cluster, Known};
use kbootstrap::components::{Catalogue, ComponentSpec, Protocol, UnitSpec};
use kbootstrap::facts::{HostFacts, Listening};
use kbootstrap::inventory;
use kbootstrap::plan::{Desired, FileChange, FileDifference, HostPlan, Plan, UnitAction, UnitChange, compare};
use kbootstrap::preflight;
use kbootstrap::render::{Common, Inputs, Templates, host_state};
use kbootstrap::reset::{self, Targets};
use kbootstrap::secret::Secret;
use kbootstrap::state::{After, ArtifactRef, ComponentId, HostState, Ready, Rolling, Rollout, WAVES};
use proptest::prelude::*;

/// How many [`clusters`] there are.
const SHAPES: usize = 54;

/// Clusters of every shape: roles together and apart, with and without a network plugin, of each mode of kube-proxy, with
/// what stands in front of the API servers the site's or ours.
fn clusters() -> Vec<Cluster> {
    let one = "  - {name: a, address: 10.0.0.1, roles: [etcd, master, node]}\n";
    let apart = "  - {name: a, address: 10.0.0.1, roles: [etcd]}\n  - {name: b, address: 10.0.0.2, roles: [master]}\n  \
                 - {name: c, address: 10.0.0.3, roles: [node]}\n";
    let three = "  - {name: a, address: 10.0.0.1, roles: [etcd, master, node]}\n  \
                 - {name: b, address: 10.0.0.2, roles: [etcd, master]}\n  \
                 - {name: c, address: 10.0.0.3, roles: [etcd, master, node]}\n";
    let mut clusters = Vec::new();
    let fronts = [
        "controlPlaneEndpoint: 10.0.0.9",
        "apiLoadBalancer: {local: haproxy, virtualAddress: {address: 10.0.0.9, frontEnd: nginx}}",
        "apiLoadBalancer: {local: nginx}",
    ];
    for front in fronts {
        for hosts in [one, apart, three] {
            for plugin in ["flannel", "none"] {
                for mode in ["auto", "ipvs", "iptables"] {
                    let text = format!(
                        "cluster: c\n{front}\nnetworks: {{plugin: {plugin}}}\nproxy: {{mode: {mode}}}\nhosts:\n{hosts}"
                    );
                    clusters.push(resolved(&text).unwrap());
                }
            }
        }
    }
    assert_eq!(clusters.len(), SHAPES);
    clusters
}

fn resolved(text: &str) -> kbootstrap::error::Result<Cluster> {
    let components = Catalogue::standard().known();
    cluster::resolve(&inventory::parse("x", text.as_bytes())?, &Known { checks: &[], components: &components })
}

/// The standard catalogue with a unit more for each way to start, to roll and to be ready.
fn with_every_way() -> Catalogue {
    let mut catalogue = Catalogue::standard();
    for role in ["kube-apiserver", "kubelet"] {
        let runs_on = catalogue.get(role).unwrap().runs_on;
        for rolling in [Rolling::Quorum, Rolling::ControlPlane, Rolling::Canary, Rolling::Together] {
            for after in [After::Nothing, After::Etcd, After::Api, After::Runtime, After::Registered] {
                for ready in
                    [Ready::Runs, Ready::Etcd, Ready::Api, Ready::Runtime, Ready::Node, Ready::Timer, Ready::Balancer]
                {
                    for wave in [WAVES[0], WAVES[4]] {
                        let name: &str = format!("{role}-{rolling:?}-{after:?}-{ready:?}-{wave:?}").leak();
                        let unit = UnitSpec {
                            program: name,
                            rollout: Rollout { wave, after, rolling, ready },
                            watched_by_restart: |_| Vec::new(),
                            restart_seconds: 1,
                            noticed: "",
                            noticed_alone: "",
                        };
                        catalogue.components.push(ComponentSpec {
                            runs_on,
                            unit: Some(unit),
                            ..ComponentSpec::named(name)
                        });
                    }
                }
            }
        }
    }
    catalogue
}

fn change(id: ComponentId, unit: &UnitSpec, action: Option<UnitAction>) -> UnitChange {
    UnitChange {
        name: unit.name(),
        component: id,
        action,
        enable: action.is_none(),
        rollout: unit.rollout,
        unmask: false,
        part_of: (unit.rollout.rolling == Rolling::ControlPlane).then_some("etcd.service"),
        reason: String::new(),
        key: String::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever changes at once, each unit's change is a step, exactly once.
    #[test]
    fn every_unit_that_changes_has_its_step(
        which in 0usize..SHAPES,
        seed in prop::collection::vec(0u8..16, 4000),
        objects in prop::option::of(Just(Vec::new())),
    ) {
        let (catalogue, cluster) = (with_every_way(), clusters().swap_remove(which));
        let mut choices = seed.into_iter();
        let mut plan = Plan { objects, ..Plan::default() };
        for host in &cluster.hosts {
            let mut units = Vec::new();
            for (spec, unit) in catalogue.units(&cluster, host) {
                let action = match choices.next().unwrap_or_default() {
                    0 => Some(UnitAction::Start),
                    1 => Some(UnitAction::Restart),
                    2 => Some(UnitAction::Reload),
                    3 => None,
                    _ => continue,
                };
                units.push(change(spec.id, &unit, action));
            }
            plan.hosts.push(HostPlan { host: host.name.clone(), units, ..HostPlan::default() });
        }
        let hosts = cluster.hosts.iter().map(|h| (h.name.clone(), HostState::default())).collect();
        let graph = steps(&cluster, &plan, &Desired { hosts, ..Desired::default() }, None, &[]);
        let mut seen: Vec<(String, String)> = Vec::new();
        for step in graph.steps() {
            if let Action::Unit { host, change, with } = &step.action {
                seen.extend([change].into_iter().chain(with).map(|change| (host.clone(), change.name.clone())));
            }
        }
        let mut expected: Vec<(String, String)> =
            plan.hosts.iter().flat_map(|h| h.units.iter().map(|u| (h.host.clone(), u.name.clone()))).collect();
        seen.sort();
        expected.sort();
        prop_assert_eq!(seen, expected);
        prop_assert_eq!(uncovered(&plan, &graph), Vec::<String>::new());
    }

    /// Whatever is not as it should be on whichever hosts, alone or together: each change has its step.
    #[test]
    fn every_change_of_every_plan_has_its_step(which in 0usize..SHAPES, picks in prop::collection::vec(any::<prop::sample::Index>(), 1..12)) {
        let (catalogue, cluster) = (Catalogue::standard(), clusters().swap_remove(which));
        let (states, whole) = all_changes(&catalogue, &cluster);
        let changes = singles(&whole);
        let mut plan = empty(&whole);
        for pick in picks {
            let (host, take) = pick.get(&changes);
            take(&whole.hosts[*host], &mut plan.hosts[*host]);
        }
        let graph = steps(&cluster, &plan, &states, None, &[]);
        prop_assert_eq!(uncovered(&plan, &graph), Vec::<String>::new(), "{:?}", plan);
    }
}

/// Takes one change out of the plan of everything.
type Take = Box<dyn Fn(&HostPlan, &mut HostPlan)>;

/// What a cluster on bare hosts must hold, and the plan that brings it there.
fn all_changes(catalogue: &Catalogue, cluster: &Cluster) -> (Desired, Plan) {
    let states: BTreeMap<String, HostState> =
        cluster.hosts.iter().map(|host| (host.name.clone(), state(catalogue, cluster, host))).collect();
    let hosts = cluster.hosts.iter().map(|host| compare(&states[&host.name], &HostFacts::default_host())).collect();
    let plan = Plan { hosts, objects: Some(Vec::new()), ..Plan::default() };
    (Desired { hosts: states, ..Desired::default() }, plan)
}

fn empty(whole: &Plan) -> Plan {
    let hosts = whole.hosts.iter().map(|host| HostPlan { host: host.host.clone(), ..HostPlan::default() });
    Plan { hosts: hosts.collect(), objects: Some(Vec::new()), ..Plan::default() }
}

/// Each thing that can differ, in each way in which it can.
fn singles(whole: &Plan) -> Vec<(usize, Take)> {
    let mut all: Vec<(usize, Take)> = Vec::new();
    for (at, host) in whole.hosts.iter().enumerate() {
        let mut add = |take: Take| all.push((at, take));
        for n in 0..host.users.len() {
            add(Box::new(move |from, to| to.users.push(from.users[n].clone())));
        }
        for path in host.dirs.keys() {
            let path = path.clone();
            add(Box::new(move |from, to| drop(to.dirs.insert(path.clone(), from.dirs[&path].clone()))));
        }
        for n in 0..host.modules.len() {
            add(Box::new(move |from, to| to.modules.push(from.modules[n].clone())));
        }
        for n in 0..host.sysctls.len() {
            add(Box::new(move |from, to| to.sysctls.push(from.sysctls[n].clone())));
        }
        for n in 0..host.images.len() {
            add(Box::new(move |from, to| to.images.push(from.images[n].clone())));
        }
        for n in 0..host.files.len() {
            for change in [FileDifference::Create, FileDifference::Replace, FileDifference::Mode] {
                add(Box::new(move |from, to| {
                    let file = FileChange { change, ..from.files[n].clone() };
                    to.files.retain(|other| other.path != file.path);
                    to.files.push(file);
                }));
            }
        }
        for n in 0..host.units.len() {
            for action in [None, Some(UnitAction::Start), Some(UnitAction::Restart), Some(UnitAction::Reload)] {
                add(Box::new(move |from, to| {
                    let unit = UnitChange { action, ..from.units[n].clone() };
                    to.units.retain(|other| other.name != unit.name);
                    to.units.push(unit);
                }));
            }
        }
    }
    all
}

#[test]
fn each_single_change_has_its_step_on_every_kind_of_host_and_one_without_is_seen() {
    let catalogue = Catalogue::standard();
    for cluster in clusters() {
        let (states, whole) = all_changes(&catalogue, &cluster);
        let changes = singles(&whole);
        assert!(changes.len() > 100, "{}", changes.len());
        for (host, take) in changes {
            let mut plan = empty(&whole);
            take(&whole.hosts[host], &mut plan.hosts[host]);
            let graph = steps(&cluster, &plan, &states, None, &[]);
            assert_eq!(uncovered(&plan, &graph), Vec::<String>::new(), "{plan:?}");
            let nothing = steps(&cluster, &empty(&whole), &states, None, &[]);
            assert_eq!(uncovered(&plan, &nothing).len(), 1, "{plan:?}");
        }
    }
}

/// What each host would hold.
fn state(catalogue: &Catalogue, cluster: &Cluster, host: &cluster::Host) -> HostState {
    let artifact =
        |name: &str| Ok(ArtifactRef { name: name.to_owned(), version: "1".into(), sha256: "0".repeat(64), size: 1 });
    host_state(&Inputs {
        catalogue,
        cluster,
        common: &Common::of(cluster),
        host,
        facts: &HostFacts::default_host(),
        programs: &artifact,
        pki_files: &BTreeMap::new(),
        encryption_keys: &[kbootstrap::state::EncryptionKey { name: "key1".into(), secret: Secret::new([7; 32]) }],
        templates: &Templates::embedded(catalogue),
    })
    .unwrap()
}

#[test]
fn what_a_component_has_is_rendered_asked_about_and_fetched() {
    let catalogue = Catalogue::standard();
    for cluster in clusters() {
        let layout = &cluster.layout;
        let fetched = artifacts::select(&catalogue, &cluster, "amd64", false);
        let is_fetched = |name: &str| fetched.iter().any(|thing| thing.name == name);
        for host in &cluster.hosts {
            let (state, questions) =
                (state(&catalogue, &cluster, host), preflight::questions(&catalogue, &cluster, host));
            for spec in catalogue.on(&cluster, host) {
                let id = spec.id;
                for program in spec.programs {
                    assert!(is_fetched(program.artifact), "{id}: {} is not fetched", program.artifact);
                    let path = program.path(layout);
                    assert!(state.files.contains_key(&path), "{id}: {path} is not rendered");
                    assert_eq!(state.waves.get(&path), Some(&program.wave), "{id}: {path}");
                }
                for image in spec.images {
                    assert!(is_fetched(image.artifact), "{id}: {} is not fetched", image.artifact);
                    let name = image.reference(&image.version(&cluster.versions));
                    assert!(state.images.iter().any(|i| i.name == name), "{id}: {name} is not held");
                }
                for (path, mode, owner) in (spec.dirs)(layout) {
                    let dir = &state.dirs[&path];
                    assert_eq!((dir.mode, dir.owner.as_str()), (mode, owner), "{id}: {path}");
                }
                for user in spec.users {
                    assert!(state.users.contains(*user) && questions.users.contains(*user), "{id}: {user}");
                }
                for setting in spec.sysctls {
                    assert!(questions.sysctls.contains(setting.name()), "{id}: {}", setting.name());
                }
                for module in (spec.modules)(&cluster) {
                    assert!(questions.modules.contains(module), "{id}: {module}");
                }
                if let Some(unit) = spec.unit {
                    assert!(state.units.iter().any(|u| u.name == unit.name()), "{id}: no unit");
                    assert!(questions.units.contains(&unit.name()), "{id}: nobody asks about its unit");
                }
            }
        }
    }
}

#[test]
fn a_port_that_somebody_else_holds_is_found_and_no_node_port() {
    let catalogue = Catalogue::standard();
    let checks = preflight::checks(&catalogue);
    // A host with everything, balancers too.
    let cluster = clusters().swap_remove(SHAPES / 3);
    let host = &cluster.hosts[0];
    for (port, spec) in catalogue.ports() {
        let name = port.check();
        assert!(checks.iter().any(|(check, _)| *check == name), "{name} is no check");
        let socket = Listening { port: port.number, address: "*".into(), process: Some("stranger".into()) };
        let mut facts = HostFacts::default_host();
        match port.protocol {
            Protocol::Tcp => facts.listening = vec![socket],
            Protocol::Udp => facts.listening_udp = vec![socket],
        }
        let findings = preflight::check(&catalogue, &cluster, host, &facts);
        assert!(findings.iter().any(|finding| finding.check == name), "{}: {name} is not looked at", spec.id);
        let text = format!(
            "cluster: c\nnetworks: {{nodePorts: {0}-{0}}}\nhosts: [{{name: a, address: 10.0.0.1, roles: [etcd, master, node]}}]\n",
            port.number
        );
        let error = resolved(&text).unwrap_err();
        assert!(error.message.contains(&format!("where {} listens", spec.id)), "{}", error.message);
    }
}

#[test]
fn a_reset_takes_away_everything_that_a_component_has() {
    let catalogue = Catalogue::standard();
    let cluster = clusters().swap_remove(0);
    let layout = &cluster.layout;
    let script = reset::script(&Targets::all(&catalogue, layout), layout);
    let values = |variable: &str| -> Vec<String> {
        let line = script.lines().find_map(|line| line.strip_prefix(&format!("{variable}="))).expect(variable);
        line.trim_matches('\'').split([' ', '|']).map(str::to_owned).collect()
    };
    let (files, dirs, empty) = (values("FILES"), values("DIRS"), values("EMPTY_DIRS"));
    let (links, tables, chains) = (values("LINKS"), values("TABLES"), values("CHAINS"));
    let goes = |path: &str| dirs.iter().any(|dir| path == dir || path.starts_with(&format!("{dir}/")));
    for spec in &catalogue.components {
        let (id, footprint) = (spec.id, &spec.footprint);
        for path in spec.programs.iter().map(|program| program.path(layout)) {
            assert!(files.contains(&path), "{id}: {path} stays");
        }
        if let Some(unit) = spec.unit {
            assert!(files.contains(&format!("{}/{}", layout.units, unit.name())), "{id}: its unit stays");
            let stopped = values("SERVICES").into_iter().chain(values("RUNTIMES")).any(|name| name == unit.name());
            assert!(stopped, "{id}: its unit is not stopped");
        }
        let kept = (footprint.kept)(layout);
        for (path, _, _) in (spec.dirs)(layout) {
            assert!(goes(&path) || empty.contains(&path) || kept.contains(&path), "{id}: {path} stays");
            assert!(!kept.contains(&path) || !goes(&path), "{id}: {path} does not stay");
        }
        for path in (footprint.dirs)(layout).into_iter().chain((spec.data)(layout)) {
            assert!(goes(&path), "{id}: {path} stays");
        }
        for config in spec.configs {
            let path = (config.path)(layout);
            assert!(goes(&path) || files.contains(&path), "{id}: {path} stays");
        }
        let named = |names: &[&str], all: &[String]| names.iter().all(|name| all.iter().any(|one| one == name));
        assert!(named(footprint.links, &links) && named(footprint.tables, &tables), "{id}");
        assert!(named(footprint.chains, &chains), "{id}");
        assert!((footprint.files)(layout).iter().all(|file| files.contains(file)), "{id}");
        assert!(
            named(footprint.slices, &values("SLICES")) && named(footprint.namespaces, &values("NAMESPACES")),
            "{id}"
        );
    }
}

#[test]
fn the_catalogue_holds_together() {
    let catalogue = Catalogue::standard();
    let is_there = |id: &ComponentId| catalogue.get(id.0).is_some();
    assert!(catalogue.runtimes.iter().all(|runtime| is_there(&runtime.component)));
    assert!(catalogue.networks.iter().all(|plugin| plugin.components.iter().all(is_there)));
    assert!(catalogue.balancers.iter().all(|balancer| balancer.components.iter().all(is_there)));
    assert!(catalogue.addons.iter().all(|addon| is_there(&addon.component)));
    let mut names: Vec<_> = catalogue.components.iter().map(|spec| spec.id).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), catalogue.components.len(), "each component has a name of its own");
    let mut ports: Vec<_> = catalogue.ports().iter().map(|(port, _)| port.number).collect();
    ports.dedup();
    assert_eq!(ports.len(), catalogue.ports().len(), "each port is one component's");
    for cluster in clusters() {
        for host in &cluster.hosts {
            for spec in catalogue.on(&cluster, host) {
                assert!(spec.role.is_none_or(|role| host.is(role)), "{} runs on another role's host", spec.id);
                let plugin = catalogue.networks.iter().find(|plugin| plugin.components.contains(&spec.id));
                assert!(plugin.is_none_or(|plugin| plugin.choice == cluster.networks.plugin), "{}", spec.id);
            }
        }
    }
    for spec in &catalogue.components {
        if let (Some(unit), Some(_)) = (&spec.unit, spec.packaged) {
            assert!(spec.template(&unit.name()).is_some() && spec.programs.is_empty(), "{}", spec.id);
            continue;
        }
        let services = spec.unit.iter().filter(|unit| !unit.is_timer());
        for program in services.map(|unit| unit.program) {
            assert!(spec.programs.iter().any(|own| own.file == program), "{} has no program {program}", spec.id);
            for name in [format!("{program}.service"), format!("{program}.flags")] {
                assert!(spec.template(&name).is_some(), "{} has no template {name}", spec.id);
            }
        }
        let texts = spec.configs.iter().filter(|c| c.format != kbootstrap::components::Format::Encryption);
        let names = texts.map(|config| config.template).chain(spec.objects.iter().copied());
        for name in names {
            assert!(spec.template(name).is_some(), "{} has no template {name}", spec.id);
        }
        let kubeconfigs = spec.kubeconfig.iter().chain(spec.for_people).count();
        assert!(kubeconfigs == 0 || spec.template("kubeconfig.yaml").is_some(), "{}", spec.id);
    }
}
