//! Folders that hold keys: ours alone, no link, and on a way on which others can put nothing else in their place.

use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use super::folder_of;
use super::way::{Me, Owners, Seen, fault_on_way};
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

/// Refuses a folder that others could have prepared, or can put another in the place of; false where it is not there.
pub fn check_private(path: &Path) -> Result<bool> {
    let failed = |e| Error::io(format!("look at {}", path.display()), &e);
    let (there, own) = match fs::symlink_metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => (false, None),
        there => (true, fault(&Seen::of(&there.map_err(failed)?), &Me::of_process())),
    };
    // Of a link it does not matter where it leads.
    own.map_or(Ok(()), |why| {
        Err(refused(path, &why)
            .hint("look who made it and what is in it (`ls -la`), then move it away, or make it yours alone"))
    })?;
    check_way(path, Owners::NextTrusted)?;
    Ok(there)
}

/// Refuses a place that others can put something else in; links on the way to it are followed.
pub fn check_way(path: &Path, owners: Owners) -> Result<()> {
    let fault = fault_on_way(path, owners).map_err(|e| Error::io(format!("look at {}", path.display()), &e))?;
    fault.map_or(Ok(()), |found| {
        let text = format!("{} is not safe from others: {}: {}", path.display(), found.path.display(), found.why);
        Err(Error::input(text).hint("choose a place to which all folders on the way are yours or root's"))
    })
}

fn refused(path: &Path, why: &str) -> Error {
    Error::input(format!("keys do not go into {}: {why}", path.display()))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(owner: u32, mode: u32) -> Seen {
        Seen { is_link: false, is_folder: true, owner, mode }
    }

    #[test]
    fn what_others_could_have_prepared_is_refused() {
        let me = Me { user: 1000, person: None, system: 0 };
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
    fn a_folder_that_others_can_put_another_in_the_place_of_is_refused() {
        let at = tempfile::tempdir().unwrap();
        let path = at.path().join("a/b/prod");
        private_folder(&path).unwrap();
        for above in ["a", "a/b"] {
            let above = at.path().join(above);
            fs::set_permissions(&above, Permissions::from_mode(0o777)).unwrap();
            for path in [&path, &at.path().join("a/b/new/pki")] {
                let error = private_folder(path).unwrap_err();
                let said = format!("not safe from others: {}: everybody may write to it (mode 0777)", above.display());
                assert!(error.message.ends_with(&said), "{error}");
            }
            fs::set_permissions(&above, Permissions::from_mode(0o755)).unwrap();
        }
        assert!(check_private(&path).unwrap() && !at.path().join("a/b/new").exists());
    }

    #[test]
    fn root_by_sudo_works_in_the_folders_of_the_person() {
        let root = Me { user: 0, person: Some(1000), system: 0 };
        assert_eq!(fault(&folder(1000, 0o40700), &root), None);
        assert!(fault(&folder(1001, 0o40700), &root).is_some());
        assert!(fault(&folder(1000, 0o40700), &Me { user: 0, person: None, system: 0 }).is_some());
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
