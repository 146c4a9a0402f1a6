//! What is decided about every state that a hierarchy can be found in.

mod found;
mod interrupted;
mod needed;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::*;
use crate::pki::Passwords;
use crate::secret::Secret;
use crate::ui::Silent;

const NOW: OffsetDateTime = datetime!(2026-11-21 10:00 UTC);

const SPEC: &str = "
defaults: {names: [{O: Example}], profile: server}
authorities:
- name: root
  CN: Root
  expiry: 20y
  authorities:
  - name: inner
    CN: Inner
    pathLength: 0
    certificates:
    - {name: web, CN: web, hosts: [web.example, 10.0.0.1], files: {chain: '{name}-chain.pem', ca: '{name}-ca.pem'}}
  certificates:
  - {name: db, CN: db, hosts: [db.example]}
";

/// Knows no password.
struct Nobody;

impl Passwords for Nobody {
    fn ways(&self) -> Option<String> {
        None
    }
    fn of(&self, _: &str) -> crate::error::Result<Option<Secret>> {
        Ok(None)
    }
}

struct Place {
    folder: tempfile::TempDir,
    now: OffsetDateTime,
    interrupt: AtomicBool,
}

impl Place {
    fn empty() -> Self {
        Place { folder: tempfile::tempdir().unwrap(), now: NOW, interrupt: AtomicBool::new(false) }
    }

    /// A folder in which everything was made at [`NOW`].
    fn filled() -> Self {
        let place = Place::empty();
        place.apply(SPEC, &Options::default()).unwrap();
        place
    }

    fn parsed(&self, spec: &str) -> Hierarchy {
        match parse("pki.yaml", spec.as_bytes(), self.folder.path()) {
            Ok(loaded) => loaded.hierarchy,
            Err(error) => panic!("{error} {:?}", error.others),
        }
    }

    fn apply(&self, spec: &str, options: &Options) -> crate::error::Result<usize> {
        let hierarchy = self.parsed(spec);
        let found = look(&hierarchy, 2)?;
        let plan = decide(&hierarchy, &found, options, self.now);
        let interrupt = &self.interrupt;
        let (hierarchy, plan, now) = (&hierarchy, &plan, self.now);
        let passwords = &Nobody;
        apply(&Job { hierarchy, found: &found, plan, options, now, jobs: 2, reporter: &Silent, passwords, interrupt })?;
        Ok(plan.changes())
    }

    fn plan(&self, spec: &str, options: &Options) -> String {
        let hierarchy = self.parsed(spec);
        let plan = decide(&hierarchy, &look(&hierarchy, 2).unwrap(), options, self.now);
        let folder = format!("{}/", self.folder.path().display());
        let mut lines = Vec::new();
        for step in &plan.steps {
            if step.action != Action::Keep || step.state != State::Good {
                let reasons = step.reasons.join("; ");
                let line = format!("{:?} {} ({:?}): {reasons}", step.action, step.name, step.state);
                lines.push(line.trim_end().to_owned());
                lines.extend(step.warnings.iter().map(|warning| format!("  warning: {warning}")));
            }
        }
        for problem in &plan.problems {
            lines.push(format!("problem: {}", problem.message));
            lines.extend(problem.hints.iter().map(|hint| format!("  {hint}")));
        }
        lines.join("\n").replace(&folder, "")
    }

    fn unasked(&self, spec: &str) -> String {
        self.plan(spec, &Options::default())
    }

    fn remove(&self, names: &[&str]) {
        names.iter().for_each(|name| std::fs::remove_file(self.folder.path().join(name)).unwrap());
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).unwrap()
    }

    /// A CA of another folder, as `theirs`.
    fn bring(&self, other: &Place, ca: &str) {
        for end in [".pem", "-key.pem"] {
            let theirs = self.folder.path().join(format!("theirs{end}"));
            std::fs::copy(other.folder.path().join(format!("{ca}{end}")), theirs).unwrap();
        }
    }

    fn copy(&self, from: &str, to: &str) {
        std::fs::copy(self.folder.path().join(from), self.folder.path().join(to)).unwrap();
    }
}

fn renew(name: &str) -> Options {
    Options { renew: [name.to_owned()].into(), ..Options::default() }
}

fn replace(name: &str) -> Options {
    Options { replace: [name.to_owned()].into(), ..Options::default() }
}

