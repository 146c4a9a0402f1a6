//! Links in the cluster's folder that lead out of it. The folder lies beside the inventory, and may have come with somebody
//! else's, out of a repository: what is written to it would be written elsewhere, over a start-up file of the operator's for
//! instance, and what is read would be any file.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::is_within;

/// Refuses a folder in which links lead elsewhere; all of them are named.
pub(super) fn refuse_links_out(dir: &Path) -> Result<()> {
    let errors = links_out(dir).into_iter().map(|(link, target)| {
        Error::input(format!("{} is a link that leads out of the cluster's folder, to {}", link.display(), target.display()))
            .hint("a folder that came with an inventory of somebody else could have your files read or written over so; if it is yours: --trust-inventory")
    });
    Error::all(errors)
}

/// Links in the folder and one below it, where files of ours are, that lead out of it, with what they say.
fn links_out(dir: &Path) -> Vec<(PathBuf, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        for path in entries {
            let Ok(there) = fs::symlink_metadata(&path) else { continue };
            if there.is_symlink() && !is_within(&path, dir) {
                found.push((path.clone(), fs::read_link(&path).unwrap_or_default()));
            } else if there.is_dir() && folder == dir {
                folders.push(path);
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_that_lead_elsewhere_are_named_and_others_are_not() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("clusters/c");
        fs::create_dir_all(dir.join("pki")).unwrap();
        fs::write(dir.join("pki/ca.pem"), "x").unwrap();
        symlink("pki/ca.pem", dir.join("ca.pem")).unwrap();
        assert_eq!(refuse_links_out(&dir), Ok(()));
        assert_eq!(refuse_links_out(&place.path().join("none")), Ok(()));
        // To what is there, to what is not there yet, and out by a folder.
        symlink("../../bashrc", dir.join("record.json")).unwrap();
        symlink("/dev/zero", dir.join("artifacts.lock")).unwrap();
        symlink(place.path(), dir.join("log")).unwrap();
        symlink("../../../id", dir.join("pki/sa.key")).unwrap();
        let found: Vec<PathBuf> = links_out(&dir).into_iter().map(|(link, _)| link).collect();
        assert_eq!(found, ["artifacts.lock", "log", "pki/sa.key", "record.json"].map(|name| dir.join(name)));
        // A folder that is a link itself is where the operator has it.
        symlink(&dir, place.path().join("mine")).unwrap();
        assert_eq!(links_out(&place.path().join("mine")).len(), 4);
    }
}
