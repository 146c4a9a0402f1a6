//! What is missing on a host, and what is left alone.

use super::compare::*;
use super::*;
use crate::facts::{HostFacts, ProcessFact, UnitFact};
use crate::state::{After, ComponentId, Content, File, Ready, Rolling, Rollout, Unit, Wave};

const UNIT: &str = "flanneld.service";
const FILE: &str = "/etc/systemd/system/flanneld.service";

/// A service with a configuration file, of which it makes a copy.
fn desired() -> HostState {
    let file = |text: &str| File { content: Content::Text(text.into()), mode: 0o600, owner: "root".into() };
    HostState {
        host: "n1".into(),
        files: BTreeMap::from([("/etc/net.json".into(), file("{}")), ("/etc/note".into(), file("note"))]),
        units: vec![Unit {
            name: UNIT.into(),
            file: FILE.into(),
            component: ComponentId("flanneld"),
            rollout: Rollout { wave: Wave::Node, after: After::Nothing, rolling: Rolling::Canary, ready: Ready::Runs },
            restart_on: ["/etc/net.json".into()].into(),
            reload_on: BTreeSet::new(),
            makes: BTreeMap::from([("/etc/cni/net.json".into(), "/etc/net.json".into())]),
            keeps: Vec::new(),
            part_of: None,
            without: "Pods are cut off",
        }],
        ..HostState::default()
    }
}

/// What would be done to a host that is as it should be but for this, a line each.
fn changes(spoil: impl FnOnce(&mut HostFacts)) -> Vec<String> {
    let state = desired();
    let mut facts = converged(&state);
    spoil(&mut facts);
    let plan = compare(&state, &facts);
    let files = plan.files.iter().map(|f| format!("{:?} {}", f.change, f.path));
    let units = plan.units.iter().map(|u| format!("{:?} {}: {}", u.action, u.name, u.reason));
    files.chain(units).collect()
}

fn unit(facts: &mut HostFacts) -> &mut crate::facts::UnitFact {
    facts.units.get_mut(UNIT).unwrap()
}

#[test]
fn what_is_right_is_left_alone() {
    assert_eq!(changes(|_| {}), Vec::<String>::new());
}

#[test]
fn a_file_that_differs_restarts_what_reads_it_and_nothing_else() {
    let sha256 = "0".repeat(64);
    let spoil = |path: &'static str| {
        let sha256 = sha256.clone();
        changes(move |facts| facts.files.get_mut(path).unwrap().sha256 = sha256)
    };
    assert_eq!(spoil("/etc/note"), ["Replace /etc/note"]);
    let expected = ["Replace /etc/net.json", "Some(Restart) flanneld.service: /etc/net.json changes"];
    assert_eq!(spoil("/etc/net.json"), expected);
    let mode = changes(|facts| facts.files.get_mut("/etc/net.json").unwrap().mode = 0o644);
    assert_eq!(mode, ["Mode /etc/net.json"]);
    let state = desired();
    let mut facts = converged(&state);
    facts.files.get_mut("/etc/net.json").unwrap().group = "adm".into();
    let access = ("0600 root:adm".to_owned(), "0600 root".to_owned());
    assert_eq!(compare(&state, &facts).files[0].access, Some(access));
    let link = |facts: &mut HostFacts| {
        let link = crate::facts::Way { mode: 0o120_777, uid: 0, user: "root".into(), names: 1 };
        facts.ways.insert("/etc/note".into(), link);
    };
    assert_eq!(changes(link), ["Replace /etc/note"], "whatever it leads to");
    let gone = changes(|facts| drop(facts.files.remove("/etc/note")));
    assert_eq!(gone, ["Create /etc/note"]);
}

#[test]
fn what_can_be_read_again_is_read_again_where_nothing_else_differs() {
    let mut state = desired();
    state.units[0].reload_on = ["/etc/note".into()].into();
    let changes = |spoil: &dyn Fn(&mut HostFacts)| {
        let mut facts = converged(&state);
        spoil(&mut facts);
        let units = compare(&state, &facts).units;
        units.iter().map(|u| format!("{:?} {}", u.action, u.reason)).collect::<Vec<_>>().join(", ")
    };
    let other = |facts: &mut HostFacts, path: &str| facts.files.get_mut(path).unwrap().sha256 = "0".repeat(64);
    let key = restart_key(&state.units[0], &state);
    let (restarts, _) = key.split_once('+').unwrap();
    assert_eq!(changes(&|_| {}), "");
    assert_eq!(changes(&|facts| other(facts, "/etc/note")), "Some(Reload) /etc/note changes");
    assert_eq!(changes(&|facts| other(facts, "/etc/net.json")), "Some(Restart) /etc/net.json changes");
    let older = format!("{restarts}+of an earlier run");
    assert_eq!(changes(&|facts| unit(facts).restart_key = older.clone()), "Some(Reload) it runs with older files");
    assert_eq!(changes(&|facts| unit(facts).restart_key = "x+y".into()), "Some(Restart) it runs with older files");
    assert_eq!(changes(&|facts| unit(facts).restart_key = restarts.into()), "Some(Restart) it runs with older files");
    let newer = |facts: &mut HostFacts| facts.files.get_mut("/etc/note").unwrap().written = 3;
    assert_eq!(changes(&newer), "Some(Reload) /etc/note was written after it was read");
}

