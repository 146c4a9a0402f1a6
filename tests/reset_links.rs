//! Folders that sites keep on another disk: links stay, what is in them goes.

use std::fs;
use std::os::unix::fs::symlink;
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
