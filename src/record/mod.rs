//! What `up` leaves about what it did last: one versioned document, in the cluster and on every master.
//!
//! By it, hosts that have left the inventory are still known, and the operator's folder can be rebuilt. It is a memory,
//! not the truth: where hosts and API say otherwise, they count.

mod believed;
mod parse;
mod recorded;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use believed::newest;
pub use parse::parse;
pub use recorded::{RecordedHost, RecordedInventory, RecordedSsh};

use crate::cluster::{Cluster, Layout, Revoked, settings};

/// The version of the document that this program writes; it reads all that are older.
pub const FORMAT: u32 = 1;
/// The ConfigMap in [`NAMESPACE`] that holds it, under the key [`KEY`].
pub const CONFIG_MAP: &str = "kbootstrap";
/// kube-system: where nobody but cluster administrators may write ConfigMaps.
pub const NAMESPACE: &str = "kube-system";
/// The key in the ConfigMap, and the file's name on masters and in the cluster's folder.
pub const KEY: &str = "record.json";

/// What was done last, and by whom.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// [`FORMAT`] of the program that wrote it.
    pub format: u32,
    /// That program's version.
    pub kbootstrap: String,
    /// The cluster's name.
    pub cluster: String,
    /// When, as RFC 3339 in UTC.
    pub written: String,
    /// Who: `user@machine`.
    pub by: String,
    /// What the inventory came to, by its fields: see [`settings`].
    pub settings: BTreeMap<String, Value>,
    /// The machines.
    pub hosts: Vec<RecordedHost>,
    /// Machines that have left the inventory and were not taken back yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<RecordedHost>,
    /// Machines that were lost: their keys are worth nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<Revoked>,
    /// The inventory itself.
    pub inventory: RecordedInventory,
    /// The text of `artifacts.lock`: which bytes the cluster runs.
    pub lock: String,
}

/// When, and by whom something was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// RFC 3339 in UTC.
    pub written: String,
    /// `user@machine`.
    pub by: String,
}

impl Record {
    /// The record of a cluster as it is now.
    pub fn new(cluster: &Cluster, inventory: RecordedInventory, lock: String, signature: Signature) -> Self {
        Record {
            format: FORMAT,
            kbootstrap: env!("CARGO_PKG_VERSION").into(),
            cluster: cluster.name.clone(),
            written: signature.written,
            by: signature.by,
            settings: settings(cluster),
            hosts: cluster.hosts.iter().map(RecordedHost::of).collect(),
            gone: Vec::new(),
            revoked: cluster.revoked.clone(),
            inventory,
            lock,
        }
    }

    /// As it is written.
    pub fn text(&self) -> String {
        // Maps with string keys and numbers of JSON: nothing here can fail to be written.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Whether both say the same, whoever wrote them and when.
    pub fn says_the_same(&self, other: &Record) -> bool {
        let unsigned = |record: &Record| Record { written: String::new(), by: String::new(), ..record.clone() };
        unsigned(self) == unsigned(other)
    }

    /// The machine of that name.
    pub fn host(&self, name: &str) -> Option<&RecordedHost> {
        self.hosts.iter().find(|host| host.name == name)
    }

    /// All machines that it names, those that have left among them.
    pub fn all_hosts(&self) -> impl Iterator<Item = &RecordedHost> {
        self.hosts.iter().chain(&self.gone)
    }

    /// Whether a host of that name was revoked.
    pub fn has_revoked(&self, name: &str) -> bool {
        self.revoked.iter().any(|revoked| revoked.name == name)
    }

    /// The setting, where the record has it.
    pub fn setting(&self, field: &str) -> Option<&Value> {
        self.settings.get(field)
    }
}

/// Where it lies on a master.
pub fn file(layout: &Layout) -> String {
    format!("{}/{KEY}", layout.records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::example;

    pub(super) fn record(written: &str, by: &str) -> Record {
        let signature = Signature { written: written.into(), by: by.into() };
        let inventory = RecordedInventory::new("c.yaml", "cluster: demo\n", BTreeMap::new());
        Record::new(&example::cluster("1.36.3"), inventory, "lock".into(), signature)
    }

    #[test]
    fn what_is_written_is_read_again() {
        let record = record("2026-01-02T03:04:05Z", "ann@desk");
        assert_eq!(parse(&record.text(), "m1").unwrap(), record);
        assert!(!record.text().contains("gone"), "{}", record.text());
        let gone =
            Record { gone: vec![record.hosts[1].clone()], hosts: vec![record.hosts[0].clone()], ..record.clone() };
        assert_eq!(parse(&gone.text(), "m1").unwrap(), gone);
        assert!(!gone.says_the_same(&record));
        assert_eq!(record.setting("networks.pods"), Some(&Value::from("10.244.0.0/16")));
        assert_eq!(record.hosts[0].name, "m1");
    }

    #[test]
    fn who_wrote_it_and_when_makes_no_difference() {
        let (first, second) = (record("2026-01-02T03:04:05Z", "ann@desk"), record("2026-02-02T03:04:05Z", "bob@desk"));
        assert!(first.says_the_same(&second));
        let other = Record { lock: "other".into(), ..second.clone() };
        assert!(!first.says_the_same(&other));
        assert_eq!(newest([&second, &first]), Some(&second));
    }
}
