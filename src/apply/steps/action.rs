//! What a step does, and what it is called.

use super::waves::Push;
use crate::changes::Joining;
use crate::plan::{UnitAction, UnitChange};
use crate::state::Ready;

const ETCD_HEALTHY: &str = "etcd is healthy";
const API_READY: &str = "kube-apiserver is ready";

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Users, folders, modules, kernel settings and files of one wave, or the files of a unit that is to restart.
    Push(Push),
    /// Images into containerd; their tars were pushed before.
    Import {
        /// Host.
        host: String,
    },
    /// Packages of the distribution; what is installed was pushed before.
    Packages {
        /// Host.
        host: String,
    },
    /// Enable, start or restart a unit, and wait until it runs.
    Unit {
        /// Host.
        host: String,
        /// What to do.
        change: UnitChange,
        /// What systemd restarts with it, in the same go.
        with: Option<UnitChange>,
    },
    /// The etcd members answer and have a leader. Before a restart: they would without this one, too.
    EtcdHealthy {
        /// Asked through this host.
        host: String,
        /// The member that is about to be restarted.
        about_to_restart: bool,
    },
    /// etcd gets one more member, which has no vote yet.
    AddMember(Joining),
    /// It has caught up, and gets its vote.
    PromoteMember(Joining),
    /// Every member says the same of all, this one and those before it, and is well.
    MembersAgree(Joining),
    /// The host's API server says that it is ready. Before a restart: another one does.
    ApiReady {
        /// Host.
        host: String,
        /// It is about to be restarted.
        about_to_restart: bool,
    },
    /// The host's own balancer leads to an API server that is ready.
    Balanced {
        /// Host.
        host: String,
    },
    /// The virtual address leads to an API server that is ready.
    Held,
    /// A member of etcd or an API server that was restarted is ready with what is new; else what ran before is put back.
    Settled {
        /// Host.
        host: String,
        /// The restart.
        change: UnitChange,
        /// What was restarted with it, and goes back with it.
        with: Option<UnitChange>,
    },
    /// The cluster's own API objects are as they should be.
    Objects,
    /// A configuration of encryption with which an API server writes as before and can read what comes next.
    PushKeys {
        /// Host.
        host: String,
    },
    /// All API servers have read it.
    KeysRead,
    /// All API servers have read how Secrets are to be written, and all Secrets in etcd are written so.
    Secrets,
    /// Servers show the certificates that were brought to them.
    Shown,
    /// The nodes of a new cluster, each with its piece of the pod network.
    MakeNodes,
    /// A node that was deleted is there again, with its piece of the pod network, before its kubelet is restarted.
    RegisterNode {
        /// Host.
        host: String,
    },
    /// A node is registered and has its piece of the pod network; its labels are set.
    NodeRegistered {
        /// Host.
        host: String,
    },
    /// A pod that crashes again and again is deleted, and another takes its place.
    RestartPod {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
    },
    /// Leases held, nodes Ready, addons available.
    Healthy,
    /// What should not be there goes from a host.
    TakeAway {
        /// Host; it may have left the inventory.
        host: String,
        /// The leftover's name.
        name: String,
    },
    /// What should not be there goes from the API.
    Delete {
        /// The leftover's name.
        name: String,
    },
    /// The keys of a host that was lost are worth nothing any more, and its node and pods are gone.
    Revoke {
        /// Host; it is none of the cluster's any more.
        host: String,
    },
    /// What was done is written down, in these places.
    Record(Vec<String>),
}

/// Who and what, for people.
pub(in crate::apply) fn title(action: &Action) -> (String, String) {
    let (host, step) = match action {
        Action::Push(push) => (push.host.as_str(), push.title.clone()),
        Action::Import { host } => (host.as_str(), "import images".into()),
        Action::Packages { host } => (host.as_str(), "install packages".into()),
        Action::Unit { host, change, with } => {
            let name = change.name.trim_end_matches(".service");
            let with = with.as_ref().map(|with| format!(" and {}", with.name.trim_end_matches(".service")));
            let verb = match change.action {
                Some(UnitAction::Start) => "start",
                Some(UnitAction::Restart) => "restart",
                Some(UnitAction::Reload) => "reload",
                None => "enable",
            };
            (host.as_str(), format!("{verb} {name}{}", with.unwrap_or_default()))
        }
        Action::Settled { host, change, .. } if change.rollout.ready == Ready::Etcd => {
            (host.as_str(), ETCD_HEALTHY.into())
        }
        Action::Settled { host, .. } => (host.as_str(), API_READY.into()),
        Action::EtcdHealthy { host, about_to_restart: false } => (host.as_str(), ETCD_HEALTHY.into()),
        Action::EtcdHealthy { host, .. } => (host.as_str(), "etcd can spare this member".into()),
        Action::AddMember(joining) => (joining.member.as_str(), "add to etcd as a learner".into()),
        Action::PromoteMember(joining) => (joining.member.as_str(), "give a vote in etcd".into()),
        Action::MembersAgree(joining) => (joining.member.as_str(), "etcd is whole with it".into()),
        Action::ApiReady { host, about_to_restart: false } => (host.as_str(), API_READY.into()),
        Action::ApiReady { host, .. } => (host.as_str(), "another kube-apiserver is ready".into()),
        Action::Balanced { host } => (host.as_str(), "its balancer leads to the API".into()),
        Action::Held => ("", "the virtual address leads to the API".into()),
        Action::Objects => ("", "apply API objects".into()),
        Action::PushKeys { host } => (host.as_str(), "push keys of encryption".into()),
        Action::KeysRead => ("", "every kube-apiserver knows the new key".into()),
        Action::Shown => ("", "new certificates are shown".into()),
        Action::Secrets => ("", "Secrets in etcd are as asked".into()),
        Action::MakeNodes => ("", "make nodes".into()),
        Action::RegisterNode { host } => (host.as_str(), "make its node again".into()),
        Action::NodeRegistered { host } => (host.as_str(), "its node registers".into()),
        Action::RestartPod { name, .. } => ("", format!("replace {name}")),
        Action::Healthy => ("", "the cluster is healthy".into()),
        Action::TakeAway { host, name } => (host.as_str(), format!("take away {name}")),
        Action::Delete { name } => ("", format!("delete what the API has of {name}")),
        Action::Revoke { host } => ("", format!("shut {host} out")),
        Action::Record(_) => ("", "write down what was done".into()),
    };
    (host.to_owned(), step)
}
