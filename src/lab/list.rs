//! Which labs there are.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use ipnet::Ipv4Net;
use serde::Serialize;

use super::folders::Folders;
use super::process::Process;
use super::state::{self, State};
use crate::cluster::Role;
use crate::error::Result;

/// A lab, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LabStatus {
    /// Name.
    pub name: String,
    /// False for what an interrupted `lab up` left, or one that is at work just now.
    pub complete: bool,
    /// Network; none where the lab was interrupted before it had one.
    pub subnet: Option<Ipv4Net>,
    /// The inventory to bring a cluster up with.
    pub inventory: Option<PathBuf>,
    /// The lab's folder.
    pub folder: PathBuf,
    /// Hosts.
    pub hosts: Vec<HostStatus>,
}

/// A host, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HostStatus {
    /// Name.
    pub name: String,
    /// Address.
    pub address: Ipv4Addr,
    /// What the inventory says runs there.
    pub roles: Vec<Role>,
    /// Whether it is switched on.
    pub on: bool,
    /// The PID of its systemd-nspawn.
    pub pid: Option<i32>,
}

/// All labs, by name.
pub fn list(folders: &Folders) -> Result<Vec<LabStatus>> {
    state::names(folders)?.iter().map(|name| status(folders, name)).collect()
}

fn status(folders: &Folders, name: &str) -> Result<LabStatus> {
    let folder = folders.lab(name)?;
    let state = State::load(&folder)?;
    let hosts = state.iter().flat_map(|state| &state.hosts).map(|host| {
        let process = Process::load(&folder.host(&host.name).process()).filter(|process| process.is_alive());
        HostStatus {
            name: host.name.clone(),
            address: host.address,
            roles: host.roles.clone(),
            on: process.is_some(),
            pid: process.map(|process| process.pid),
        }
    });
    Ok(LabStatus {
        name: name.to_owned(),
        hosts: hosts.collect(),
        complete: state.as_ref().is_some_and(|state| state.complete),
        subnet: state.as_ref().map(|state| state.subnet),
        inventory: state.map(|state| state.inventory),
        folder: folder.path().to_owned(),
    })
}
