//! Folders and bundles: what they hold, how they travel, how damage shows.

use std::fs::{self, File};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::Command;

use kbootstrap::artifacts::{Lock, Locked, OriginKind, Store, Stored, import, verify, write_bundle};
use kbootstrap::components::Catalogue;
use kbootstrap::ui::Silent;
use serde_json::json;

use crate::artifacts_fixture::{Place, bin_in, everything, fill, folder, image, program, sha256, some, tar_of};

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

/// Who tries it out with /dev/null, or hands it on through a pipe, keeps the device.
#[test]
fn a_bundle_goes_into_the_device_or_pipe_that_is_there() {
    let (place, file) = bundled();
    let lock = Lock::read(&place.lock()).unwrap();
    let (pipe, null) = (place.dir.path().join("pipe"), place.dir.path().join("null"));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(Command::new("mknod").arg(&null).args(["c", "1", "3"]).status().unwrap().success(), "devices need root");
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read(pipe).unwrap()
    });
    for out in [&pipe, &null] {
        write_bundle(&lock, &place.store, out, &Silent).unwrap();
    }
    assert_eq!(reader.join().unwrap(), fs::read(&file).unwrap());
    let kind = |path: &Path| fs::symlink_metadata(path).unwrap().file_type();
    assert!(kind(&pipe).is_fifo() && kind(&null).is_char_device());
}

/// Names of gigabytes are not read into memory: a file of 8 KiB on the disk can have one.
#[test]
fn a_bundle_has_no_long_names() {
    let (_from, file) = bundled();
    let whole = fs::read(&file).unwrap();
    let mut long = tar::Header::new_gnu();
    long.set_path("././@LongLink").unwrap();
    long.set_entry_type(tar::EntryType::GNULongName);
    // 64 GiB, of which nothing is on the disk.
    long.set_size(64 << 30);
    long.set_cksum();
    let began = std::time::Instant::now();
    fs::write(&file, long.as_bytes()).unwrap();
    File::options().write(true).open(&file).unwrap().set_len(65 << 30).unwrap();
    let error = import(&file, &Place::new().store, &Catalogue::standard(), &Silent).unwrap_err();
    assert!(error.message.ends_with("all.tar is not a bundle") && began.elapsed().as_secs() < 20, "{error:?}");
    // A name that only an extension gives is none.
    long.set_size(512);
    long.set_cksum();
    let mut name = [0; 512];
    name[..14].copy_from_slice(b"artifacts.lock");
    fs::write(&file, [long.as_bytes().as_slice(), &name, &whole].concat()).unwrap();
    let error = import(&file, &Place::new().store, &Catalogue::standard(), &Silent).unwrap_err();
    assert!(error.message.ends_with("all.tar is not a bundle"), "{error:?}");
}

#[test]
fn a_bundle_brings_everything_to_a_site_without_a_way_out() {
    let (_from, file) = bundled();
    let site = Place::new();
    import(&file, &site.store, &Catalogue::standard(), &Silent).unwrap();
    assert!(site.store.records().unwrap().iter().all(|r| r.labels.iter().all(|l| l.origin.kind == OriginKind::Import)));
    // No source could bring anything, and none is asked.
    let nowhere = [folder(&site.dir.path().join("nowhere"))];
    let programs = site.ensure(&everything(), &nowhere).unwrap();
    assert_eq!(site.bytes(&programs, "kube-apiserver"), program("kube-apiserver", 3000));
    assert!(verify(&site.store, &Silent).unwrap().iter().all(|f| f.problem.is_none()));
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
        let error = import(&file, &Place::new().store, &Catalogue::standard(), &Silent).unwrap_err();
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
    let error = import(&file, &place.store, &Catalogue::standard(), &Silent).unwrap_err();
    assert!(error.message.ends_with("x.tar is not a bundle"), "{error:?}");
    let error = import(&place.dir.path().join("none.tar"), &place.store, &Catalogue::standard(), &Silent).unwrap_err();
    assert!(error.message.contains("cannot open the bundle"), "{error:?}");
}

/// A bundle that somebody has made by hand: a list, and a frame with its record for each of the bytes.
fn forged(file: &Path, lock: &Lock, things: &[(&[u8], serde_json::Value)]) {
    let mut files = vec![("artifacts.lock".to_owned(), lock.bytes().unwrap())];
    for (raw, labels) in things {
        let (hash, frame) = (sha256(raw), zstd::encode_all(*raw, 3).unwrap());
        let record = json!({"sha256": hash, "size": raw.len(), "compressedSha256": sha256(&frame),
                            "compressedSize": frame.len(), "labels": labels});
        files.push((format!("store/{hash}.json"), record.to_string().into_bytes()));
        files.push((format!("store/{hash}.zst"), frame));
    }
    fs::write(file, tar_of(&files)).unwrap();
}

