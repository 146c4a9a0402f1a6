//! What of a plan is due to kbootstrap's version, and not to the inventory.

use serde::Serialize;

use super::{ClusterChange, FileChange, FileDifference, Plan};
use crate::changes::{Concerns, Last};
use crate::ui::Printer;

/// An older kbootstrap was here last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Upgrade {
    /// Its version; none where it left no record.
    pub from: Option<String>,
    /// This one's.
    pub to: String,
    /// What it changes that the older one did otherwise.
    pub changes: Vec<Reason>,
    /// The cluster's folder is an older kbootstrap's, and is kept as it is before anything is written to it.
    pub keeps_folder: bool,
}

/// Something in a plan, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The first version that has it.
    pub since: String,
    /// In a sentence.
    pub words: String,
    /// Where; empty for the cluster itself.
    pub hosts: Vec<String>,
}

impl Upgrade {
    /// Of a plan; none where this version was here last and the folder is its own.
    pub fn of(plan: &Plan, last: Option<&Last>, keeps_folder: bool) -> Option<Self> {
        if last.is_none() && !keeps_folder {
            return None;
        }
        let changes = last.iter().flat_map(|last| last.changes_since()).filter_map(|change| {
            let hosts = concerned(plan, change.concerns)?;
            Some(Reason { since: change.since.into(), words: change.words.into(), hosts })
        });
        let from = last.and_then(|last| match last {
            Last::Version(version) => Some(version.to_string()),
            Last::Unknown => None,
        });
        Some(Upgrade { from, to: env!("CARGO_PKG_VERSION").into(), changes: changes.collect(), keeps_folder })
    }

    /// As a person reads it.
    pub fn text(&self, out: &Printer) -> String {
        let mut lines: Vec<String> = Vec::new();
        if self.keeps_folder {
            lines.push("the cluster's folder is kept beside itself as it is, and then carried over".into());
        }
        for change in &self.changes {
            let on = if change.hosts.is_empty() { String::new() } else { format!(" ({})", change.hosts.join(", ")) };
            lines.push(format!("{}{on}", change.words));
        }
        let was = self.from.as_ref().map_or("A kbootstrap that left no record".into(), |v| format!("kbootstrap {v}"));
        let mut text = format!("{was} was here last, and this is {}.", self.to);
        text.push_str(if lines.is_empty() { "\n" } else { " What the version changes:\n" });
        lines.iter().for_each(|line| text.push_str(&format!("  {} {line}\n", out.paint("33", "~"))));
        text
    }
}

/// Where the plan has it; none where it has nothing of it.
fn concerned(plan: &Plan, concerns: Concerns) -> Option<Vec<String>> {
    let new = |name: &str| hosts_with(plan, |file| file.change == FileDifference::Create && name == file_name(file));
    let other = |names: &[&str]| {
        hosts_with(plan, |file| file.change == FileDifference::Replace && names.contains(&file_name(file)))
    };
    match concerns {
        Concerns::NewFile(name) => new(name),
        Concerns::OtherFiles(names) => other(names),
        Concerns::OtherFilesWith(name, names) => new(name).and_then(|_| other(names)),
        Concerns::Record => {
            let written = |change: &ClusterChange| matches!(change, ClusterChange::WriteRecord { .. });
            plan.cluster.iter().any(written).then(Vec::new)
        }
    }
}

/// Hosts with such a change; none where no host has one.
fn hosts_with(plan: &Plan, is: impl Fn(&FileChange) -> bool) -> Option<Vec<String>> {
    let hosts = plan.hosts.iter().filter(|host| host.files.iter().any(&is));
    let hosts: Vec<String> = hosts.map(|host| host.host.clone()).collect();
    (!hosts.is_empty()).then_some(hosts)
}

fn file_name(file: &FileChange) -> &str {
    file.path.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use semver::Version;

    use super::*;
    use crate::plan::{FileKind, HostPlan};

    fn plan() -> Plan {
        let new = |path: &str| FileChange {
            path: path.into(),
            change: FileDifference::Create,
            kind: FileKind::Text,
            size: 1,
            access: None,
        };
        let host = HostPlan { host: "m1".into(), files: vec![new("/a/ca-signing.crt")], ..HostPlan::default() };
        let cluster = vec![ClusterChange::WriteRecord { places: vec!["m1".into(), String::new()] }];
        Plan { hosts: vec![host], cluster, ..Plan::default() }
    }

    #[test]
    fn what_concerns_several_masters_is_not_said_of_one() {
        let file = |name: &str, change| FileChange {
            path: format!("/etc/{name}"),
            change,
            kind: FileKind::Text,
            size: 1,
            access: None,
        };
        let unit = file("kubelet.service", FileDifference::Replace);
        let gate = file("api-gate.sh", FileDifference::Create);
        let pings = Concerns::OtherFilesWith("api-gate.sh", &["kubelet.service"]);
        let host = |name: &str, files| HostPlan { host: name.into(), files, ..HostPlan::default() };
        let mut plan = Plan { hosts: vec![host("n1", vec![unit.clone()])], ..Plan::default() };
        assert_eq!(concerned(&plan, pings), None);
        plan.hosts.push(host("m1", vec![gate, unit]));
        assert_eq!(concerned(&plan, pings), Some(vec!["n1".into(), "m1".into()]));
    }

    #[test]
    fn what_is_due_to_the_version_is_said_and_nothing_else() {
        let out = Printer::new(true);
        let shown = |upgrade: Option<Upgrade>| {
            upgrade.map_or(String::new(), |u| u.text(&out)).replace(env!("CARGO_PKG_VERSION"), "NOW")
        };
        insta::assert_snapshot!(shown(Upgrade::of(&plan(), Some(&Last::Unknown), true)), @r"
        A kbootstrap that left no record was here last, and this is NOW. What the version changes:
          ~ the cluster's folder is kept beside itself as it is, and then carried over
          ~ kube-controller-manager restarts and signs with ca-signing.crt: ca.crt beside it may hold further CAs, which are only trusted (m1)
          ~ what `up` did last is recorded in the cluster and on the masters
        ");
        let last = Last::Version(Version::new(0, 1, 0));
        insta::assert_snapshot!(shown(Upgrade::of(&Plan::default(), Some(&last), false)), @"kbootstrap 0.1.0 was here last, and this is NOW.");
        assert_eq!(Upgrade::of(&plan(), None, false), None, "this version was here last");
    }
}
