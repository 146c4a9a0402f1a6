//! What a unit really runs: drop-ins of others, and a process that is not what its unit names.

use super::{HostFacts, UnitFact};

/// Settings of a unit by which a drop-in changes what runs, as whom, and whether it starts at all. Others (limits, the
/// environment, what it waits for) add to it.
const TAKE_OVER: [&str; 10] = [
    "User",
    "Group",
    "DynamicUser",
    "Type",
    "NotifyAccess",
    "PIDFile",
    "RootDirectory",
    "RootImage",
    "RefuseManualStart",
    "BusName",
];
const TAKE_OVER_ALL: [&str; 3] = ["Exec", "Condition", "Assert"];

/// Folders whose units go before those of the administrator (systemd.unit(5)).
const BEFORE_OURS: [&str; 3] = ["system.control", "transient", "generator.early"];

impl HostFacts {
    /// The unit runs, or is about to.
    pub fn is_running(&self, unit: &str) -> bool {
        let runs = |unit: &UnitFact| ["active", "activating", "reloading"].contains(&unit.active.as_str());
        self.units.get(unit).is_some_and(runs)
    }

    /// Drop-ins that change what the unit runs, each with the settings by which it does.
    pub fn overrides(&self, unit: &str) -> Vec<(&str, Vec<&str>)> {
        let mut all = Vec::new();
        for (path, mut settings) in self.drop_ins_of(unit) {
            settings.retain(|setting| takes_over(setting));
            if !settings.is_empty() {
                all.push((path, settings));
            }
        }
        all
    }

    /// Drop-ins of this very unit that only add to it, with what they set.
    pub fn additions(&self, unit: &str) -> Vec<(&str, Vec<&str>)> {
        let own = format!("/{unit}.d/");
        self.drop_ins_of(unit)
            .filter(|(path, settings)| path.contains(&own) && !settings.iter().any(|setting| takes_over(setting)))
            .collect()
    }

    fn drop_ins_of(&self, unit: &str) -> impl Iterator<Item = (&str, Vec<&str>)> {
        let paths = self.units.get(unit).into_iter().flat_map(|fact| &fact.drop_ins);
        paths.map(|path| {
            let settings = self.drop_ins.get(path).into_iter().flatten().map(String::as_str);
            (path.as_str(), settings.collect())
        })
    }
}

impl UnitFact {
    /// The file that systemd has it from, where that is another one.
    pub fn from_elsewhere(&self, file: &str) -> Option<&str> {
        (self.load == "loaded" && !self.fragment.is_empty() && self.fragment != file).then_some(&self.fragment)
    }

    /// Another file goes before ours, however right ours is.
    pub fn goes_before(&self, file: &str) -> Option<&str> {
        let folder = |path: &str| path.rsplit('/').nth(1).is_some_and(|folder| BEFORE_OURS.contains(&folder));
        self.from_elsewhere(file).filter(|path| folder(path))
    }

    /// It runs, from another file than ours, and was never started by us.
    pub fn is_foreign(&self, file: &str) -> bool {
        self.active == "active" && self.restart_key.is_empty() && self.from_elsewhere(file).is_some()
    }

    /// What its process runs, where that is not what its unit names now.
    pub fn other_program(&self) -> Option<String> {
        // Between fork and exec it is systemd itself.
        let process = self.process.as_ref().filter(|process| !process.is_command && self.active == "active")?;
        let gone = if process.deleted { ", which was replaced" } else { "" };
        Some(format!("{}{gone}", process.program))
    }
}

fn takes_over(setting: &str) -> bool {
    TAKE_OVER.contains(&setting) || TAKE_OVER_ALL.iter().any(|beginning| setting.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::facts::ProcessFact;

    fn host() -> HostFacts {
        let drop_ins = [
            ("/etc/systemd/system/kubelet.service.d/10-kubeadm.conf", &["Environment", "ExecStart"][..]),
            ("/etc/systemd/system/kubelet.service.d/limits.conf", &["LimitNOFILE"]),
            ("/run/systemd/system/service.d/zzz.conf", &["ProtectProc"]),
        ];
        let unit =
            UnitFact { drop_ins: drop_ins.iter().map(|(path, _)| (*path).into()).collect(), ..UnitFact::default() };
        HostFacts {
            units: BTreeMap::from([("kubelet.service".into(), unit)]),
            drop_ins: drop_ins
                .iter()
                .map(|(path, keys)| ((*path).into(), keys.iter().map(|k| (*k).into()).collect()))
                .collect(),
            ..HostFacts::default()
        }
    }

    #[test]
    fn drop_ins_that_change_what_runs_are_told_from_those_that_add_to_it() {
        let host = host();
        let (path, settings) = host.overrides("kubelet.service").remove(0);
        assert_eq!((path, settings), ("/etc/systemd/system/kubelet.service.d/10-kubeadm.conf", vec!["ExecStart"]));
        let additions = host.additions("kubelet.service");
        assert_eq!(additions, [("/etc/systemd/system/kubelet.service.d/limits.conf", vec!["LimitNOFILE"])]);
        assert!(host.overrides("etcd.service").is_empty());
    }

    #[test]
    fn a_unit_from_another_file_gives_way_or_goes_before() {
        let from = |fragment: &str| UnitFact {
            load: "loaded".into(),
            active: "active".into(),
            fragment: fragment.into(),
            ..UnitFact::default()
        };
        let ours = "/etc/systemd/system/containerd.service";
        assert!(!from(ours).is_foreign(ours) && !from("").is_foreign(ours));
        let debians = from("/lib/systemd/system/containerd.service");
        assert!(debians.is_foreign(ours));
        assert_eq!(debians.goes_before(ours), None);
        assert!(!UnitFact { restart_key: "key".into(), ..debians }.is_foreign(ours), "we have started it");
        let transient = "/run/systemd/transient/containerd.service";
        assert_eq!(from(transient).goes_before(ours), Some(transient));
    }

    #[test]
    fn a_process_of_another_program_is_named() {
        let runs = |is_command, deleted| {
            let process =
                ProcessFact { program: "/usr/local/bin/kubelet".into(), is_command, deleted, ..ProcessFact::default() };
            UnitFact { active: "active".into(), process: Some(process), ..UnitFact::default() }.other_program()
        };
        assert_eq!(runs(true, false), None);
        assert_eq!(runs(false, true).unwrap(), "/usr/local/bin/kubelet, which was replaced");
        assert_eq!(runs(false, false).unwrap(), "/usr/local/bin/kubelet");
    }
}