fn locked(name: &str, version: &str, raw: &[u8]) -> Locked {
    let (name, version) = (name.to_owned(), version.to_owned());
    let source = "https://dl.k8s.io/release/x".to_owned();
    Locked { name, version, arch: "amd64".into(), sha256: sha256(raw), size: raw.len() as u64, source }
}

fn claims(name: &str, version: &str) -> serde_json::Value {
    json!([{"name": name, "version": version, "arch": "amd64",
            "origin": {"kind": "build", "from": "built from source"}}])
}

#[test]
fn a_bundle_brings_only_what_its_list_names_under_the_names_of_the_list() {
    let site = Place::new();
    let file = site.dir.path().join("forged.tar");
    let (runc, evil) = (program("runc", 3000), program("evil", 3000));
    let lock = Lock { artifacts: vec![locked("runc", "1.5.2", &runc)], ..Lock::default() };
    // One record that the list does not name, and one whose label says something else than the list.
    forged(&file, &lock, &[(&runc, claims("kube-proxy", "1.36.3")), (&evil, claims("kubelet", "1.36.3"))]);
    import(&file, &site.store, &Catalogue::standard(), &Silent).unwrap();
    let records = site.store.records().unwrap();
    assert_eq!(records.len(), 1, "{records:?}");
    let [label] = &records[0].labels[..] else { panic!("{records:?}") };
    assert_eq!((label.name.as_str(), label.version.as_str(), label.origin.kind), ("runc", "1.5.2", OriginKind::Import));
    let said = format!("imported from {}, which says: https://dl.k8s.io/release/x", file.display());
    assert_eq!(label.origin.from, said);

    let nowhere = [folder(&site.dir.path().join("nowhere"))];
    assert!(site.ensure(&some(&["kubelet"]), &nowhere).is_err(), "nobody has brought a kubelet");
    site.ensure(&some(&["runc"]), &nowhere).unwrap();
    assert_eq!(Lock::read(&site.lock()).unwrap().artifacts[0].source, said, "the next lock names the bundle");

    // The same bundle as a source.
    let site = Place::new();
    assert!(site.ensure(&some(&["kubelet"]), &[folder(&file)]).is_err());
    site.ensure(&some(&["runc"]), &[folder(&file)]).unwrap();
    assert_eq!(Lock::read(&site.lock()).unwrap().artifacts[0].source, said);
}

#[test]
fn a_bundle_is_held_to_what_programs_and_images_are() {
    let pause = "registry.k8s.io/pause:3.10.1";
    let mut foreign = program("kubelet", 3000);
    foreign[18] = 183;
    for (name, version, raw, words) in [
        ("kubelet", "1.36.3", foreign.clone(), "is built for arm64, wanted is amd64"),
        ("kubelet", "1.36.3", b"#!/bin/sh\nreboot\n".to_vec(), "is not a Linux program"),
        ("image-pause", "3.10.1", image(&[pause], "arm64"), "is built for linux/arm64, wanted is linux/amd64"),
        ("image-pause", "3.10.1", image(&[pause, "a.test/other:1"], "amd64"), "and should name registry.k8s.io/pause"),
        ("image-pause", "3.10.1", program("pause", 3000), "is not an image"),
        ("image-own", "1", image(&["a.test/x:1", "a.test/y:1"], "amd64"), "and should name one image"),
    ] {
        let site = Place::new();
        let file = site.dir.path().join("forged.tar");
        forged(
            &file,
            &Lock { artifacts: vec![locked(name, version, &raw)], ..Lock::default() },
            &[(&raw, claims(name, version))],
        );
        let error = import(&file, &site.store, &Catalogue::standard(), &Silent).unwrap_err();
        assert!(error.message.contains(words), "{name}: {error:?}");
        assert_eq!(site.store.records().unwrap(), [], "{name}");
    }
}

#[test]
fn an_image_in_a_folder_is_held_to_its_name_and_architecture() {
    let pause = "registry.k8s.io/pause:3.10.1";
    for (bytes, words) in [
        (
            image(&[pause, "registry.k8s.io/coredns/coredns:v1.14.7"], "amd64"),
            "should name registry.k8s.io/pause:3.10.1",
        ),
        (image(&[pause], "arm64"), "wanted is linux/amd64"),
    ] {
        let place = Place::new();
        fs::write(place.dir.path().join("image-pause.tar"), bytes).unwrap();
        let error = place.ensure(&some(&["image-pause"]), &[folder(place.dir.path())]).unwrap_err();
        assert!(error.details[0].contains(words), "{error:?}");
    }
}

