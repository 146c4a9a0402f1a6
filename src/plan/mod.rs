//! What differs: desired state minus facts, as data. Empty when all is right.

mod compare;
#[cfg(test)]
mod compare_tests;
#[cfg(test)]
mod converged;
mod first_nodes;
mod leftovers;
mod meaning;
mod nodes;
mod objects;
mod packages;
mod print;
mod register;
mod removal;
mod revocation;
mod upgrade;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::changes::{Joining, Leftover};
use crate::components::Addon;
use crate::secret::Secret;
use crate::state::{ArtifactRef, ComponentId, Dir, HostState, Image, Rollout};

pub use compare::{compare, content_sha256, restart_key};
#[cfg(test)]
pub use converged::converged;
pub use first_nodes::first_nodes;
pub use leftovers::leftovers_text;
pub use meaning::{Hosts, Meaning};
pub use nodes::{Marks, are_believed};
pub use objects::object_change;
pub use print::{Diffs, text, total};
pub use register::{register, runs_kubelet};
pub use removal::{Removal, Takes};
pub use revocation::Revocation;
pub use upgrade::{Reason, Upgrade};

/// What the whole cluster must hold.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// By host.
    pub hosts: BTreeMap<String, HostState>,
    /// API objects, in the order in which they are applied.
    pub objects: Vec<Value>,
    /// What must be available in the end.
    pub addons: Vec<Addon>,
    /// How Secrets in etcd come to be as the inventory asks.
    pub encryption: Encryption,
    /// Nodes that are made before their kubelets run.
    pub nodes: Vec<Value>,
}

/// How Secrets in etcd come to be as the inventory asks.
#[derive(Debug, Clone, Default)]
pub struct Encryption {
    /// The key that new Secrets are encrypted with; none where they are not.
    pub key: Option<String>,
    /// Masters of which it is not known that their API servers have read what they are to have.
    pub unread: Vec<String>,
    /// What all API servers must have read before any of them may write with a new key: another one could not read it.
    pub first: Option<Secret>,
}

/// What would change: on hosts, in the API, in the cluster, and on this machine first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Hosts in the inventory's order; a host that is right has an empty plan.
    pub hosts: Vec<HostPlan>,
    /// API objects that are missing or differ; `None` where the API cannot be asked yet, so all of them will be applied.
    pub objects: Option<Vec<ObjectChange>>,
    /// What is neither a file nor an object of ours.
    pub cluster: Vec<ClusterChange>,
    /// What is made on this machine before any host is touched.
    pub here: Here,
    /// What should not be there, and stays: it is no change.
    pub leftovers: Vec<Leftover>,
}

/// A change of the cluster that is neither a file on a host nor an object of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum ClusterChange {
    /// Labels and taints of a node.
    MarkNode {
        /// The node.
        node: String,
        /// JSON paths that differ.
        fields: Vec<String>,
    },
    /// Secrets that are in etcd otherwise than asked are written again.
    RewriteSecrets {
        /// How many there were when the plan was made.
        count: usize,
        /// They are to be encrypted.
        encrypt: bool,
    },
    /// A host's kubelet runs, and the API has no such node: it is made again, and what runs on the node registers again.
    RegisterNode {
        /// The node.
        node: String,
    },
    /// A pod of an addon that crashes again and again is deleted: another takes its place, with what its host has now, and
    /// without waiting for the kubelet's next try.
    RestartPod {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
        /// The node that it is on.
        node: String,
    },
    /// A member joins etcd: as a learner, which gets all data and has no vote, and with a vote once it has caught up.
    AddMember(Joining),
    /// A host becomes a master of the cluster that runs.
    AddMaster {
        /// The host.
        name: String,
    },
    /// What should not be there is taken away, because somebody has named it.
    Remove(Box<Removal>),
    /// What the cluster still has of a host that was revoked is taken away, once its keys are worth nothing.
    Revoke(Box<Revocation>),
    /// The record of what was done last.
    WriteRecord {
        /// Masters that do not have it, and the cluster itself as ``.
        places: Vec<String>,
    },
}

/// What the operator's machine does not have yet. Empty by the time that anything is applied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Here {
    /// Certificates and keys to be issued, by their names in the cluster's folder.
    pub issue: Vec<String>,
    /// Programs and images to be fetched.
    pub fetch: Vec<Fetch>,
}

/// A program or image to be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fetch {
    /// For hosts of this architecture.
    pub arch: String,
    /// Without hash and size where no lock pins it.
    #[serde(flatten)]
    pub artifact: ArtifactRef,
}

/// What would change on one host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HostPlan {
    /// Host.
    pub host: String,
    /// System users to make.
    pub users: Vec<String>,
    /// Directories to make, or to give another mode or owner.
    pub dirs: BTreeMap<String, DirChange>,
    /// Files to write, or to give another mode or owner.
    pub files: Vec<FileChange>,
    /// Kernel modules to load.
    pub modules: Vec<String>,
    /// Kernel settings to set.
    pub sysctls: Vec<SysctlChange>,
    /// Images to import.
    pub images: Vec<Image>,
    /// Packages of the distribution to install, in order, and those whose units are masked again.
    pub packages: Vec<PackageChange>,
    /// Services to enable, start or restart, in order.
    pub units: Vec<UnitChange>,
}

