//! Folders and bundles: what they hold, how they travel, how damage shows.

use std::fs::{self, File};
use std::io::Read;

use kbootstrap::artifacts::{Lock, OriginKind, Store, import, verify, write_bundle};
use kbootstrap::ui::Silent;

use crate::artifacts_fixture::{Place, bin_in, everything, fill, folder, program, some};

#[test]
fn a_folder_by_name_gives_everything() {
    let place = Place::new();
    let bin = bin_in(place.dir.path());
    let programs = place.ensure(&everything(), &[folder(&bin)]).unwrap();
    assert_eq!(place.bytes(&programs, "cni-flannel"), program("cni-flannel", 3000));
    assert_eq!(programs.iter().count(), everything().len());
    assert!(programs.get("kubeadm").is_err());
}

#[test]
fn a_version_folder_wins_over_a_flat_one() {
    let place = Place::new();
    let versioned = place.dir.path().join("srv/bin/1.36.3");
    fs::create_dir_all(&versioned).unwrap();
    fs::write(versioned.join("kubelet"), program("right", 3000)).unwrap();
    fs::write(place.dir.path().join("srv/kubelet"), program("wrong", 3000)).unwrap();
    let programs = place.ensure(&some(&["kubelet"]), &[folder(&place.dir.path().join("srv"))]).unwrap();
    assert_eq!(place.bytes(&programs, "kubelet"), program("right", 3000));
}

#[test]
fn what_another_folder_brought_is_not_taken_for_this_one() {
    let place = Place::new();
    let (one, two) = (place.dir.path().join("one"), place.dir.path().join("two"));
    for (dir, name) in [(&one, "first"), (&two, "second")] {
        fs::create_dir(dir).unwrap();
        fs::write(dir.join("runc"), program(name, 3000)).unwrap();
    }
    place.ensure(&some(&["runc"]), &[folder(&one)]).unwrap();
    fs::remove_file(place.lock()).unwrap();
    let programs = place.ensure(&some(&["runc"]), &[folder(&two)]).unwrap();
    assert_eq!(place.bytes(&programs, "runc"), program("second", 3000));
}

#[test]
fn a_folder_that_changed_is_refused_by_the_lock() {
    let place = Place::new();
    fill(place.dir.path());
    place.ensure(&some(&["runc"]), &[folder(place.dir.path())]).unwrap();
    fs::write(place.dir.path().join("runc"), program("changed", 3000)).unwrap();
    // As long as the store has the pinned bytes, they are used.
    let programs = place.ensure(&some(&["runc"]), &[folder(place.dir.path())]).unwrap();
    assert_eq!(place.bytes(&programs, "runc"), program("runc", 3000));
    fs::remove_dir_all(place.store.dir()).unwrap();
    let store = Store::open(place.store.cache());
    let place = Place { store, ..place };
    let error = place.ensure(&some(&["runc"]), &[folder(place.dir.path())]).unwrap_err();
    assert!(error.details[0].contains("the lock file refuses it: runc 1.5.2 is not what it was"), "{error:?}");
    assert!(error.hints[0].contains("--update-lock"), "{error:?}");
}

/// A place with everything in its store, and a bundle of it.
fn bundled() -> (Place, std::path::PathBuf) {
    let place = Place::new();
    let bin = bin_in(place.dir.path());
    place.ensure(&everything(), &[folder(&bin)]).unwrap();
    let file = place.dir.path().join("all.tar");
    let lock = Lock::read(&place.lock()).unwrap();
    let written = write_bundle(&lock, &place.store, &file, &Silent).unwrap();
    assert_eq!(written.artifacts.len(), everything().len());
    (place, file)
}

#[test]
fn a_bundle_brings_everything_to_a_site_without_a_way_out() {
    let (_from, file) = bundled();
    let site = Place::new();
    import(&file, &site.store, &Silent).unwrap();
    assert!(site.store.records().unwrap().iter().all(|r| r.labels.iter().all(|l| l.origin.kind == OriginKind::Import)));
    // No source could bring anything, and none is asked.
    let nowhere = [folder(&site.dir.path().join("nowhere"))];
    let programs = site.ensure(&everything(), &nowhere).unwrap();
    assert_eq!(site.bytes(&programs, "kube-apiserver"), program("kube-apiserver", 3000));
    assert!(verify(&site.store, true, &Silent).unwrap().iter().all(|f| f.problem.is_none()));
}

#[test]
fn a_bundle_is_a_source_of_which_only_the_wanted_is_taken() {
    let (_from, file) = bundled();
    let site = Place::new();
    let programs = site.ensure(&some(&["kubelet", "runc"]), &[folder(&file)]).unwrap();
    assert_eq!(site.bytes(&programs, "runc"), program("runc", 3000));
    assert_eq!(site.stored(), 4, "two files with their records");
}

#[test]
fn a_bundle_with_changed_bytes_or_cut_short_is_refused() {
    let (_from, file) = bundled();
    let bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    let mut changed = bytes.clone();
    changed[middle..middle + 2048].iter_mut().for_each(|byte| *byte ^= 0x55);
    for damaged in [&changed, &bytes[..middle]] {
        fs::write(&file, damaged).unwrap();
        let error = import(&file, &Place::new().store, &Silent).unwrap_err();
        assert!(error.message.contains("all.tar"), "{error:?}");
    }
}

#[test]
fn a_file_that_is_no_bundle_is_told() {
    let place = Place::new();
    let file = place.dir.path().join("x.tar");
    let mut tar = tar::Builder::new(File::create(&file).unwrap());
    tar.append_dir("etc", place.dir.path()).unwrap();
    tar.finish().unwrap();
    let error = import(&file, &place.store, &Silent).unwrap_err();
    assert!(error.message.ends_with("x.tar is not a bundle"), "{error:?}");
    let error = import(&place.dir.path().join("none.tar"), &place.store, &Silent).unwrap_err();
    assert!(error.message.contains("cannot open the bundle"), "{error:?}");
}

#[test]
fn damage_is_found_by_its_depth() {
    let (place, _) = bundled();
    let record = place.store.records().unwrap().into_iter().find(|r| r.labels[0].name == "kubelet").unwrap();
    let path = place.store.file(&record.sha256);
    let mut bytes = Vec::new();
    File::open(&path).unwrap().read_to_end(&mut bytes).unwrap();
    let last = bytes.len() - 10;
    bytes[last] ^= 1;
    fs::write(&path, &bytes).unwrap();
    // The length is right, so that a quick look sees nothing; reading does.
    let findings = verify(&place.store, false, &Silent).unwrap();
    let bad: Vec<_> = findings.iter().filter_map(|f| f.problem.as_ref().map(|p| (f.what.as_str(), p))).collect();
    assert_eq!(bad.len(), 1);
    assert_eq!(bad[0].0, "kubelet 1.36.3 (amd64)");
    assert!(bad[0].1.contains("its bytes are not those that were written"), "{bad:?}");
    assert_eq!(verify(&place.store, true, &Silent).unwrap().iter().filter(|f| f.problem.is_some()).count(), 1);
}
