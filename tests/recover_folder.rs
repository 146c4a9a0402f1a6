//! A cluster's folder rebuilt from what its hosts hold: from the states that the whole folder gave them, without hosts.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kbootstrap::age::Identity;
use kbootstrap::cluster::{self, Cluster, Known};
use kbootstrap::components::Catalogue;
use kbootstrap::engine::{desire, names_only};
use kbootstrap::error::{Error, Kind};
use kbootstrap::inventory;
use kbootstrap::pki::{Key, KeyKind};
use kbootstrap::plan::Desired;
use kbootstrap::recover::{self, Asked, Choice, Held, Report, paths};
use kbootstrap::render::Templates;
use kbootstrap::secret::Secret;
use kbootstrap::state::Content;
use kbootstrap::trust::{self, Trust};
use kbootstrap::ui::{Silent, report};
use tempfile::TempDir;
use time::OffsetDateTime;

const INVENTORY: &str = "cluster: prod
controlPlaneEndpoint: 10.0.0.10:6443
hosts:
- {name: m1, address: 10.0.0.11, roles: [etcd, master]}
- {name: m2, address: 10.0.0.12, roles: [master, node]}
- {name: e1, address: 10.0.0.13, roles: [etcd]}
- {name: e2, address: 10.0.0.14, roles: [etcd]}
- {name: n1, address: 10.0.0.21, roles: [node]}
";

const SA: &str = "/etc/kubernetes/pki/sa.key";

fn cluster(settings: &str) -> Cluster {
    let loaded = inventory::parse("x.yaml", format!("{settings}{INVENTORY}").as_bytes()).unwrap();
    cluster::resolve(&loaded, &Known::default()).unwrap()
}

fn ensure(dir: &Path, settings: &str) -> Trust {
    trust::ensure(&Catalogue::standard(), &cluster(settings), dir, OffsetDateTime::now_utc(), &Silent).unwrap()
}

fn desired(trust: &Trust, settings: &str) -> Desired {
    let catalogue = Catalogue::standard();
    let templates = Templates::embedded(&catalogue);
    desire(&catalogue, &cluster(settings), &BTreeMap::new(), trust, &names_only, &templates).unwrap()
}

/// A folder, and what the hosts that were brought up from it hold.
fn running(settings: &str) -> (TempDir, Asked) {
    let folder = tempfile::tempdir().unwrap();
    ensure(folder.path(), settings);
    let asked = holds(folder.path(), settings);
    (folder, asked)
}

fn holds(dir: &Path, settings: &str) -> Asked {
    let (catalogue, cluster) = (Catalogue::standard(), cluster(settings));
    let desired = desired(&ensure(dir, settings), settings);
    let mut held: BTreeMap<String, Held> = BTreeMap::new();
    for host in &cluster.hosts {
        let files = &desired.hosts[&host.name].files;
        for path in paths(&catalogue, &cluster, host).into_iter().filter(|path| files.contains_key(path)) {
            let content = match &desired.hosts[&host.name].files[&path].content {
                Content::Text(text) => Secret::new(text.as_bytes()),
                Content::Secret(secret) => secret.clone(),
                other => panic!("{path}: {other:?}"),
            };
            held.entry(host.name.clone()).or_default().insert(path, content);
        }
    }
    Asked { held, silent: Vec::new() }
}

fn restore(dir: &Path, asked: &Asked, settings: &str, choice: Choice<'_>) -> Result<Report, Error> {
    recover::restore(&Catalogue::standard(), &cluster(settings), dir, asked, choice)
}

