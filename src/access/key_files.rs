//! Into which files that an inventory, or the operator, names the keys of new hosts are written.

use std::path::{Path, PathBuf};

use crate::files::{is_within, real};

/// Besides the operator's own known_hosts files, which SSH's configuration names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyFiles {
    any: bool,
    below: Option<PathBuf>,
    named: Option<PathBuf>,
}

impl KeyFiles {
    /// Known_hosts files in the folder of an inventory, which may be somebody else's; any file where it is trusted.
    pub fn of_inventory(folder: &Path, is_trusted: bool) -> Self {
        KeyFiles { any: is_trusted, below: Some(folder.to_owned()), named: None }
    }

    /// Adds one that the operator has named.
    pub fn add(&mut self, named: Option<&Path>) {
        self.named = named.map(Path::to_owned);
    }

    /// Whether a key may be written into a file.
    pub fn has(&self, file: &Path) -> bool {
        self.any
            || self.named.as_deref() == Some(file)
            || self.below.as_ref().is_some_and(|folder| is_within(file, folder) && is_called_so(&real(file)))
    }
}

/// The inventory's folder may be a home, in which there are other files than the inventory's.
fn is_called_so(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name.to_string_lossy().to_ascii_lowercase().contains("known_hosts"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn an_inventory_has_known_hosts_files_of_its_own_and_no_others() {
        let at = tempfile::tempdir().unwrap();
        let path = |name: &str| at.path().join(name);
        fs::create_dir_all(path("site/ssh")).unwrap();
        symlink(path("authorized_keys"), path("site/known_hosts.link")).unwrap();
        symlink("bashrc", path("site/known_hosts.rc")).unwrap();
        let files = KeyFiles::of_inventory(&path("site"), false);
        for own in ["site/known_hosts", "site/ssh/prod.known_hosts", "site/x/../known_hosts"] {
            assert!(files.has(&path(own)), "{own}");
        }
        let others = [
            "known_hosts",
            "site/../known_hosts",
            "site/.bash_profile",
            "site/known_hosts.link",
            "site/known_hosts.rc",
        ];
        for other in others {
            assert!(!files.has(&path(other)), "{other}");
            assert!(KeyFiles::of_inventory(&path("site"), true).has(&path(other)));
            assert!(!KeyFiles::default().has(&path(other)));
            let mut named = KeyFiles::default();
            named.add(Some(&path(other)));
            assert!(named.has(&path(other)) && !named.has(&path("site/x")));
        }
    }
}
