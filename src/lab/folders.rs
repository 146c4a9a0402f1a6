//! Where labs keep what they need on the machine.

use std::path::{Path, PathBuf};

use super::spec::check_lab_name;
use crate::digest::sha256;
use crate::error::{Error, Result};

/// The cache folder of the lab. Trees are shared between labs; a lab's own folder goes away with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    base: PathBuf,
}

impl Folders {
    /// `$KBOOTSTRAP_CACHE`, else `$XDG_CACHE_HOME/kbootstrap`, else `~/.cache/kbootstrap`.
    pub fn from_env() -> Result<Self> {
        let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let base = set("KBOOTSTRAP_CACHE")
            .or_else(|| set("XDG_CACHE_HOME").map(|p| p.join("kbootstrap")))
            .or_else(|| set("HOME").map(|p| p.join(".cache/kbootstrap")));
        match base {
            Some(base) => Self::at(&base),
            None => Err(Error::usage("no cache folder: none of KBOOTSTRAP_CACHE, XDG_CACHE_HOME and HOME is set")),
        }
    }

    /// Under this folder, which need not exist. overlayfs takes `:` and `,` in a path for separators.
    pub fn at(base: &Path) -> Result<Self> {
        let base = std::path::absolute(base).map_err(|e| Error::io(format!("resolve {}", base.display()), &e))?;
        if base.to_str().is_none_or(|text| text.contains([':', ',', '\\', '"', ' ', '\t', '\n'])) {
            return Err(Error::usage(format!(
                "the cache folder {} cannot hold a lab: its path has a space, quote, comma, colon or backslash in it",
                base.display()
            ))
            .hint("name another one in the environment variable KBOOTSTRAP_CACHE"));
        }
        Ok(Folders { base })
    }

    /// The trees that hosts are laid over.
    pub fn trees(&self) -> PathBuf {
        self.base.join("lab")
    }
    /// The labs, a folder each.
    pub fn labs(&self) -> PathBuf {
        self.base.join("labs")
    }
    /// One lab's folder. No other name than a lab's leads to one: what is absolute, or has `..` in it, would lead out of
    /// the cache, and `lab down` removes the folder.
    ///
    /// # Errors
    /// `Usage`: no lab can have that name.
    pub fn lab(&self, name: &str) -> Result<LabFolder> {
        check_lab_name(name)?;
        Ok(LabFolder { path: self.labs().join(name) })
    }
}

/// One lab's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabFolder {
    path: PathBuf,
}

impl LabFolder {
    /// Itself.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// Six hexadecimal digits that are in the names of all that the kernel keeps for this lab. Labs of the same name in
    /// other cache folders have others.
    pub fn id(&self) -> String {
        sha256(self.path.as_os_str().as_encoded_bytes())[..6].to_owned()
    }
    /// What was made, written before it is made.
    pub fn state(&self) -> PathBuf {
        self.path.join("state.json")
    }
    /// The private key that opens every host, 0600.
    pub fn key(&self) -> PathBuf {
        self.path.join("id_ed25519")
    }
    /// The hosts' keys.
    pub fn known_hosts(&self) -> PathBuf {
        self.path.join("known_hosts")
    }
    /// The inventory, where nobody asked for another place.
    pub fn inventory(&self) -> PathBuf {
        self.path.join("inventory.yaml")
    }
    /// One host's folder.
    pub fn host(&self, host: &str) -> HostFolder {
        HostFolder { path: self.path.join("hosts").join(host) }
    }
}

/// One host's folder: its disk and what is known of its process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFolder {
    path: PathBuf,
}

/// What containerd, kubelet and etcd write must lie on a real file system (containerd's overlayfs snapshotter cannot sit
/// on an overlay): the folder's name here, and the path in the host.
pub const DATA: [(&str, &str); 3] =
    [("containerd", "/var/lib/containerd"), ("kubelet", "/var/lib/kubelet"), ("etcd", "/var/lib/etcd")];

impl HostFolder {
    /// Itself.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// What the host has written over the tree.
    pub fn upper(&self) -> PathBuf {
        self.path.join("upper")
    }
    /// overlayfs' own.
    pub fn work(&self) -> PathBuf {
        self.path.join("work")
    }
    /// Where the host's root is mounted.
    pub fn root(&self) -> PathBuf {
        self.path.join("root")
    }
    /// One of [`DATA`].
    pub fn data(&self, name: &str) -> PathBuf {
        self.path.join("data").join(name)
    }
    /// The line of `/proc/PID/stat` of the host's supervisor and the machine's boot id, written by the supervisor itself
    /// before it becomes systemd-nspawn.
    pub fn process(&self) -> PathBuf {
        self.path.join("process")
    }
    /// What the host wrote on its console.
    pub fn console(&self) -> PathBuf {
        self.path.join("console.log")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_overlayfs_misreads_is_refused() {
        for path in ["/a:b", "/a,b", "/a b"] {
            assert!(Folders::at(Path::new(path)).is_err(), "{path}");
        }
        let folders = Folders::at(Path::new("/cache/kb")).unwrap();
        assert_eq!(
            folders.lab("demo").unwrap().host("n1").data("etcd"),
            Path::new("/cache/kb/labs/demo/hosts/n1/data/etcd")
        );
    }

    #[test]
    fn no_name_leads_out_of_the_folder_of_labs() {
        let folders = Folders::at(Path::new("/cache/kb")).unwrap();
        for name in ["/home", "..", "../x", ".", "", "a/b", "a/..", "-a", "A", "a\0b", "a\n"] {
            assert!(folders.lab(name).is_err(), "{name:?}");
        }
    }
}
