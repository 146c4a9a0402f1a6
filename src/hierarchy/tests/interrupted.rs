//! What an interruption leaves, and how the next run resumes from it.

use super::*;

const DEEP: &str = "
defaults: {files: {chain: '{name}-chain.pem', ca: '{name}-ca.pem'}}
authorities:
- name: root
  CN: Root
  authorities:
  - {name: mid, CN: Mid, certificates: [{name: leaf, CN: leaf}]}
";

/// A tree whose root is by now one of the same name with another key.
fn with_another_root() -> Place {
    let (place, other) = (Place::empty(), Place::empty());
    place.apply(DEEP, &Options::default()).unwrap();
    other.apply(DEEP, &Options::default()).unwrap();
    for name in ["root.pem", "root-key.pem"] {
        std::fs::copy(other.folder.path().join(name), place.folder.path().join(name)).unwrap();
    }
    place
}

#[test]
fn a_run_that_was_interrupted_is_gone_on_with() {
    let place = Place::empty();
    // Keys are written before their certificates.
    let key = crate::pki::Key::generate(crate::pki::KeyKind::EcdsaP256).unwrap();
    crate::files::write_key(&place.folder.path().join("root-key.pem"), &key.to_pem()).unwrap();
    place.apply(SPEC, &Options::default()).unwrap();
    assert_eq!(place.unasked(SPEC), "");
    assert_eq!(place.read("root-key.pem"), key.to_pem().expose());
}

#[test]
fn who_is_interrupted_leaves_nothing_half_done() {
    let mut place = Place::empty();
    place.interrupt = AtomicBool::new(true);
    let error = place.apply(SPEC, &Options::default()).unwrap_err();
    assert_eq!(error.kind.exit_code(), 130);
    assert_eq!(std::fs::read_dir(place.folder.path()).unwrap().count(), 0);
    place.interrupt = AtomicBool::new(false);
    assert_eq!(place.apply(SPEC, &Options::default()).unwrap(), 4);
}

#[test]
fn a_replaced_root_is_gone_on_with_by_a_plain_run() {
    let place = with_another_root();
    insta::assert_snapshot!(place.unasked(DEEP), @r"
    Chain root (Good): root-chain.pem is out of date
    Renew mid (Changed): it was issued by a CA of the same name with another key
    Chain leaf (Good): its chain has the old certificate of CA mid
    ");
    let kept = ["mid-key.pem", "leaf.pem", "leaf-key.pem"];
    let before = kept.map(|name| place.read(name));
    place.apply(DEEP, &Options::default()).unwrap();
    assert_eq!(kept.map(|name| place.read(name)), before, "what an intermediate CA has issued stays valid");
    assert_eq!(place.unasked(DEEP), "");
    assert_eq!(place.read("leaf-ca.pem"), [place.read("mid.pem"), place.read("root.pem")].concat());
    let certificate = |name: &str| crate::pki::Certificate::from_pem(&place.read(name), name).unwrap();
    crate::pki::signed_by(&certificate("mid.pem"), &certificate("root.pem")).unwrap();
}

#[test]
fn an_external_intermediate_of_the_old_root_is_for_its_owner_to_bring_anew() {
    let place = with_another_root();
    insta::assert_snapshot!(place.unasked(&DEEP.replace("name: mid,", "name: mid, external: true,")), @r"
    Chain root (Good): root-chain.pem is out of date
    Keep mid (Wrong):
    Keep leaf (Unknown):
      warning: CA mid is to be mended first
    problem: CA mid: it was issued by a CA of the same name with another key
      bring one that this CA has issued
    ");
}

#[test]
fn a_new_key_with_the_old_certificate_says_how_to_go_on() {
    let place = Place::filled();
    let key = crate::pki::Key::generate(crate::pki::KeyKind::EcdsaP256).unwrap();
    crate::files::write_key(&place.folder.path().join("root-key.pem"), &key.to_pem()).unwrap();
    let said = place.unasked(SPEC);
    assert!(said.contains("where a run with --replace-ca root was interrupted: repeat it"), "{said}");
    place.apply(SPEC, &replace("root")).unwrap();
    assert_eq!(place.unasked(SPEC), "");
}

#[test]
fn what_was_asked_for_is_to_be_asked_for_again() {
    let mut place = Place::filled();
    place.interrupt = AtomicBool::new(true);
    let hints = |options: &Options| place.apply(SPEC, options).unwrap_err().hints;
    assert_eq!(
        hints(&replace("root")),
        ["what is made so far stays; repeat the command with --replace-ca root to have the rest done"]
    );
    place.remove(&["db.pem"]);
    assert_eq!(hints(&Options::default()), ["the next run goes on from here"]);
}
