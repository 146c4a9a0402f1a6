//! What a run that was killed has left beside the places of its files: temporary files, keys among them.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use super::item::Hierarchy;
use crate::error::{Error, Result};
use crate::files::{folder_of, leftovers};

/// Removes them from all folders of a hierarchy, where they are older than `begin`: a younger one may be somebody's who is
/// at work. To be called by who holds the lock, before anything is written. How many there were.
///
/// # Errors
/// Input: a file cannot be removed.
pub fn sweep(hierarchy: &Hierarchy, begin: SystemTime) -> Result<usize> {
    let mut removed = 0;
    for folder in folders(hierarchy) {
        for path in leftovers(&folder, begin) {
            match fs::remove_file(&path) {
                Ok(()) => removed += 1,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => {
                    let error = Error::input(format!("cannot remove {}: {e}", path.display()));
                    return Err(error.hint("a run that was killed has left it, and there may be a key in it"));
                }
            }
        }
    }
    Ok(removed)
}

/// Where temporary files are made: beside the places, and beside the targets of links.
fn folders(hierarchy: &Hierarchy) -> BTreeSet<PathBuf> {
    let mut all = BTreeSet::new();
    for file in hierarchy.items.iter().flat_map(|item| item.files.all()) {
        all.insert(folder_of(file));
        if fs::symlink_metadata(file).is_ok_and(|meta| meta.is_symlink()) {
            all.extend(fs::canonicalize(file).ok().as_deref().map(folder_of));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_old_temporary_files_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("inner")).unwrap();
        let spec = "authorities: [{name: a, CN: a, folder: inner}]";
        let hierarchy = super::super::parse("x", spec.as_bytes(), folder.path()).unwrap().hierarchy;
        let begin = SystemTime::now();
        let names = ["inner/.kbootstrap-aB3xyz", "inner/.kbootstrap-new", "inner/.kbootstrap-aB3xy.", "inner/a.pem"];
        for name in names.iter().chain(&["inner/.kbootstrap-young1", ".kbootstrap-other1"]) {
            let age =
                if name.contains("young") { begin + Duration::from_secs(1) } else { begin - Duration::from_secs(1) };
            File::create(at(name)).unwrap().set_modified(age).unwrap();
        }
        fs::create_dir(at("inner/.kbootstrap-folder")).unwrap();
        symlink(at("inner/a.pem"), at("inner/.kbootstrap-alink1")).unwrap();
        assert_eq!(sweep(&hierarchy, begin).unwrap(), 1);
        assert!(!at(names[0]).exists());
        assert_eq!(fs::read_dir(at("inner")).unwrap().count(), 6, "everything else stays");
        assert!(at(".kbootstrap-other1").exists(), "no file of the hierarchy is in that folder");
        assert_eq!(sweep(&hierarchy, begin).unwrap(), 0);
    }
}
