//! A cluster of kbootstrap 0.1.0 is taken on: the plan says what changes and why, and the folder is kept as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use time::OffsetDateTime;

use super::release_0_1_0 as release;
use super::session::{Access, Options, Session};
use super::{desire, names_only, record, upgrade};
use crate::changes::{Known, Last};
use crate::components::Catalogue;
use crate::error::{Error, Kind, Result};
use crate::live::Live;
use crate::plan::{Meaning, Plan, Upgrade, compare, content_sha256};
use crate::remote::SshConfig;
use crate::render::Templates;
use crate::state::Content;
use crate::trust;
use crate::ui::{Event, Printer, Reporter};

struct Operator {
    at: tempfile::TempDir,
    said: Said,
}

#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<String>>>);

impl Reporter for Said {
    fn report(&self, event: &Event) {
        if let Event::Message { text, .. } = event {
            self.0.lock().unwrap().push(text.clone());
        }
    }
}

impl Operator {
    fn new() -> Self {
        let at = tempfile::tempdir().unwrap();
        fs::write(at.path().join("kbootstrap.yaml"), release::INVENTORY).unwrap();
        Operator { at, said: Said::default() }
    }

    fn open(&self, access: Access) -> Result<Session> {
        Session::open(Options {
            catalogue: Catalogue::standard(),
            inventory: Some(&self.at.path().join("kbootstrap.yaml")),
            state: None,
            trust_inventory: false,
            accept_new_host_keys: false,
            ssh_config: SshConfig::Off,
            at_once: 1,
            command: "up",
            access,
            asked: None,
            reporter: Box::new(self.said.clone()),
            interrupt: Arc::default(),
        })
    }

    /// With the folder that 0.1.0 left.
    fn of_0_1_0() -> (Self, trust::Trust) {
        let operator = Self::new();
        let session = operator.open(Access::Read).unwrap();
        let trust = release::folder(&session.catalogue, &session.cluster, &session.dir);
        (operator, trust)
    }

    fn clusters(&self) -> PathBuf {
        self.at.path().join("clusters")
    }
    fn kept(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.clusters()).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| *path != self.clusters().join("prod")).collect()
    }
}

/// Every file below, with its mode and bytes.
fn files(dir: &Path) -> BTreeMap<String, (u32, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let (path, meta) = entry.map(|e| (e.path(), e.metadata().unwrap())).unwrap();
            if meta.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(dir).unwrap().display().to_string();
            all.insert(name, (meta.permissions().mode() & 0o777, fs::read(&path).unwrap()));
        }
    }
    all
}

#[test]
fn the_fixture_is_what_0_1_0_left() {
    let (operator, trust) = Operator::of_0_1_0();
    let session = operator.open(Access::Read).unwrap();
    let folder: BTreeSet<String> = files(&session.dir)
        .into_iter()
        .map(|(name, (mode, _))| {
            let name = if name.starts_with("log/") { "log/TIME-up.log".into() } else { name };
            format!("{name} {mode:o}")
        })
        .collect();
    assert_eq!(folder, release::FOLDER.lines().map(String::from).collect());
    // Any other name in it would have been refused by 0.1.0.
    let generated: Value = serde_json::from_slice(&fs::read(session.dir.join("pki/generated.json")).unwrap()).unwrap();
    let names: Vec<&String> = generated.as_object().unwrap().keys().collect();
    assert_eq!(names, ["certificates", "config", "keys", "specs"]);

    let pki = [&session.cluster.layout.pki, &session.cluster.layout.etcd_pki];
    let mut hosts = BTreeSet::new();
    for (host, state) in release::hosts(&session.catalogue, &session.cluster, &trust) {
        for (path, file) in &state.files {
            let sha256 = match &file.content {
                Content::Text(_) if !pki.iter().any(|pki| path.starts_with(*pki)) => content_sha256(&file.content),
                _ => "-".into(),
            };
            hosts.insert(format!("{host} {path} {:04o} {} {sha256}", file.mode, file.owner));
        }
        for unit in &state.units {
            let on: Vec<&str> = unit.restart_on.iter().map(String::as_str).collect();
            hosts.insert(format!("{host} {}: {}", unit.name, on.join(" ")));
        }
    }
    let listed: BTreeSet<String> = release::HOSTS.lines().map(String::from).collect();
    let (more, fewer): (Vec<_>, Vec<_>) = (hosts.difference(&listed).collect(), listed.difference(&hosts).collect());
    assert!(more.is_empty() && fewer.is_empty(), "undo in the fixture what has changed since: {more:#?} {fewer:#?}");
}

