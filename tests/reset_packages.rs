//! The record of what we installed: who is believed, and what is left of it. The packages in it do not exist, so that nothing of
//! this machine goes.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::{Command, Output};

use kbootstrap::cluster::Layout;
use kbootstrap::reset::{Targets, script};

const RECORD: &str = "mask kb-none.service kb-front\npackage kb-none kb-front 1.0-1 purge\npackage kb-shared kb-front,kb-other 2 purge\n\
                      package kb-stays kb-other 3 remove\n";

/// Takes away what was installed for `kb-front`.
fn reset(records: &Path) -> Output {
    let layout = Layout { records: records.display().to_string(), ..Layout::standard() };
    let targets = Targets { packages: vec!["kb-front".into()], ..Targets::default() };
    Command::new("sh").args(["-c", &script(&targets, &layout)]).output().unwrap()
}

fn records() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("installed-packages");
    fs::write(&record, RECORD).unwrap();
    fs::set_permissions(record, fs::Permissions::from_mode(0o600)).unwrap();
    folder
}

#[test]
fn what_is_there_for_others_too_stays_ours() {
    let folder = records();
    let output = reset(folder.path());
    assert!(output.status.success(), "{output:?}");
    let left = fs::read_to_string(folder.path().join("installed-packages")).unwrap();
    assert_eq!(left, "package kb-shared kb-other 2 purge\npackage kb-stays kb-other 3 remove\n");
}

#[test]
fn a_record_that_others_could_write_takes_no_package_away() {
    let refused = |spoil: &dyn Fn(&Path)| {
        let folder = records();
        let record = folder.path().join("installed-packages");
        spoil(&record);
        let before = fs::read_to_string(&record).unwrap();
        let output = reset(folder.path());
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(said.contains("left: packages that we installed: others could have written "), "{said}");
        assert_eq!(fs::read_to_string(&record).unwrap(), before);
    };
    refused(&|record| chown(record, Some(65_534), None).unwrap());
    refused(&|record| fs::set_permissions(record, fs::Permissions::from_mode(0o622)).unwrap());
    refused(&|record| fs::hard_link(record, record.with_file_name("second")).unwrap());
    refused(&|record| chown(record.parent().unwrap(), Some(65_534), None).unwrap());
    refused(&|record| {
        let target = record.with_file_name("elsewhere");
        fs::rename(record, &target).unwrap();
        symlink(target, record).unwrap();
    });
}

#[test]
fn names_that_are_none_are_passed_by() {
    let folder = records();
    let record = folder.path().join("installed-packages");
    let evil = "package --force-all kb-front 1 purge\npackage ../x kb-front 1 purge\npackage $(id) kb-front 1 purge\nmask -x kb-front\nother x kb-front\n";
    fs::write(&record, evil).unwrap();
    let output = reset(folder.path());
    assert!(output.status.success() && output.stdout.starts_with(b"stopped:"), "{output:?}");
}
