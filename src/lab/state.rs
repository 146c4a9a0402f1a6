//! What a lab is made of. Written before anything is made, so that all of it can be found again and removed after
//! `kill -9` at any moment. PIDs are not here: a host's supervisor writes its own ([`super::launch`]).

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Component, Path, PathBuf};

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::folders::{Folders, LabFolder};
use super::network::{bridge_name, netns_name, veth_name};
use super::spec::is_lab_name;
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
    /// Reads a lab's state; none where the lab does not exist or ended before it had made anything. Root removes and ends
    /// what it names, so others must not have been able to write it, and it names nothing but what is a lab's.
    pub fn load(folder: &LabFolder) -> Result<Option<Self>> {
        let path = folder.state();
        files::check_way(&path, files::Owners::Trusted)?;
        let bytes = match files::bounded::bytes(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|e| Error::io(format!("read {}", path.display()), &e))?,
        };
        let state: State = serde_json::from_slice(&bytes)
            .map_err(|e| Error::local(format!("{}: {e}", path.display())).caused_by(e))?;
        match state.foreign(folder) {
            None => Ok(Some(state)),
            Some(what) => Err(Error::local(format!("{} names what is no lab's: {what}", path.display()))
                .hint("nothing was touched; look who wrote it")),
        }
    }

    /// The first thing that no lab of this name has.
    fn foreign(&self, folder: &LabFolder) -> Option<String> {
        let is_id = self.id.len() == 6 && self.id.bytes().all(|b| b.is_ascii_hexdigit());
        let own = [
            (folder.path().file_name() == Some(self.name.as_ref()), &self.name),
            (is_id, &self.id),
            (self.bridge == bridge_name(&self.id), &self.bridge),
        ];
        let of_hosts = self.hosts.iter().flat_map(|host| {
            let name = host.name.as_str();
            let cgroups =
                host.cgroups.iter().filter(|path| !is_of_host(path, name)).map(|path| path.display().to_string());
            let own = [
                (is_lab_name(name), name),
                (host.netns == netns_name(&self.id, name), host.netns.as_str()),
                (host.veth == veth_name(&self.id, name), host.veth.as_str()),
            ];
            let own = own.into_iter().filter(|(is_own, _)| !is_own).map(|(_, what)| what.to_owned());
            own.chain(cgroups).collect::<Vec<_>>()
        });
        let own = own.into_iter().filter(|(is_own, _)| !is_own).map(|(_, what)| what.clone());
        own.chain(of_hosts).next()
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

/// Whether it is a host's cgroup: `…/kb/LAB/HOST`.
fn is_of_host(cgroup: &Path, host: &str) -> bool {
    let is_plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
    let above = cgroup.parent().and_then(Path::parent);
    cgroup.starts_with("/sys/fs/cgroup")
        && cgroup.components().all(is_plain)
        && cgroup.file_name() == Some(host.as_ref())
        && above.is_some_and(|above| above.ends_with("kb"))
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
        .filter(|name| is_lab_name(name))
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
        let id = folder.id();
        let host = |name: &str| HostState {
            name: name.into(),
            address: [10, 99, 7, 11].into(),
            roles: vec![Role::Node],
            netns: netns_name(&id, name),
            veth: veth_name(&id, name),
            cgroups: vec![format!("/sys/fs/cgroup/cpu/kb/{id}/{name}").into()],
        };
        let state = State {
            name: "demo".into(),
            id: folder.id(),
            subnet: "10.99.7.0/24".parse().unwrap(),
            gateway: [10, 99, 7, 1].into(),
            bridge: bridge_name(&id),
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

        // Root removes what it names.
        let text = fs::read_to_string(folder.state()).unwrap();
        let cgroup = format!("/sys/fs/cgroup/cpu/kb/{id}/n1");
        let (netns, veth, bridge) = (netns_name(&id, "n1"), veth_name(&id, "n1"), bridge_name(&id));
        for (own, others) in [
            (netns.as_str(), "/etc"),
            (&veth, "eth0"),
            (&bridge, "eth0"),
            (&cgroup, "/sys/fs/cgroup/system.slice"),
            (&cgroup, "/sys/fs/cgroup/kb/../system.slice/kb/x/n1"),
            ("demo", "../demo"),
        ] {
            let (own, others) = (format!("\"{own}\""), format!("\"{others}\""));
            assert!(text.contains(&own), "{own} in {text}");
            fs::write(folder.state(), text.replace(&own, &others)).unwrap();
            let error = State::load(&folder).unwrap_err();
            assert!(
                error.message.ends_with(&format!("names what is no lab's: {}", others.trim_matches('"'))),
                "{error}"
            );
        }
        fs::write(folder.state(), text.replace("\"n1\"", "\"../../n1\"")).unwrap();
        assert!(State::load(&folder).unwrap_err().message.contains("names what is no lab's: "));
        fs::write(folder.state(), &text).unwrap();
        fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        assert!(State::load(&folder).unwrap_err().message.contains("everybody may write to it"));
    }
}