#[test]
fn an_empty_folder_gets_everything_and_a_full_one_nothing() {
    let empty = Place::empty();
    insta::assert_snapshot!(empty.unasked(SPEC), @r"
    Make root (Missing): it is not there
    Make inner (Missing): it is not there
    Make web (Missing): it is not there
    Make db (Missing): it is not there
    ");
    let place = Place::filled();
    assert_eq!(place.unasked(SPEC), "");
    assert_eq!(place.apply(SPEC, &Options::default()).unwrap(), 0);
}

#[test]
fn what_is_missing_is_made_and_keys_that_are_there_are_used() {
    let place = Place::filled();
    let key = place.read("web-key.pem");
    place.remove(&["web.pem", "db-key.pem", "web-ca.pem"]);
    insta::assert_snapshot!(place.unasked(SPEC), @r"
    Issue web (Missing): its key is there, it is not
    Make db (Missing): its key is not there
    ");
    place.apply(SPEC, &Options::default()).unwrap();
    assert_eq!(place.read("web-key.pem"), key);
    assert_eq!(place.unasked(SPEC), "");
    place.remove(&["web-chain.pem"]);
    insta::assert_snapshot!(place.unasked(SPEC), @"Chain web (Good): web-chain.pem is not there");
}

#[test]
fn what_changed_in_the_specification_is_issued_anew() {
    let place = Place::filled();
    let changed = |from: &str, to: &str| place.unasked(&SPEC.replace(from, to));
    insta::assert_snapshot!(changed("web.example, 10.0.0.1", "web.example, web2.example"), @"Issue web (Changed): it lacks the names DNS:web2.example, and has IP:10.0.0.1, which are not wanted");
    insta::assert_snapshot!(changed("CN: db", "CN: database"), @"Issue db (Changed): its subject is `O=Example, CN=db`, `O=Example, CN=database` is wanted");
    insta::assert_snapshot!(changed("profile: server", "profile: client"), @r"
    Issue web (Changed): it lacks the usages client auth, and has server auth, which are not wanted
    Issue db (Changed): it lacks the usages client auth, and has server auth, which are not wanted
    ");
    insta::assert_snapshot!(changed("CN: db", "key: {algo: rsa}, CN: db"), @"Make db (Changed): its key is ecdsa-256, rsa-2048 is wanted");
    insta::assert_snapshot!(changed("  CN: Root", "  CN: Root\n  crlUrl: http://crl"), @r"
    Keep inner (Changed):
      warning: it has no CRL address: `--renew-ca inner` applies the specification
    Issue db (Changed): it has no CRL address
    ");
    assert_eq!(changed("[web.example, 10.0.0.1]", "[10.0.0.1, web.example]"), "", "another order changes nothing");
    assert_eq!(changed("CN: db", "expiry: 30d, CN: db"), "", "another life counts from the next issue on");
}

#[test]
fn certificates_are_renewed_in_time_and_cas_only_reported() {
    let mut place = Place::filled();
    place.now = NOW + Duration::days(334);
    assert_eq!(place.unasked(SPEC), "");
    place.now = NOW + Duration::days(336);
    insta::assert_snapshot!(place.unasked(SPEC), @r"
    Issue web (Due): it ends in 28 days, on 2027-11-21 09:55 UTC
    Issue db (Due): it ends in 28 days, on 2027-11-21 09:55 UTC
    ");
    place.now = NOW + Duration::days(400);
    insta::assert_snapshot!(place.unasked(SPEC), @r"
    Issue web (Expired): it has expired on 2027-11-21 09:55 UTC
    Issue db (Expired): it has expired on 2027-11-21 09:55 UTC
    ");
    place.apply(SPEC, &Options::default()).unwrap();
    assert_eq!(place.unasked(SPEC), "");
    // `inner` has ten years.
    place.now = NOW + Duration::days(3650 - 100);
    insta::assert_snapshot!(place.unasked(SPEC), @r"
    Keep inner (Due):
      warning: it ends in 99 days, on 2036-11-18 09:55 UTC: renew it with `--renew-ca inner`
    Issue web (Expired): it has expired on 2028-12-25 09:55 UTC
    Issue db (Expired): it has expired on 2028-12-25 09:55 UTC
    problem: certificate web: it has expired on 2028-12-25 09:55 UTC; the certificate would end 2037-08-10 09:55 UTC, after its CA, which ends 2036-11-18 09:55 UTC
      renew the CA with `--renew-ca inner`
      or shorten its `expiry`
    ");
    insta::assert_snapshot!(place.plan(SPEC, &renew("inner")), @r"
    Renew inner (Changed): you asked for its renewal
    Issue web (Expired): it has expired on 2028-12-25 09:55 UTC
    Issue db (Expired): it has expired on 2028-12-25 09:55 UTC
    ");
    let (key, db) = (place.read("inner-key.pem"), place.read("web-key.pem"));
    place.apply(SPEC, &renew("inner")).unwrap();
    assert_eq!((place.read("inner-key.pem"), place.read("web-key.pem")), (key, db));
    assert_eq!(place.unasked(SPEC), "");
}

#[test]
fn a_life_shorter_than_the_time_before_its_end_is_no_endless_loop() {
    let mut place = Place::empty();
    let spec = SPEC.replace("profile: server", "profile: server, expiry: 24h, renewBefore: 30d");
    place.apply(&spec, &Options::default()).unwrap();
    assert_eq!(place.unasked(&spec), "");
    place.now = NOW + Duration::hours(13);
    assert_eq!(place.unasked(&spec).lines().count(), 2);
}

#[test]
fn a_ca_without_its_key_is_fine_while_it_signs_nothing() {
    let place = Place::filled();
    place.remove(&["root-key.pem", "inner-key.pem"]);
    assert_eq!(place.unasked(SPEC), "");
    place.remove(&["db.pem"]);
    insta::assert_snapshot!(place.unasked(SPEC), @r"
    Issue db (Missing): its key is there, it is not
    problem: certificate db: its key is there, it is not; the key of CA root, root-key.pem, is not there
      bring the key of CA root for this run
    ");
    assert!(place.apply(SPEC, &Options::default()).is_err());
    assert!(!place.folder.path().join("db.pem").exists());
}

#[test]
fn a_ca_that_is_gone_is_not_replaced_unasked() {
    let place = Place::filled();
    place.remove(&["root.pem", "root-key.pem"]);
    insta::assert_snapshot!(place.unasked(SPEC), @r"
    Keep root (Wrong):
    Keep inner (Unknown):
      warning: CA root is to be mended first
    Keep web (Unknown):
      warning: CA inner is to be mended first
    Keep db (Unknown):
      warning: CA root is to be mended first
    problem: CA root: root.pem is gone, though certificates of it are there
      bring it back from your backup
      or have a new one made, and all its certificates with it: --replace-ca root
    ");
    insta::assert_snapshot!(place.plan(SPEC, &replace("root")), @r"
    Make root (Changed): you asked for a new one
    Renew inner (Changed): its CA is new
    Chain web (Good): its chain has the old certificate of CA inner
    Issue db (Changed): its CA is new
    ");
    let inner = place.read("inner-key.pem");
    place.apply(SPEC, &replace("root")).unwrap();
    assert_eq!(place.read("inner-key.pem"), inner, "its intermediate CAs keep their keys");
    assert_eq!(place.unasked(SPEC), "");
}

#[test]
fn a_ca_that_differs_is_reported_and_used() {
    let place = Place::filled();
    let spec = SPEC.replace("CN: Root", "CN: Other").replace("pathLength: 0", "pathLength: 1");
    insta::assert_snapshot!(place.unasked(&spec), @r"
    Keep root (Changed):
      warning: its subject is `O=Example, CN=Root`, `O=Example, CN=Other` is wanted: that takes a new CA (`--replace-ca root`), and all its certificates issued again
    Keep inner (Changed):
      warning: its CA constraint is another: `--renew-ca inner` applies the specification
    ");
    insta::assert_snapshot!(place.plan(&spec, &renew("inner")), @r"
    Keep root (Changed):
      warning: its subject is `O=Example, CN=Root`, `O=Example, CN=Other` is wanted: that takes a new CA (`--replace-ca root`), and all its certificates issued again
    Renew inner (Changed): you asked for its renewal; its CA constraint is another
    Chain web (Good): its chain has the old certificate of CA inner
    ");
    place.apply(&spec, &renew("inner")).unwrap();
    place.apply(&spec, &replace("root")).unwrap();
    assert_eq!(place.unasked(&spec), "");
}

#[test]
fn files_that_do_not_belong_together_are_named_all_at_once() {
    let place = Place::filled();
    place.copy("db-key.pem", "root-key.pem");
    place.copy("web.pem", "inner.pem");
    place.copy("web-key.pem", "db-key.pem");
    insta::assert_snapshot!(place.unasked(SPEC), @r"
    Keep root (Wrong):
    Keep inner (Unknown):
      warning: CA root is to be mended first
    Keep web (Unknown):
      warning: CA inner is to be mended first
    Keep db (Unknown):
      warning: CA root is to be mended first
    problem: CA root: the key that is there is not that of its certificate
      bring the right one; a CA without its key is fine while it has nothing to sign
      where a run with --replace-ca root was interrupted: repeat it
    ");
    std::fs::write(place.folder.path().join("db.pem"), "junk").unwrap();
    std::fs::write(place.folder.path().join("web-key.pem"), "junk").unwrap();
    let error = look(&place.parsed(SPEC), 1).unwrap_err();
    assert_eq!(error.others.len(), 1);
}

#[test]
fn an_external_ca_is_used_and_never_touched() {
    let other = Place::filled();
    let place = Place::empty();
    let spec = "authorities: [{name: theirs, external: true, certificates: [{name: a, hosts: [a]}]}]";
    insta::assert_snapshot!(place.unasked(spec), @r"
    Keep theirs (Wrong):
    Keep a (Missing):
      warning: it is not there, and CA theirs is to be mended first
    problem: CA theirs: it is `external`, but theirs.pem is not there
      bring it
    ");
    place.bring(&other, "inner");
    place.apply(spec, &Options::default()).unwrap();
    assert_eq!(place.unasked(spec), "");
    insta::assert_snapshot!(place.plan(spec, &renew("theirs")), @r"
    Keep theirs (Wrong):
    Keep a (Unknown):
      warning: CA theirs is to be mended first
    problem: CA theirs: it is `external`: kbootstrap does not renew it
    ");
    insta::assert_snapshot!(place.plan(spec, &replace("their")), @r"
    problem: there is no CA `their` in the specification
      did you mean `theirs`?
    ");
}

#[test]
fn an_external_ca_that_may_issue_no_cas_is_noticed_before_anything_is_written() {
    let other = Place::filled();
    let place = Place::empty();
    place.bring(&other, "inner");
    let spec = "authorities: [{name: theirs, external: true, authorities: [{name: deep, CN: Deep}]}]";
    insta::assert_snapshot!(place.unasked(spec), @r"
    Make deep (Missing): it is not there
    problem: CA deep: it is not there; CA theirs may not issue CA certificates: its path length is 0
    ");
}

#[test]
fn a_clock_that_runs_behind_is_noticed() {
    let mut place = Place::filled();
    place.now = NOW - Duration::days(2);
    insta::assert_snapshot!(place.unasked(SPEC), @r"
    Keep root (Wrong):
    Keep inner (Unknown):
      warning: CA root is to be mended first
    Keep web (Unknown):
      warning: CA inner is to be mended first
    Keep db (Unknown):
      warning: CA root is to be mended first
    problem: CA root: it is not valid before 2026-11-21 09:55 UTC
      is the clock of this machine right?
    ");
}

#[test]
fn names_that_are_filled_in() {
    let place = Place::empty();
    let spec = "
folder: out
authorities:
- name: ca
  CN: ca
  folder: cas
  certificates:
  - {name: 'node-{n}', count: 2, CN: 'node {n}', hosts: ['node-{n}.example']}
  - name: 'member-{host}'
    folder: '{host}'
    each: [{host: a, ip: 10.0.0.1}, {host: b, ip: 10.0.0.2}]
    hosts: ['{host}', '{ip}']
    files: {certificate: '{name}.crt', key: '{name}.key'}
";
    let hierarchy = place.parsed(spec);
    let shown: Vec<String> = hierarchy
        .items
        .iter()
        .map(|i| {
            let path = i.files.certificate.strip_prefix(place.folder.path()).unwrap_or(Path::new("?")).display();
            format!("{} {:?} {:?} {path}", i.name, i.spec.cn, i.spec.hosts)
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    ca "ca" [] out/cas/ca.pem
    node-1 "node 1" ["node-1.example"] out/cas/node-1.pem
    node-2 "node 2" ["node-2.example"] out/cas/node-2.pem
    member-a "" ["a", "10.0.0.1"] out/cas/a/member-a.crt
    member-b "" ["b", "10.0.0.2"] out/cas/b/member-b.crt
    "#);
    place.apply(spec, &Options::default()).unwrap();
    assert_eq!(place.unasked(spec), "");
}
