//! The parts of a record: machines and how they were reached, the inventory with the files that it names.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::cluster::{Host, Role, Ssh, TransportKind};
use crate::digest::sha256;

/// A machine that was in the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedHost {
    /// Host and node name.
    pub name: String,
    /// The address that the other hosts use.
    pub address: IpAddr,
    /// What ran there.
    pub roles: BTreeSet<Role>,
    /// How it was reached.
    pub ssh: RecordedSsh,
    /// Components that were switched off there, and whose files and keys nobody has taken away.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub left: BTreeSet<String>,
}

/// How a machine was reached from the operator's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedSsh {
    /// SSH, or the operator's machine itself.
    pub transport: TransportKind,
    /// Address or name.
    pub address: String,
    /// Port, where the inventory said it.
    pub port: Option<u16>,
    /// Login name, where the inventory said it.
    pub user: Option<String>,
    /// Private key files on the operator's machine.
    pub keys: Vec<PathBuf>,
    /// known_hosts on the operator's machine; none: the user's.
    pub known_hosts: Option<PathBuf>,
    /// The only host key that was accepted.
    pub host_key: Option<String>,
}

/// The inventory as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedInventory {
    /// Its file's name.
    pub name: String,
    /// SHA-256 of its text.
    pub sha256: String,
    /// Its text.
    pub text: String,
    /// Templates that it names, by path as it is written there, with their texts.
    pub files: BTreeMap<String, String>,
}

/// A host that is not in the inventory any more is asked briefly: it may be gone for good.
const CONNECT_TIMEOUT: u64 = 3;

impl RecordedHost {
    pub(super) fn of(host: &Host) -> Self {
        let Ssh { transport, address, port, user, keys, known_hosts, host_key, .. } = host.ssh.clone();
        let ssh = RecordedSsh { transport, address, port, user, keys, known_hosts, host_key };
        RecordedHost {
            name: host.name.clone(),
            address: host.address,
            roles: host.roles.clone(),
            ssh,
            left: BTreeSet::new(),
        }
    }

    /// As a host that can be asked.
    pub fn host(&self) -> Host {
        let RecordedSsh { transport, address, port, user, keys, known_hosts, host_key } = self.ssh.clone();
        Host {
            name: self.name.clone(),
            address: self.address,
            roles: self.roles.clone(),
            labels: BTreeMap::new(),
            taints: Vec::new(),
            ssh: Ssh {
                transport,
                address,
                port,
                user,
                keys,
                known_hosts,
                host_key,
                connect_timeout: Some(CONNECT_TIMEOUT),
            },
            components: BTreeMap::new(),
            waive: BTreeSet::new(),
        }
    }
}

impl RecordedInventory {
    /// An inventory's text with the files that it names.
    pub fn new(name: &str, text: &str, files: BTreeMap<String, String>) -> Self {
        RecordedInventory { name: name.into(), sha256: sha256(text.as_bytes()), text: text.into(), files }
    }
}
