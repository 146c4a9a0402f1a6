//! What holds now and is undone at the next boot.

use std::collections::BTreeMap;

use super::finding::{HostCheck, Severity};
use crate::cluster::Role;
use crate::components::{SysctlSpec, kubelet};
use crate::facts::{BootLine, HostFacts, decide};

/// The check's name.
const CHECK: &str = "next-boot";

pub(super) fn check(check: &mut HostCheck) {
    if check.host.is(Role::Node) {
        settings(check);
        modules(check);
        swap(check);
    }
    firewall(check);
}

/// A cluster that runs must be mendable: there, nothing of this stops.
fn found(check: &mut HostCheck, severity: Severity, finding: String, remedy: String) {
    if severity == Severity::Fail && !check.facts.known {
        check.fail(CHECK, finding, remedy);
    } else {
        check.warn(CHECK, finding, remedy);
    }
}

fn at(line: &BootLine) -> String {
    format!("{}:{} (`{}`)", line.file, line.number, line.text)
}

/// How the line is taken out of its file; a link is followed.
fn comment_out(line: &BootLine) -> String {
    format!("`sed -i --follow-symlinks '{}s/^/#/' {}`", line.number, line.file)
}

/// systemd-sysctl takes the files by their names, whatever folder they lie in, and of two lines the later one.
fn settings(check: &mut HostCheck) {
    let own = check.cluster.layout.sysctls.clone();
    let specs: Vec<SysctlSpec> =
        check.catalogue.on(check.cluster, check.host).flat_map(|spec| spec.sysctls).copied().collect();
    let later = later_settings(check.facts, &own);
    let managed = decide(check.catalogue, check.cluster, check.host, check.facts).sysctls;
    for (name, value) in managed {
        let Some(line) = later.get(name.as_str()) else { continue };
        let says = line.text.split_once('=').map(|(_, value)| value.trim()).unwrap_or_default();
        let exact = specs.iter().any(|spec| matches!(spec, SysctlSpec::Exactly(own, _) if *own == name));
        let enough = !exact && says.parse::<u64>().ok() >= value.parse().ok();
        if says == value || enough {
            continue;
        }
        let severity = if exact { Severity::Fail } else { Severity::Warn };
        let finding =
            format!("the next boot sets {name} to {says}, it must be {value}: {} comes after {own}", at(line));
        found(check, severity, finding, comment_out(line));
    }
}

/// By setting, the last line that comes after our file and sets it.
fn later_settings<'a>(facts: &'a HostFacts, own: &str) -> BTreeMap<String, &'a BootLine> {
    let name = |path: &'a str| path.rsplit('/').next().unwrap_or(path);
    // Of files of one name only the first folder's counts; a set has them in another order.
    let rank = |path: &str| FOLDERS.iter().position(|folder| path.starts_with(folder)).unwrap_or(FOLDERS.len());
    let mut files: BTreeMap<&str, &str> = BTreeMap::new();
    for path in &facts.sysctl_files {
        let known = files.entry(name(path)).or_insert(path);
        if rank(path) < rank(known) {
            *known = path;
        }
    }
    let own = own.rsplit('/').next().unwrap_or(own);
    let mut lines: BTreeMap<&str, Vec<&BootLine>> = BTreeMap::new();
    for line in &facts.boot_lines {
        lines.entry(&line.file).or_default().push(line);
    }
    let mut last = BTreeMap::new();
    for path in files.range(own..).filter(|(name, _)| **name != own).map(|(_, path)| *path) {
        for line in lines.get(path).into_iter().flatten() {
            let setting = line.text.split('=').next().unwrap_or_default().trim().trim_start_matches('-');
            last.insert(setting.replace('/', "."), *line);
        }
    }
    last
}

/// systemd's folders, the one that counts most first.
const FOLDERS: [&str; 5] =
    ["/etc/sysctl.d/", "/run/sysctl.d/", "/usr/local/lib/sysctl.d/", "/usr/lib/sysctl.d/", "/lib/sysctl.d/"];

/// `blacklist br_netfilter` keeps systemd from loading it at boot, `install br_netfilter /bin/false` everybody.
fn modules(check: &mut HostCheck) {
    let wanted = decide(check.catalogue, check.cluster, check.host, check.facts).modules;
    let named = |line: &&BootLine| {
        let mut words = line.text.split_whitespace();
        let kept_away = matches!(words.next(), Some("blacklist" | "install"));
        let module = words.next().unwrap_or_default().replace('-', "_");
        kept_away && line.file.contains("/modprobe.d/") && wanted.contains(&module)
    };
    let lines: Vec<_> = check.facts.boot_lines.iter().filter(named).cloned().collect();
    for line in lines {
        let finding = format!("the next boot does not load a module that pods need: {}", at(&line));
        found(check, Severity::Fail, finding, comment_out(&line));
    }
}

fn swap(check: &mut HostCheck) {
    let allowed = check.host.settings(kubelet::ID.0).and_then(|settings| settings.config.get("failSwapOn"));
    // Swap that is on is said already, with its remedy.
    if allowed == Some(&false.into()) || !check.facts.swap.is_empty() {
        return;
    }
    let swaps = |line: &&BootLine| {
        let words: Vec<_> = line.text.split_whitespace().collect();
        line.file.ends_with("/fstab")
            && words.get(2) == Some(&"swap")
            && !words.get(3).is_some_and(|options| options.split(',').any(|option| option == "noauto"))
    };
    let lines: Vec<_> = check.facts.boot_lines.iter().filter(swaps).cloned().collect();
    for line in lines {
        found(
            check,
            Severity::Fail,
            format!("the next boot switches swap on, beside which the kubelet does not start: {}", at(&line)),
            comment_out(&line),
        );
    }
}

fn firewall(check: &mut HostCheck) {
    let unit = check.facts.units.get("firewalld.service");
    if unit.is_some_and(|unit| unit.enabled == "enabled" && unit.active != "active") {
        found(
            check,
            Severity::Warn,
            "firewalld is off, and starts at the next boot".into(),
            "`systemctl disable firewalld`, or start it and open what the cluster needs".into(),
        );
    }
}