/// Who has it open for writing keeps that, whatever becomes of its mode and owner.
#[test]
fn a_file_that_others_could_open_is_a_new_one() {
    let restart = "Some(Restart) flanneld.service: /etc/net.json changes";
    let of = |path: &'static str, mode, owner: &'static str| {
        changes(move |facts| {
            let fact = facts.files.get_mut(path).unwrap();
            (fact.mode, fact.owner) = (mode, owner.into());
        })
    };
    for (mode, owner) in [(0o600, "kim"), (0o602, "root"), (0o620, "root")] {
        assert_eq!(of("/etc/net.json", mode, owner), ["Replace /etc/net.json", restart], "{mode:o} {owner}");
    }
    assert_eq!(of("/etc/net.json", 0o644, "root"), ["Mode /etc/net.json"], "others could only read it");
    let made = "Some(Restart) flanneld.service: /etc/cni/net.json, which it makes, may be written by others";
    assert_eq!(of("/etc/cni/net.json", 0o600, "kim"), [format!("{made} (0600 kim:root)")]);
    let second = |mode| {
        changes(move |facts| {
            let way = crate::facts::Way { mode: 0o100_600, uid: 0, user: "root".into(), names: 2 };
            facts.ways.insert("/etc/note".into(), way);
            facts.files.get_mut("/etc/note").unwrap().mode = mode;
        })
    };
    assert_eq!(second(0o640), ["Replace /etc/note"], "what is done to it is done under its other name, too");
    assert_eq!(second(0o600), [""; 0]);
    let mut state = desired();
    state.files.get_mut("/etc/note").unwrap().owner = "etcd".into();
    let mut facts = converged(&state);
    facts.files.get_mut("/etc/note").unwrap().mode = 0o640;
    assert_eq!(compare(&state, &facts).files[0].change, FileDifference::Mode, "its own user may write it anyway");
    facts.files.get_mut("/etc/note").unwrap().owner = "kim".into();
    let change = compare(&state, &facts).files.remove(0);
    let access = ("0640 kim:etcd".to_owned(), "0600 etcd".to_owned());
    assert_eq!((change.change, change.access), (FileDifference::Replace, Some(access)));
}

#[test]
fn an_acl_of_a_folder_goes() {
    let mut state = desired();
    let dir = crate::state::Dir { mode: 0o755, owner: "root".into() };
    state.dirs.insert("/etc/cni".into(), dir.clone());
    let mut facts = converged(&state);
    assert!(compare(&state, &facts).dirs.is_empty());
    facts.acls.insert("/etc/cni".into());
    let change = DirChange { to: dir, from: Some("0755 root with an ACL".into()) };
    assert_eq!(compare(&state, &facts).dirs, [("/etc/cni".to_owned(), change)].into());
}

#[test]
fn what_is_part_of_a_unit_restarts_with_it() {
    let mut state = desired();
    let file = File { content: Content::Text("m".into()), mode: 0o600, owner: "root".into() };
    state.files.insert("/etc/member".into(), file);
    let member = Unit { name: "etcd.service".into(), makes: BTreeMap::new(), ..state.units[0].clone() };
    state.units.insert(0, Unit { restart_on: ["/etc/member".into()].into(), ..member });
    state.units[1].part_of = Some("etcd.service");
    let changes = |spoil: fn(&mut HostFacts)| {
        let mut facts = converged(&state);
        facts.files.get_mut("/etc/member").unwrap().sha256.clear();
        spoil(&mut facts);
        let units = compare(&state, &facts).units;
        units.iter().map(|u| format!("{:?} {}: {}", u.action, u.name, u.reason)).collect::<Vec<_>>()
    };
    let etcd = "Some(Restart) etcd.service: /etc/member changes";
    let with = "Some(Restart) flanneld.service: etcd.service restarts, and this with it";
    assert_eq!(changes(|_| {}), [etcd, with]);
    let own = "Some(Restart) flanneld.service: /etc/net.json changes";
    assert_eq!(changes(|facts| facts.files.get_mut("/etc/net.json").unwrap().sha256.clear()), [etcd, own]);
    let starts = "Some(Start) flanneld.service: it does not run";
    assert_eq!(changes(|facts| unit(facts).active = "inactive".into()), [etcd, starts]);
    let none = changes(|facts| facts.units.get_mut("etcd.service").unwrap().active = "inactive".into());
    assert_eq!(none, ["Some(Start) etcd.service: it does not run"], "it is started, and this goes on");
}