/// A package of the distribution that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageChange {
    /// Its name.
    pub name: String,
    /// Version, as the distribution names it; empty where it is not known yet.
    pub version: String,
    /// Bytes that travel; 0 where that is not known yet.
    pub size: u64,
    /// It is installed; else only its units are masked again.
    pub install: bool,
    /// The wanted packages that it is there for: itself, or those that need it.
    pub wanted_by: BTreeSet<String>,
    /// The distribution's units that are masked before.
    pub mask: BTreeSet<String>,
}

/// A directory that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DirChange {
    /// What it must be.
    #[serde(flatten)]
    pub to: Dir,
    /// Mode and owner that it has, where it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// Path.
    pub path: String,
    /// How it differs.
    pub change: FileDifference,
    /// What sort of bytes, which decides how they are shown.
    pub kind: FileKind,
    /// Bytes of the new content.
    pub size: u64,
    /// Mode and owner that it has and that it must have, where its bytes are right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<(String, String)>,
}

/// How a file differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileDifference {
    /// It is not there.
    Create,
    /// Its bytes are others, or others could write it: it becomes a new file.
    Replace,
    /// Only its mode or owner.
    Mode,
}

/// What sort of bytes a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// Configuration: shown as a diff.
    Text,
    /// Never shown.
    Secret,
    /// A program.
    Program,
    /// A certificate or key that does not exist yet.
    ToIssue,
}

/// A kernel setting that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SysctlChange {
    /// Name.
    pub name: String,
    /// Present value; empty where it could not be read.
    pub from: String,
    /// Desired value.
    pub to: String,
}

/// What happens to a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnitChange {
    /// `etcd.service`.
    pub name: String,
    /// Its component.
    pub component: ComponentId,
    /// Start, restart or reload; none where it is only enabled.
    pub action: Option<UnitAction>,
    /// Enable it at boot.
    pub enable: bool,
    /// Why, in a few words.
    pub reason: String,
    /// How it is brought up, and changed while it runs.
    #[serde(skip)]
    pub rollout: Rollout,
    /// The unit of the same host with which systemd stops and restarts it.
    #[serde(skip)]
    pub part_of: Option<&'static str>,
    /// Somebody has masked it, which is taken back first.
    #[serde(skip)]
    pub unmask: bool,
    /// What to record once it runs: see [`restart_key`].
    pub key: String,
}

impl UnitChange {
    /// Whether it runs, and goes on with something new.
    pub fn runs(&self) -> bool {
        matches!(self.action, Some(UnitAction::Restart | UnitAction::Reload))
    }
}

/// What is done to a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UnitAction {
    /// It does not run.
    Start,
    /// It runs with something older.
    Restart,
    /// It reads its configuration again, and goes on.
    Reload,
}

/// An API object that is missing or differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObjectChange {
    /// `Deployment kube-system/coredns`.
    pub object: String,
    /// It is not there at all.
    pub create: bool,
    /// JSON paths that differ.
    pub fields: Vec<String>,
}

impl HostPlan {
    /// Nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes() == 0
    }
    /// How many things change.
    pub fn changes(&self) -> usize {
        self.users.len()
            + self.dirs.len()
            + self.files.len()
            + self.modules.len()
            + self.sysctls.len()
            + self.images.len()
            + self.packages.len()
            + self.units.len()
    }
}

impl Plan {
    /// How many things change; objects that cannot be asked about yet do not count.
    pub fn changes(&self) -> usize {
        let hosts: usize = self.hosts.iter().map(HostPlan::changes).sum();
        hosts + self.objects.as_ref().map_or(0, Vec::len) + self.cluster.len()
    }
    /// Nodes whose labels or taints change.
    pub fn marked(&self) -> impl Iterator<Item = &String> {
        self.cluster.iter().filter_map(|change| match change {
            ClusterChange::MarkNode { node, .. } => Some(node),
            _ => None,
        })
    }
    /// Whether labels or taints of this node change.
    pub fn marks(&self, node: &str) -> bool {
        self.marked().any(|marked| marked == node)
    }
    /// Members that join etcd, in their order.
    pub fn joining(&self) -> impl Iterator<Item = &Joining> {
        self.cluster.iter().filter_map(|change| match change {
            ClusterChange::AddMember(joining) => Some(joining),
            _ => None,
        })
    }
    /// Hosts that become masters of the cluster that runs, in their order.
    pub fn new_masters(&self) -> impl Iterator<Item = &str> {
        self.cluster.iter().filter_map(|change| match change {
            ClusterChange::AddMaster { name } => Some(name.as_str()),
            _ => None,
        })
    }
    /// What is taken away.
    pub fn removals(&self) -> impl Iterator<Item = &Removal> {
        self.cluster.iter().filter_map(|change| match change {
            ClusterChange::Remove(removal) => Some(&**removal),
            _ => None,
        })
    }
    /// Hosts that are revoked.
    pub fn revocations(&self) -> impl Iterator<Item = &Revocation> {
        self.cluster.iter().filter_map(|change| match change {
            ClusterChange::Revoke(revocation) => Some(&**revocation),
            _ => None,
        })
    }
    /// Whether anything that runs is restarted.
    pub fn restarts(&self) -> bool {
        self.hosts.iter().flat_map(|host| &host.units).any(|unit| unit.action == Some(UnitAction::Restart))
    }
    /// Nothing to do, and known to be so.
    pub fn is_empty(&self) -> bool {
        self.changes() == 0 && self.objects.is_some() && self.here == Here::default()
    }
}
