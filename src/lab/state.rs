//! What a lab is made of. Written before anything is made, so that all of it can be found again and removed after
//! `kill -9` at any moment. PIDs are not here: a host's supervisor writes its own ([`super::launch`]).

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::folders::{Folders, LabFolder};
use crate::cluster::Role;
use crate::error::{Error, Result};

/// A lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct State {
    /// Name.
    pub name: String,
    /// Six hexadecimal digits that are in the names of all that the kernel keeps for this lab.
    pub id: String,
    /// The hosts' network.
    pub subnet: Ipv4Net,
    /// The machine's address in it.
    pub gateway: Ipv4Addr,
    /// The machine's bridge.
    pub bridge: String,
    /// The tree that the hosts are laid over.
    pub tree: PathBuf,
    /// Where the inventory lies.
    pub inventory: PathBuf,
    /// Whether it was finished.
    pub complete: bool,
    /// Hosts.
    pub hosts: Vec<HostState>,
}

/// A host of a lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostState {
    /// Name, and host name.
    pub name: String,
    /// Address.
    pub address: Ipv4Addr,
    /// What the inventory says runs there.
    pub roles: Vec<Role>,
    /// Network namespace, and machine name for systemd-nspawn.
    pub netns: String,
    /// The machine's end of its cable.
    pub veth: String,
    /// Its cgroups, one in each hierarchy.
    pub cgroups: Vec<PathBuf>,
}

impl State {
    /// Reads a lab's state; none where the lab does not exist or ended before it had made anything.
    pub fn load(folder: &LabFolder) -> Result<Option<Self>> {
        let path = folder.state();
        match fs::read(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io(format!("read {}", path.display()), &e)),
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|e| Error::internal(format!("{}: {e}", path.display()))),
        }
    }

    /// Writes it, all or nothing.
    pub fn save(&self, folder: &LabFolder) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| Error::internal(format!("write JSON: {e}")))?;
        write_beside(&folder.state(), &text)
    }

    /// The host of that name.
    pub fn host(&self, name: &str) -> Result<&HostState> {
        self.hosts.iter().find(|host| host.name == name).ok_or_else(|| {
            let names: Vec<_> = self.hosts.iter().map(|h| h.name.as_str()).collect();
            Error::usage(format!("lab {} has no host {name}", self.name))
                .hint(format!("its hosts are {}", names.join(", ")))
        })
    }
}

/// The id of the lab in that folder: labs of the same name in other cache folders have others.
pub fn id(folder: &LabFolder) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, folder.path().as_os_str().as_encoded_bytes());
    digest.as_ref()[..3].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a file beside and renames it into place, 0600.
pub fn write_beside(path: &Path, bytes: &[u8]) -> Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        file.write_all(bytes)?;
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    write().map_err(|e: io::Error| Error::io(format!("write {}", path.display()), &e))
}

/// The names of all labs, finished or not.
pub fn names(folders: &Folders) -> Result<Vec<String>> {
    let dir = folders.labs();
    let entries = match fs::read_dir(&dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|e| Error::io(format!("read {}", dir.display()), &e))?,
    };
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| super::spec::is_lab_name(name))
        .collect();
    names.sort();
    Ok(names)
}

/// Keeps other processes from changing the same lab; ends when dropped, or with the process.
#[derive(Debug)]
pub struct Lock {
    _folder: File,
}

impl Lock {
    /// Makes the lab's folder (0700: it holds a key) and locks it.
    pub fn make(folder: &LabFolder) -> Result<Self> {
        let path = folder.path();
        let failed = |e: &io::Error| Error::io(format!("make {}", path.display()), e);
        loop {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(|e| failed(&e))?;
            }
            let mut builder = fs::DirBuilder::new();
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            match builder.create(path) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(failed(&e)),
                _ => {}
            }
            if let Some(lock) = Self::existing(folder)? {
                return Ok(lock);
            }
        }
    }

    /// Locks the lab's folder; none where there is none.
    pub fn existing(folder: &LabFolder) -> Result<Option<Self>> {
        let path = folder.path();
        let file = match File::open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(|e| Error::io(format!("open {}", path.display()), &e))?,
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(Error::usage(format!("another process is working on the lab in {}", path.display()))
                    .hint("wait for it, or end it; then `kbootstrap lab down` cleans up"));
            }
            Err(fs::TryLockError::Error(e)) => return Err(Error::io(format!("lock {}", path.display()), &e)),
        }
        // It may have been removed between open and lock.
        let same = matches!((file.metadata(), fs::metadata(path)), (Ok(a), Ok(b)) if a.ino() == b.ino());
        Ok(same.then_some(Lock { _folder: file }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_is_worked_on_by_one_process_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folders::at(dir.path()).unwrap().lab("demo");
        assert!(Lock::existing(&folder).unwrap().is_none());
        let lock = Lock::make(&folder).unwrap();
        assert!(Lock::existing(&folder).is_err());
        drop(lock);
        assert!(Lock::existing(&folder).unwrap().is_some());
    }

    #[test]
    fn a_host_that_is_not_there_is_told_with_those_that_are() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folders::at(dir.path()).unwrap().lab("demo");
        let _lock = Lock::make(&folder).unwrap();
        assert_eq!(State::load(&folder).unwrap(), None);
        let host = |name: &str| HostState {
            name: name.into(),
            address: [10, 99, 7, 11].into(),
            roles: vec![Role::Node],
            netns: String::new(),
            veth: String::new(),
            cgroups: Vec::new(),
        };
        let state = State {
            name: "demo".into(),
            id: id(&folder),
            subnet: "10.99.7.0/24".parse().unwrap(),
            gateway: [10, 99, 7, 1].into(),
            bridge: "kb".into(),
            tree: "/tree".into(),
            inventory: "/inventory".into(),
            complete: false,
            hosts: vec![host("n1"), host("n2")],
        };
        state.save(&folder).unwrap();
        let state = State::load(&folder).unwrap().unwrap();
        assert_eq!(state.host("n2").unwrap().name, "n2");
        assert_eq!(state.host("n3").unwrap_err().hints, ["its hosts are n1, n2"]);
    }
}
