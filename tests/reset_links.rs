//! Folders that sites keep on another disk: links stay, what is in them goes.

use std::fs;
use std::os::unix::fs::{chown, lchown, symlink};
use std::path::Path;
use std::process::{Command, Output};

use kbootstrap::cluster::Layout;
use kbootstrap::reset::{Targets, script};

/// Takes these folders away on this machine.
fn reset(dirs: &[&Path]) -> Output {
    let dirs = dirs.iter().map(|dir| dir.display().to_string()).collect();
    let script = script(&Targets { dirs, ..Targets::default() }, &Layout::standard());
    Command::new("sh").args(["-c", &script]).output().unwrap()
}

#[test]
fn what_a_link_stands_for_is_emptied() {
    let place = tempfile::tempdir().unwrap();
    let (disk, link, plain) =
        (place.path().join("disk/kubernetes"), place.path().join("kubernetes"), place.path().join("plain"));
    fs::create_dir_all(disk.join("pki")).unwrap();
    fs::write(disk.join("pki/ca.key"), "key").unwrap();
    fs::write(place.path().join("disk/other"), "not ours").unwrap();
    symlink(&disk, &link).unwrap();
    fs::create_dir_all(plain.join("sub")).unwrap();
    // What a link inside points to is not followed: volumes of pods may point anywhere.
    symlink(place.path().join("disk"), plain.join("elsewhere")).unwrap();

    let output = reset(&[&link, &plain]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    assert!(said.contains(&format!("emptied: {} (a link to {})", link.display(), disk.display())), "{said}");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "the site's own link stays");
    assert_eq!(fs::read_dir(&disk).unwrap().count(), 0, "no key is left");
    assert!(!plain.exists() && place.path().join("disk/other").exists());
}

#[test]
fn a_link_to_what_holds_other_things_too_is_left_and_named() {
    let place = tempfile::tempdir().unwrap();
    let link = place.path().join("kubernetes");
    // Nothing is written there: /proc is a folder under the root that every machine has.
    symlink("/proc", &link).unwrap();
    let output = reset(&[&link]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains(&format!("left: what is of the cluster in /proc, to which {} is a link", link.display())),
        "{said}"
    );
}

#[test]
fn a_link_to_nothing_is_the_sites_own() {
    let place = tempfile::tempdir().unwrap();
    let link = place.path().join("kubernetes");
    symlink(place.path().join("gone"), &link).unwrap();
    assert!(reset(&[&link]).status.success());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

/// Another user than root; `daemon` everywhere.
const OTHER: u32 = 1;

#[test]
fn a_link_that_others_made_or_can_exchange_is_not_followed() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let theirs = at("theirs");
    for folder in ["theirs", "disk", "disk/deep"] {
        fs::create_dir(at(folder)).unwrap();
    }
    fs::write(at("disk/deep/file"), "root's own").unwrap();
    symlink(at("disk/deep"), at("link")).unwrap();
    lchown(at("link"), Some(OTHER), None).unwrap();
    symlink(at("disk/deep"), theirs.join("link")).unwrap();
    symlink(at("disk"), theirs.join("way")).unwrap();
    chown(&theirs, Some(OTHER), None).unwrap();

    for (dir, name) in [("link", "link"), ("theirs/link", "theirs"), ("theirs/way/deep", "theirs")] {
        let output = reset(&[&at(dir)]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{dir}: {said}");
        let named = format!("{} belongs to daemon ({OTHER})", at(name).display());
        assert!(said.contains(&named), "{dir}: {said}");
        assert_eq!(fs::read_to_string(at("disk/deep/file")).unwrap(), "root's own", "{dir}");
    }

    // What is theirs goes, and with it the links, which are not followed.
    assert!(reset(&[&theirs]).status.success());
    assert!(!theirs.exists() && at("disk/deep/file").exists());
}

#[test]
fn a_file_goes_from_the_folder_that_root_means() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::create_dir(at("theirs")).unwrap();
    fs::create_dir(at("roots")).unwrap();
    fs::write(at("roots/ca.crt"), "another").unwrap();
    symlink(at("roots"), at("theirs/pki")).unwrap();
    chown(at("theirs"), Some(OTHER), None).unwrap();
    let remove = |file: &str| {
        let targets = Targets { files: vec![at(file).display().to_string()], ..Targets::default() };
        Command::new("sh").args(["-c", &script(&targets, &Layout::standard())]).output().unwrap()
    };
    let output = remove("theirs/pki/ca.crt");
    assert!(String::from_utf8_lossy(&output.stdout).contains("left: files in "), "{output:?}");
    assert!(at("roots/ca.crt").exists() && output.status.code() == Some(1));
    // A service's own folder, in one of root's, can be no other.
    fs::write(at("theirs/own"), "").unwrap();
    assert!(remove("theirs/own").status.success());
    assert!(!at("theirs/own").exists());
}

/// Volumes of pods are mounts below the kubelet's folder, often of the same disk; a site may mount other things there.
#[test]
fn nothing_is_removed_through_a_mount() {
    for name in ["pv1", "a b", "data 1", "tab\t2", "new\nline", "back\\040slash", "star*"] {
        for linked in [false, true] {
            for unmounts in [true, false] {
                mounted(name, linked, unmounts);
            }
        }
    }
}

/// A disk with a file in it is mounted below a folder that goes, which is itself or a link to another.
fn mounted(name: &str, linked: bool, unmounts: bool) {
    let place = tempfile::tempdir().unwrap();
    let (disk, kubelet) = (place.path().join("disk"), place.path().join("var/kubelet"));
    let real = if linked { place.path().join("data/kubelet") } else { kubelet.clone() };
    let volume = real.join("pods").join(name);
    for folder in [&disk, &volume, &place.path().join("var")] {
        fs::create_dir_all(folder).unwrap();
    }
    if linked {
        symlink(&real, &kubelet).unwrap();
    }
    fs::write(disk.join("file"), "precious").unwrap();
    fs::write(real.join("config.yaml"), "ours").unwrap();
    let dirs = vec![kubelet.display().to_string()];
    let mounts = if unmounts { dirs.clone() } else { Vec::new() };
    let script = script(&Targets { dirs, mounts, ..Targets::default() }, &Layout::standard());
    let output = Command::new("unshare")
        .args([
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            "mount --bind \"$1\" \"$2\" && exec sh -c \"$3\"",
            "sh",
        ])
        .args([&disk, &volume])
        .arg(script)
        .output()
        .unwrap();
    let case = format!("{name:?}, linked: {linked}, unmounts: {unmounts}: {output:?}");
    assert_eq!(fs::read_to_string(disk.join("file")).ok().as_deref(), Some("precious"), "{case}");
    assert_eq!(output.status.success(), unmounts, "{case}");
    assert_eq!(real.join("config.yaml").exists(), !unmounts, "what could not be cleared stays whole: {case}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let words = if unmounts { "unmounted: 1 mounts of pods" } else { "is mounted below it" };
    assert!(said.contains(words), "{case}");
}