#[test]
fn the_plan_says_what_the_version_changes_and_why() {
    let (operator, old) = Operator::of_0_1_0();
    let session = operator.open(Access::Read).unwrap();
    let (catalogue, cluster) = (&session.catalogue, &session.cluster);
    let facts = release::facts(cluster, &release::hosts(catalogue, cluster, &old));
    let trust = trust::look(catalogue, cluster, &session.dir, OffsetDateTime::now_utc(), session.reporter()).unwrap();
    let new = [
        "controller-manager-server-n1",
        "scheduler-server-n1",
        "kube-proxy-n1",
        "kube-proxy-n2",
        "flannel-n1",
        "flannel-n2",
    ];
    assert_eq!(trust.to_issue(), new, "every certificate of the folder is as it must be");
    trust.in_use(cluster, &session.dir, &facts).unwrap();

    // As default hosts, like those that the fixture is of.
    let desired =
        desire(catalogue, cluster, &BTreeMap::new(), &trust, &names_only, &Templates::embedded(catalogue)).unwrap();
    let hosts = cluster.hosts.iter().map(|host| compare(&desired.hosts[&host.name], &facts[&host.name])).collect();
    let live = Live::default();
    let known = Known { catalogue, cluster, facts: &facts, live: &live };
    let (_, write) =
        record::due(&session, cluster, session.record().unwrap().as_ref(), Vec::new(), &known, &[]).unwrap();
    let plan = Plan { hosts, objects: Some(Vec::new()), cluster: write.into_iter().collect(), ..Plan::default() };
    let older = upgrade::is_older(&session.dir).unwrap();
    let upgrade = Upgrade::of(&plan, Last::of(&Live::default(), &facts).as_ref(), older);
    let meaning = Meaning { upgrade, ..Meaning::of(catalogue, cluster, &plan, Vec::new()) };
    let shown = meaning.text(&Printer::new(true)).replace(env!("CARGO_PKG_VERSION"), "NOW");
    insta::assert_snapshot!(shown, @r"
    A kbootstrap that left no record was here last, and this is NOW. What the version changes:
      ~ the cluster's folder is kept beside itself as it is, and then carried over
      ~ kube-controller-manager restarts and signs with ca-signing.crt: ca.crt beside it may hold further CAs, which are only trusted (n1)
      ~ a timer on nodes brings back what others take from the kernel: routes, devices and rules of flanneld and kube-proxy (n1, n2)
      ~ kube-controller-manager and kube-scheduler restart and show certificates of the cluster's CA, no longer their own (n1)
      ~ kube-proxy and flanneld have a key of their own on each node, with rights for that node; those that all nodes shared are deleted (n1, n2)
      ~ services restart and may do less on their hosts than before (n1, n2)
      ~ services, but for containerd, do without a proxy that systemd gives to all services; the kubelet restarts for it (n1, n2)
      ~ kube-controller-manager and kube-scheduler may ask kube-apiserver more often, so that one that takes over works sooner (n1)
      ~ kube-apiserver refuses new external IPs of Services and floods of events (n1)
      ~ what `up` did last is recorded in the cluster and on the masters
    What starts: data-plane (n1, n2)
    What restarts, and what may be noticed:
      COMPONENT                HOSTS   ORDER                               MAY BE NOTICED
      etcd                     n1                                          the API does not answer for some 5 s: it is the only member
      kube-apiserver           n1                                          the API is away for up to 10 s: it is the only one
      kube-controller-manager  n1                                          controllers stand still for up to 20 s
      kube-scheduler           n1                                          new pods wait for up to 20 s
      kubelet                  n1, n2  the first, then the others at once  `kubectl exec` and `logs -f` on the host break off; pods run on
      kube-proxy               n1, n2  the first, then the others at once  Services work on; their changes arrive some seconds later on the host
      flanneld                 n1, n2  the first, then the others at once  pods keep their network
    ");
    let of = |host: &str| plan.hosts.iter().find(|plan| plan.host == host).unwrap();
    let names = |host: &str| {
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let files = of(host).files.iter().map(|file| name(&file.path));
        files.filter(|name| !name.ends_with(".service")).collect::<Vec<_>>()
    };
    let node = ["flannel.crt", "flannel.key", "kube-proxy.crt", "kube-proxy.key"];
    let timer = ["kbootstrap-data-plane.timer", "kubernetes.conf"];
    let expected = [&["data-plane.sh"], &node[..], &timer[..], &["config.yaml"]].concat();
    assert_eq!(names("n2"), expected, "and nothing that it does not name");
    let shown = |stem: &str| [format!("{stem}-server.crt"), format!("{stem}-server.key")];
    // Of the first of them only the owner changes: no restart.
    let first =
        ["ca.crt", "admission.yaml", "audit-policy.yaml", "data-plane.sh", "kube-scheduler.yaml", "ca-signing.crt"];
    let mut master: Vec<String> = first.map(String::from).into();
    master.extend(shown("controller-manager"));
    master.extend(node.map(String::from));
    master.extend(shown("scheduler"));
    master.extend(timer.map(String::from));
    master.push("config.yaml".into());
    assert_eq!(names("n1"), master);
    let layout = &cluster.layout;
    let [cni, etcd, programs] = [&layout.cni, &layout.etcd_pki, &layout.cni_programs].map(String::as_str);
    for host in &plan.hosts {
        // etcd's folder of keys was its own, and is root's.
        let folders = if host.host == "n1" { vec![cni, etcd, programs] } else { vec![cni, programs] };
        assert_eq!(host.dirs.keys().map(String::as_str).collect::<Vec<_>>(), folders, "{}", host.host);
        assert!(host.units.iter().all(|unit| unit.name != "containerd.service"), "pods run on");
    }
    let json = serde_json::to_value(&meaning).unwrap();
    assert_eq!((&json["upgrade"]["from"], &json["upgrade"]["keeps_folder"]), (&Value::Null, &true.into()));
    assert_eq!(json["upgrade"]["changes"].as_array().unwrap().len(), 9);
    assert_eq!(json["upgrade"]["changes"][0]["hosts"], serde_json::json!(["n1"]));
}

#[test]
fn the_folder_is_kept_once_byte_for_byte_and_closed() {
    let (operator, _) = Operator::of_0_1_0();
    let before = files(&operator.clusters().join("prod"));
    {
        let looking = operator.open(Access::Read).unwrap();
        assert!(upgrade::is_older(&looking.dir).unwrap());
    }
    assert_eq!(operator.kept(), Vec::<PathBuf>::new(), "who only looks keeps nothing");
    for _ in 0..2 {
        let session = operator.open(Access::Write).unwrap();
        upgrade::take_over(&session).unwrap();
        let (catalogue, cluster, now) = (&session.catalogue, &session.cluster, OffsetDateTime::now_utc());
        trust::ensure(catalogue, cluster, &session.dir, now, session.reporter()).unwrap();
        assert!(!upgrade::is_older(&session.dir).unwrap());
    }
    let [kept] = &operator.kept()[..] else { panic!("{:?}", operator.kept()) };
    let name = kept.file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with(&format!("prod.before-{}-2", env!("CARGO_PKG_VERSION"))), "{name}");
    let said = operator.said.0.lock().unwrap().join("\n");
    assert_eq!(said.matches(&name).count(), 1, "{said}");

    let after = files(kept);
    assert!(before.keys().eq(after.keys()), "{:?} {:?}", before.keys(), after.keys());
    for (name, (mode, bytes)) in &before {
        assert!(after[name].1 == *bytes, "{name}");
        assert_eq!(after[name].0, mode & 0o600, "{name}");
    }
    // And the folder itself is what it was, with the mark, and without the keys that all nodes shared.
    let now = files(&operator.clusters().join("prod"));
    let other: Vec<&String> = before.keys().filter(|name| now.get(*name) != Some(&before[*name])).collect();
    let shared = ["flannel-csr.json", "flannel-key.pem", "flannel.pem"];
    let proxy = ["kube-proxy-csr.json", "kube-proxy-key.pem", "kube-proxy.pem"];
    let gone: Vec<String> = shared.iter().chain(&proxy).map(|name| format!("pki/{name}")).collect();
    assert!(gone.iter().all(|name| !now.contains_key(name)), "{:?}", now.keys());
    let changed: Vec<&String> = other.into_iter().filter(|name| !gone.contains(name)).collect();
    assert_eq!(changed, [".lock", "pki/ca-config.json", "pki/generated.json"]);
    assert_eq!((now[".lock"].0, &now[".lock"].1), (0o600, &before[".lock"].1), "nobody else may lock it");
}

#[test]
fn who_writes_refuses_a_folder_of_a_newer_version_and_leaves_it_alone() {
    let refused = |operator: &Operator| {
        let before = files(&operator.clusters().join("prod"));
        let error: Error = operator.open(Access::Write).err().unwrap();
        assert_eq!(error.kind, Kind::Usage);
        assert!(files(&operator.clusters().join("prod")) == before, "not even a log is begun");
        error.message
    };
    let (operator, _) = Operator::of_0_1_0();
    let prod = operator.clusters().join("prod");
    fs::write(prod.join("record.json"), r#"{"format": 1, "kbootstrap": "99.0.0"}"#).unwrap();
    assert!(refused(&operator).contains("kbootstrap 99.0.0 was here last"));
    fs::remove_file(prod.join("record.json")).unwrap();
    fs::write(prod.join("pki/generated.json"), r#"{"format": 99, "specs": [], "more": 1}"#).unwrap();
    assert!(refused(&operator).contains("a newer kbootstrap has written this folder"));
}
