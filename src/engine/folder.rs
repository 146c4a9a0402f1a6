//! Whether the cluster's folder may be used: it holds keys and what runs as root on the hosts, and may have been prepared by
//! somebody else.

use std::path::Path;

use super::links::refuse_links_out;
use crate::error::{Error, Result};
use crate::files::{self, Owners, folder_of, is_within, real};

/// Where a cluster's folder is, and by whose word.
#[derive(Debug, Clone, Copy)]
pub struct ClusterFolder<'a> {
    /// The inventory.
    pub inventory: &'a Path,
    /// The cluster's folder.
    pub dir: &'a Path,
    /// The operator has named it; otherwise it is the one beside the inventory.
    pub named: bool,
    /// The inventory is trusted, and with it what came along.
    pub trusted: bool,
}

impl ClusterFolder<'_> {
    /// Looks at the folder before anything in it is read or written; one that is not there yet is good.
    ///
    /// # Errors
    /// Input, where links in it or on the way to it lead elsewhere, or others could have changed what is in it.
    pub fn judge(self) -> Result<()> {
        if !self.trusted {
            if !self.named && !is_within(self.dir, &folder_of(self.inventory)) {
                let (dir, real) = (self.dir.display(), real(self.dir));
                let text = format!("{dir} leads out of the inventory's folder, to {}", real.display());
                return Err(Error::input(text).hint(format!(
                    "if you keep the cluster's folder there: --state {}, or --trust-inventory",
                    real.display()
                )));
            }
            refuse_links_out(self.dir)?;
        }
        files::check_way(self.dir, self.owners()?)?;
        // Where a link is trusted, what it leads to is judged.
        let log = self.dir.join("log");
        Error::all([self.dir, &log].into_iter().filter_map(|path| files::check_private(&real(path)).err()))
    }

    /// Whoever can exchange the inventory says already what hosts run: a checkout of somebody else's, in which root works, is as
    /// good a place for its clusters as it is for their inventories.
    fn owners(self) -> Result<Owners> {
        let fault = |path: &Path| {
            let found = files::fault_on_way(path, Owners::Trusted);
            found.map_err(|e| Error::io(format!("look at {}", path.display()), &e))
        };
        let found = fault(self.dir)?;
        Ok(match found.is_some() && found == fault(self.inventory)? {
            true => Owners::NextTrusted,
            false => Owners::Trusted,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    #[test]
    fn a_folder_that_others_can_change_or_that_lies_elsewhere_is_refused() {
        let at = tempfile::tempdir().unwrap();
        let (site, home) = (at.path().join("site"), at.path().join("home"));
        let (inventory, dir) = (site.join("prod.yaml"), site.join("clusters/prod"));
        fs::create_dir_all(&site).unwrap();
        fs::create_dir_all(&home).unwrap();
        let place = ClusterFolder { inventory: &inventory, dir: &dir, named: false, trusted: false };
        assert_eq!(place.judge(), Ok(()), "it is not there yet");

        // A link in its place, and one on the way to it.
        for (link, to) in [("clusters/prod", home.as_path()), ("clusters", &home)] {
            let link = site.join(link);
            fs::create_dir_all(folder_of(&link)).unwrap();
            symlink(to, &link).unwrap();
            let error = place.judge().unwrap_err();
            assert!(error.message.contains(" leads out of the inventory's folder, to "), "{error}");
            assert_eq!(ClusterFolder { trusted: true, ..place }.judge(), Ok(()));
            assert_eq!(ClusterFolder { named: true, ..place }.judge(), Ok(()));
            fs::remove_file(&link).unwrap();
            let _ = fs::remove_dir(site.join("clusters"));
        }

        fs::create_dir_all(dir.join("log")).unwrap();
        assert_eq!(place.judge(), Ok(()));
        for (path, mode) in [(&dir, 0o777), (&dir.join("log"), 0o775)] {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            for place in [place, ClusterFolder { trusted: true, named: true, ..place }] {
                let error = place.judge().unwrap_err();
                assert!(error.message.contains(&format!("others may write to it (mode {mode:04o})")), "{error}");
            }
            fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
    }

    #[test]
    fn who_owns_the_checkout_owns_the_inventory_too() {
        let at = tempfile::tempdir().unwrap();
        let (theirs, own) = (at.path().join("theirs"), at.path().join("own.yaml"));
        let (inventory, dir) = (theirs.join("site/prod.yaml"), theirs.join("site/clusters/prod"));
        fs::create_dir_all(dir.join("log")).unwrap();
        fs::write(&own, "").unwrap();
        chown(&theirs, Some(4711), None).unwrap();
        let place = ClusterFolder { inventory: &inventory, dir: &dir, named: false, trusted: false };
        assert_eq!(place.judge(), Ok(()));
        // With an inventory of one's own it is another's word.
        let error = ClusterFolder { inventory: &own, named: true, ..place }.judge().unwrap_err();
        assert!(error.message.ends_with("theirs: it belongs to another user (uid 4711)"), "{error}");
        // What is right above the keys, and open folders, count all the same.
        fs::set_permissions(&theirs, Permissions::from_mode(0o777)).unwrap();
        assert!(place.judge().is_err());
        fs::set_permissions(&theirs, Permissions::from_mode(0o755)).unwrap();
        chown(theirs.join("site/clusters"), Some(4711), None).unwrap();
        assert!(place.judge().is_err());
    }
}
