//! What lies in the places, and what is said of it.

use super::*;

const FILES: &str = "defaults: {files: {chain: '{name}-chain.pem', ca: '{name}-ca.pem'}}";

#[test]
fn an_intermediate_ca_on_top_belongs_into_chains_and_a_root_does_not() {
    let other = Place::filled();
    let place = Place::empty();
    for (from, to) in [("inner.pem", "theirs.pem"), ("inner-key.pem", "theirs-key.pem")] {
        std::fs::copy(other.folder.path().join(from), place.folder.path().join(to)).unwrap();
    }
    let spec = format!("{FILES}\nauthorities: [{{name: theirs, external: true, certificates: [{{name: a, CN: a}}]}}]");
    place.apply(&spec, &Wishes::default()).unwrap();
    assert_eq!(place.read("a-chain.pem"), [place.read("a.pem"), place.read("theirs.pem")].concat());
    assert_eq!(place.read("a-ca.pem"), place.read("theirs.pem"));
    for (from, to) in [("root.pem", "theirs.pem"), ("root-key.pem", "theirs-key.pem")] {
        std::fs::copy(other.folder.path().join(from), place.folder.path().join(to)).unwrap();
    }
    place.apply(&spec, &Wishes::default()).unwrap();
    assert_eq!(place.read("a-chain.pem"), place.read("a.pem"), "an external root");

    let place = Place::empty();
    let spec = format!("{FILES}\nauthorities: [{{name: root, CN: root, certificates: [{{name: a, CN: a}}]}}]");
    place.apply(&spec, &Wishes::default()).unwrap();
    assert_eq!(place.read("a-chain.pem"), place.read("a.pem"));
    assert_eq!(place.read("root-ca.pem"), place.read("root.pem"), "no file is empty");
    assert_eq!(place.read("root-chain.pem"), place.read("root.pem"));
    assert_eq!(place.unasked(&spec), "");
}