#[test]
fn a_lock_that_calls_one_program_another_is_refused() {
    let place = Place::new();
    fill(place.dir.path());
    let source = [folder(place.dir.path())];
    let wanted = some(&["kube-proxy", "runc"]);
    place.ensure(&wanted, &source).unwrap();
    let mut lock = Lock::read(&place.lock()).unwrap();
    let runc = lock.artifacts.iter().find(|l| l.name == "runc").unwrap().clone();
    let good = lock.clone();
    lock.set(Locked { name: "kube-proxy".into(), version: "1.36.3".into(), ..runc.clone() });
    lock.write(&place.lock()).unwrap();
    let words = "the lock says kube-proxy 1.36.3 (amd64), and its bytes are runc 1.5.2 (amd64)";
    let error = place.ensure(&wanted, &source).unwrap_err();
    assert!(error.message == words && error.hints[0].contains("--update-lock"), "{error:?}");
    let error = write_bundle(&lock, &place.store, &place.dir.path().join("x.tar"), &Silent).unwrap_err();
    assert_eq!(error.message, words);
    // The version is part of what it is.
    let mut lock = good.clone();
    lock.set(Locked { version: "1.5.3".into(), ..runc });
    let error = write_bundle(&lock, &place.store, &place.dir.path().join("x.tar"), &Silent).unwrap_err();
    assert_eq!(error.message, "the lock says runc 1.5.3 (amd64), and its bytes are runc 1.5.2 (amd64)");
    // A store that has never seen them under another name asks the source, which has other bytes.
    let site = Place::new();
    let mut lock = good;
    lock.set(Locked {
        name: "kube-proxy".into(),
        version: "1.36.3".into(),
        ..locked("runc", "1.5.2", &program("runc", 3000))
    });
    lock.write(&site.lock()).unwrap();
    let error = site.ensure(&some(&["kube-proxy"]), &source).unwrap_err();
    assert!(error.details[0].contains("the lock file refuses it"), "{error:?}");
}

#[test]
fn a_lock_with_odd_words_or_lengths_is_refused() {
    let bytes = |locked| Lock { artifacts: vec![locked], ..Lock::default() }.bytes().unwrap();
    let good = locked("runc", "1.5.2", b"x");
    for (bad, words) in [
        (Locked { source: "https://x/\u{1b}]52;c;x\u{7}".into(), ..good.clone() }, "has control characters in it"),
        (Locked { name: "runc\u{9b}".into(), ..good.clone() }, "has control characters in it"),
        (Locked { size: 1 << 40, ..good.clone() }, "are more than any program or image has"),
    ] {
        let error = Lock::parse(&bytes(bad), "a.lock").unwrap_err();
        assert!(error.message.contains(words) && !error.message.contains('\u{1b}'), "{error:?}");
    }
    assert!(Lock::parse(&bytes(good), "a.lock").is_ok());
}

#[test]
fn verify_believes_no_record() {
    let (place, _) = bundled();
    let record = place.store.records().unwrap().into_iter().find(|r| r.labels[0].name == "kubelet").unwrap();
    let path = place.store.file(&record.sha256);
    let bad = || -> Vec<_> {
        let findings = verify(&place.store, &Silent).unwrap();
        findings.into_iter().filter_map(|f| Some((f.what, f.problem?))).collect()
    };
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 10;
    bytes[last] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert_eq!(bad().len(), 1);
    // Another program, and a record that fits it but for the hash that names it.
    let frame = zstd::encode_all(&program("evil", 3000)[..], 3).unwrap();
    let forged = Stored { compressed_sha256: sha256(&frame), compressed_size: frame.len() as u64, ..record };
    fs::write(&path, &frame).unwrap();
    fs::write(path.with_extension("json"), serde_json::to_vec(&forged).unwrap()).unwrap();
    let [(what, problem)] = &bad()[..] else { panic!("{:?}", bad()) };
    assert_eq!(what, "kubelet 1.36.3 (amd64)");
    assert!(problem.contains("what it unpacks to is not what its name says"), "{problem}");
    let lock = Lock::read(&place.lock()).unwrap();
    let error = write_bundle(&lock, &place.store, &place.dir.path().join("x.tar"), &Silent).unwrap_err();
    assert!(error.message.contains("is not what its name says"), "{error:?}");
}
