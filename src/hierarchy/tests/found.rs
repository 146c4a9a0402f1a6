//! What lies in the places, and what is said of it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use super::*;

const FILES: &str = "defaults: {files: {chain: '{name}-chain.pem', ca: '{name}-ca.pem'}}";

#[test]
fn an_intermediate_ca_on_top_belongs_into_chains_and_a_root_does_not() {
    let other = Place::filled();
    let place = Place::empty();
    place.bring(&other, "inner");
    let spec = format!("{FILES}\nauthorities: [{{name: theirs, external: true, certificates: [{{name: a, CN: a}}]}}]");
    place.apply(&spec, &Options::default()).unwrap();
    assert_eq!(place.read("a-chain.pem"), [place.read("a.pem"), place.read("theirs.pem")].concat());
    assert_eq!(place.read("a-ca.pem"), place.read("theirs.pem"));
    place.bring(&other, "root");
    place.apply(&spec, &Options::default()).unwrap();
    assert_eq!(place.read("a-chain.pem"), place.read("a.pem"), "an external root");

    let place = Place::empty();
    let spec = format!("{FILES}\nauthorities: [{{name: root, CN: root, certificates: [{{name: a, CN: a}}]}}]");
    place.apply(&spec, &Options::default()).unwrap();
    assert_eq!(place.read("a-chain.pem"), place.read("a.pem"));
    assert_eq!(place.read("root-ca.pem"), place.read("root.pem"), "no file is empty");
    assert_eq!(place.read("root-chain.pem"), place.read("root.pem"));
    assert_eq!(place.unasked(&spec), "");
}

#[test]
fn what_stands_below_a_broken_ca_is_not_called_good() {
    let place = Place::filled();
    place.copy("db-key.pem", "root-key.pem");
    place.remove(&["web.pem", "db.pem"]);
    insta::assert_snapshot!(place.unasked(SPEC), @r"
    Keep root (Wrong):
    Keep inner (Unknown):
      warning: CA root is to be mended first
    Keep web (Missing):
      warning: it is not there, and CA inner is to be mended first
    Keep db (Missing):
      warning: it is not there, and CA root is to be mended first
    problem: CA root: the key that is there is not that of its certificate
      bring the right one; a CA without its key is fine while it has nothing to sign
      where a run with --replace-ca root was interrupted: repeat it
    ");
}

#[test]
fn keys_that_others_can_read_are_pointed_out() {
    let place = Place::filled();
    for (name, mode) in [("root-key.pem", 0o644), ("web-key.pem", 0o660), ("db-key.pem", 0o640)] {
        std::fs::set_permissions(place.folder.path().join(name), Permissions::from_mode(mode)).unwrap();
    }
    insta::assert_snapshot!(place.unasked(SPEC), @r"
    Keep root (Changed):
      warning: its key root-key.pem is mode 0644, others can use it: chmod 600 root-key.pem
    Keep web (Changed):
      warning: its key web-key.pem is mode 0660, others can use it: chmod 600 web-key.pem
    ");
    // That a service reads its key by its group is usual. A new key is written with the right permissions.
    let other = SPEC.replace("CN: web,", "CN: web, key: {algo: rsa},");
    assert!(!place.unasked(&other).contains("web-key.pem"), "{}", place.unasked(&other));
}

#[test]
fn a_damaged_certificate_is_mended_by_who_made_it() {
    let place = Place::filled();
    for name in ["root.pem", "inner.pem", "db.pem"] {
        std::fs::write(place.folder.path().join(name), "junk").unwrap();
    }
    let spec = SPEC.replace("name: inner\n", "name: inner\n    external: true\n");
    let error = look(&place.parsed(&spec), 1).unwrap_err();
    let all: Vec<_> = error.each().map(|e| format!("{}\n  {}", e.message, e.hints.join("\n  "))).collect();
    insta::assert_snapshot!(all.join("\n").replace(&format!("{}/", place.folder.path().display()), ""), @r"
    CA root: root.pem: there is no PEM block in it
      bring it back from your backup
      or delete root.pem and have a new CA made, and all its certificates: --replace-ca root
    CA inner: inner.pem: it is neither PEM nor DER
      bring the right one: it is `external`, kbootstrap makes none in its place
    certificate db: db.pem: there is no PEM block in it
      delete db.pem to have it made again, or bring the right one
    ");
}
