//! Which inventory, and where its cluster's folder is.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The inventory that is taken where `-i` is left out.
pub const DEFAULT_FILE: &str = "kbootstrap.yaml";

/// The inventory's path: what `-i` says, or `kbootstrap.yaml` in the current folder.
///
/// # Errors
/// Usage, when neither is there.
pub fn find(explicit: Option<&Path>) -> Result<PathBuf> {
    find_in(Path::new(""), explicit)
}

fn find_in(folder: &Path, explicit: Option<&Path>) -> Result<PathBuf> {
    match explicit {
        Some(path) => Ok(path.to_path_buf()),
        None if folder.join(DEFAULT_FILE).is_file() => Ok(folder.join(DEFAULT_FILE)),
        None => Err(Error::usage(format!("no inventory: there is no {DEFAULT_FILE} in this folder"))
            .hint("name one with `-i FILE`")
            .hint(format!("`kbootstrap init -o {DEFAULT_FILE} --master ADDRESS` writes one"))),
    }
}

/// The cluster's folder: what `--state` says, or `clusters/<name>` beside the inventory.
pub fn state_dir(inventory: &Path, cluster: &str, explicit: Option<&Path>) -> PathBuf {
    match explicit {
        Some(path) => path.to_path_buf(),
        None => inventory.parent().unwrap_or(Path::new("")).join("clusters").join(cluster),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inventory_of_the_folder_is_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let error = find_in(folder.path(), None).unwrap_err();
        assert_eq!(error.kind.exit_code(), 2);
        assert_eq!(error.message, "no inventory: there is no kbootstrap.yaml in this folder");
        std::fs::write(folder.path().join(DEFAULT_FILE), "").unwrap();
        assert_eq!(find_in(folder.path(), None).unwrap(), folder.path().join(DEFAULT_FILE));
        assert_eq!(find_in(folder.path(), Some(Path::new("x.yaml"))).unwrap(), Path::new("x.yaml"));
    }

    #[test]
    fn the_clusters_folder_lies_beside_the_inventory() {
        assert_eq!(state_dir(Path::new("site/prod.yaml"), "prod", None), Path::new("site/clusters/prod"));
        assert_eq!(state_dir(Path::new("prod.yaml"), "prod", None), Path::new("clusters/prod"));
        assert_eq!(state_dir(Path::new("prod.yaml"), "prod", Some(Path::new("/s"))), Path::new("/s"));
    }
}
