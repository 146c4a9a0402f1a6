//! What versions of kbootstrap have changed on clusters that are there already: why a plan has something to do where
//! nothing in the inventory is other than it was.

use std::collections::BTreeMap;

use semver::Version;

use crate::facts::HostFacts;
use crate::live::Live;

/// A change that came with a version.
#[derive(Debug, Clone, Copy)]
pub struct ReleaseChange {
    /// The first version that has it.
    pub since: &'static str,
    /// In a sentence, without its full stop.
    pub words: &'static str,
    /// What of a plan is due to it.
    pub concerns: Concerns,
}

/// What of a plan is due to a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concerns {
    /// A file that hosts do not have yet, by its name without folders.
    NewFile(&'static str),
    /// Files that hosts have otherwise, by their names without folders.
    OtherFiles(&'static [&'static str]),
    /// The same, in a cluster where some host does not have this new file yet.
    OtherFilesWith(&'static str, &'static [&'static str]),
    /// The record of what was done last.
    Record,
}

/// All of them, in the order in which they came. A change of what hosts hold gets a row here, and a line in the changelog.
pub const RELEASES: &[ReleaseChange] = &[
    ReleaseChange {
        since: "0.2.0",
        words: "kube-controller-manager restarts and signs with ca-signing.crt: ca.crt beside it may hold further CAs, \
                which are only trusted",
        concerns: Concerns::NewFile("ca-signing.crt"),
    },
    ReleaseChange {
        since: "0.2.0",
        words: "a timer on nodes brings back what others take from the kernel: routes, devices and rules of flanneld and \
                kube-proxy",
        concerns: Concerns::NewFile("data-plane.sh"),
    },
    ReleaseChange {
        since: "0.2.0",
        words: "kube-controller-manager and kube-scheduler restart and show certificates of the cluster's CA, no longer \
                their own",
        concerns: Concerns::NewFile("controller-manager-server.crt"),
    },
    ReleaseChange {
        since: "0.2.0",
        words: "kube-proxy and flanneld have a key of their own on each node, with rights for that node; those that all \
                nodes shared are deleted",
        concerns: Concerns::OtherFiles(&["kube-proxy.crt", "flannel.crt"]),
    },
    ReleaseChange {
        since: "0.2.0",
        words: "services restart and may do less on their hosts than before",
        concerns: Concerns::OtherFiles(&[
            "etcd.service",
            "kube-apiserver.service",
            "kube-controller-manager.service",
            "kube-scheduler.service",
            "kube-proxy.service",
            "flanneld.service",
        ]),
    },
    ReleaseChange {
        since: "0.2.0",
        words: "services, but for containerd, do without a proxy that systemd gives to all services; the kubelet restarts \
                for it",
        concerns: Concerns::OtherFiles(&["kubelet.service"]),
    },
    ReleaseChange {
        since: "0.2.0",
        words: "kube-controller-manager and kube-scheduler may ask kube-apiserver more often, so that one that takes over \
                works sooner",
        concerns: Concerns::OtherFiles(&["kube-scheduler.yaml"]),
    },
    ReleaseChange {
        since: "0.2.0",
        words: "kube-apiserver refuses new external IPs of Services and floods of events",
        concerns: Concerns::NewFile("admission.yaml"),
    },
    ReleaseChange {
        since: "0.2.0",
        words: "of several masters each kube-apiserver that has a member of etcd on its host asks that one only, stops and starts \
                with it, and is open to others once it is ready",
        concerns: Concerns::NewFile("api-gate.sh"),
    },
    ReleaseChange {
        since: "0.2.0",
        words: "with several masters services restart and notice an API server that is gone after eight seconds",
        concerns: Concerns::OtherFilesWith(
            "api-gate.sh",
            &[
                "kube-controller-manager.service",
                "kube-scheduler.service",
                "kubelet.service",
                "kube-proxy.service",
                "flanneld.service",
            ],
        ),
    },
    ReleaseChange {
        since: "0.2.0",
        words: "what `up` did last is recorded in the cluster and on the masters",
        concerns: Concerns::Record,
    },
];

/// Which kbootstrap was here last, where it was an older one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Last {
    /// This version.
    Version(Version),
    /// One that left no record, as 0.1.0 did.
    Unknown,
}

impl Last {
    /// What the record says, or hosts on which kbootstrap has started something. None where it was this version, and
    /// where it was never here.
    pub fn of(live: &Live, facts: &BTreeMap<String, HostFacts>) -> Option<Last> {
        let Some(record) = &live.record else {
            let started = facts.values().flat_map(|facts| facts.units.values()).any(|u| !u.restart_key.is_empty());
            return started.then_some(Last::Unknown);
        };
        let (was, is) = (Version::parse(&record.kbootstrap).ok()?, Version::parse(env!("CARGO_PKG_VERSION")).ok()?);
        (was < is).then_some(Last::Version(was))
    }

    /// What has changed since.
    pub fn changes_since(&self) -> impl Iterator<Item = &'static ReleaseChange> + '_ {
        RELEASES.iter().filter(|change| match self {
            Last::Unknown => true,
            Last::Version(was) => Version::parse(change.since).is_ok_and(|since| *was < since),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::example;
    use crate::facts::UnitFact;
    use crate::record::{Record, RecordedInventory, Signature};

    fn recorded(version: &str) -> Live {
        let signature = Signature { written: "2026-01-02T03:04:05Z".into(), by: "ann@desk".into() };
        let inventory = RecordedInventory::new("c.yaml", "cluster: demo\n", BTreeMap::new());
        let record = Record::new(&example::cluster("1.36.3"), inventory, String::new(), signature);
        Live { record: Some(Record { kbootstrap: version.into(), ..record }), ..Live::default() }
    }

    #[test]
    fn who_was_here_last_is_known_by_the_record_or_by_what_was_started() {
        let ours = env!("CARGO_PKG_VERSION");
        let nothing = BTreeMap::new();
        assert_eq!(Last::of(&Live::default(), &nothing), None, "a new cluster");
        assert_eq!(Last::of(&recorded(ours), &nothing), None);
        assert_eq!(Last::of(&recorded("0.1.0"), &nothing), Some(Last::Version(Version::new(0, 1, 0))));
        let mut host = HostFacts::default_host();
        let unit = UnitFact { active: "active".into(), restart_key: "key".into(), ..UnitFact::default() };
        host.units.insert("etcd.service".into(), unit);
        assert_eq!(Last::of(&Live::default(), &BTreeMap::from([("m1".into(), host)])), Some(Last::Unknown));
    }

    #[test]
    fn only_what_came_since_counts_and_every_version_is_one_of_ours() {
        let ours = Version::parse(env!("CARGO_PKG_VERSION")).unwrap();
        for change in RELEASES {
            assert!(Version::parse(change.since).unwrap() <= ours, "{change:?}");
        }
        assert_eq!(Last::Unknown.changes_since().count(), RELEASES.len());
        assert_eq!(Last::Version(Version::new(0, 1, 0)).changes_since().count(), RELEASES.len());
        assert_eq!(Last::Version(ours).changes_since().count(), 0);
    }
}