#[test]
fn what_a_unit_makes_is_made_again() {
    let gone = changes(|facts| drop(facts.files.remove("/etc/cni/net.json")));
    assert_eq!(gone, ["Some(Restart) flanneld.service: /etc/cni/net.json, which it makes, is gone"]);
    let changed = changes(|facts| facts.files.get_mut("/etc/cni/net.json").unwrap().sha256.clear());
    assert_eq!(changed, ["Some(Restart) flanneld.service: /etc/cni/net.json, which it makes, was changed"]);
}

#[test]
fn what_a_unit_has_in_the_kernel_and_in_run_is_made_again() {
    let lose = |unit: &str| {
        let words = ["flannel.1 is missing".to_owned(), "/run/net.env is missing".to_owned()];
        let unit = unit.to_owned();
        changes(|facts| drop(facts.lost.insert(unit, words.into())))
    };
    let reason = "flannel.1 is missing; /run/net.env is missing: Pods are cut off";
    assert_eq!(lose(UNIT), [format!("Some(Restart) {UNIT}: {reason}")]);
    assert_eq!(lose("kube-proxy.service"), Vec::<String>::new(), "it is another unit's");
    let stopped = changes(|facts| {
        facts.lost.insert(UNIT.into(), vec!["flannel.1 is missing".into()]);
        unit(facts).active = "inactive".into();
    });
    assert_eq!(stopped, [format!("Some(Start) {UNIT}: it does not run, and flannel.1 is missing")]);
}

#[test]
fn what_runs_and_was_not_rendered_is_started_again() {
    let restarts = |spoil: fn(&mut UnitFact)| changes(move |facts| spoil(unit(facts))).join(", ");
    let program = |is_command| ProcessFact { program: "/opt/old".into(), is_command, ..ProcessFact::default() };
    assert_eq!(
        restarts(|unit| unit.fragment = "/lib/x.service".into()),
        "Some(Restart) flanneld.service: systemd has it from /lib/x.service"
    );
    let foreign: fn(&mut UnitFact) =
        |unit| (unit.fragment, unit.restart_key) = ("/lib/x.service".into(), String::new());
    assert_eq!(restarts(foreign), "Some(Start) flanneld.service: it takes the place of /lib/x.service");
    assert_eq!(
        restarts(|unit| unit.reload_needed = true),
        "Some(Restart) flanneld.service: systemd has not read its files since they were changed"
    );
    let runs = |is_command| changes(move |facts| unit(facts).process = Some(program(is_command))).join(", ");
    assert_eq!(runs(true), "");
    assert_eq!(runs(false), "Some(Restart) flanneld.service: it runs /opt/old");
}

#[test]
fn a_file_that_was_changed_and_put_back_restarts_what_may_have_read_it() {
    let put_back = |path: &'static str| changes(move |facts| facts.files.get_mut(path).unwrap().written = 3);
    let expected = "Some(Restart) flanneld.service: /etc/net.json was written after it was started";
    assert_eq!(put_back("/etc/net.json"), [expected]);
    assert_eq!(put_back("/etc/note"), Vec::<String>::new());
    let unknown = changes(|facts| {
        facts.files.get_mut("/etc/net.json").unwrap().written = 3;
        unit(facts).recorded = 0;
    });
    assert_eq!(unknown, Vec::<String>::new());
}

#[test]
fn a_unit_that_does_not_run_is_started_and_one_with_older_files_restarted() {
    let failed = changes(|facts| {
        (unit(facts).active, unit(facts).sub) = ("failed".into(), "failed".into());
        facts.files.remove("/etc/cni/net.json");
    });
    assert_eq!(failed, ["Some(Start) flanneld.service: it is failed (failed)"]);
    let never = changes(|facts| drop(facts.units.remove(UNIT)));
    assert_eq!(never, ["Some(Start) flanneld.service: it does not run"]);
    let older = changes(|facts| unit(facts).restart_key = "of an earlier run".into());
    assert_eq!(older, ["Some(Restart) flanneld.service: it runs with older files"]);
    let masked = changes(|facts| {
        (unit(facts).load, unit(facts).active) = ("masked".into(), "inactive".into());
    });
    assert_eq!(masked, ["Some(Start) flanneld.service: it is masked"]);
    let disabled = changes(|facts| unit(facts).enabled = "disabled".into());
    assert_eq!(disabled, ["None flanneld.service: not enabled at boot"]);
}