fn refused(dir: &Path, asked: &Asked, choice: Choice<'_>) -> String {
    let before = names(dir);
    let error = restore(dir, asked, "", choice).unwrap_err();
    assert_eq!((error.kind, names(dir)), (Kind::Pki, before), "nothing is written");
    report::render(&error, false).replace(&dir.display().to_string(), "clusters/prod")
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir.join("pki")).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn only(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_whole_folder_comes_back_and_no_host_changes() {
    for settings in
        ["", "pki: {authorities: single}\n", "encryptSecrets: false\n", "pki: {key: {algo: rsa, size: 2048}}\n"]
    {
        let (old, asked) = running(settings);
        let new = tempfile::tempdir().unwrap();
        let report = restore(new.path(), &asked, settings, Choice::default()).unwrap();
        assert!(report.files.iter().all(|file| !file.was_there));
        let before =
            desired(&Trust::present(&Catalogue::standard(), &cluster(settings), old.path()).unwrap(), settings);
        let after = desired(&ensure(new.path(), settings), settings);
        for (host, state) in &before.hosts {
            assert_eq!(state, &after.hosts[host], "{settings}{host}");
        }
        let separate = !settings.contains("single");
        let on_no_host = only(if separate { &["etcd-ca-key.pem", "front-proxy-ca-key.pem"] } else { &[] });
        let missing: Vec<_> = report.missing.iter().map(|missing| missing.file.clone()).collect();
        assert_eq!(missing, on_no_host);
        // A CA that is there needs no spec.
        let of_ca = |name: &str| name.ends_with("ca-csr.json");
        for name in names(old.path()).iter().filter(|name| !missing.contains(name) && !of_ca(name)) {
            let read = |dir: &TempDir| fs::read(dir.path().join("pki").join(name)).unwrap();
            let mode = |dir: &TempDir| {
                std::os::unix::fs::PermissionsExt::mode(
                    &fs::metadata(dir.path().join("pki").join(name)).unwrap().permissions(),
                )
            };
            assert_eq!(mode(&old), mode(&new), "{name}");
            // kbootstrap's own identity is on no host and is issued again.
            if !name.starts_with("super-admin") && name != "generated.json" {
                assert!(read(&old) == read(&new), "{name} is another");
            }
        }
        // A name more in the inventory is followed: certificates are known as kbootstrap's own.
        let wider = format!(
            "{settings}{}",
            if settings.contains("pki:") { "" } else { "pki: {extraSans: [api.example.com]}\n" }
        );
        ensure(new.path(), &wider);
    }
}

#[test]
fn what_no_host_has_is_named_with_what_that_means() {
    let (_old, asked) = running("");
    let new = tempfile::tempdir().unwrap();
    let report = restore(new.path(), &asked, "", Choice::default()).unwrap();
    let shown: Vec<_> = report.missing.iter().map(|missing| format!("{}: {}", missing.file, missing.means)).collect();
    insta::with_settings!({filters => vec![(r"\d{4}-\d\d-\d\d \d\d:\d\d", "DATE")]}, {
        insta::assert_snapshot!(shown.join("\n"), @r"
        etcd-ca-key.pem: none of its certificates can be issued or renewed; those that are there end from DATE UTC on: it has to come from your backup, or the CA is to be replaced
        front-proxy-ca-key.pem: none of its certificates can be issued or renewed; those that are there end from DATE UTC on: it has to come from your backup, or the CA is to be replaced
        ");
    });
}

#[test]
fn hosts_that_differ_are_named_and_none_is_taken_silently() {
    let (_old, mut asked) = running("");
    let (_other, theirs) = running("");
    for path in [SA, "/etc/kubernetes/encryption.yaml", "/etc/kubernetes/pki/ca.crt"] {
        let other = theirs.held["m2"][path].clone();
        asked.held.get_mut("m2").unwrap().insert(path.into(), other);
    }
    let new = tempfile::tempdir().unwrap();
    let text = refused(new.path(), &asked, Choice::default());
    insta::with_settings!({filters => vec![(r"[0-9a-f]{16}…", "HASH")]}, {
        insta::assert_snapshot!(text, @r"
        error: hosts hold different ca.pem; none was taken
          m1, m2: SHA-256 HASH
          m2: SHA-256 HASH
        hint: say which host is right with --from HOST

        error: hosts hold different sa.key; none was taken
          m1: SHA-256 HASH
          m2: SHA-256 HASH
        hint: say which host is right with --from HOST

        error: hosts hold different encryption.key; none was taken
          m1: SHA-256 HASH
          m2: SHA-256 HASH
        hint: say which host is right with --from HOST

        3 errors
        ");
    });
    let choice = Choice { from: Some("m1"), ..Choice::default() };
    let report = restore(new.path(), &asked, "", choice).unwrap();
    let sa = report.files.iter().find(|file| file.file == "sa.key").unwrap();
    assert_eq!(sa.hosts, ["m1"]);
    assert_eq!(fs::read(new.path().join("pki/sa.key")).unwrap(), asked.held["m1"][SA].expose());
}

#[test]
fn what_is_there_stays() {
    let (old, asked) = running("");
    let report = restore(old.path(), &asked, "", Choice::default()).unwrap();
    assert!(report.files.iter().all(|file| file.was_there));
    assert_eq!(report.missing, [], "keys that no host has are there");
    fs::remove_file(old.path().join("pki/admin.pem")).unwrap();
    fs::write(old.path().join("pki/sa.pub"), "mine").unwrap();
    fs::write(old.path().join("pki/encryption.key"), [9; 32]).unwrap();
    insta::assert_snapshot!(refused(old.path(), &asked, Choice::default()), @r"
    error: files of the folder differ from what hosts have; nothing was written
      clusters/prod/pki/sa.pub (m1, m2)
      clusters/prod/pki/encryption.key (m1, m2)
    hint: move those away that are to be taken from the hosts, or recover into an empty folder with --state
    ");
}

#[test]
fn a_single_file_comes_alone() {
    let (old, asked) = running("");
    let wanted = only(&["sa.key", "ca-key.pem", "encryption.key"]);
    let before: Vec<_> = wanted.iter().map(|name| fs::read(old.path().join("pki").join(name)).unwrap()).collect();
    wanted.iter().for_each(|name| fs::remove_file(old.path().join("pki").join(name)).unwrap());
    let report = restore(old.path(), &asked, "", Choice { only: &wanted, ..Choice::default() }).unwrap();
    assert_eq!(report.files.len(), 3);
    let after: Vec<_> = wanted.iter().map(|name| fs::read(old.path().join("pki").join(name)).unwrap()).collect();
    assert!(before == after);
    // Into another cluster's folder nothing comes.
    let (other, _) = running("");
    fs::remove_file(other.path().join("pki/sa.key")).unwrap();
    let text = refused(other.path(), &asked, Choice { only: &wanted[..1], ..Choice::default() });
    assert!(text.contains("the folder is another cluster's"), "{text}");
    assert!(text.contains("clusters/prod/pki/etcd-ca.pem (m1, m2, e1, e2)"), "{text}");
}

#[test]
fn several_keys_of_encryption_come_back_in_their_order() {
    let (old, _) = running("");
    let path = old.path().join("pki/encryption.key");
    let first = STANDARD.encode(fs::read(&path).unwrap());
    let text = format!("key2 {}\nkey1 {first}\n", STANDARD.encode([8; 32]));
    fs::write(&path, &text).unwrap();
    let new = tempfile::tempdir().unwrap();
    restore(new.path(), &holds(old.path(), ""), "", Choice::default()).unwrap();
    assert!(fs::read(new.path().join("pki/encryption.key")).unwrap() == text.as_bytes());
}

#[test]
fn cas_that_are_trusted_beside_come_back() {
    let (old, _) = running("");
    let (beside, _) = crate::trust_folder::foreign_ca("next", OffsetDateTime::now_utc());
    fs::write(old.path().join("pki/ca-trusted.pem"), &beside).unwrap();
    let new = tempfile::tempdir().unwrap();
    restore(new.path(), &holds(old.path(), ""), "", Choice::default()).unwrap();
    assert_eq!(fs::read_to_string(new.path().join("pki/ca-trusted.pem")).unwrap(), beside);
    assert!(!new.path().join("pki/etcd-ca-trusted.pem").exists());
}

/// A node in others' hands says that it trusts a CA of theirs, in the place of ours or beside it.
#[test]
fn a_node_does_not_say_whom_the_cluster_trusts() {
    const CA: &str = "/etc/kubernetes/pki/ca.crt";
    let (old, asked) = running("");
    let ours = fs::read_to_string(old.path().join("pki/ca.pem")).unwrap();
    let (theirs, _) = crate::trust_folder::foreign_ca("theirs", OffsetDateTime::now_utc());
    for lie in [format!("{ours}{theirs}"), theirs.clone(), "junk".to_owned()] {
        let mut lied = Asked { held: asked.held.clone(), silent: Vec::new() };
        lied.held.get_mut("n1").unwrap().insert(CA.into(), Secret::new(lie.into_bytes()));
        let new = tempfile::tempdir().unwrap();
        restore(new.path(), &lied, "", Choice::default()).unwrap();
        assert_eq!(fs::read_to_string(new.path().join("pki/ca.pem")).unwrap(), ours);
        assert!(!new.path().join("pki/ca-trusted.pem").exists());
        // Of masters that differ none is taken.
        let told = lied.held["n1"][CA].clone();
        lied.held.get_mut("m2").unwrap().insert(CA.into(), told);
        assert!(restore(tempfile::tempdir().unwrap().path(), &lied, "", Choice::default()).is_err());
    }
}

/// Made by age-keygen, for tests only.
const RECIPIENT: &str = "age1vn3hj3yjmku3chqrdd3fvye6azrn3vy8at6cvn3jdn3vug0j8ggstph5cr";
const IDENTITY: &str = "AGE-SECRET-KEY-1D9U0MNRNQM70GU7LTRTD76AV3CCLA66A9C6ME0F83RGCY45GD7GSWPL9XU";
const SECOND: &str = "age1mg6gytmg57lsluf8carfkp5u9uywwmvw442tgx5fj66v87ndz9ms4rml3a";
const SECOND_IDENTITY: &str = "AGE-SECRET-KEY-12FQW7CMUC7KU28EF3L85RADL8C4HKXEEXUFN7UZUUY69ZEUZTC5QVD5QSY";
const COPY: &str = "/var/lib/kbootstrap/recovery.age";

fn opened(asked: &Asked, identity: &str, settings: &str) -> Result<BTreeMap<String, Secret>, Error> {
    let identities = Identity::all_from_file(identity.as_bytes(), "recovery.txt").unwrap();
    recover::open_copy(&Catalogue::standard(), &cluster(settings), asked, None, &identities)
}

#[test]
fn with_a_recovery_key_what_only_the_folder_had_comes_back_too() {
    let settings = format!("recoveryKey: {RECIPIENT}\n");
    let (old, _) = running(&settings);
    // A spec that a person has edited is nowhere else either.
    let spec = old.path().join("pki/apiserver-m1-csr.json");
    let edited = fs::read_to_string(&spec).unwrap().replace("\"localhost\"", "\"localhost\", \"mine.example.com\"");
    fs::write(&spec, &edited).unwrap();
    let asked = holds(old.path(), &settings);
    let on: Vec<&str> =
        asked.held.iter().filter(|(_, held)| held.contains_key(COPY)).map(|(host, _)| &**host).collect();
    assert_eq!(on, ["m1", "m2"], "masters have it");

    let closed = tempfile::tempdir().unwrap();
    let report = restore(closed.path(), &asked, &settings, Choice::default()).unwrap();
    assert!(report.missing.iter().all(|missing| missing.means.ends_with("which --identity FILE opens")));
    assert_eq!(report.missing.len(), 2);
    let copy = |dir: &Path| fs::read(dir.join("pki/recovery.age")).unwrap();
    ensure(closed.path(), &settings);
    assert!(copy(closed.path()) == copy(old.path()), "a copy with less in it does not take its place");

    let found = opened(&asked, IDENTITY, &settings).unwrap();
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        ["apiserver-m1-csr.json", "etcd-ca-key.pem", "front-proxy-ca-key.pem"]
    );
    let new = tempfile::tempdir().unwrap();
    let choice = Choice { opened: Some(&found), ..Choice::default() };
    let report = restore(new.path(), &asked, &settings, choice).unwrap();
    assert_eq!(report.missing, []);
    ensure(new.path(), &settings);
    for name in ["etcd-ca-key.pem", "front-proxy-ca-key.pem", "apiserver-m1-csr.json", "recovery.age", "recovery.json"]
    {
        let read = |dir: &TempDir| fs::read(dir.path().join("pki").join(name)).unwrap();
        assert!(read(&old) == read(&new), "{name} is another");
    }
    // Into the folder that was recovered without it, too.
    let wanted = only(&["etcd-ca-key.pem"]);
    restore(closed.path(), &asked, &settings, Choice { only: &wanted, ..choice }).unwrap();
    assert!(
        closed.path().join("pki/etcd-ca-key.pem").exists()
            && !closed.path().join("pki/front-proxy-ca-key.pem").exists()
    );

    let error = opened(&asked, SECOND_IDENTITY, &settings).unwrap_err();
    assert_eq!(error.message, "recovery.age is not encrypted to this identity");
    let (_bare, without) = running("");
    let error = opened(&without, IDENTITY, "").unwrap_err();
    assert!(error.message.starts_with("no master that answered has an encrypted copy"), "{}", error.message);
}

#[test]
fn the_copy_is_made_again_only_when_it_would_hold_something_else() {
    let settings = format!("recoveryKey: {RECIPIENT}\n");
    let (folder, _) = running(&settings);
    let path = |name: &str| folder.path().join("pki").join(name);
    let copy = || fs::read(path("recovery.age")).unwrap();
    let look = |settings: &str| {
        let (catalogue, now) = (Catalogue::standard(), OffsetDateTime::now_utc());
        trust::look(&catalogue, &cluster(settings), folder.path(), now, &Silent).unwrap().to_issue().to_vec()
    };
    let first = copy();
    ensure(folder.path(), &settings);
    assert!(copy() == first && look(&settings).is_empty());
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path("recovery.age")).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    // Somebody else may read it as well.
    let both = format!("recoveryKey: {RECIPIENT} {SECOND}\n");
    assert_eq!(look(&both), ["recovery.age"]);
    ensure(folder.path(), &both);
    let second = copy();
    assert!(second != first);
    let asked = holds(folder.path(), &both);
    assert_eq!(opened(&asked, SECOND_IDENTITY, &both).unwrap(), opened(&asked, IDENTITY, &both).unwrap());
    // A key that is kept elsewhere stays in the copy.
    fs::remove_file(path("etcd-ca-key.pem")).unwrap();
    ensure(folder.path(), &settings);
    assert!(copy() == second);
    // Without the key in the inventory masters are given none, and with a single CA there is nothing to keep.
    assert!(!holds(folder.path(), "").held["m1"].contains_key(COPY));
    let single = format!("{settings}pki: {{authorities: single}}\n");
    assert!(!running(&single).1.held["m1"].contains_key(COPY));
}

#[test]
fn a_recovery_key_is_a_public_key() {
    let refused = |value: &str| {
        let text = format!("recoveryKey: {value}\n{INVENTORY}");
        let error = inventory::parse("x.yaml", text.as_bytes()).and_then(|l| cluster::resolve(&l, &Known::default()));
        report::render(&error.unwrap_err(), false)
    };
    insta::assert_snapshot!([refused(IDENTITY), refused("ssh-ed25519"), refused("''"), refused(&RECIPIENT[..60])].join("\n"), @r"
    error: x.yaml:1:14: this is a private key
      there is a private key in this file: its lines are not shown
    hint: only the public key, age1…, belongs here; make another pair with age-keygen: this one is known now

    error: x.yaml:1:14: `ssh-ed25519` is no public key of age
      1 | recoveryKey: ssh-ed25519
        |              ^^^^^^^^^^^
    hint: it begins with age1: age-keygen -o recovery.txt makes a pair and prints it; ssh keys are not taken

    error: x.yaml:1:14: there is no key in it
      1 | recoveryKey: ''
        |              ^^
    hint: leave it out, or name a key: age1…

    error: x.yaml:1:14: `age1vn3hj3yjmku3chqrdd3fvye6azrn3vy8at6cvn3jdn3vug0j8ggstph5` is no public key of age
      1 | recoveryKey: age1vn3hj3yjmku3chqrdd3fvye6azrn3vy8at6cvn3jdn3vug0j8ggstph5
        |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: it begins with age1: age-keygen -o recovery.txt makes a pair and prints it; ssh keys are not taken
    ");
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let (_old, mut asked) = running("");
    let key = Key::generate(KeyKind::EcdsaP256).unwrap().to_pem();
    asked.held.get_mut("e1").unwrap().insert("/etc/etcd/pki/ca.crt".into(), Secret::new(*b"junk"));
    for master in ["m1", "m2"] {
        asked.held.get_mut(master).unwrap().insert("/etc/kubernetes/encryption.yaml".into(), Secret::new([]));
    }
    let new = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(refused(new.path(), &asked, Choice::default()), @r"
    error: e1: /etc/etcd/pki/ca.crt: there is no PEM block in it
    hint: where another host has it whole, --from HOST takes it from that one

    error: m1: /etc/kubernetes/encryption.yaml: there is no key in it, or it is not of kbootstrap's form
    hint: where another host has it whole, --from HOST takes it from that one

    error: m2: /etc/kubernetes/encryption.yaml: there is no key in it, or it is not of kbootstrap's form
    hint: where another host has it whole, --from HOST takes it from that one

    3 errors
    ");
    // Alone, a key must belong to the certificate that is there.
    let (old, mut asked) = running("");
    fs::remove_file(old.path().join("pki/kubelet-n1-key.pem")).unwrap();
    asked.held.get_mut("n1").unwrap().insert("/etc/kubernetes/pki/kubelet.key".into(), key);
    let wanted = only(&["kubelet-n1-key.pem"]);
    let text = refused(old.path(), &asked, Choice { only: &wanted, ..Choice::default() });
    assert!(text.contains("does not belong to clusters/prod/pki/kubelet-n1.pem"), "{text}");
    // Together with it, it is damage that a new certificate mends.
    let report = restore(tempfile::tempdir().unwrap().path(), &asked, "", Choice::default()).unwrap();
    let damaged = &report.missing[0];
    assert_eq!(damaged.means, "damaged: n1: kubelet-n1-key.pem does not belong to kubelet-n1.pem");
    assert!(!damaged.fatal && !report.files.iter().any(|file| file.file.starts_with("kubelet-n1")));
}

#[test]
fn without_a_masters_secrets_the_rest_is_not_completed() {
    let (_old, mut asked) = running("");
    for master in ["m1", "m2"] {
        let held = asked.held.get_mut(master).unwrap();
        held.retain(|path, _| path != SA && path != "/etc/kubernetes/pki/ca.key");
    }
    let report = restore(tempfile::tempdir().unwrap().path(), &asked, "", Choice::default()).unwrap();
    let fatal = report.fatal();
    let named: Vec<&str> = fatal.iter().map(|text| text.split(':').next().unwrap()).collect();
    assert_eq!(named, ["ca-key.pem", "sa.key"]);
}
