//! What a lab is made of. Written before anything is made, so that all of it can be found again and removed after
//! `kill -9` at any moment. PIDs are not here: a host's supervisor writes its own ([`super::launch`]).

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::folders::{Folders, LabFolder};
use super::system::System;
use crate::cluster::Role;
use crate::error::{Error, Result};
use crate::files;

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
    /// What the hosts have installed; a lab of an earlier kbootstrap does not say it.
    #[serde(default)]
    pub system: System,
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
                .map_err(|e| Error::local(format!("{}: {e}", path.display())).caused_by(e)),
        }
    }

    /// Writes it, all or nothing.
    pub fn save(&self, folder: &LabFolder) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| Error::internal(format!("write JSON: {e}")))?;
        files::write_public(&folder.state(), &text)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_is_not_there_is_told_with_those_that_are() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folders::at(dir.path()).unwrap().lab("demo").unwrap();
        fs::create_dir_all(folder.path()).unwrap();
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
            id: folder.id(),
            subnet: "10.99.7.0/24".parse().unwrap(),
            gateway: [10, 99, 7, 1].into(),
            bridge: "kb".into(),
            system: System::default(),
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
