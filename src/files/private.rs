//! Folders that hold keys: ours alone, no link, and in none where others may put something else in their place.

use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::process::geteuid;

use super::folder_of;
use crate::error::{Error, Result};

/// Makes a folder for keys, 0700, with those above it; one that is there is looked at, and closed to readers.
pub fn private_folder(path: &Path) -> Result<()> {
    let failed = |e| Error::io(format!("make the folder {}", path.display()), &e);
    if !check_private(path)? {
        DirBuilder::new().recursive(true).mode(0o755).create(folder_of(path)).map_err(failed)?;
        match DirBuilder::new().mode(0o700).create(path) {
            // Somebody was faster.
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            made => made.map_err(failed)?,
        }
        check_private(path)?;
    }
    if fs::metadata(path).map_err(failed)?.mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(())
}

/// Refuses a folder that others could have prepared, or the folder around it; false where it is not there.
pub fn check_private(path: &Path) -> Result<bool> {
    let me = Me::of_process();
    let there = match fs::symlink_metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
        there => there.map_err(|e| Error::io(format!("look at {}", path.display()), &e))?,
    };
    let around = folder_of(path);
    let outer = fs::metadata(&around).map_err(|e| Error::io(format!("look at {}", around.display()), &e))?;
    let errors = [(path, fault(&Seen::of(&there), &me)), (&around, outer_fault(&Seen::of(&outer), &me))];
    Error::all(errors.into_iter().filter_map(|(path, fault)| Some(refused(path, &fault?))).collect::<Vec<_>>())?;
    Ok(true)
}

fn refused(path: &Path, fault: &str) -> Error {
    let path = path.display();
    Error::input(format!("keys do not go into {path}: {fault}"))
        .hint(format!("look who made it and what is in it (ls -la {path}), then move it away, or make it yours alone"))
}

/// What is where a folder is to be.
struct Seen {
    is_link: bool,
    is_folder: bool,
    owner: u32,
    mode: u32,
}

impl Seen {
    fn of(metadata: &Metadata) -> Self {
        let (is_link, is_folder) = (metadata.is_symlink(), metadata.is_dir());
        Seen { is_link, is_folder, owner: metadata.uid(), mode: metadata.mode() }
    }
}

/// Whose process this is.
struct Me {
    user: u32,
    /// Who became root by sudo.
    person: Option<u32>,
}

impl Me {
    fn of_process() -> Self {
        let person = std::env::var("SUDO_UID").ok().and_then(|uid| uid.parse().ok());
        Me { user: geteuid().as_raw(), person }
    }
    fn owns(&self, seen: &Seen) -> bool {
        seen.owner == self.user || (self.user == 0 && Some(seen.owner) == self.person)
    }
}

/// Whether it belongs to the user of this process, or to the person who became root by sudo.
pub(super) fn is_mine(metadata: &Metadata) -> bool {
    Me::of_process().owns(&Seen::of(metadata))
}

fn fault(seen: &Seen, me: &Me) -> Option<String> {
    match seen {
        Seen { is_link: true, .. } => Some("it is a link, and where it leads can change".to_owned()),
        Seen { is_folder: false, .. } => Some("it is no folder".to_owned()),
        Seen { owner, .. } if !me.owns(seen) => Some(format!("it belongs to another user (uid {owner})")),
        Seen { mode, .. } if mode & 0o022 != 0 => Some(format!("others may write to it (mode {:04o})", mode & 0o7777)),
        _ => None,
    }
}

/// Of the folder around one for keys, in which others could rename it. Where a folder is sticky, they cannot.
fn outer_fault(seen: &Seen, me: &Me) -> Option<String> {
    match seen {
        Seen { owner, .. } if *owner != 0 && !me.owns(seen) => {
            Some(format!("it belongs to another user (uid {owner})"))
        }
        Seen { mode, .. } if mode & 0o002 != 0 && mode & 0o1000 == 0 => {
            Some(format!("everybody may write to it (mode {:04o})", mode & 0o7777))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(owner: u32, mode: u32) -> Seen {
        Seen { is_link: false, is_folder: true, owner, mode }
    }

    #[test]
    fn what_others_could_have_prepared_is_refused() {
        let me = Me { user: 1000, person: None };
        assert_eq!(fault(&folder(1000, 0o40700), &me), None);
        assert_eq!(fault(&folder(1000, 0o40755), &me), None, "it is closed, and nobody could write to it");
        let faults = [folder(1001, 0o40700), folder(0, 0o40700), folder(1000, 0o40777), folder(1000, 0o40770)];
        let faults = faults.map(|seen| fault(&seen, &me).unwrap());
        insta::assert_debug_snapshot!(faults, @r#"
        [
            "it belongs to another user (uid 1001)",
            "it belongs to another user (uid 0)",
            "others may write to it (mode 0777)",
            "others may write to it (mode 0770)",
        ]
        "#);
        assert!(fault(&Seen { is_link: true, ..folder(1000, 0o40700) }, &me).is_some());
        assert!(fault(&Seen { is_folder: false, ..folder(1000, 0o100600) }, &me).is_some());
    }

    #[test]
    fn around_it_only_those_may_write_who_are_trusted() {
        let me = Me { user: 1000, person: None };
        for good in [folder(1000, 0o40775), folder(0, 0o40755), folder(0, 0o41777)] {
            assert_eq!(outer_fault(&good, &me), None);
        }
        for bad in [folder(1001, 0o40755), folder(1000, 0o40777)] {
            assert!(outer_fault(&bad, &me).is_some());
        }
    }

    #[test]
    fn root_by_sudo_works_in_the_folders_of_the_person() {
        let root = Me { user: 0, person: Some(1000) };
        assert_eq!(fault(&folder(1000, 0o40700), &root), None);
        assert!(fault(&folder(1001, 0o40700), &root).is_some());
        assert!(fault(&folder(1000, 0o40700), &Me { user: 0, person: None }).is_some());
    }

    #[test]
    fn a_folder_is_made_closed_and_an_open_one_of_ours_is_closed() {
        let at = tempfile::tempdir().unwrap();
        let path = at.path().join("prod/pki");
        private_folder(&path).unwrap();
        let mode = || fs::metadata(&path).unwrap().mode() & 0o777;
        assert_eq!(mode(), 0o700);
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        private_folder(&path).unwrap();
        assert_eq!(mode(), 0o700);
        let link = at.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let error = private_folder(&link).unwrap_err();
        assert!(error.message.ends_with("it is a link, and where it leads can change"), "{error}");
    }
}
